"""Compose without ./stack, and what stands in the way of `up`: taken ports, no engine, missing images, an interrupt."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compose_support import ComposeStack, until

pytestmark = pytest.mark.compose

THREE = {"prometheus", "grafana", "alertmanager"}
PARTS = THREE | {"node-exporter", "loki", "promtail", "exporter", "console", "containers"}


@pytest.fixture
def stack(make_stack: Callable[[str], ComposeStack]) -> Iterator[ComposeStack]:
    made = make_stack("trouble")
    yield made
    made.close()


def healthy(stack: ComposeStack, parts: set[str]) -> bool:
    return stack.healths() == dict.fromkeys(parts, "healthy")


def test_plain_compose_straight_from_a_clone(stack: ComposeStack) -> None:
    # three parts alone, then all of them
    stack.compose("--env-file", ".stack/images.env", "up", "-d", *sorted(THREE))
    until(lambda: healthy(stack, THREE), 90, "the three are healthy")
    stack.compose("--env-file", ".stack/images.env", "up", "-d")
    until(lambda: healthy(stack, PARTS), 120, "every part is healthy")
    assert (stack.root / "secrets" / "inbox-token").stat().st_mode & 0o777 == 0o600
    targets = until(lambda: len(found := stack.targets()) >= len(PARTS) and set(found.values()) == {"up"}, 60)
    assert targets
    stack.compose("--env-file", ".stack/images.env", "down", "-v")
    assert stack.containers() == {}
    assert stack.networks() == []
    assert stack.volumes() == []


def test_a_taken_port_is_named_before_anything_starts(stack: ComposeStack) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(stack.ports["ALERTMANAGER_PORT"])))
        holder.listen(1)
        done = stack.up_fails()
    assert done.returncode == 4
    assert f"port {stack.ports['ALERTMANAGER_PORT']}" in done.stderr
    assert "ALERTMANAGER_PORT" in done.stderr
    assert f"pid {os.getpid()}" in done.stderr
    assert stack.containers() == {}
    assert stack.networks() == []


def test_an_engine_that_is_gone(stack: ComposeStack, tmp_path: Path) -> None:
    stack.environment["DOCKER_HOST"] = f"unix://{tmp_path}/docker.sock"
    done = stack.up_fails()
    assert done.returncode == 4
    assert "no Docker engine runs here" in done.stderr
    assert "--engine native" in done.stderr
    assert "Traceback" not in done.stderr
    stack.environment["DOCKER_HOST"] = stack.host


def test_a_folder_that_containers_cannot_read(stack: ComposeStack) -> None:
    (stack.root / "prometheus").chmod(0o700)
    done = stack.up_fails()
    assert done.returncode == 4
    assert "prometheus can be read by its owner alone" in done.stderr
    assert "chmod" in done.stderr
    assert stack.containers() == {}


def test_a_second_checkout_does_not_take_over_the_first_ones_project(
    stack: ComposeStack, make_stack: Callable[[str], ComposeStack]
) -> None:
    other = make_stack("other")
    other.compose("--env-file", ".stack/images.env", "create", "exporter")
    stack.environment["COMPOSE_PROJECT_NAME"] = other.project
    done = stack.up_fails()
    assert done.returncode == 4
    assert str(other.root) in done.stderr
    assert "COMPOSE_PROJECT_NAME" in done.stderr
    stack.environment["COMPOSE_PROJECT_NAME"] = stack.project
    assert "exporter" in other.containers()
    other.close()


def test_an_image_that_is_nowhere(stack: ComposeStack) -> None:
    stack.environment["LOKI_IMAGE"] = "watchstack-local/loki:no-such-version"
    done = stack.up_fails()
    assert done.returncode == 4
    assert "loki cannot be pulled" in done.stderr
    assert "./stack images" in done.stderr
    assert stack.containers() == {}


def test_an_interrupt_leaves_no_container_and_up_works_afterwards(stack: ComposeStack) -> None:
    said = stack.interrupted(
        "up",
        "--engine",
        "docker",
        "--wait",
        when=lambda: until(lambda: len(stack.containers()) > 3, 60, "containers appear"),
    )
    assert "interrupted" in said
    assert stack.containers() == {}
    assert stack.networks() == []
    again = stack.command("up")  # chooses by itself
    assert "engine: docker (containers through Compose), because" in again.stdout
    assert stack.status_of("prometheus")["state"] == "healthy"

"""Compose without ./stack, and what stands in the way of `up`: taken ports, no engine, missing images."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from compose_support import ComposeStack
from waiting import until

pytestmark = pytest.mark.compose

THREE = {"prometheus", "grafana", "alertmanager"}
PARTS = THREE | {"node-exporter", "loki", "promtail", "exporter", "console", "containers"}


@pytest.fixture(scope="module")
def stack(make_stack: Callable[[str], ComposeStack]) -> ComposeStack:
    """One checkout for this module: every test ends with nothing of it on the engine."""
    return make_stack("trouble")


def healthy(stack: ComposeStack, parts: set[str]) -> bool:
    return stack.healths() == dict.fromkeys(parts, "healthy")


def test_plain_compose_straight_from_a_clone(stack: ComposeStack) -> None:
    # three parts alone, then all of them (L-40)
    stack.compose("--env-file", ".stack/images.env", "up", "-d", *sorted(THREE))
    until(lambda: healthy(stack, THREE), 180, "the three are healthy")
    stack.compose("--env-file", ".stack/images.env", "up", "-d")
    until(lambda: healthy(stack, PARTS), 180, "every part is healthy")
    assert (stack.root / "secrets" / "inbox-token").stat().st_mode & 0o777 == 0o600
    until(lambda: len(found := stack.targets()) >= len(PARTS) and set(found.values()) == {"up"}, 120, "all are up")
    said = stack.compose_down()
    assert stack.containers() == {}
    assert stack.networks(said) == []
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


def test_an_engine_that_is_gone(stack: ComposeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stack.environment, "DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    done = stack.up_fails()
    assert done.returncode == 4
    assert "no Docker engine runs here" in done.stderr
    assert "--engine native" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_containers_cannot_read(stack: ComposeStack) -> None:
    folder = stack.root / "prometheus"
    mode = folder.stat().st_mode
    folder.chmod(0o700)
    done = stack.up_fails()
    folder.chmod(mode)
    assert done.returncode == 4
    assert "prometheus can be read by its owner alone" in done.stderr
    assert "chmod" in done.stderr
    assert stack.containers() == {}


def test_a_second_checkout_does_not_take_over_the_first_ones_project(
    stack: ComposeStack, make_stack: Callable[[str], ComposeStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_stack("other")
    other.compose("--env-file", ".stack/images.env", "create", "exporter")
    monkeypatch.setitem(stack.environment, "COMPOSE_PROJECT_NAME", other.project)
    done = stack.up_fails()
    assert done.returncode == 4
    assert str(other.root) in done.stderr
    assert "COMPOSE_PROJECT_NAME" in done.stderr
    assert "exporter" in other.containers()
    other.close()


def test_an_image_that_is_nowhere(stack: ComposeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stack.environment, "LOKI_IMAGE", "watchstack-local/loki:no-such-version")
    done = stack.up_fails()
    assert done.returncode == 4
    assert "loki cannot be pulled" in done.stderr
    assert "./stack images" in done.stderr
    assert stack.containers() == {}

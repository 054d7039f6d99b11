"""The docker engine's parts that need no Docker: words, choices, states, Compose as a command."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound
from stackgen.engines import docker_client, docker_compose, docker_config, docker_images, docker_status
from stackgen.engines.base import Context, EngineError, State
from stackgen.engines.docker import DockerEngine
from stackgen.engines.docker_compose import Compose, explained
from stackgen.model import Model, Stack
from stackgen.parts.errors import PartError
from stackgen.parts.table import OWN_IMAGE, PARTS

PORTS = {name: part.port for name, part in PARTS.items()}


# What Compose says


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "Error response from daemon: driver failed programming external connectivity on endpoint w-prometheus-1: "
            "Bind for 127.0.0.1:9090 failed: port is already allocated",
            "port 9090 is taken",
            "_PORT",
        ),
        (
            "Error starting userland proxy: listen tcp4 127.0.0.1:3000: bind: address already in use",
            "port 3000 is taken",
            "_PORT",
        ),
        (
            "write /var/lib/docker/x: no space left on device",
            "the disk of the Docker engine is full",
            "docker system df",
        ),
        ('service "init" didn\'t complete successfully: exit 1', "could not be prepared", "logs init"),
        (
            'invalid mount config for type "bind": bind source path does not exist: /run/d.sock',
            "/run/d.sock is not there",
            "DOCKER_SOCKET",
        ),
        ("pull access denied for watchstack-local/loki, repository does not exist", "watchstack-local/loki", "images"),
        (
            ' loki Error Get "https://registry.invalid/v2/": dial tcp: lookup registry.invalid: no such host',
            "the image of loki cannot be pulled: its registry does not answer",
            "./stack images",
        ),
    ],
)
def test_what_compose_says_is_explained(line: str, message: str, hint: str) -> None:
    error = explained("up", ["[+] Running", line])
    assert message in str(error)
    assert hint in error.hint


def test_what_nobody_knows_is_shown_as_it_is() -> None:
    error = explained("up", [*(f"line {number}" for number in range(20)), "the end"])
    assert str(error) == "`compose up` failed:\nline 16\nline 17\nline 18\nline 19\nthe end"


# Compose as a command


def program(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def compose(tmp_path: Path, text: str) -> Compose:
    return Compose((str(program(tmp_path / "compose", text)),), tmp_path, "p", {"PATH": os.environ["PATH"]})


def test_lines_are_passed_on_and_a_failure_is_explained(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(EngineError, match="port 9090 is taken"):
        compose(tmp_path, "echo pulling; echo Bind for 0.0.0.0:9090 failed: port is already allocated >&2; exit 1").run(
            "up", say=said.append
        )
    assert said[0] == "pulling"


def test_files_project_and_profiles_are_named(tmp_path: Path) -> None:
    made = compose(tmp_path, "exit 0")
    words = made.words("up")
    assert words[words.index("-p") + 1] == "p"
    assert str(tmp_path / "docker-compose.yml") in words
    assert "--profile" not in words
    assert [word for word in made.words("down", every_profile=True) if word in docker_compose.PROFILES]


def test_compose_does_not_outlive_its_timeout(tmp_path: Path) -> None:
    made = compose(tmp_path, f"trap 'echo ended > {tmp_path}/ended; exit 130' INT\nwhile :; do sleep 0.05; done")
    with pytest.raises(EngineError, match="did not end within"):
        made.run("up", say=lambda _line: None, timeout=0.5)
    assert (tmp_path / "ended").exists()


def test_an_interrupt_ends_compose_first(tmp_path: Path) -> None:
    made = compose(
        tmp_path, f"trap 'sleep 0.2; echo ended > {tmp_path}/ended; exit 130' INT\nwhile :; do sleep 0.05; done"
    )
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        made.run("up", say=lambda _line: None)
    assert (tmp_path / "ended").exists()


def test_following_ends_with_its_reader(tmp_path: Path) -> None:
    lines = compose(tmp_path, f"echo $$ > {tmp_path}/pid; echo first; exec sleep 60").follow("logs", "-f")
    assert next(lines) == "first"
    lines.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_docker_with_a_new_enough_plugin_is_used(tmp_path: Path) -> None:
    docker = program(tmp_path / "docker", "echo 2.40.3")
    assert docker_compose.find({"PATH": f"{tmp_path}:/usr/bin:/bin"}) == (str(docker), "compose")


@pytest.mark.parametrize(
    ("answer", "told"), [("echo 2.5.0", "Compose 2.5.0 is older than 2.22"), ("exit 1", "no Compose v2 plugin")]
)
def test_without_it_a_plugin_is_fetched_or_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, told: str
) -> None:
    program(tmp_path / "docker", answer)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    monkeypatch.setattr(docker_compose, "compose_plugin", lambda: Path("/plugin"))
    assert docker_compose.find(variables) == ("/plugin",)

    def none() -> Path:
        raise PartError("compose", "the mirror does not answer")

    monkeypatch.setattr(docker_compose, "compose_plugin", none)
    with pytest.raises(EngineError, match=told) as error:
        docker_compose.find(variables)
    assert "the mirror does not answer" in str(error.value)
    assert "docker-compose-plugin" in error.value.hint


# No engine


def test_no_socket_and_nobody_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with pytest.raises(EngineError, match="is not there") as missing:
        docker_client.connect({"DOCKER_HOST": f"unix://{path}"})
    assert "--engine native" in missing.value.hint
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    with pytest.raises(EngineError, match="nothing listens"):
        docker_client.connect({"DOCKER_HOST": f"unix://{path}"})


def test_no_permission_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    path.touch()

    def refused(_self: object, _where: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refused)
    with pytest.raises(EngineError, match="may not use the Docker engine") as error:
        docker_client.connect({"DOCKER_HOST": f"unix://{path}"})
    assert path.group() in error.value.hint


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("20.10.24+dfsg1", (20, 10)), ("v2.26.1-4", (2, 26)), ("29.0", (29, 0)), ("", (0, 0)), ("dev", (0, 0))],
)
def test_versions(version: str, wanted: tuple[int, int]) -> None:
    assert docker_client.numbers(version) == wanted


def test_the_socket_that_is_mounted_is_the_one_in_use() -> None:
    assert docker_client.mounted_socket({"DOCKER_HOST": "unix:///var/run/docker.sock"}) == ""
    assert docker_client.mounted_socket({"DOCKER_HOST": "unix:///run/user/1/docker.sock"}) == "/run/user/1/docker.sock"
    both = {"DOCKER_HOST": "unix:///run/user/1/docker.sock", "DOCKER_SOCKET": "/other"}
    assert docker_client.mounted_socket(both) == "/other"


# Images


class FakeClient:
    """An engine that holds some images."""

    def __init__(self, *here: str) -> None:
        self.images = self
        self._here = here

    def get(self, name: str) -> str:
        if name not in self._here:
            raise ImageNotFound(name)
        return name


STAND_INS = {"LOKI_IMAGE": "watchstack-local/loki:3.7.8", "WATCHSTACK_IMAGE": "watchstack-local/watchstack:0.1.0"}
LOKI = PARTS["loki"].image


@pytest.mark.parametrize(
    ("here", "environment", "chosen", "absent"),
    [
        ((LOKI, *STAND_INS.values()), {}, None, ()),  # the pinned image goes before a stand-in
        ((STAND_INS["LOKI_IMAGE"],), {}, STAND_INS["LOKI_IMAGE"], ()),
        ((), {}, None, ("loki",)),  # a stand-in that is written down, but no longer there
        ((LOKI,), {"LOKI_IMAGE": "mine:1"}, "mine:1", ("loki",)),  # what the user says is taken as it is
    ],
)
def test_which_image_is_taken(
    here: tuple[str, ...], environment: dict[str, str], chosen: str | None, absent: tuple[str, ...]
) -> None:
    client: Any = FakeClient(*here)
    found = docker_images.choose(client, ["loki", "console"], environment, STAND_INS)
    assert found.variables.get("LOKI_IMAGE") == chosen
    assert found.absent == absent


def test_our_own_image_is_told_apart() -> None:
    client: Any = FakeClient(STAND_INS["WATCHSTACK_IMAGE"])
    found = docker_images.choose(client, ["console"], {}, STAND_INS)
    assert (found.own, found.own_here, found.absent) == (STAND_INS["WATCHSTACK_IMAGE"], True, ())
    assert docker_images.choose(client, ["console"], {}, {}).own == OWN_IMAGE


@pytest.mark.parametrize(
    ("image", "version", "stands_in"),
    [
        ("prom/prometheus:v3.13.3@sha256:00", "3.13.3", False),
        ("postgres:17.10-alpine@sha256:00", "17.10", False),
        ("watchstack-local/promtail:3.6.4", "3.6.4", True),
        ("watchstack-local/watchstack:0.1.0", "0.1.0", False),
        ("registry:5000/loki", "", False),
    ],
)
def test_what_an_image_tells(image: str, version: str, stands_in: bool) -> None:
    assert docker_images.version(image) == version
    assert docker_images.stands_in(image) is stands_in


# States


def inspected(status: str, image: str = LOKI, restarts: int = 0, **state: Any) -> dict[str, Any]:
    times = {"StartedAt": "2026-01-02T03:04:05.123456789Z", "FinishedAt": "0001-01-01T00:00:00Z"}
    return {
        "Id": "1",
        "RestartCount": restarts,
        "State": {"Status": status, "ExitCode": 0, **times, **state},
        "Config": {"Image": image, "Labels": {}},
    }


def health(status: str, output: str = "") -> dict[str, Any]:
    return {"Status": status, "Log": [{"Output": "older"}, {"Output": output}]}


@pytest.mark.parametrize(
    ("attributes", "state", "detail"),
    [
        (inspected("running", Health=health("healthy")), State.HEALTHY, ""),
        (
            inspected("running", "watchstack-local/loki:3.7.8", Health=health("healthy")),
            State.HEALTHY,
            "stand-in watchstack-local/loki:3.7.8",
        ),
        (inspected("running", Health=health("starting")), State.STARTING, ""),
        (inspected("running", Health=health("unhealthy", "refused\n")), State.UNHEALTHY, "refused"),
        (inspected("running"), State.HEALTHY, "runs; its image can hold no health check"),
        (inspected("restarting", restarts=4, ExitCode=2), State.UNHEALTHY, "ended with exit code 2; restarted 4 times"),
        (
            inspected("restarting", restarts=1, OOMKilled=True),
            State.UNHEALTHY,
            "ended: it needed more memory than its limit; restarted 1 times",
        ),
        (inspected("created"), State.STARTING, "waits for init"),
        (inspected("created", Error="port is taken"), State.FAILED, "port is taken"),
        (inspected("exited"), State.STOPPED, ""),
        (inspected("exited", ExitCode=137), State.STOPPED, "ended with exit code 137"),
        (inspected("paused"), State.UNHEALTHY, "paused: docker unpause lets it go on"),
    ],
)
def test_state_of_a_container(attributes: dict[str, Any], state: State, detail: str) -> None:
    (part,) = docker_status.statuses({"loki": attributes}, [], PORTS)
    assert (part.part, part.version, part.state, part.detail) == ("loki", "3.7.8", state, detail)
    assert part.address == "http://127.0.0.1:3100"


def test_a_part_without_container_is_stopped_and_a_failed_init_is_told_first() -> None:
    found = {"init": inspected("exited", ExitCode=1), "console": inspected("created", OWN_IMAGE)}
    parts = docker_status.statuses(found, ["loki", "console"], PORTS)
    assert [(part.part, part.state) for part in parts] == [
        ("init", State.FAILED),
        ("loki", State.STOPPED),
        ("console", State.STARTING),
    ]
    assert parts[0].detail == "ended with exit code 1: ./stack logs init"
    assert parts[1].since == 0.0


def test_since_is_the_last_start() -> None:
    (part,) = docker_status.statuses({"loki": inspected("running")}, [], PORTS)
    assert time.gmtime(part.since)[:6] == (2026, 1, 2, 3, 4, 5)


def test_another_checkouts_containers_are_foreign(tmp_path: Path) -> None:
    attributes = inspected("running")
    attributes["Config"]["Labels"] = {docker_status.FOLDER: str(tmp_path / "other")}
    assert docker_status.foreign({"loki": attributes}, tmp_path) == str(tmp_path / "other")
    assert docker_status.foreign({"loki": attributes}, tmp_path / "other") == ""


# Configuration


@pytest.fixture
def checkout_like(tmp_path: Path) -> Path:
    for name in docker_config.MOUNTED:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "loki" / "loki.yml").write_text("a: 1\n")
    (tmp_path / "loki" / "promtail.yml").write_text("b: 1\n")
    return tmp_path


def test_only_the_part_whose_file_changed_is_stale(checkout_like: Path) -> None:
    before = docker_config.digests(checkout_like)
    (checkout_like / "loki" / "promtail.yml").write_text("b: 2\n")
    (checkout_like / "grafana" / "dashboards").mkdir()
    (checkout_like / "grafana" / "dashboards" / "one.json").write_text("{}")
    after = docker_config.digests(checkout_like)
    assert {name for name in before if before[name] != after[name]} == {"promtail"}


def test_what_was_read_is_noted(checkout_like: Path) -> None:
    state = checkout_like / ".stack"
    assert docker_config.seen(state) == {}
    docker_config.note(state, checkout_like, ["loki"])
    docker_config.note(state, checkout_like, ["promtail", "no-such-part"])
    assert docker_config.seen(state) == {
        name: digest for name, digest in docker_config.digests(checkout_like).items() if name in ("loki", "promtail")
    }


@pytest.mark.parametrize("name", ["loki/loki.yml", "loki", "docs/runbooks"])
def test_what_containers_cannot_read_is_named(checkout_like: Path, name: str) -> None:
    docker_config.check_readable(checkout_like)
    path = checkout_like / name
    path.chmod(stat.S_IRWXU if path.is_dir() else 0o600)
    with pytest.raises(EngineError, match=rf"^{name} can be read by its owner alone") as error:
        docker_config.check_readable(checkout_like)
    assert "chmod -R a+rX" in error.value.hint


# The engine's own choices


def engine(tmp_path: Path, stack: Stack, **environment: str) -> DockerEngine:
    return DockerEngine(Context(tmp_path, Model(stack, (), ""), environment))


def test_parts_of_a_model(tmp_path: Path) -> None:
    shipped = set(engine(tmp_path, Stack()).wanted)
    assert {"prometheus", "grafana", "promtail", "containers"} <= shipped
    assert not shipped & {"alloy", "redis", "postgres", "blackbox-exporter"}
    other = set(engine(tmp_path, Stack(collector="alloy", profiles=("redis",))).wanted)
    assert other - shipped == {"alloy", "redis", "redis-exporter"}
    assert shipped - other == {"promtail"}


def test_a_port_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="GRAFANA_PORT='high' is no port for grafana"):
        engine(tmp_path, Stack(), GRAFANA_PORT="high")._ports()


def test_an_unknown_part_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no part 'promethus'"):
        list(engine(tmp_path, Stack()).logs("promethus", follow=False, tail=1))

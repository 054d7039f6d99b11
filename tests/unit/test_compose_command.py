"""Compose as a command: found, run, interrupted, what it says; and an engine that is not there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from stackgen.engines import docker_client, docker_compose
from stackgen.engines.base import EngineError
from stackgen.engines.docker_compose import Compose, explained
from stackgen.parts.errors import PartError
from waiting import until


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


@pytest.fixture
def waiting_for_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compose:
    """Notes in `ended` that it was interrupted; to be timed and interrupted once it is ready for that."""
    start = Compose._start

    def ready(self: Compose, *words: str, every_profile: bool) -> subprocess.Popen[str]:
        process = start(self, *words, every_profile=every_profile)
        until((tmp_path / "ready").exists)
        return process

    monkeypatch.setattr(Compose, "_start", ready)
    trap = f"trap 'sleep 0.2; echo ended > {tmp_path}/ended; exit 130' INT"
    return compose(tmp_path, f"{trap}\necho > {tmp_path}/ready\nwhile :; do sleep 0.05; done")


def test_compose_does_not_outlive_its_timeout(tmp_path: Path, waiting_for_an_interrupt: Compose) -> None:
    made = waiting_for_an_interrupt
    with pytest.raises(EngineError, match="did not end within"):
        made.run("up", say=lambda _line: None, timeout=0.5)
    assert (tmp_path / "ended").exists()


def test_an_interrupt_ends_compose_first(
    tmp_path: Path, waiting_for_an_interrupt: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pressed(threading.Thread):
        """Passes lines on; a little after it has begun Ctrl-C is pressed."""

        def start(self) -> None:
            super().start()
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    monkeypatch.setattr(docker_compose, "threading", SimpleNamespace(Thread=Pressed))
    with pytest.raises(KeyboardInterrupt):
        waiting_for_an_interrupt.run("up", say=lambda _line: None)
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

"""What the collector hears of Docker's events: counted once, over breaks, bounded; and the collector as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers_kit import Rig, _patient, of, path, rig
from docker_fake import docker_at, identity
from waiting import DEADLINE, until
from watchstack.containers.engine import Engine

__all__ = ["_patient", "path", "rig"]  # fixtures


def test_ends_and_oom_kills_are_counted_once_over_a_break(
    path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchstack.containers.events.FIRST_WAIT", 0.05)
    now = time.time_ns()
    with docker_at(path) as docker:
        rig.events.start()
        docker.run(1)
        docker.tell("oom", 1, now + 1000)
        docker.tell("die", 1, now + 2000)
        until(lambda: rig.events.of(identity(1)).ends == 1)
        kept = list(docker.events)
    assert rig.events.of(identity(1)).ooms == 1
    with docker_at(path) as docker:
        docker.events = kept  # a daemon tells again what lies after `since`
        docker.run(1)
        docker.tell("oom", 1, now + 5000)
        until(lambda: rig.events.of(identity(1)).ooms == 2)
        found = rig.scrape()
        rig.events.stop()
    assert found[of(1, "container_oom_events_total")] == 2
    assert found[of(1, "container_ends_total")] == 1


def test_a_break_of_the_events_is_logged_once(
    path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("watchstack.containers.events.FIRST_WAIT", 0.01)
    monkeypatch.setattr("watchstack.containers.events.LONGEST_WAIT", 0.02)
    tries: list[float] = []
    engine_events = Engine.events

    def counted(self: Engine, since: float) -> Iterator[dict[str, object]]:
        tries.append(since)
        return engine_events(self, since)

    monkeypatch.setattr(Engine, "events", counted)
    rig.events.start()
    until(lambda: len(tries) > 5)
    lines = [record for record in caplog.records if record.name == "watchstack.containers.events"]
    assert [line.getMessage() for line in lines] == ["Docker's events are not heard: the socket is not there"]


def test_odd_events_are_passed_over(rig: Rig) -> None:
    odd: list[dict[str, object]] = [
        {},
        {"Action": "oom"},
        {"Action": "oom", "id": "a", "timeNano": "x"},
        {"Action": "start", "id": "a", "timeNano": 5},
        {"Action": "oom", "Actor": ["a"], "timeNano": 5},
        {"status": "oom", "id": "a", "timeNano": 6},
    ]
    rig.events._take(odd)
    assert rig.events.of("a").ooms == 1


def test_what_is_remembered_of_events_is_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.containers.events.KEPT", 10)
    rig.events._take({"Action": "die", "id": f"{n}", "timeNano": n} for n in range(1, 21))
    rig.events.keep({"20"})
    assert list(rig.events._counts) == ["20"]


def test_the_process_starts_without_docker_and_ends_cleanly(tmp_path: Path, path: Path) -> None:
    log = tmp_path / "log"
    environment = {
        "PATH": os.environ["PATH"],
        "CONTAINERS_LISTEN": "127.0.0.1:0",
        "CONTAINERS_API_LISTEN": "127.0.0.1:0",
        "DOCKER_HOST": f"unix://{path}",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "watchstack.containers"], env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: "containers listens" in log.read_text())
        started = next(line for line in log.read_text().splitlines() if "containers listens" in line)
        url = json.loads(started)["message"].split(" on ")[1]
        with urllib.request.urlopen(url + "/metrics", timeout=DEADLINE) as answer:
            text = answer.read().decode()
        assert "container_collector_docker_up 0.0" in text
        assert "_created" not in text
        assert "process_resident_memory_bytes" in text
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    messages = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    assert messages.count("Docker is not available: the socket is not there") == 1
    assert messages[-1] == "containers has ended"

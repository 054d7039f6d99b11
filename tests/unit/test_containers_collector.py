"""The collector against a Docker API on a Unix socket: values, bounds in time, containers and daemons that go."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_fake import STATS_V2, docker_at, identity, inspected, listed
from prometheus_client import CollectorRegistry, generate_latest
from watchstack.containers import ContainerCollector, Sampler
from watchstack.containers.app import create_app
from watchstack.containers.collector import FRESH, STALE, Errors
from watchstack.containers.engine import Engine
from watchstack.containers.events import Events
from watchstack.containers.settings import Endpoint


class Rig:
    """Collector, sampler and events over one socket; the sampler's clock is moved by `later`."""

    def __init__(self, path: Path, limit: int = 500, timeout: int = 5) -> None:
        self.offset = 0.0
        self.registry = CollectorRegistry()
        errors = Errors()
        engine = Engine(Endpoint(path=str(path)), timeout)
        self.sampler = Sampler(engine, limit, errors.count, clock=lambda: time.monotonic() + self.offset)
        self.events = Events(engine, lambda: errors.count("events"))
        self.registry.register(ContainerCollector(self.sampler, self.events, errors))

    def later(self, seconds: float = FRESH) -> None:
        self.offset += seconds

    def scrape(self) -> dict[str, float]:
        """Series by their text, from a fresh round unless Docker is slow."""
        self.later()
        lines = generate_latest(self.registry).decode().splitlines()
        return {name: float(value) for line in lines if line[0] != "#" for name, value in [line.rsplit(" ", 1)]}

    def close(self) -> None:
        self.events.stop()
        self.sampler.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


@pytest.fixture
def rig(path: Path) -> Iterator[Rig]:
    made = Rig(path)
    yield made
    made.close()


def until(true: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def of(number: int, metric: str, more: str = "") -> str:
    """The series of a container that `run` made; labels in prometheus_client's order."""
    front, back = more.split("|") if "|" in more else ("", more)
    return f'{metric}{{compose_service="web",{front}name="c{number}",project="shop"{back}}}'


def test_every_metric_of_a_container(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1)
        found = rig.scrape()
    expected = {
        of(1, "container_cpu_usage_seconds_total"): 0.14202882,
        of(1, "container_memory_usage_bytes"): 2114304,
        of(1, "container_memory_limit_bytes"): 67108864,
        of(1, "container_network_receive_bytes_total"): 1050,
        of(1, "container_network_transmit_bytes_total"): 15,
        of(1, "container_block_read_bytes_total"): 5096,
        of(1, "container_block_write_bytes_total"): 8192,
        of(1, "container_restarts_total"): 3,
        of(1, "container_oom_killed"): 0,
        of(1, "container_oom_events_total"): 0,
        of(1, "container_ends_total"): 0,
        of(1, "container_health"): 1,
        of(1, "container_state", ',state="running"'): 1,
        of(1, "container_start_time_seconds"): pytest.approx(1795227608.534857),
        of(1, "container_info", f'id="{identity(1)[:12]}",image="shop/web:1.2",|'): 1,
        "container_collector_docker_up": 1,
        "container_collector_containers": 1,
        "container_collector_containers_dropped": 0,
    }
    containers = {name: value for name, value in found.items() if name.startswith("container_")}
    for name, value in expected.items():
        assert containers.pop(name) == value, name
    assert {name.split("{")[0] for name in containers} == {
        "container_collector_errors_total",
        "container_collector_sample_age_seconds",
        "container_collector_round_seconds",
        "container_collector_scrape_seconds",
    }
    assert all("service=" not in name.replace("compose_service=", "") for name in found)


def test_stats_are_asked_for_one_shot_and_of_running_containers_only(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1)
        docker.rows.append(listed(2, state="exited"))
        docker.details[identity(2)] = inspected(2, health="unhealthy", oom=True)
        found = rig.scrape()
        stats = docker.targets("/stats")
    assert len(stats) == 1
    assert "stream=False" in stats[0]
    assert "one-shot=True" in stats[0]
    assert found[of(2, "container_oom_killed")] == 1
    assert found[of(2, "container_state", ',state="exited"')] == 1
    assert of(2, "container_health") not in found  # the check of a stopped container says nothing
    assert of(2, "container_memory_usage_bytes") not in found


def test_a_hundred_containers_are_asked_in_parallel_and_in_time(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(*range(100))
        docker.delay = {"stats": 1.0, "inspect": 0.02}  # as older engines have it: up to one second each
        assert rig.scrape()["container_collector_containers"] == 100
        took = []
        for _ in range(3):
            began = time.monotonic()
            found = rig.scrape()
            took.append(time.monotonic() - began)
            assert found["container_collector_containers"] == 100
    assert min(took) < 2
    assert max(took) < 4  # patience and the writing, however busy the machine


def test_questions_at_once_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.containers.collector.WORKERS", 4)
    rig = Rig(path)
    with docker_at(path) as docker:
        docker.run(*range(30))
        docker.delay = {"stats": 0.02, "inspect": 0.02}
        assert rig.scrape()["container_collector_containers"] == 30
        assert 1 < docker.most_concurrent <= 4
    rig.close()


def test_while_docker_is_slow_the_last_sample_is_served_with_its_age(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1, 2)
        rig.scrape()
        docker.delay = {"stats": 4.0}
        docker.stats[identity(1)] = STATS_V2
        rig.later(18.0)
        began = time.monotonic()
        found = rig.scrape()
        assert time.monotonic() - began < 2
        assert found[of(1, "container_memory_usage_bytes")] == 2114304
        assert found["container_collector_docker_up"] == 1
        # two scrapers at once and a third later share the one round that runs
        threads = [threading.Thread(target=generate_latest, args=(rig.registry,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(docker.targets("/containers/json")) == 2
        docker.delay = {}
        until(lambda: not rig.sampler._running)
        assert rig.scrape()[of(1, "container_memory_usage_bytes")] == 20_000_000


def test_a_sample_that_is_too_old_is_not_shown(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1)
        assert of(1, "container_state", ',state="running"') in rig.scrape()
        docker.delay = {"list": 3.0}
        rig.later(STALE)
        found = rig.scrape()
        assert not any("c1" in name for name in found)
        assert "container_collector_sample_age_seconds" not in found


def test_the_age_is_the_samples(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1)
        rig.scrape()
        docker.delay = {"list": 3.0}
        time.sleep(0.2)
        found = rig.scrape()
        assert found["container_collector_sample_age_seconds"] >= 0.2


@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("question", ["inspect", "stats"])
def test_a_container_that_goes_between_questions_breaks_nothing(
    path: Path, rig: Rig, question: str, status: int
) -> None:
    with docker_at(path) as docker:
        docker.run(1, 2, 3)
        docker.fail[question, identity(2)] = status
        found = rig.scrape()
    assert of(1, "container_memory_usage_bytes") in found
    assert of(3, "container_memory_usage_bytes") in found
    assert of(2, "container_memory_usage_bytes") not in found
    assert (of(2, "container_state", ',state="running"') in found) == (question == "stats")
    assert all(found[f'container_collector_errors_total{{operation="{kind}"}}'] == 0 for kind in ("inspect", "stats"))


def test_containers_that_come_and_go_between_scrapes(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        for turn in range(5):
            docker.rows.clear()
            docker.run(*range(turn, turn + 3))
            found = rig.scrape()
            shown = sorted(name for name in found if name.startswith("container_state"))
            assert shown == [of(number, "container_state", ',state="running"') for number in range(turn, turn + 3)]


def test_one_question_that_fails_costs_only_its_own_numbers(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1, 2)
        docker.fail["stats", identity(1)] = 500
        docker.fail["inspect", identity(2)] = 500
        found = rig.scrape()
    assert of(1, "container_memory_usage_bytes") not in found
    assert of(1, "container_restarts_total") in found
    assert of(2, "container_memory_usage_bytes") in found
    assert of(2, "container_restarts_total") not in found
    assert found['container_collector_errors_total{operation="stats"}'] == 1
    assert found['container_collector_errors_total{operation="inspect"}'] == 1
    assert found["container_collector_docker_up"] == 1


@pytest.mark.parametrize("raw", [b"", b"not json", b'{"message": "hello"}', b"[1, 2]", b"[[[["])
def test_an_answer_that_makes_no_sense_is_survived(path: Path, rig: Rig, raw: bytes) -> None:
    with docker_at(path) as docker:
        docker.raw["list"] = raw
        found = rig.scrape()
        assert found["container_collector_docker_up"] == 0
        assert found['container_collector_errors_total{operation="list"}'] == 1
        docker.raw.clear()
        docker.run(1)
        assert rig.scrape()["container_collector_docker_up"] == 1


def test_cardinality_is_bounded_and_running_containers_come_first(path: Path) -> None:
    rig = Rig(path, limit=3)
    with docker_at(path) as docker:
        docker.rows = [listed(number, state="exited") for number in range(10, 30)]
        docker.details = {identity(number): inspected(number) for number in range(10, 30)}
        docker.run(1, 2)
        found = rig.scrape()
    rig.close()
    shown = {name for name in found if name.startswith("container_state")}
    assert shown == {
        of(1, "container_state", ',state="running"'),
        of(2, "container_state", ',state="running"'),
        of(10, "container_state", ',state="exited"'),
    }
    assert found["container_collector_containers_dropped"] == 19


def test_names_that_would_collide_give_one_series(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1, name="x" * 300)
        docker.run(2, name="x" * 301)
        found = rig.scrape()
    assert len([name for name in found if name.startswith("container_info")]) == 1
    assert found["container_collector_containers_dropped"] == 1


# Docker gone.


def test_without_a_socket_the_process_lives_and_recovers(
    path: Path, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchstack.containers")
    client = create_app(rig.registry, rig.sampler).test_client()
    for _ in range(5):
        assert rig.scrape()["container_collector_docker_up"] == 0
    assert client.get("/health/live").status_code == 200
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json) == (
        503,
        {"status": "unhealthy", "reasons": ["Docker is not available: the socket is not there"]},
    )
    with docker_at(path) as docker:
        docker.run(1)
        assert rig.scrape()["container_collector_docker_up"] == 1
        assert client.get("/health/ready").status_code == 200
    found = rig.scrape()
    assert found["container_collector_docker_up"] == 0
    assert not any("c1" in name for name in found)
    with docker_at(path) as docker:
        docker.run(2)
        assert of(2, "container_memory_usage_bytes") in rig.scrape()
    assert [record.getMessage() for record in caplog.records] == [
        "Docker is not available: the socket is not there",
        "Docker answers, 1 containers",
        "Docker is not available: the socket is not there",
        "Docker answers, 1 containers",
    ]


def test_a_socket_that_nobody_listens_on_is_told(path: Path, rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        rig.scrape()
    assert rig.sampler.problem == "nothing listens there"


def test_a_socket_without_permission_is_told(path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert rig.scrape()["container_collector_docker_up"] == 0
    assert rig.sampler.problem == "no permission to use the socket"


def test_a_daemon_that_never_answers_is_told(path: Path) -> None:
    rig = Rig(path, timeout=1)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        rig.sampler.sample(patience=5)
    rig.close()
    assert rig.sampler.problem == "no answer in time"


# Events.


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


# The process.


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
        until(lambda: "containers listens" in log.read_text(), 30)
        started = next(line for line in log.read_text().splitlines() if "containers listens" in line)
        url = json.loads(started)["message"].split(" on ")[1]
        with urllib.request.urlopen(url + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert "container_collector_docker_up 0.0" in text
        assert "_created" not in text
        assert "process_resident_memory_bytes" in text
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    messages = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    assert messages.count("Docker is not available: the socket is not there") == 1
    assert messages[-1] == "containers has ended"

"""The collector against a Docker API on a Unix socket: values, bounds in time, what goes meanwhile."""

from __future__ import annotations

import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from containers_kit import Rig, _patient, of, path, rig
from docker_fake import STATS_V2, docker_at, identity, inspected, listed
from prometheus_client import generate_latest
from waiting import DEADLINE, until
from watchstack.containers.app import create_app
from watchstack.containers.collector import FRESH, PATIENCE, STALE

__all__ = ["_patient", "path", "rig"]  # fixtures


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape waits for its round no longer than one of the shipped collector."""
    monkeypatch.setattr("watchstack.containers.collector.PATIENCE", PATIENCE)


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


def test_a_hundred_containers_are_asked_at_once(path: Path, rig: Rig) -> None:
    """Older engines need up to a second for each answer about usage: all of them pass in the same second."""
    with docker_at(path) as docker, ThreadPoolExecutor(1) as pool:
        docker.run(*range(100))
        for _ in range(3):
            docker.held = {"stats"}
            scrape = pool.submit(rig.scrape)
            until(lambda: docker.concurrent == 100, why="all are asked before one has answered")
            docker.release()
            assert scrape.result(DEADLINE)["container_collector_containers"] == 100


def test_questions_at_once_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.containers.collector.WORKERS", 4)
    rig = Rig(path)
    with docker_at(path) as docker, ThreadPoolExecutor(1) as pool:
        docker.run(*range(30))
        docker.delay = {"stats": 0.02, "inspect": 0.02}
        docker.held = {"inspect"}
        scrape = pool.submit(rig.scrape)
        until(lambda: docker.concurrent == 4)
        docker.release()
        assert scrape.result(DEADLINE)["container_collector_containers"] == 30
        assert docker.most_concurrent == 4
    rig.close()


@pytest.mark.usefixtures("hurried")
def test_while_docker_is_slow_the_last_sample_is_served(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1, 2)
        rig.scrape()
        docker.held = {"stats"}
        docker.stats[identity(1)] = STATS_V2
        rig.later(18.0)
        began = time.monotonic()
        found = rig.scrape()
        assert time.monotonic() - began < 10  # what Prometheus waits; the round goes on until `release`
        assert found[of(1, "container_memory_usage_bytes")] == 2114304
        assert found["container_collector_docker_up"] == 1
        # two scrapers at once and a third later share the one round that runs
        threads = [threading.Thread(target=generate_latest, args=(rig.registry,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(docker.targets("/containers/json")) == 2
        rig.finish(docker)
        assert rig.scrape()[of(1, "container_memory_usage_bytes")] == 20_000_000


@pytest.mark.usefixtures("hurried")
def test_a_sample_that_is_too_old_is_not_shown(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1)
        assert of(1, "container_state", ',state="running"') in rig.scrape()
        docker.held = {"list"}
        rig.later(STALE)
        found = rig.scrape()
        assert not any("c1" in name for name in found)
        assert "container_collector_sample_age_seconds" not in found
        rig.finish(docker)


@pytest.mark.usefixtures("hurried")
def test_the_age_is_the_samples(path: Path, rig: Rig) -> None:
    with docker_at(path) as docker:
        docker.run(1)
        assert rig.scrape()["container_collector_sample_age_seconds"] >= 0
        docker.held = {"list"}
        rig.later(20.0)
        assert rig.scrape()["container_collector_sample_age_seconds"] >= 20 + FRESH
        rig.finish(docker)


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


def test_a_thread_that_is_not_to_be_had_stops_the_sampling_once(
    path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with docker_at(path) as docker:
        docker.run(1)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            with pytest.raises(RuntimeError):
                rig.sampler.sample()
        assert of(1, "container_memory_usage_bytes") in rig.scrape()


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
        rig.sampler.sample(patience=DEADLINE)
    rig.close()
    assert rig.sampler.problem == "no answer in time"

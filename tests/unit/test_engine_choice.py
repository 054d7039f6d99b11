"""Which engine is chosen and remembered, and what an engine ends in peace."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stackgen.engines import choose
from stackgen.engines.base import EngineError
from stackgen.engines.finishing import finish


@contextmanager
def probes(answer: str) -> Iterator[tuple[choose.Probe, list[int]]]:
    asked: list[int] = []

    def probe(_environment: object, _state: Path) -> str:
        asked.append(1)
        return answer

    yield probe, asked


def nothing(_name: str) -> bool:
    return False


def test_docker_where_it_can_else_native_and_why(tmp_path: Path) -> None:
    with probes("") as (probe, _):
        assert choose.choose(tmp_path, {}, None, nothing, probe).engine == "docker"
    with probes("no Docker engine answers") as (probe, _):
        choice = choose.choose(tmp_path, {}, None, nothing, probe)
    assert (choice.engine, choice.reason) == ("native", "no Docker engine answers")


def test_what_runs_is_kept_and_the_other_refused(tmp_path: Path) -> None:
    with probes("") as (probe, asked):
        choice = choose.choose(tmp_path, {}, None, lambda name: name == "native", probe)
        assert choice.engine == "native"
        assert asked == []
        with pytest.raises(EngineError, match="the native engine runs this stack") as caught:
            choose.choose(tmp_path, {}, "docker", lambda name: name == "native", probe)
    assert "each engine keeps its own data" in caught.value.hint


def test_the_last_engine_is_remembered(tmp_path: Path) -> None:
    choose.remember(tmp_path, "native")
    with probes("") as (probe, asked):
        assert choose.choose(tmp_path, {}, None, nothing, probe).engine == "native"
        assert asked == []
        changed = choose.choose(tmp_path, {}, "docker", nothing, probe)
    assert "its own data" in changed.note
    choose.remember(tmp_path, "docker")
    with probes("no Docker engine answers") as (probe, _), pytest.raises(EngineError, match="ran with docker last"):
        choose.choose(tmp_path, {}, None, nothing, probe)


def test_a_full_disk_takes_no_memory_away(tmp_path: Path) -> None:
    """With half of it no command would do anything any more, `down` neither."""
    choose.remember(tmp_path, "native")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(EngineError, match="cannot write"):
            choose.remember(tmp_path, "docker")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert choose.remembered(tmp_path) == "native"
    assert [path.name for path in tmp_path.iterdir()] == ["engine"]


def test_what_must_be_finished_is_not_interrupted() -> None:
    """A terminal that is closed sends SIGHUP, often twice."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    seen: list[object] = []
    finish(lambda: seen.extend(signal.getsignal(number) for number in numbers))
    assert seen == [signal.SIG_IGN] * 3
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_strange_memory_is_told(tmp_path: Path) -> None:
    (tmp_path / "engine").write_text("podman\n")
    with pytest.raises(EngineError, match="unknown engine 'podman'"):
        choose.remembered(tmp_path)


def test_no_docker_engine_is_noticed(tmp_path: Path) -> None:
    said = choose.docker_probe({"DOCKER_HOST": "unix:///nonexistent/docker.sock"}, tmp_path)
    assert said.startswith("no Docker engine")
    assert "/nonexistent/docker.sock" in said

"""The runs of health checks: side by side, each for its time, checks that hang, answer nonsense or raise."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from health_kit import FINE
from waiting import DEADLINE, until
from watchstack.health.check import Check, Registry, Result, Status
from watchstack.health.runner import Outcome, Runner


class Runs:
    """A registry with a runner, whose outcomes are kept."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.told: list[Outcome] = []
        self.runner = Runner(self.registry, told=self.told.append)

    def add(self, name: str, function: Callable[[], Any], **fields: Any) -> Check:
        return self.registry.add(Check(name, function, **fields))

    def run(self) -> dict[str, Result]:
        return {one.check.name: one.result for one in self.runner.run(self.registry)}


@pytest.fixture
def runs() -> Iterator[Runs]:
    one = Runs()
    yield one
    one.runner.stop()


class Loud:
    def __str__(self) -> str:
        raise KeyError("no words")


class Mute(Exception):
    __str__ = Loud.__str__


def endless() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["again"] = found
    return found


def raising(error: BaseException) -> Callable[[], Any]:
    def function() -> Any:
        raise error

    return function


NONSENSE: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "a word": lambda: "healthy",
    "a status that is none": lambda: Result("splendid"),  # type: ignore[arg-type]
    "details without an end": lambda: Result(Status.HEALTHY, details=endless()),
    "details that cannot be told": lambda: Result(Status.HEALTHY, details={"a": Loud()}),
    "a time that is none": lambda: Result(Status.HEALTHY, response_time_ms="soon"),  # type: ignore[arg-type]
    "exits": raising(SystemExit(3)),
    "interrupts": raising(KeyboardInterrupt()),
    "raises": raising(LookupError("gone")),
    "raises what cannot be told": raising(Mute()),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_check_that_answers_nonsense_is_critical_and_harms_no_other(runs: Runs, name: str) -> None:
    runs.add("bad", NONSENSE[name])
    runs.add("good", lambda: FINE)
    found = runs.run()
    assert found["good"] == FINE
    assert (found["bad"].status, found["bad"].escaped, found["bad"].response_time_ms) == (Status.CRITICAL, True, -1)
    assert found["bad"].message.startswith("Health check failed: ")
    assert found["bad"].error


def test_braces_in_the_words_for_a_timeout_end_no_background_run(runs: Runs) -> None:
    gate = threading.Event()
    words = (Status.CRITICAL, "{name} took {seconds}s")
    runs.add("hangs", lambda: gate.wait(DEADLINE), timeout=0.05, interval=0.1, on_timeout=words)
    runs.add("good", lambda: FINE, interval=0.05)
    runs.runner.start()
    until(lambda: "{name} took 0.05s" in [one.result.message for one in runs.told])
    before = len(runs.told)
    until(lambda: len(runs.told) > before + 1)
    gate.set()


def test_a_runner_that_was_stopped_can_begin_again(runs: Runs) -> None:
    runs.runner.start()
    runs.runner.stop()
    runs.add("good", lambda: FINE)
    runs.runner.start()
    until(lambda: [one.check.name for one in runs.told] == ["good"])


def test_details_are_what_json_can_hold(runs: Runs) -> None:
    runs.add("odd", lambda: Result(Status.HEALTHY, details={1: math.nan, "b": {2}, "c": Path("/x"), "d": (True, 1.5)}))
    assert runs.run()["odd"].details == {"1": None, "b": [2], "c": "/x", "d": [True, 1.5]}


def test_what_a_check_tells_can_always_be_sent(runs: Runs) -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")  # a file's, as Python has it
    runs.add("raises", raising(OSError(name)))
    runs.add("tells", lambda: Result(Status.CRITICAL, name, {name: [name]}, error=name))
    runs.add("tells a lot", lambda: Result(Status.HEALTHY, "x" * 1_000_000))
    found = runs.run()
    assert found["raises"].message == "Health check failed: caf?"
    assert (found["tells"].message, found["tells"].details, found["tells"].error) == (
        "caf?",
        {"caf?": ["caf?"]},
        "caf?",
    )
    assert len(found["tells a lot"].message) == 10_000


# C-58
def test_checks_run_side_by_side_each_for_its_time(runs: Runs) -> None:
    gate = threading.Event()
    meeting = threading.Barrier(3)

    def met() -> Result:
        meeting.wait(DEADLINE)
        return FINE

    for name in ("a", "b", "c"):
        runs.add(name, met, timeout=2 * DEADLINE)
    runs.add("hangs", gate.wait, timeout=0.1)
    found = runs.run()  # which comes back though `gate` is shut
    assert [found[name] for name in "abc"] == [FINE] * 3
    assert found["hangs"].message == "Health check timeout after 0.1s"
    gate.set()


def test_a_check_that_hangs_keeps_one_thread_and_recovers(runs: Runs) -> None:
    gate = threading.Event()
    begun: list[int] = []

    def function() -> Result:
        begun.append(1)
        gate.wait(DEADLINE)
        return FINE

    runs.add("hangs", function, timeout=0.05)
    for _ in range(5):
        assert runs.run()["hangs"].status is Status.CRITICAL
    until(lambda: begun)
    assert len(begun) == 1
    assert len(runs.told) == 1
    gate.set()
    until(lambda: runs.run()["hangs"] == FINE)


def test_the_background_runs_each_check_at_its_interval(runs: Runs) -> None:
    counts = {"often": 0, "rare": 0}
    gate = threading.Event()

    def counting(name: str) -> Callable[[], Result]:
        def function() -> Result:
            counts[name] += 1
            return FINE

        return function

    runs.add("often", counting("often"), interval=0.02)
    runs.add("rare", counting("rare"), interval=600)
    runs.add("hangs", gate.wait, interval=600, timeout=0.05)
    runs.runner.start()
    until(lambda: counts["often"] >= 5 and counts["rare"])
    assert counts["rare"] == 1
    until(lambda: any(one.check.name == "hangs" for one in runs.told))
    assert runs.runner.latest([runs.registry["hangs"]])[0].result.status is Status.CRITICAL
    runs.add("later", lambda: FINE, interval=600)
    runs.runner.wake()
    until(lambda: any(one.check.name == "later" for one in runs.told))
    gate.set()


def test_answers_come_from_the_last_run(runs: Runs) -> None:
    ran: list[int] = []

    def function() -> Result:
        ran.append(1)
        return FINE

    check = runs.add("one", function)
    for _ in range(5):
        assert runs.runner.latest([check])[0].result == FINE
    assert len(ran) == 1

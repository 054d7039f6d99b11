"""Runs of health checks that overtake each other, checks that take another's place, a fork while a lock is held."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from library_kit import samples
from prometheus_client import CollectorRegistry
from support import ROOT
from waiting import DEADLINE, until
from watchstack.clocks import Clocks
from watchstack.health import runner
from watchstack.health.check import Check, Registry, Result, Status
from watchstack.health.collector import BACKGROUND, HealthCollector
from watchstack.health.runner import Outcome, Runner
from watchstack.http.recorder import Recorder
from watchstack.slots import OwnNumbers

FINE, BAD = Result(Status.HEALTHY, "fine"), Result(Status.CRITICAL, "bad", error="OSError")


def test_a_run_that_was_begun_later_stays_the_newest() -> None:
    gate, held = threading.Event(), threading.Event()
    first: list[threading.Thread] = []
    told: list[int] = []

    def check() -> Result:
        first.append(threading.current_thread())
        return BAD if len(first) == 1 else FINE

    def steady() -> float:
        if first and threading.current_thread() is first[0]:  # it has its result, and is stopped before telling it
            held.set()
            gate.wait(DEADLINE)
        return time.monotonic()

    registry = Registry()
    one = registry.add(Check("one", check, timeout=DEADLINE))
    runs = Runner(registry, told=lambda outcome: told.append(outcome.number), clocks=Clocks(steady=steady))
    early = threading.Thread(target=runs.run, args=([one],))
    early.start()
    assert held.wait(DEADLINE)
    assert runs.run([one])[0].result == FINE
    gate.set()
    early.join(DEADLINE)
    assert told == [2, 1]
    assert runs.latest([one])[0].result == FINE


def test_who_waits_for_a_run_finds_it_told() -> None:
    heard: list[Outcome] = []

    def told(outcome: Outcome) -> None:
        time.sleep(0.2)
        heard.append(outcome)

    registry = Registry()
    one = registry.add(Check("one", lambda: FINE))
    assert Runner(registry, told=told).run([one]) == heard


def test_a_check_that_takes_the_place_of_another_is_due_at_once() -> None:
    told: list[Check] = []
    registry = Registry()
    old = registry.add(Check("one", lambda: FINE, interval=600, provided=True))
    runs = Runner(registry, told=lambda outcome: told.append(outcome.check))
    runs.start()
    try:
        until(lambda: told == [old])
        new = registry.add(Check("one", lambda: FINE, interval=600))
        runs.wake()
        until(lambda: told == [old, new])
    finally:
        runs.stop()


def outcome(number: int, result: Result) -> Outcome:
    return Outcome(Check("one", lambda: result), result, 0.01, 1_790_000_000.0 - number, number)


def test_the_status_is_that_of_the_newest_run_and_each_run_counts_once() -> None:
    registry = CollectorRegistry()
    collector = HealthCollector(OwnNumbers(), registry)
    for endpoint, numbers in ((BACKGROUND, (2, 1)), ("api", (2, 1, 2))):
        for number in numbers:
            collector.record(endpoint, outcome(number, FINE if number == 2 else BAD))
    found = samples(registry, "health_check_status", "health_check_duration_seconds_count", "health_check_failures")
    background, api = (f'{{component="one",endpoint="{endpoint}"}}' for endpoint in (BACKGROUND, "api"))
    assert found[f"health_check_status{background}"] == found[f"health_check_status{api}"] == 1.0
    assert found[f"health_check_duration_seconds_count{background}"] == 2.0
    assert found[f"health_check_duration_seconds_count{api}"] == 1.0
    failed = f'health_check_failures_total{{component="one",endpoint="{BACKGROUND}",error_type="OSError"}}'
    assert {name: value for name, value in found.items() if "failures" in name} == {failed: 1.0}


IMPORTING = f"""
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from watchstack import Monitoring, Settings
from watchstack.health.check import Check, Result, Status

def check():
    import slow
    return Result(Status.HEALTHY, slow.told)

sys.begun = threading.Event()
monitoring = Monitoring(settings=Settings(health_check_interval=3600))
monitoring.health.add(Check("imports", check, timeout={DEADLINE / 2}))
monitoring.init_wsgi(lambda environ, start_response: [])
assert sys.begun.wait({DEADLINE})
pid = os.fork()
if pid == 0:
    signal.alarm({DEADLINE:.0f})
    result = monitoring.health.runner.run([monitoring.health.checks["imports"]])[0].result
    os._exit(0 if result.message == "whole" else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_check_that_imports_while_the_process_is_forked_works_in_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import sys, time\nsys.begun.set()\ntime.sleep(1)\ntold = 'whole'\n")
    assert forked(IMPORTING, str(tmp_path)) == ("0", "")


def test_a_check_that_hangs_holds_up_no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_FORKING", 0.2)
    gate = threading.Event()
    registry = Registry()
    hangs = registry.add(Check("hangs", lambda: FINE if gate.wait(DEADLINE) else BAD, timeout=0.1))
    other = registry.add(Check("other", lambda: FINE))
    runs = Runner(registry, told=lambda outcome: None)
    assert runs.run([hangs])[0].result.error == "TimeoutError"
    for _ in range(2):
        runs.pause()
        later = threading.Thread(target=runs.run, args=([other],))
        later.start()
        later.join(0.3)
        assert later.is_alive(), "nothing begins while the process is forked"
        runs.resume()
        later.join(DEADLINE)
        assert not later.is_alive()
    gate.set()


FORK = f"""
import os, signal
from watchstack import Monitoring, Settings

monitoring = Monitoring(settings=Settings())
monitoring.measures.increment_counter("jobs")
with monitoring.health.collector._lock, monitoring.measures._lock:  # as a background thread may hold them
    pid = os.fork()
    if pid == 0:
        signal.alarm({DEADLINE:.0f})
        monitoring.health.runner.restart()
        monitoring.health.outcomes("api", [monitoring.health.checks["system"]], now=True)
        monitoring.measures.increment_counter("jobs")
        jobs = monitoring.measures.gather()["jobs_total"][()]
        os._exit(0 if jobs == 2 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_process_forked_off_while_a_lock_was_held_goes_on() -> None:
    assert forked(FORK) == ("0", "")


FORK_IN_A_REQUEST = f"""
import os, signal
from watchstack.http.recorder import Recorder

recorder = Recorder()

def one():
    exchange = recorder.begin("GET")
    exchange.status = "200"
    exchange.end()

one()
with recorder._lock, recorder.groups["GET", "unmatched"]["200"].lock:  # as another request may hold them
    pid = os.fork()
    if pid == 0:
        signal.alarm({DEADLINE:.0f})
        one()
        recorder.record_exception("GET", None, KeyError("x"))
        os._exit(0 if recorder.groups["GET", "unmatched"]["200"].count == 2 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_process_forked_off_while_a_request_was_recorded_goes_on() -> None:
    assert forked(FORK_IN_A_REQUEST) == ("0", "")


CLOSED_IN_BETWEEN = f"""
import gc, signal, sys
from pathlib import Path
from watchstack.business import DatabaseMetrics
from watchstack.http.shared import SharedRecorder
from watchstack.measures import Measures
from watchstack.shared import SharedNumbers

signal.alarm({DEADLINE:.0f})
numbers = SharedNumbers(Path(sys.argv[1]))
recorder, measures = SharedRecorder(numbers), Measures(numbers=numbers)
database = DatabaseMetrics(measures)

class Page:
    def __init__(self):
        self.itself, self.rows = self, self.read()
        next(self.rows)

    def read(self):
        exchange = recorder.begin("GET")
        exchange.status, exchange.trace = "200", "1"
        try:
            with database.query("select"):
                yield
        finally:
            exchange.end()

gc.set_threshold(1)
for number in range(500):
    Page()
    measures.increment_counter("jobs", {{"kind": str(number % 50)}})
gc.collect()
print(recorder.figures().groups["GET", "unmatched"]["200"].count, sum(measures.gather()["jobs_total"].values()))
print(measures.gather()["db_queries_total"])
"""


def test_a_stream_that_is_closed_while_something_else_is_recorded_holds_nobody_up(tmp_path: Path) -> None:
    """Python closes a generator that nobody reads to its end wherever it collects garbage."""
    told, _ = forked(CLOSED_IN_BETWEEN, str(tmp_path))
    assert told.splitlines() == ["500 500.0", "{('select',): 500.0}"]


def test_a_request_that_ends_while_another_is_recorded_holds_nobody_up() -> None:
    recorder = Recorder(clocks=Clocks(wall=lambda: one("") or 0.0))

    def one(trace: str) -> None:
        exchange = recorder.begin("GET")
        exchange.status, exchange.trace = "200", trace
        exchange.end()

    thread = threading.Thread(target=one, args=("1",), daemon=True)
    thread.start()
    thread.join(DEADLINE)
    assert recorder.groups["GET", "unmatched"]["200"].durations[0] == 2


FORK_WHILE_A_SLOT_IS_MADE = """
import gc, os
from watchstack import shared

with shared._uncollected():  # as another thread may be
    if os.fork() == 0:
        print(gc.isenabled(), flush=True)
        os._exit(0)
    os.wait()
print(gc.isenabled())
"""


def test_a_process_forked_off_while_a_slot_was_made_collects_its_garbage() -> None:
    assert forked(FORK_WHILE_A_SLOT_IS_MADE) == ("True\nTrue", "")


BACKGROUND_OF_A_FORK = """
import os, threading
from watchstack import Monitoring, Settings

def running():
    return sorted(one.name for one in threading.enumerate() if one.name in ("watchstack-health", "watchstack-host"))

monitoring = Monitoring(settings=Settings())
for _ in range(2):  # two applications
    monitoring.init_wsgi(lambda environ, start: [])
for stop in (lambda: None, monitoring.stop):
    stop()
    here = running()
    if os.fork() == 0:
        print(running() == here, len(here), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_forked_process_has_the_background_threads_of_its_parent() -> None:
    """Neither two of each for two applications, nor any after stop()."""
    assert forked(BACKGROUND_OF_A_FORK)[0] == "True 2\nTrue 0"


def forked(script: str, *words: str) -> tuple[str, str]:
    """What a script that forks says: on standard output, on standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "exporter")}
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=2 * DEADLINE, check=False)
    return done.stdout.strip(), done.stderr

"""The supervisor with fake parts: start, readiness, restart with back-off, changes of the plan, and no orphans."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest
from native_support import FakeStack, alive, marked
from stackgen.engines.base import State
from stackgen.engines.native_files import held
from stackgen.engines.native_plan import PROGRAM
from waiting import until

pytestmark = pytest.mark.native


def test_a_part_becomes_healthy_and_ends_with_the_supervisor(fake: FakeStack, port: int) -> None:
    began = time.time()
    fake.start(fake.part("one", port))
    part = fake.becomes("one", State.HEALTHY)
    assert alive(part.pid)
    assert part.version == "1.0"
    assert began <= part.since <= time.time()
    assert "began as" in fake.log("one")
    fake.stop()
    assert not alive(part.pid)
    assert fake["one"].state is State.STOPPED
    assert fake.state.pid == 0
    assert not held(fake.folder.supervisor_lock)
    assert marked(fake.folder.path) == []


def test_parts_end_in_reverse_order(fake: FakeStack, two_ports: list[int]) -> None:
    fake.start(fake.part("first", two_ports[0]), fake.part("second", two_ports[1]))
    first, second = fake.becomes("first", State.HEALTHY), fake.becomes("second", State.HEALTHY)
    os.kill(first.pid, signal.SIGSTOP)  # it cannot end before it is told to go on
    fake.process and fake.process.terminate()
    until(lambda: not alive(second.pid), why="the second ends first")
    assert alive(first.pid)
    os.kill(first.pid, signal.SIGCONT)
    fake.stop()
    assert not alive(first.pid)


def test_a_killed_part_is_started_again(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port))
    before = fake.becomes("one", State.HEALTHY)
    os.kill(before.pid, signal.SIGKILL)
    after = fake.becomes("one", State.HEALTHY, lambda now: now.restarts)
    assert after.pid != before.pid
    assert after.restarts == 1
    assert after.error == ""
    assert "was ended by SIGKILL; next start in 1 s" in fake.log("supervisor")


def test_back_off_doubles_and_the_state_says_why(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port, "--not-ready", "--crash-after", "0.05"))
    failed = fake.becomes("one", State.FAILED)
    assert failed.final
    assert "ended with exit code 3" in failed.error
    assert "out of cheese" in failed.error
    assert failed.hint == "./stack logs one"
    until(lambda: fake.log("supervisor").count("next start") >= 4)
    assert re.findall(r"next start in (\d+) s", fake.log("supervisor"))[:4] == ["1", "2", "4", "8"]


def test_not_ready_is_starting_and_tells_what_it_hears(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port, "--not-ready"))
    fake.becomes("one", State.STARTING, lambda now: now.error == "/ready answers 503: warming up")


def test_a_part_that_stops_answering_becomes_unhealthy(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port))
    part = fake.becomes("one", State.HEALTHY)
    os.kill(part.pid, signal.SIGSTOP)
    unhealthy = fake.becomes("one", State.UNHEALTHY)
    assert "no answer to /ready" in unhealthy.error
    os.kill(part.pid, signal.SIGCONT)
    assert fake.becomes("one", State.HEALTHY).pid == part.pid


def test_a_deaf_part_is_killed_with_its_children(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port, "--child"))
    part = fake.becomes("one", State.HEALTHY)
    child = int(until(lambda: re.search(r"child (\d+)", fake.log("one")))[1])
    assert alive(child)
    fake.stop()
    assert not alive(part.pid)
    until(lambda: not alive(child), why="it was killed with the part")


def test_children_of_a_part_that_was_killed_do_not_outlive_it(fake: FakeStack, port: int) -> None:
    """They may hold its port, or its files, while the next one wants them."""
    fake.start(fake.part("one", port, "--child"))
    part = fake.becomes("one", State.HEALTHY)
    child = int(until(lambda: re.search(r"child (\d+)", fake.log("one")))[1])
    os.kill(part.pid, signal.SIGKILL)
    fake.becomes("one", State.HEALTHY, lambda now: now.restarts)
    until(lambda: not alive(child), why="it was killed with the part")


def test_a_killed_supervisor_leaves_no_orphan(fake: FakeStack, two_ports: list[int]) -> None:
    fake.start(fake.part("one", two_ports[0]), fake.part("two", two_ports[1]))
    pids = [fake.becomes(name, State.HEALTHY).pid for name in ("one", "two")]
    assert fake.process is not None
    fake.process.kill()
    fake.process.wait()
    until(lambda: not any(alive(pid) for pid in pids), why="the kernel ends the parts")
    assert not held(fake.folder.supervisor_lock)


def test_a_second_supervisor_refuses(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port))
    pid = fake.becomes("one", State.HEALTHY).pid
    assert fake.process is not None
    second = subprocess.run([*fake.process.args], capture_output=True, text=True, timeout=120, check=False)  # type: ignore[misc]
    assert second.returncode != 0
    assert "another supervisor runs" in second.stderr
    assert fake["one"].pid == pid


def test_a_changed_plan_starts_ends_restarts_and_reloads_what_differs(fake: FakeStack, two_ports: list[int]) -> None:
    kept = fake.part("kept", two_ports[0], reloads=True, reload_digest="a", restart_digest="a")
    fake.start(kept)
    first = fake.becomes("kept", State.HEALTHY).pid

    fake.change(kept, fake.part("new", two_ports[1]))
    new = fake.becomes("new", State.HEALTHY).pid
    assert fake["kept"].pid == first
    assert "reloaded" not in fake.log("kept")

    fake.change(fake.part("kept", two_ports[0], reloads=True, reload_digest="b", restart_digest="a"))
    assert not alive(new)
    until(lambda: "reloaded" in fake.log("kept"))
    assert fake["kept"].pid == first

    fake.change(fake.part("kept", two_ports[0], reloads=True, reload_digest="b", restart_digest="b"))
    anew = fake.becomes("kept", State.HEALTHY, lambda now: now.pid not in (0, first))
    assert not alive(first)
    assert anew.restarts == 0, "a restart that was asked for is no failure"


def test_a_broken_plan_changes_nothing(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port))
    pid = fake.becomes("one", State.HEALTHY).pid
    fake.folder.plan.write_text('{"id": "x", "parts": [')
    assert fake.process is not None
    fake.process.send_signal(signal.SIGHUP)
    until(lambda: "the plan is missing or broken" in fake.log("supervisor"))
    assert fake["one"].pid == pid
    assert alive(pid)


def test_a_program_that_is_not_there_is_told(fake: FakeStack, port: int) -> None:
    part = fake.part("one", port)
    fake.start(type(part)("one", ("/nonexistent/program",), port, "/ready"))
    failed = fake.becomes("one", State.FAILED)
    assert "cannot execute /nonexistent/program" in failed.error


def test_a_part_without_a_program_waits(fake: FakeStack, port: int) -> None:
    part = fake.part("one", port)
    fake.start(type(part)("one", (PROGRAM,), port, "/ready"))
    assert fake.becomes("one", State.WAITING).pid == 0


def test_files_are_the_users_alone(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port))
    fake.becomes("one", State.HEALTHY)
    assert stat.S_IMODE(fake.folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(fake.folder.log("one").stat().st_mode) == 0o600


def test_a_removed_folder_ends_the_supervisor_and_its_parts(fake: FakeStack, port: int) -> None:
    fake.start(fake.part("one", port))
    part = fake.becomes("one", State.HEALTHY)
    shutil.rmtree(fake.folder.path)
    assert fake.process is not None
    assert fake.process.wait(120) == 0
    assert not alive(part.pid)
    assert not fake.folder.path.exists(), "it leaves nothing behind"

"""Helpers of the native tier: polling with a bound, a supervisor over fake parts, a real stack in a copied checkout."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
from stackgen.engines import native_examples
from stackgen.engines.base import State
from stackgen.engines.native_files import Folder, held
from stackgen.engines.native_plan import PartPlan, Plan
from stackgen.engines.native_process import MARK
from stackgen.engines.native_state import PartState, StackState
from support import ROOT, choose_ports

FAKE = ROOT / "tests" / "native" / "fake_part.py"
T = TypeVar("T")


def until(what: Callable[[], T | None], seconds: float = 20.0, why: str = "") -> T:
    """Polls until `what` gives something true; fails after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"not within {seconds:.0f} s: {why or what}")
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def marked(folder: Path) -> list[psutil.Process]:
    """Living processes that belong to this `.stack` folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


class FakeStack:
    """A supervisor of its own over fake parts, in a temporary folder."""

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)
        self.folder.make()
        self.process: subprocess.Popen[bytes] | None = None
        self._ids = itertools.count(1)

    def part(self, name: str, port: int, *options: str, **fields: object) -> PartPlan:
        command = (sys.executable, str(FAKE), "--port", str(port), *options)
        return PartPlan(name, command, port, "/ready", version="1.0", **fields)  # type: ignore[arg-type]

    def plan(self, *parts: PartPlan, search: str = "") -> str:
        plan = Plan(f"plan-{next(self._ids)}", search, parts)
        plan.write(self.folder.plan)
        return plan.id

    def start(self, *parts: PartPlan, search: str = "", path: Path | None = None) -> None:
        """path: searched for modules before everything else."""
        self.plan(*parts, search=search)
        paths = [*([path] if path else []), ROOT / "scripts", ROOT / "exporter"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stackgen.engines.native_supervisor", str(self.folder.path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            start_new_session=True,
        )
        until(lambda: self.state.plan, why="the supervisor takes the plan over")

    def change(self, *parts: PartPlan, search: str = "") -> None:
        """A new plan, taken over."""
        new = self.plan(*parts, search=search)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        until(lambda: self.state.plan == new, why="the supervisor takes the new plan over")

    @property
    def state(self) -> StackState:
        return StackState.read(self.folder.state)

    def __getitem__(self, part: str) -> PartState:
        return self.state.parts.get(part) or PartState()

    def becomes(self, part: str, state: State, seconds: float = 20.0) -> PartState:
        until(lambda: self[part].state is state, seconds, f"{part} becomes {state}, it is {self[part]}")
        return self[part]

    def log(self, part: str) -> str:
        path = self.folder.log(part)
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        """TERM, and the end of everything."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(40)

    def clean(self) -> None:
        """After a test, however it went."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in marked(self.folder.path):
            with contextlib.suppress(psutil.Error):
                process.kill()
        assert not held(self.folder.supervisor_lock)


def example_ports() -> dict[str, str]:
    """A free port for each of the examples and what they stand on, as the variables of `up --examples`."""
    parts = native_examples.default_ports()
    chosen = zip(parts, choose_ports(len(parts)), strict=True)
    return {native_examples.variable(part): str(port) for part, port in chosen}

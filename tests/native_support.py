"""Helpers of the native tier: a supervisor over fake parts, living processes of a stack, ports of the examples."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
from running import RunningStack
from stackgen.engines import native_examples
from stackgen.engines.base import State
from stackgen.engines.native_files import Folder, held
from stackgen.engines.native_plan import PartPlan, Plan
from stackgen.engines.native_process import MARK
from stackgen.engines.native_state import PartState, StackState
from support import ROOT, choose_ports
from waiting import until

FAKE = ROOT / "tests" / "native" / "fake_part.py"
ANSWERED = {  # a metric that each example's own work gives, under its preset's name
    "example-flask": "app_request_total",
    "example-api": "user_registrations_total",
    "example-framework": "cache_requests_total",
    "example-iot": "telemetry_ingestion_total",
    "example-ai": "holisticos_openai_calls_total",
}


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


def named(folder: Path, name: str) -> list[psutil.Process]:
    """Those whose name has this word in it; some may end while they are looked at."""
    found = []
    for process in marked(folder):
        with contextlib.suppress(psutil.Error):
            if name in process.name():
                found.append(process)
    return found


def files(folder: Path) -> list[Path]:
    """Every file below a folder in which files and folders come and go."""
    every = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return [path for path in every if path.is_file()]


def found(path: Path, *words: str) -> list[bytes]:
    """Which of the words stand in a file; what is gone meanwhile holds none."""
    with contextlib.suppress(FileNotFoundError):
        content = path.read_bytes()
        return [word.encode() for word in words if word.encode() in content]
    return []


def native_stack(root: Path, ports: dict[str, str]) -> RunningStack:
    """`./stack` of this copy of the checkout, where no Docker engine is; nothing is started."""
    return RunningStack(root, ports, "native", DOCKER_HOST="unix:///nonexistent/docker.sock")


def end_native(stack: RunningStack) -> None:
    """Ends what runs; fails when `down` leaves something behind."""
    stack.command("down", check=False)
    left = marked(stack.root / ".stack")
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert left == [], "down left processes behind"


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

    def becomes(self, part: str, state: State, wanted: Callable[[PartState], object] = lambda _now: True) -> PartState:
        """The first look at the part in this state, and as `wanted` says."""

        def look() -> PartState | None:
            now = self[part]
            return now if now.state is state and wanted(now) else None

        return until(look, why=lambda: f"{part} becomes {state}, it is {self[part]}")

    def log(self, part: str) -> str:
        path = self.folder.log(part)
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        """TERM, and the end of everything."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)

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

"""What a build tells while it runs: events, a file of JSON lines that another process follows, and its reader.

Nothing is built or printed here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType


class Stage(StrEnum):
    """queued: its turn comes later. waiting: another process builds the same part."""

    QUEUED = "queued"
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    COMPILING = "compiling"
    INSTALLING = "installing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Event:
    """done of about total modules (downloading) or packages (compiling); seconds since the part's build began.

    time: Unix seconds. message: of a failure, what happened and what to do.
    """

    part: str
    stage: Stage
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    message: str = ""
    time: float = 0.0

    @property
    def ended(self) -> bool:
        return self.stage in (Stage.DONE, Stage.FAILED)

    def __str__(self) -> str:
        words = {
            Stage.QUEUED: "is queued",
            Stage.WAITING: "is being built by another process",
            Stage.DOWNLOADING: f"downloading modules, {self.done} of about {max(self.done, self.total)}",
            Stage.COMPILING: f"compiling, package {self.done} of about {max(self.done, self.total)}",
            Stage.INSTALLING: "checking and installing",
            Stage.DONE: "done",
            Stage.FAILED: "failed",
        }[self.stage]
        took = f" ({self.seconds:.0f} s)" if self.seconds >= 1 else ""
        return f"{self.part}: {words}{took}" + (f": {self.message}" if self.message else "")


Progress = Callable[[Event], None]


def silent(_event: Event) -> None:
    """A progress callback that tells nobody."""


class Throttle:
    """Passes an event on when its part or stage is new, or when `interval` seconds have gone by."""

    def __init__(self, progress: Progress, interval: float = 1.0) -> None:
        self._progress = progress
        self._interval = interval
        self._last: tuple[str, Stage] | None = None
        self._at = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        key = (event.part, event.stage)
        if event.ended or key != self._last or now - self._at >= self._interval:
            self._last, self._at = key, now
            self._progress(event)


class ProgressFile:
    """Writes events as JSON lines, the writer's process id in the first; a callback for the length of a `with`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._file.write(json.dumps({"pid": os.getpid(), "time": time.time()}) + "\n")

    def __call__(self, event: Event) -> None:
        self._file.write(json.dumps(asdict(event)) + "\n")

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@dataclass(frozen=True)
class Report:
    """What a progress file says: the last event of each part, and whether its writer still lives."""

    pid: int
    alive: bool
    parts: dict[str, Event]


def read(path: Path) -> Report | None:
    """Reads a progress file; None when there is none. A last line that is still being written is left out."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return None
    pid, parts = 0, {}
    for line in lines:
        try:
            fields = json.loads(line)
            if "pid" in fields:
                pid = int(fields["pid"])
            else:
                event = Event(**{**fields, "stage": Stage(fields["stage"])})
                parts[event.part] = event
        except (ValueError, TypeError, KeyError):
            continue
    return Report(pid, alive(pid), parts)


def alive(pid: int) -> bool:
    """True while a process of this id runs; a zombie does not."""
    if pid <= 0:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")

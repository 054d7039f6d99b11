"""What every engine can do, and how a part's state is told. No engine lives here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from stackgen.model import Model
from stackgen.placement import Placement


class State(StrEnum):
    """waiting: its program is still being built or fetched. starting: runs, not ready. failed: cannot run as it is."""

    HEALTHY = "healthy"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    WAITING = "waiting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    """since: Unix seconds of the last change of state, 0 when it never ran. detail: one line in words."""

    part: str
    version: str
    state: State
    address: str
    since: float
    detail: str = ""


class EngineError(Exception):
    """The engine cannot do it: message says what happened, hint what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Context:
    """What an engine works on.

    root: the checkout. state: the folder `.stack/` below it. environment: variables that set ports and images
    (the process's own, over `.env`).
    """

    root: Path
    model: Model
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.root / ".stack"


class Engine(Protocol):
    """`up` returns when the essential parts answer (all of them with wait=True); every method may raise EngineError."""

    name: str

    def placement(self) -> Placement: ...
    def up(self, *, wait: bool) -> None: ...
    def down(self) -> None: ...
    def destroy(self) -> None: ...
    def status(self) -> list[PartStatus]: ...
    def running(self) -> bool: ...
    def reload(self, part: str) -> None: ...
    def logs(self, part: str, *, follow: bool, tail: int) -> Iterator[str]: ...

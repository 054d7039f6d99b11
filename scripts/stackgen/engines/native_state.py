"""What runs at the moment, as the supervisor tells it in `.stack/state.json`. Who changes it: `native_supervisor`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stackgen.engines.base import State
from stackgen.engines.native_files import read_json, write_json


@dataclass
class PartState:
    """One part.

    pid: 0 when no process runs. origin: where its program comes from, in words.
    since: Unix seconds of the last change of state. restarts: starts after the first one that were not asked for.
    error: why it last ended or cannot start, with what to do in `hint`. progress: what its build or download does now.
    final: the part cannot come up without help; `up` stops waiting for it.
    waits_for: a newer version that is ready and comes with the next `up`.
    """

    pid: int = 0
    version: str = ""
    origin: str = ""
    state: State = State.STOPPED
    since: float = 0.0
    restarts: int = 0
    error: str = ""
    hint: str = ""
    progress: str = ""
    final: bool = False
    waits_for: str = ""

    def detail(self) -> str:
        """One line in words for a table."""
        words = []
        if self.state in (State.FAILED, State.UNHEALTHY, State.STARTING) and self.error:
            words.append(self.error)
            if self.state is State.FAILED and self.hint:
                words.append(self.hint)
        if self.progress:
            words.append(self.progress)
        if self.state is State.HEALTHY and self.origin:
            words.append(self.origin)
        if self.restarts:
            words.append(f"restarted {self.restarts} time{'s' if self.restarts > 1 else ''}")
        if self.waits_for:
            words.append(f"{self.waits_for} is ready and comes with the next up")
        return "; ".join(words)


@dataclass
class StackState:
    """The supervisor and its parts. plan: id of the plan that is in force. pid: 0 after a clean end."""

    pid: int = 0
    plan: str = ""
    searching: bool = False
    parts: dict[str, PartState] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replaces the file. Raises OSError."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> StackState:
        """The state; an empty one when there is no whole file."""
        content: Any = read_json(path)
        try:
            parts = {
                name: PartState(**{**part, "state": State(part["state"])}) for name, part in content["parts"].items()
            }
            return cls(content["pid"], content["plan"], content["searching"], parts)
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()

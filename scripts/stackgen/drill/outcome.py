"""What came of each alert of a drill. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """How it went."""

    DRILLED = "drilled"
    FIRING_ONLY = "firing only"
    FAILED = "failed"
    NOT_DRILLED = "not drilled"


@dataclass
class Outcome:
    """One alert. All times are real seconds.

    receivers: where it arrived. seconds: from the first evaluation that saw the fault to the last of its receivers.
    expected: what that may take: `for`, scrape, evaluation, group_wait and two seconds for the machine.
    resolved: from the beginning of the first recovery to the last receiver told; recovery: the one that did it.
    changes: what of the rule was rewritten. problems: why it failed, or why it was not drilled or not ended.
    """

    alert: str
    severity: str = ""
    state: State = State.FAILED
    test: str = ""
    receivers: tuple[str, ...] = ()
    seconds: float | None = None
    expected: float | None = None
    resolved: float | None = None
    recovery: str = ""
    changes: tuple[str, ...] = ()
    backfilled: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def late(self) -> bool:
        return self.seconds is not None and self.expected is not None and self.seconds > self.expected


@dataclass(frozen=True)
class Result:
    """A whole drill. versions: of the programs. took: real seconds in all. notes: what was not as rendered."""

    outcomes: tuple[Outcome, ...]
    took: float
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.state is State.FAILED)

    def count(self, state: State) -> int:
        return sum(one.state is state for one in self.outcomes)

"""Who is told when: recipients, time windows, escalation steps and routes of one's own. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from stackgen.diagnostic import Position

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Tell:
    """One receiver of a list. window: only while it is open, or with `outside` only while it is not; "" for always."""

    receiver: str
    window: str = ""
    outside: bool = False
    where: Position = field(default=Position("", 1, 1), compare=False)

    @property
    def words(self) -> str:
        """As stack.yml has it."""
        when = "outside" if self.outside else "during"
        return f"{self.receiver} {when} {self.window}" if self.window else self.receiver


@dataclass(frozen=True)
class Window:
    """A named time. days: 0 for Monday to 6. hours: minutes of the day from and to; to <= from is into the next day.

    begin, end: one stretch of time instead, in the time zone. timezone: of the tz database.
    """

    name: str
    where: Position
    days: tuple[int, ...] = ()
    hours: tuple[tuple[int, int], ...] = ()
    timezone: str = "UTC"
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Match:
    """A label and what it must be. operator: as Alertmanager writes it: = != =~ !~."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True)
class Route:
    """A route of one's own, before those of the teams. also: the teams are told too. group_by, repeat: as for teams."""

    where: Position
    when: tuple[Match, ...]
    tell: tuple[Tell, ...]
    also: bool = False
    group_by: tuple[str, ...] = ()
    repeat: float | None = None


@dataclass(frozen=True)
class Step:
    """Escalation: whom to tell of an alert that nobody has silenced `after` seconds of firing."""

    after: float
    where: Position
    tell: tuple[Tell, ...]

"""The time as the console reads it, so that tests can give their own. No timers here."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """time: Unix seconds for what is shown and stored; monotonic: seconds for measuring how long something took."""

    def time(self) -> float: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def iso(moment: float) -> str:
    """Unix seconds as `2026-11-21T01:38:00.123Z`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(moment: float) -> str:
    """Unix seconds as people read it: "21 Nov 2026, 01:38:00 UTC"."""
    return f"{datetime.fromtimestamp(moment, UTC):%d %b %Y, %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """A duration in words, rounded down: "12 s", "5 min", "3 h", "2 d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def datetime_of(moment: float) -> datetime:
    """Unix seconds as an aware datetime in UTC."""
    return datetime.fromtimestamp(moment, UTC)

"""Which of Alertmanager's time intervals a moment lies in. How windows become intervals is the renderer's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from stackgen.render.windows import MONTHS, WEEKDAYS


def open_windows(config: Mapping[str, Any], at: datetime) -> frozenset[str]:
    """Names of the time intervals of a configuration that are open. at: with its time zone."""
    return frozenset(
        one["name"]
        for one in config.get("time_intervals", ())
        if any(contains(interval, at) for interval in one["time_intervals"])
    )


def contains(interval: Mapping[str, Any], at: datetime) -> bool:
    """Every kind of limit that is given must hold, one of each kind is enough."""
    moment = at.astimezone(ZoneInfo(interval.get("location", "UTC")))
    minute = moment.hour * 60 + moment.minute
    sunday_first = (*WEEKDAYS[6:], *WEEKDAYS[:6])
    tests: dict[str, Callable[[Any], bool]] = {
        "times": lambda one: _minutes(one["start_time"]) <= minute < _minutes(one["end_time"]),
        "weekdays": lambda one: _within(one, sunday_first, (moment.weekday() + 1) % 7),
        "days_of_month": lambda one: _within(one, (), moment.day),
        "months": lambda one: _within(one, MONTHS, moment.month - 1),
        "years": lambda one: _within(one, (), moment.year),
    }
    return all(any(test(one) for one in interval[key]) for key, test in tests.items() if key in interval)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _within(span: str, names: Sequence[str], value: int) -> bool:
    """`monday:friday` or `3:9` or one of either."""
    first, _, last = span.partition(":")
    low, high = (names.index(word) if word in names else int(word) for word in (first, last or first))
    return low <= value <= high

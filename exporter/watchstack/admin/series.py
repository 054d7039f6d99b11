"""The short history of an application as lines of a chart: rates and shares between points of history.py."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from watchstack.catalogue_data import DURATION_BUCKETS
from watchstack.history import Change, History, Point, quantile

MOST = 240  # points of an answer; of a longer time they stand further apart
WINDOW = 60.0  # seconds that the newest figures look back at least


class Series:
    """offset: seconds from the steady clock, which points have, to Unix time."""

    def __init__(self, history: History) -> None:
        self._history = history

    def lines(self, minutes: float, now: Point, offset: float) -> list[dict[str, Any]]:
        """A value for the time between each two points of the last `minutes`."""
        points = [point for point in self._history.points if point.at >= now.at - minutes * 60]
        step = max(1, -(-len(points) // MOST))
        chosen = points[::-1][::step][::-1]  # the newest is always there
        return [_between(old, new, offset) for old, new in pairwise(chosen)]

    def newest(self, now: Point, offset: float) -> dict[str, Any]:
        """The figures of now: rates and shares of the last minute."""
        return _between(self._history.since(now.at - WINDOW) or now, now, offset)


def _between(old: Point, new: Point, offset: float) -> dict[str, Any]:
    change = Change.between(old, new)
    observed = sum(change.durations)
    p95 = quantile(0.95, change.durations, DURATION_BUCKETS)
    return {
        "at": round(new.at + offset, 1),
        "requests_per_second": round(change.requests / change.seconds, 3) if change.seconds else None,
        "error_percent": round(100 * change.errors / change.requests, 2) if change.requests else None,
        "mean_ms": round(1000 * change.took / observed, 2) if observed else None,
        "p95_ms": None if p95 is None else round(1000 * p95, 2),
        "cpu_percent": new.cpu,
        "memory_percent": new.memory,
        "disk_percent": new.disk,
    }

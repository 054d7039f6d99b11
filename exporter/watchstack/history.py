"""What the application's figures were: points in time, kept in bounded memory, and what changed between two of them.

Where the figures come from and what they mean: insights.py.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

MOST = 1440  # points: a day of minutes
SPACING = 60.0  # seconds between two points at least


@dataclass(frozen=True)
class Point:
    """The figures at one time. at: seconds of the steady clock.

    Counts since the start: requests, of them errors (5xx), their seconds by bucket (not added up, +Inf last) and in
    sum, database queries likewise, cache hits and misses. Percentages as they were; None where the host does not tell.
    """

    at: float
    requests: float = 0.0
    errors: float = 0.0
    durations: tuple[float, ...] = ()
    seconds: float = 0.0
    queries: float = 0.0
    query_errors: float = 0.0
    query_durations: tuple[float, ...] = ()
    cache_hits: float = 0.0
    cache_misses: float = 0.0
    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None


@dataclass(frozen=True)
class Change:
    """What happened between two points. seconds: from the one to the other."""

    seconds: float
    requests: float = 0.0
    errors: float = 0.0
    durations: tuple[float, ...] = field(default=())
    took: float = 0.0
    queries: float = 0.0
    query_errors: float = 0.0
    query_durations: tuple[float, ...] = field(default=())
    cache_hits: float = 0.0
    cache_misses: float = 0.0

    @classmethod
    def between(cls, old: Point, new: Point) -> Change:
        return cls(
            max(0.0, new.at - old.at),
            _less(new.requests, old.requests),
            _less(new.errors, old.errors),
            _each_less(new.durations, old.durations),
            _less(new.seconds, old.seconds),
            _less(new.queries, old.queries),
            _less(new.query_errors, old.query_errors),
            _each_less(new.query_durations, old.query_durations),
            _less(new.cache_hits, old.cache_hits),
            _less(new.cache_misses, old.cache_misses),
        )


class History:
    """Points of the last `hours`, at most 1440: of a longer time they stand further apart. 0 hours: the last alone."""

    def __init__(self, hours: float) -> None:
        self._seconds = hours * 3600
        self._spacing = max(SPACING, self._seconds / MOST)
        self.points: list[Point] = []

    def due(self, at: float) -> bool:
        """Whether a point of this time would be kept: the last one is not too near."""
        return not self.points or at - self.points[-1].at >= self._spacing

    def add(self, point: Point) -> bool:
        """Keeps a point that is due; whether it was."""
        if not self.due(point.at):
            return False
        gone = bisect_left(self.points, point.at - self._seconds, key=lambda old: old.at)
        self.points = [*self.points[gone:], point][-MOST:]  # a new list: others may be reading the old one
        return True

    def since(self, at: float) -> Point | None:
        """The newest point that is not younger than `at`, else the oldest there is."""
        older = [point for point in self.points if point.at <= at]
        return older[-1] if older else (self.points[0] if self.points else None)


def quantile(share: float, counts: Sequence[float], bounds: Sequence[float]) -> float | None:
    """The value below which a `share` of a histogram lies, worked out as PromQL's histogram_quantile does: linear
    within a bucket, the last bound for what is above it. None for no observations."""
    totals = list(accumulate(counts))
    if not totals or totals[-1] <= 0:
        return None
    rank = share * totals[-1]
    index = bisect_left(totals, rank)
    if index >= len(bounds):
        return bounds[-1]
    low = bounds[index - 1] if index else 0.0
    before = totals[index - 1] if index else 0.0
    return low + (bounds[index] - low) * (rank - before) / (totals[index] - before)


def _less(new: float, old: float) -> float:
    return max(0.0, new - old)


def _each_less(new: tuple[float, ...], old: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(_less, new, old)) if len(old) == len(new) else new

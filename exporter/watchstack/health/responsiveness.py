"""The check of the application's responsiveness (C-19): its answers since the last look, how fast threads get on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from watchstack.health.check import Result, Status
from watchstack.http.recorder import Figures

_FEW = 20  # requests below which a share of errors says nothing
_NAP = 0.01  # seconds that a thread asks to sleep; what it sleeps longer is what it waited for its turn


@dataclass(frozen=True)
class Totals:
    """All answers so far. seconds: their durations added up; observed: how many of them were timed; errors: 5xx."""

    count: int = 0
    errors: int = 0
    observed: int = 0
    seconds: float = 0.0


def totals(figures: Figures) -> Totals:
    """Added up over all label sets."""
    count = errors = observed = 0
    seconds = 0.0
    for cells in list(figures.groups.values()):
        for status, cell in list(cells.items()):
            number = cell.count
            count += number
            errors += number if status.startswith("5") else 0
            observed += int(sum(cell.durations))
            seconds += cell.duration_sum
    return Totals(count, errors, observed, seconds)


class ResponsivenessCheck:
    """Degraded when answers took longer than `slow_ms` in the mean, more than `error_percent` of 20 or more were 5xx,
    or a thread had to wait longer than `wait_ms` for its turn (Y-04). figures: what the HTTP core has recorded.
    """

    def __init__(
        self,
        figures: Callable[[], Figures],
        *,
        slow_ms: float = 5000.0,
        error_percent: float = 5.0,
        wait_ms: float = 500.0,
    ) -> None:
        self._figures = figures
        self._slow_ms = slow_ms
        self._error_percent = error_percent
        self._wait_ms = wait_ms
        self._before = Totals()

    def __call__(self) -> Result:
        began = time.perf_counter()
        time.sleep(_NAP)
        waited = max(0.0, time.perf_counter() - began - _NAP) * 1000
        now, before = totals(self._figures()), self._before
        self._before = now
        if now.count < before.count:  # the recorder began anew, in a process that was forked off
            before = Totals()
        count, observed = now.count - before.count, now.observed - before.observed
        mean = 1000 * (now.seconds - before.seconds) / observed if observed > 0 else 0.0
        errors = 100.0 * (now.errors - before.errors) / count if count > 0 else 0.0
        details = {
            "requests": count,
            "mean_response_ms": round(mean, 2),
            "error_percent": round(errors, 2),
            "thread_wait_ms": round(waited, 2),
        }
        if mean > self._slow_ms:
            return Result(Status.DEGRADED, f"Application slow: {mean:.0f}ms", details)
        if count >= _FEW and errors > self._error_percent:
            return Result(Status.DEGRADED, f"High error rate: {errors:.1f}%", details)
        if waited > self._wait_ms:
            return Result(Status.DEGRADED, f"Application busy: a thread waited {waited:.0f}ms", details)
        return Result(Status.HEALTHY, "Application responsive", details)

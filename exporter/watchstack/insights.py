"""What the application's own figures say of its performance: a score with its reasons, alerts, advice, trends.

The score is 100 less the points of every finding, 0 at least; docs/instrument.md has the table. The findings come from
the last 15 minutes, the trends from what history.py keeps. Who is told of alerts is no matter of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from watchstack.catalogue_data import DURATION_BUCKETS, QUERY_BUCKETS
from watchstack.health.check import Status
from watchstack.health.health import Health
from watchstack.health.runner import Outcome
from watchstack.history import Change, History, Point, quantile
from watchstack.host import HostSampler
from watchstack.http.recorder import Recorder
from watchstack.measures import Measures
from watchstack.settings import Settings

WINDOW = 900.0  # seconds that the findings look back
FEW = 20  # requests, queries below which a share says nothing
LOOKUPS = 100  # the same for the cache
SLOW_MEAN = 1.0  # seconds a request may take in the mean
SLOW_QUERY = 5.0  # seconds a query may take in the 95th percentile
ERROR_SHARES = ((0.05, 30, "critical"), (0.01, 10, "warning"))  # of requests: above, points, severity (X-12, C-39)
POOR_CACHE = 0.5  # share of look-ups that hit
NOTICED = 0.1  # change of a trend that is told as one
HORIZON = 24 * 3600.0  # seconds ahead within which a rise is told that reaches a critical threshold


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. points: what it costs. action: what to do."""

    points: int
    severity: str
    message: str
    action: str


class Insights:
    """The insights of one application; `sample` is called from time to time to keep the history."""

    def __init__(
        self, settings: Settings, recorder: Recorder, sampler: HostSampler, health: Health, measures: Measures
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._sampler = sampler
        self._health = health
        self._measures = measures
        self._clocks = measures.clocks
        self.history = History(settings.metrics_retention_hours)
        self.history.add(self.point())

    def sample(self) -> None:
        """Keeps the figures of now, if the last ones are old enough."""
        if self.history.due(self._clocks.steady()):
            self.history.add(self.point())

    def performance(self) -> dict[str, Any]:
        """The answer of A-21 and G-16: `health_score`, `alerts`, `recommendations`, beside them `reasons`, `trends`
        and `window_seconds`. Runs health checks that have no outcome yet, so it may wait for those."""
        now = self.point()
        change = Change.between(self.history.since(now.at - WINDOW) or now, now)
        findings = [
            *self._traffic(change),
            *self._resources(now),
            *self._checks(self._health.runner.latest(self._health.checks)),
            *self._stores(change),
            *self._rises(now),
        ]
        return {
            "health_score": max(0, 100 - sum(finding.points for finding in findings)),
            "alerts": [{"message": one.message, "severity": one.severity} for one in findings],
            "recommendations": [{"message": one.message, "action": one.action} for one in findings],
            "reasons": [{"message": one.message, "points": -one.points} for one in findings],
            "trends": trends([*self.history.points, now]),
            "window_seconds": round(change.seconds, 1),
        }

    def point(self) -> Point:
        """The figures of now."""
        sample = self._sampler.latest
        disks = [disk.percent for disk in sample.disks.values()] if sample is not None else []
        requests = errors = seconds = 0.0
        durations = [0.0] * (len(DURATION_BUCKETS) + 1)
        for cells in list(self._recorder.figures().groups.values()):
            for status, cell in list(cells.items()):
                requests += cell.count
                errors += cell.count if status.startswith("5") else 0
                seconds += cell.duration_sum
                durations = [a + b for a, b in zip(durations, cell.durations, strict=True)]
        own = self._measures.gather()
        query_durations = [0.0] * (len(QUERY_BUCKETS) + 1)
        for _, *counts in own.get("db_query_duration_seconds", {}).values():
            query_durations = [a + b for a, b in zip(query_durations, counts, strict=True)]
        return Point(
            self._clocks.steady(),
            requests=requests,
            errors=errors,
            durations=tuple(durations),
            seconds=seconds,
            queries=sum(own.get("db_queries_total", {}).values()),
            query_errors=sum(own.get("db_query_errors_total", {}).values()),
            query_durations=tuple(query_durations),
            cache_hits=own.get("cache_requests_total", {}).get(("hit",), 0.0),
            cache_misses=own.get("cache_requests_total", {}).get(("miss",), 0.0),
            cpu=sample.cpu_percent if sample is not None else None,
            memory=sample.memory_percent if sample is not None else None,
            disk=max(disks, default=None),
        )

    def _traffic(self, change: Change) -> Iterator[Finding]:
        if change.requests < FEW:
            return
        share = change.errors / change.requests
        for above, points, severity in ERROR_SHARES:
            if share > above:
                message = f"{share:.1%} of the requests failed, more than {above:.0%}"
                yield Finding(points, severity, message, "Look for the exceptions behind the 5xx answers in the logs")
                break
        slow = quantile(0.95, change.durations, DURATION_BUCKETS)
        limit = self._settings.response_time_threshold_ms / 1000
        mean = change.took / max(1.0, sum(change.durations))
        if slow is not None and slow > limit:
            message = f"5 % of the requests took longer than {slow:.1f} s; the threshold is {limit:g} s"
            yield Finding(20, "error", message, "Find the slow endpoint in http_request_duration_seconds")
        elif mean > SLOW_MEAN:
            message = f"A request took {mean:.1f} s in the mean, more than {SLOW_MEAN:g} s"
            yield Finding(10, "warning", message, "Find the slow endpoint in http_request_duration_seconds")

    def _resources(self, now: Point) -> Iterator[Finding]:
        for name, value, warning, critical, action in self._limits(now):
            if value is None or value < warning:
                continue
            worst = value >= critical
            limit = critical if worst else warning
            message = f"{name} is at {value:.0f} %, the threshold is {limit:g} %"
            yield Finding(20 if worst else 10, "critical" if worst else "warning", message, action)

    def _limits(self, now: Point) -> list[tuple[str, float | None, float, float, str]]:
        found = self._settings
        cpu, memory = "Add cores or spread the load", "Look for a leak, or give the host more memory"
        disk = "Delete or move old data, or enlarge the disk"
        return [
            ("CPU", now.cpu, found.cpu_usage_threshold_percent, found.cpu_usage_critical_percent, cpu),
            ("Memory", now.memory, found.memory_usage_warning_percent, found.memory_usage_threshold_percent, memory),
            ("Disk", now.disk, found.disk_usage_threshold_percent, found.disk_usage_critical_percent, disk),
        ]

    def _checks(self, outcomes: list[Outcome]) -> Iterator[Finding]:
        for outcome in outcomes:
            name, status = outcome.check.name, outcome.result.status
            if status is Status.HEALTHY:
                continue
            failed = status.failed and outcome.check.critical
            message = f"Health check {name} is {status}: {outcome.result.message}"
            action = f"See what {name} needs: {outcome.check.description or 'its details tell'}"
            yield Finding(25 if failed else 5, "critical" if failed else "warning", message, action)

    def _stores(self, change: Change) -> Iterator[Finding]:
        if change.queries >= FEW:
            share = change.query_errors / change.queries
            if share > ERROR_SHARES[0][0]:
                message = f"{share:.1%} of the database queries failed"
                yield Finding(15, "error", message, "Look at db_query_errors_total by operation")
            slow = quantile(0.95, change.query_durations, QUERY_BUCKETS)
            if slow is not None and slow > SLOW_QUERY:
                message = f"5 % of the database queries took longer than {slow:.1f} s"
                yield Finding(10, "warning", message, "Find the operation in db_query_duration_seconds; add an index")
        lookups = change.cache_hits + change.cache_misses
        if lookups >= LOOKUPS and change.cache_hits / lookups < POOR_CACHE:
            message = f"Only {change.cache_hits / lookups:.0%} of the cache look-ups hit"
            yield Finding(5, "info", message, "Keep entries longer, or cache what is asked for more often")

    def _rises(self, now: Point) -> Iterator[Finding]:
        """A resource whose steady rise reaches its critical threshold within a day."""
        reads: list[Callable[[Point], float | None]] = [lambda p: p.cpu, lambda p: p.memory, lambda p: p.disk]
        for (name, value, _, critical, action), read in zip(self._limits(now), reads, strict=True):
            rise = slope([(point.at, read(point)) for point in [*self.history.points, now]])
            if value is None or rise is None or rise <= 0 or value >= critical or name == "CPU":
                continue
            left = (critical - value) / rise
            if left < HORIZON:
                message = f"{name} rises and reaches {critical:g} % in about {left / 3600:.1f} h"
                yield Finding(5, "warning", message, action)


def trends(points: list[Point]) -> dict[str, Any]:
    """The newer half of the points against the older: {name: {before, now, change_percent, direction}}.

    direction: `rising`, `falling`, `steady` (less than 10 %). Empty for fewer than four points.
    """
    if len(points) < 4:
        return {}
    middle = len(points) // 2
    found: dict[str, Any] = {}
    old, new = Change.between(points[0], points[middle]), Change.between(points[middle], points[-1])
    pairs: dict[str, tuple[float | None, float | None]] = {
        "requests_per_second": (_share(old.requests, old.seconds), _share(new.requests, new.seconds)),
        "error_share": (_share(old.errors, old.requests), _share(new.errors, new.requests)),
        "p95_seconds": (
            quantile(0.95, old.durations, DURATION_BUCKETS),
            quantile(0.95, new.durations, DURATION_BUCKETS),
        ),
    }
    for name in ("cpu", "memory", "disk"):
        values = [getattr(point, name) for point in points]
        pairs[f"{name}_percent"] = (_mean(values[:middle]), _mean(values[middle:]))
    for name, (before, now) in pairs.items():
        if before is not None and now is not None:
            found[name] = trend(before, now)
    return found


def trend(before: float, now: float) -> dict[str, Any]:
    """{before, now, change_percent, direction}; direction: `rising`, `falling`, `steady` (less than 10 %)."""
    change = (now - before) / before if before else (1.0 if now else 0.0)
    direction = "steady" if abs(change) < NOTICED else ("rising" if change > 0 else "falling")
    shown = {"before": round(before, 4), "now": round(now, 4)}
    return {**shown, "change_percent": round(100 * change, 1), "direction": direction}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def slope(pairs: list[tuple[float, float | None]]) -> float | None:
    """Of the least-squares line, per second; None for fewer than ten points, and where it explains less than half of
    what the values do (r² below 0.5), which is no steady rise."""
    known = [(at, value) for at, value in pairs if value is not None]
    if len(known) < 10:
        return None
    mean_at = sum(at for at, _ in known) / len(known)
    mean_value = sum(value for _, value in known) / len(known)
    spread = sum((at - mean_at) ** 2 for at, _ in known)
    varied = sum((value - mean_value) ** 2 for _, value in known)
    together = sum((at - mean_at) * (value - mean_value) for at, value in known)
    if not spread or not varied or together**2 / (spread * varied) < 0.5:
        return None
    return together / spread

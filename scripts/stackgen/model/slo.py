"""What a service promises: availability and latency over a time. Reading: `read_slo`. The rules: `render/slo`."""

from __future__ import annotations

from dataclasses import dataclass

# Seconds: the bucket bounds of http_request_duration_seconds. Requests can be counted as slow at these alone.
LATENCY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# Series that `render/slo` records for every promise, and rules/slo.yml reads.
RECORDED = (
    "slo:errors:rate5m",
    "slo:requests:rate5m",
    "slo:objective:ratio",
    "slo:period:seconds",
    "slo:error_limit:ratio",
    "slo:error_budget_remaining:ratio",
)
SHORTEST = 3 * 86400.0  # seconds: the longest window of the burn-rate alerts


@dataclass(frozen=True)
class Latency:
    """share: percent of requests that are answered within `under` seconds."""

    under: float
    share: float


@dataclass(frozen=True)
class Slo:
    """availability: percent of requests that do not fail with a 5xx. over: seconds that the promise covers."""

    availability: float | None = None
    latency: Latency | None = None
    over: float = 30 * 86400.0

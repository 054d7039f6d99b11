"""PromQL that the dashboards of several subjects share. `only`: the matchers that choose what is shown.

Where a recording rule of rules/recording-services.yml has the sum already, it is taken.
"""

from __future__ import annotations

from stackgen.render.dashboards.panels import EMPTY_IS_FINE

STATUS_CLASSES = (2, 3, 4, 5)
NO_TIMESCALEDB = f"{EMPTY_IS_FINE} the database is no TimescaleDB, or has no such table."


def share(some: str, total: str) -> str:
    """`some` in percent of `total`, and 0 while `total` is 0; no data where `total` has none."""
    return f"100 * {some} / ({total} > 0) or 0 * {total}"


def of_all(some: str, total: str) -> str:
    """`some`, or 0 where it has no series and `total` has: a counter that never counted is not there yet."""
    return f"{some} or 0 * {total}"


def requests(only: str) -> str:
    """Requests a second, over 5 minutes."""
    return f"sum(service:http_requests:rate5m{{{only}}})"


def error_percent(only: str) -> str:
    """Percent of the requests that were answered with 500 or more, over 5 minutes."""
    return share(f"sum(service:http_errors:rate5m{{{only}}})", requests(only))


def quantile(share_of_requests: float, only: str) -> str:
    """Seconds within which this share of the requests was answered, over 5 minutes."""
    buckets = f"sum by (le) (service:http_request_duration_seconds_bucket:rate5m{{{only}}})"
    return f"histogram_quantile({share_of_requests:g}, {buckets})"


def percentiles(only: str) -> tuple[tuple[str, str], ...]:
    """P50, P95 and P99 of the response times, each with its legend."""
    return tuple((quantile(part, only), f"P{part * 100:.0f}") for part in (0.5, 0.95, 0.99))


def status_class(digit: int, only: str) -> str:
    """Requests a second whose status begins with this digit, over 5 minutes."""
    return of_all(f'sum(service:http_requests_by_status:rate5m{{{only},status=~"{digit}.."}})', requests(only))

"""A Flask service (preset flask): its health dashboard, and the views overview, performance, resources and alerts."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import datastore, machine, traffic
from stackgen.render.dashboards.alerts import active, history
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame, of_preset
from stackgen.render.dashboards.panels import PanelBuilder, ask, build, one_number, over_time
from stackgen.render.dashboards.sdk import model

TITLE = "Mingus Health Dashboard"
UID = "watchstack-flask-health"
PRESET = "flask"
ONLY = of_preset(PRESET)


def mingus_health(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (health_check_status(), 24, 5),
        (response_times(source), 24, 10),
    ]
    return build(frame(source, TITLE, UID, PRESET), origin, panels)


def overview(source: Source, origin: str) -> dict[str, Any]:
    """Overall health and key metrics."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (traffic.rate_now(ONLY), 6, 4),
        (traffic.errors_now(ONLY, [(None, "green"), (1, "orange"), (5, "red")]), 6, 4),
        (traffic.p95_now(ONLY, limits(source, critical="flask_response_time_seconds")), 6, 4),
        (datastore.connections_now(ONLY), 6, 4),
        (health_check_status(), 24, 4),
        (traffic.by_service(ONLY), 12, 8),
        (active(ONLY), 12, 8),
    ]
    return build(frame(source, "Mingus Overview", "watchstack-flask-overview", PRESET), origin, panels)


def performance(source: Source, origin: str) -> dict[str, Any]:
    """Response times and throughput."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (traffic.response_times(ONLY, limits(source, critical="flask_response_time_seconds")), 12, 8),
        (traffic.by_status(ONLY), 12, 8),
        (traffic.by_route(ONLY), 12, 8),
        (traffic.slow_routes(ONLY), 12, 8),
        (datastore.query_times(ONLY, limits(source, critical="flask_database_seconds")), 12, 8),
        (datastore.cache_hits(ONLY), 12, 8),
    ]
    return build(frame(source, "Mingus Performance", "watchstack-flask-performance", PRESET), origin, panels)


def resources(source: Source, origin: str) -> dict[str, Any]:
    """CPU, memory, disk."""
    cpu, memory, disk = (
        limits(source, f"flask_{what}_warning", f"flask_{what}_critical") for what in ("cpu", "memory", "disk")
    )
    panels: list[tuple[PanelBuilder, int, int]] = [
        (machine.cpu(ONLY, cpu), 8, 8),
        (machine.memory(ONLY, memory), 8, 8),
        (machine.disk(ONLY, disk), 8, 8),
        (machine.process_cpu(ONLY), 8, 8),
        (machine.process_memory(ONLY), 8, 8),
        (datastore.pool(ONLY), 8, 8),
    ]
    return build(frame(source, "Mingus Resources", "watchstack-flask-resources", PRESET), origin, panels)


def alerts(source: Source, origin: str) -> dict[str, Any]:
    """Recent alerts and their state."""
    panels: list[tuple[PanelBuilder, int, int]] = [(active(ONLY), 24, 10), (history(ONLY), 24, 10)]
    return build(frame(source, "Mingus Alerts", "watchstack-flask-alerts", PRESET), origin, panels)


def health_check_status() -> PanelBuilder:
    states = model.ValueMap(
        {
            "0": model.ValueMappingResult(text="unhealthy", color="red", index=0),
            "1": model.ValueMappingResult(text="healthy", color="green", index=1),
        }
    )
    return ask(
        one_number("short", [(None, "red"), (1, "green")]).mappings([states]),
        "Health Check Status",
        "Whether each component that the service checks is healthy now; degraded counts as healthy. What is red is "
        "unreachable or too slow: see the time of its check beside.",
        (f"health_check_status{{{ONLY}}}", "{{component}}"),
        instant=True,
    )


def response_times(source: Source) -> PanelBuilder:
    return ask(
        over_time("s", limits(source, "flask_external_seconds", "flask_response_time_seconds")).min(0),
        "Response Times",
        "How long the check of each component takes, mean over 5 minutes. Orange is the limit for an outside API, "
        "red the one for any answer. Over a line users feel it.",
        (
            f"rate(health_check_duration_seconds_sum{{{ONLY}}}[5m])"
            f" / rate(health_check_duration_seconds_count{{{ONLY}}}[5m])",
            "{{component}}",
        ),
    )

"""The four dashboards of the API (preset api): overview, resources, database, errors. They lead to one another."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import datastore, machine, traffic
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame, of_preset
from stackgen.render.dashboards.panels import (
    EMPTY_IS_FINE,
    LOKI,
    PanelBuilder,
    ask,
    build,
    lines,
    log_lines,
    one_number,
    over_time,
)
from stackgen.render.dashboards.queries import of_all, requests
from stackgen.render.dashboards.sdk import dashboard

PRESET = "api"
ONLY = of_preset(PRESET)
Panels = list[tuple[PanelBuilder, int, int]]


def api_overview(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    slow, failing = limits(source, "api_response_time_seconds"), limits(source, critical="api_error_percent")
    panels: Panels = [
        (traffic.rate_now(ONLY), 5, 4),
        (_leading(traffic.errors_now(ONLY, failing), "Error Tracking", "watchstack-api-errors"), 5, 4),
        (traffic.average_now(ONLY, slow), 5, 4),
        (traffic.in_progress(ONLY), 5, 4),
        (active_users(), 4, 4),
        (traffic.by_service(ONLY), 8, 8),
        (traffic.by_status(ONLY), 8, 8),
        (traffic.response_times(ONLY, slow), 8, 8),
        (traffic.by_route(ONLY), 12, 8),
        (traffic.slow_routes(ONLY), 12, 8),
        (registrations(), 8, 8),
        (traffic.features(ONLY), 8, 8),
        (events(), 8, 8),
        (traffic.health(ONLY), 24, 6),
    ]
    return _built(source, origin, "TUG API Overview", "watchstack-api", panels)


def system_resources(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: Panels = [
        (machine.cpu(ONLY, limits(source, "api_cpu_percent")), 12, 8),
        (machine.memory(ONLY, limits(source, "api_memory_percent")), 12, 8),
        (machine.memory_left(ONLY), 8, 8),
        (machine.disk(ONLY, limits(source, "disk_warning", "disk_critical")), 8, 8),
        (machine.disk_left(ONLY), 8, 8),
        (machine.network(ONLY), 8, 8),
        (machine.process_memory(ONLY), 8, 8),
        (machine.process_cpu(ONLY), 8, 8),
    ]
    return _built(source, origin, "System Resources", "watchstack-api-resources", panels)


def database_performance(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: Panels = [
        (datastore.queries_now(ONLY), 6, 4),
        (datastore.failed_queries_now(ONLY), 6, 4),
        (datastore.slowest_now(ONLY), 6, 4),
        (datastore.connections_now(ONLY), 6, 4),
        (datastore.queries(ONLY), 8, 8),
        (datastore.query_times(ONLY), 8, 8),
        (datastore.mean_query_times(ONLY), 8, 8),
        (datastore.failed_queries(ONLY), 8, 8),
        (datastore.connections(ONLY), 8, 8),
        (datastore.pool(ONLY), 8, 8),
    ]
    return _built(source, origin, "Database Performance", "watchstack-api-database", panels)


def error_tracking(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    failing = limits(source, critical="api_error_percent")
    panels: Panels = [
        (traffic.errors_now(ONLY, failing), 6, 4),
        (failed_requests(), 6, 4),
        (refused_requests(), 6, 4),
        (datastore.failed_queries_now(ONLY), 6, 4),
        (traffic.error_share(ONLY, failing), 12, 8),
        (traffic.failing_routes(ONLY), 12, 8),
        (traffic.exceptions(ONLY), 12, 8),
        (datastore.failed_queries(ONLY), 12, 8),
        (error_lines(), 24, 8),
    ]
    return _built(source, origin, "Error Tracking", "watchstack-api-errors", panels)


def _built(source: Source, origin: str, title: str, uid: str, panels: Panels) -> dict[str, Any]:
    return build(frame(source, title, uid, PRESET), origin, panels)


def _leading(panel: Any, title: str, uid: str) -> PanelBuilder:
    """The panel with a link to another dashboard, for the same services and time."""
    address = f"/d/{uid}?${{service:queryparam}}&from=${{__from}}&to=${{__to}}"
    built: PanelBuilder = panel.data_links([dashboard.DashboardLink(title).url(address)])
    return built


def active_users() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "blue")]),
        "Active users",
        "Users who are active now, as the application tells. A sudden fall: they cannot reach it or were logged "
        f"out. {EMPTY_IS_FINE} the application does not tell.",
        (f"sum(active_users{{{ONLY}}})", "users"),
        instant=True,
    )


def registrations() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Registrations",
        "User registrations a minute by their way. None where there always were some: the form is broken. "
        f"{EMPTY_IS_FINE} nobody has registered.",
        (f"60 * sum by (method) (rate(user_registrations_total{{{ONLY}}}[5m]))", "{{method}}"),
    )


def events() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Events",
        "The application's own events a minute, by their type. A type that stops while requests go on is a broken "
        f"feature. {EMPTY_IS_FINE} the application counts none.",
        (f"60 * sum by (event_type) (rate(custom_events_total{{{ONLY}}}[5m]))", "{{event_type}}"),
    )


def failed_requests() -> PanelBuilder:
    which = f'sum(increase(http_requests_total{{{ONLY},status=~"5.."}}[1h]))'
    return ask(
        one_number("short", [(None, "green"), (1, "orange")]).decimals(0),
        "Failed requests",
        "Requests of the last hour that were answered with a status of 500 or more. Normal is next to none: Errors "
        "by route says where.",
        (of_all(which, requests(ONLY)), "failed"),
        instant=True,
    )


def refused_requests() -> PanelBuilder:
    which = f'sum(service:http_requests_by_status:rate5m{{{ONLY},status=~"4.."}})'
    return ask(
        one_number("reqps", [(None, "green")]),
        "Refused requests",
        "Requests a second that were answered with a status of 400 to 499. A peak is a caller with a mistake, or "
        f"somebody who tries doors. {EMPTY_IS_FINE} no request was refused.",
        (which, "refused"),
        instant=True,
    )


def error_lines() -> PanelBuilder:
    return (
        log_lines()
        .title("Error lines")
        .description(
            "Log lines of level error or critical, of every service. Look for those of the route that fails. "
            f"{EMPTY_IS_FINE} nothing is wrong then."
        )
        .datasource(LOKI)
        .with_target(lines('{level=~"error|critical"}'))
    )

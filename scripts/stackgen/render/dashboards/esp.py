"""The dashboard of the IoT platform (preset iot): fifteen panels, in the order and with the titles of its document."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.limits import at_least, limits
from stackgen.render.dashboards.links import frame, of_preset
from stackgen.render.dashboards.panels import PanelBuilder, ask, build, one_number, over_time
from stackgen.render.dashboards.queries import (
    NO_TIMESCALEDB,
    STATUS_CLASSES,
    error_percent,
    percentiles,
    quantile,
    status_class,
)

TITLE = "Alkhorayef ESP IoT Platform"
UID = "watchstack-iot"
PRESET = "iot"
ONLY = of_preset(PRESET)


def esp_platform(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (request_rate(source), 6, 4),
        (p95_response_time(source), 6, 4),
        (error_rate(source), 6, 4),
        (active_db_connections(source), 6, 4),
        (request_rate_by_method(), 8, 8),
        (response_time_percentiles(source), 8, 8),
        (requests_by_status_code(), 8, 8),
        (database_connections(source), 8, 8),
        (query_duration_p95(source), 8, 8),
        (telemetry_ingestion_rate(), 8, 8),
        (cpu_usage(source), 8, 8),
        (memory_usage(source), 8, 8),
        (disk_usage(source), 8, 8),
        (hypertable_chunks(source), 12, 8),
        (compression_ratio(source), 12, 8),
    ]
    return build(frame(source, TITLE, UID, PRESET), origin, panels)


def request_rate(source: Source) -> PanelBuilder:
    return ask(
        one_number("reqps", limits(source, "iot_requests_per_second")),
        "Request Rate",
        "Requests a second, over 5 minutes. A sudden fall is as bad as a peak.",
        (f"sum(service:http_requests:rate5m{{{ONLY}}})", "requests"),
        instant=True,
    )


def p95_response_time(source: Source) -> PanelBuilder:
    return ask(
        one_number("s", limits(source, "iot_response_time_seconds")),
        "P95 Response Time",
        "19 of 20 requests were answered within this time, over 5 minutes. When it climbs look at the query times "
        "below.",
        (quantile(0.95, ONLY), "P95"),
        instant=True,
    )


def error_rate(source: Source) -> PanelBuilder:
    return ask(
        one_number("percent", limits(source, critical="iot_error_percent")),
        "Error Rate",
        "Share of the requests that were answered with a status of 500 or more, over 5 minutes. Normal is next to "
        "nothing; the logs of that time say why.",
        (error_percent(ONLY), "errors"),
        instant=True,
    )


def active_db_connections(source: Source) -> PanelBuilder:
    return ask(
        one_number("short", limits(source, "iot_connections")),
        "Active DB Connections",
        "Database connections in use by queries now. Near the pool's size requests wait.",
        (f"sum(db_connections_active{{{ONLY}}})", "connections"),
        instant=True,
    )


def request_rate_by_method() -> PanelBuilder:
    return ask(
        over_time("reqps").min(0),
        "Request Rate by Method",
        "Requests a second of each method, over 5 minutes. Devices write, people read: a change of the mix is a "
        "change of who calls.",
        (f"sum by (method) (service:http_requests_by_route:rate5m{{{ONLY}}})", "{{method}}"),
    )


def response_time_percentiles(source: Source) -> PanelBuilder:
    return ask(
        over_time("s", limits(source, "iot_response_time_seconds")).min(0),
        "Response Time Percentiles",
        "Half, 95 % and 99 % of the requests were answered within these times, over 5 minutes. Apart they are slow "
        "for some, climbing together slow for all.",
        *percentiles(ONLY),
    )


def requests_by_status_code() -> PanelBuilder:
    return ask(
        over_time("reqps").min(0),
        "Requests by Status Code",
        "Requests a second by the class of their status, over 5 minutes. Normal is nearly all 2xx; 4xx are callers' "
        "mistakes, 5xx the platform's.",
        *((status_class(digit, ONLY), f"{digit}xx") for digit in STATUS_CLASSES),
    )


def database_connections(source: Source) -> PanelBuilder:
    return ask(
        over_time("short", limits(source, "iot_connections")).min(0),
        "Database Connections",
        "Database connections in use by queries, by service. A climb without more requests: queries hang or "
        "connections leak.",
        (f"sum by (service) (db_connections_active{{{ONLY}}})", "{{service}}"),
    )


def query_duration_p95(source: Source) -> PanelBuilder:
    return ask(
        over_time("s", limits(source, "iot_query_seconds")).min(0),
        "Database Query Duration P95",
        "19 of 20 queries of each kind ended within this time, over 5 minutes. One kind alone: its index; all of "
        "them: the disk or locks.",
        (
            f"histogram_quantile(0.95, sum by (operation, le) (rate(db_query_duration_seconds_bucket{{{ONLY}}}[5m])))",
            "{{operation}}",
        ),
    )


def telemetry_ingestion_rate() -> PanelBuilder:
    return ask(
        over_time("suffix: records/s").min(0),
        "Telemetry Ingestion Rate",
        "Telemetry records a second that each service takes in, over 5 minutes. Normal is level; none means that "
        "wells are no longer heard.",
        (f"sum by (service) (service:telemetry_ingestion:rate5m{{{ONLY}}})", "{{service}}"),
    )


def cpu_usage(source: Source) -> PanelBuilder:
    return ask(
        over_time("percent", limits(source, "iot_cpu_percent")).min(0).max(100),
        "CPU Usage",
        "CPU time in use on the service's host, over all cores. Normal leaves a fifth free.",
        (f"system_cpu_usage_percent{{{ONLY}}}", "{{instance}}"),
    )


def memory_usage(source: Source) -> PanelBuilder:
    return ask(
        over_time("percent", limits(source, "iot_memory_warning", "iot_memory_critical")).min(0).max(100),
        "Memory Usage",
        "Memory in use on the service's host. A steady climb is a leak.",
        (f"system_memory_usage_percent{{{ONLY}}}", "{{instance}}"),
    )


def disk_usage(source: Source) -> PanelBuilder:
    return ask(
        over_time("percent", limits(source, "iot_disk_warning", "iot_disk_critical")).min(0).max(100),
        "Disk Usage",
        "How full each file system of the service's host is. Telemetry grows: compress or drop old chunks in time.",
        (f"max by (mount_point) (system_disk_usage_percent{{{ONLY}}})", "{{mount_point}}"),
    )


def hypertable_chunks(source: Source) -> PanelBuilder:
    return ask(
        over_time("short", limits(source, "iot_chunks")).min(0),
        "TimescaleDB Hypertable Chunks",
        f"Chunks that each hypertable is made of. It grows with time; far too many make queries slow. {NO_TIMESCALEDB}",
        (f"max by (hypertable) (timescaledb_hypertable_chunks_total{{{ONLY}}})", "{{hypertable}}"),
    )


def compression_ratio(source: Source) -> PanelBuilder:
    return ask(
        over_time("suffix:x", at_least(source, "iot_compression_ratio")).min(0),
        "TimescaleDB Compression Ratio",
        "Bytes before compression over bytes after it, by hypertable. Normal is 5 and more; 1 means that nothing is "
        f"compressed. {NO_TIMESCALEDB}",
        (f"max by (hypertable) (timescaledb_compression_ratio{{{ONLY}}})", "{{hypertable}}"),
    )

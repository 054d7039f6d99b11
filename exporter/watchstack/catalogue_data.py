"""The rows of the metric catalogue: every metric that this library exports. What a row is lives in catalogue.py."""

from __future__ import annotations

from typing import Any

from watchstack.catalogue import Catalogue, Definition, Kind, Preset

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
SIZE_BUCKETS = (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)
QUERY_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0)
CHECK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CACHE_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
ANALYSIS_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0)
BACKUP_BUCKETS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0)

_FLASK, _FRAMEWORK, _IOT, _AI = (Preset.FLASK,), (Preset.FRAMEWORK,), (Preset.IOT,), (Preset.AI,)


def _counter(name: str, help: str, *labels: str, rows: str, **more: Any) -> Definition:
    return Definition(name, Kind.COUNTER, help, labels, rows=tuple(rows.split()), **more)


def _gauge(name: str, help: str, *labels: str, rows: str, **more: Any) -> Definition:
    return Definition(name, Kind.GAUGE, help, labels, rows=tuple(rows.split()), **more)


def _histogram(name: str, help: str, *labels: str, rows: str, buckets: tuple[float, ...], **more: Any) -> Definition:
    return Definition(name, Kind.HISTOGRAM, help, labels, rows=tuple(rows.split()), buckets=buckets, **more)


_HTTP = (
    _counter(
        "http_requests_total", "Total number of HTTP requests", "method", "endpoint", "path", "status",
        rows="B-13 B-15 B-23 B-26 B-36 B-42",
        note="`endpoint` and `path` both hold the route template; `unmatched` where no route took the request, "
        "`overflow` past the limit of templates. `status` 499: the client left before there was an answer.",
    ),
    _counter(
        "app_request_total", "Total number of requests", "method", "endpoint", "status",
        rows="B-05", of="http_requests_total", presets=_FLASK,
    ),
    _counter(
        "holisticos_requests_total", "Total requests", "method", "endpoint", "status",
        rows="B-76", of="http_requests_total", presets=_AI,
    ),
    _histogram(
        "http_request_duration_seconds", "Time from a request's arrival to the last byte of its answer",
        "method", "endpoint",
        rows="B-14 B-25 B-36 B-43", unit="seconds", buckets=DURATION_BUCKETS,
    ),
    _histogram(
        "app_request_duration_seconds", "Request processing time", "method", "endpoint",
        rows="B-04", unit="seconds", buckets=DURATION_BUCKETS, of="http_request_duration_seconds", presets=_FLASK,
    ),
    _histogram(
        "holisticos_request_duration_seconds", "Request duration", "method", "endpoint",
        rows="B-77", unit="seconds", buckets=DURATION_BUCKETS, of="http_request_duration_seconds", presets=_AI,
    ),
    _gauge("http_requests_in_progress", "Requests being answered now", "method", rows="B-44"),
    _histogram(
        "http_request_size_bytes", "Size of request bodies", "method", "endpoint",
        rows="B-45", unit="bytes", buckets=SIZE_BUCKETS,
    ),
    _histogram(
        "http_response_size_bytes", "Size of response bodies as handed to the server", "method", "endpoint",
        rows="B-46", unit="bytes", buckets=SIZE_BUCKETS,
    ),
    _counter(
        "http_exceptions_total", "Exceptions that the application did not answer itself",
        "method", "endpoint", "error_type",
        rows="B-26 B-36", note="`error_type` is the exception's class name.",
    ),
)  # fmt: skip

_DATABASE = (
    _counter("db_queries_total", "Database queries by operation", "operation", rows="B-16 B-47"),
    _histogram(
        "db_query_duration_seconds", "Duration of database queries", "operation",
        rows="B-16 B-27 B-48", unit="seconds", buckets=QUERY_BUCKETS,
    ),
    _counter("db_query_errors_total", "Database queries that failed, by operation", "operation", rows="B-51"),
    _gauge("db_connections_active", "Database connections in use by queries", rows="B-28 B-49"),
    _gauge(
        "holisticos_active_connections", "Active database connections",
        rows="B-78", of="db_connections_active", presets=_AI,
        note="The pool's `size` less `idle_connections` where the pool tells its idle ones, else its `size`.",
    ),
    _counter("db_connection_errors_total", "Attempts to connect to the database that failed", rows="B-50"),
    _gauge("db_connection_pool_size", "Connections that the pool holds", rows="B-09 B-28"),
    _gauge("db_connection_pool_used", "Connections of the pool that are checked out", rows="B-10 B-28"),
)  # fmt: skip

_TELEMETRY = (
    _counter("telemetry_ingestion_total", "Telemetry records ingested", "well", "source", rows="B-52"),
    _gauge("telemetry_ingestion_rate", "Telemetry records ingested per second now", rows="B-53"),
    _counter("telemetry_validation_errors_total", "Telemetry records that failed validation", rows="B-54"),
    _histogram(
        "telemetry_processing_duration_seconds", "Time to process a batch of telemetry",
        rows="B-55", unit="seconds", buckets=DURATION_BUCKETS,
    ),
    _counter("diagnostics_analysis_total", "Diagnostic analyses performed", rows="B-56"),
    _histogram(
        "diagnostics_analysis_duration_seconds", "Duration of diagnostic analyses",
        rows="B-57", unit="seconds", buckets=ANALYSIS_BUCKETS,
    ),
    _counter("diagnostics_anomalies_detected_total", "Anomalies that diagnostics found", rows="B-58"),
)  # fmt: skip

_BACKUP = (
    _counter(
        "backup_operations_total", "Backup operations", "type", "status",
        rows="B-59", note="`status`: success, failure.",
    ),
    _histogram(
        "backup_duration_seconds", "Duration of backup operations", "type",
        rows="B-60", unit="seconds", buckets=BACKUP_BUCKETS,
    ),
    _gauge("backup_size_bytes", "Size of the last backup", rows="B-61", unit="bytes", multiprocess="mostrecent"),
    _gauge(
        "backup_last_success_timestamp", "Unix time of the last successful backup",
        rows="B-62", unit="seconds", multiprocess="max",
    ),
)  # fmt: skip

_TIMESCALE = (
    _gauge(
        "timescaledb_hypertable_chunks_total", "Chunks of a hypertable", "hypertable",
        rows="B-63", multiprocess="mostrecent", note="A gauge in spite of its name: chunks are dropped too.",
    ),
    _gauge(
        "timescaledb_compression_ratio", "Bytes before compression over bytes after it, by hypertable", "hypertable",
        rows="B-64", unit="ratio", multiprocess="mostrecent",
    ),
    _gauge(
        "timescaledb_continuous_aggregates_total", "Continuous aggregates",
        rows="B-65", multiprocess="mostrecent", note="A gauge in spite of its name.",
    ),
    _gauge(
        "timescaledb_query_cache_hit_rate", "Share of the blocks read that were in the buffer cache, 0 to 1",
        rows="B-66", unit="ratio", multiprocess="mostrecent",
    ),
)  # fmt: skip

_SYSTEM = (
    _gauge("system_cpu_usage_percent", "CPU time in use over all cores", rows="B-17 B-34 B-67", unit="percent"),
    _gauge(
        "system_cpu_percent", "CPU percent",
        rows="B-07", unit="percent", of="system_cpu_usage_percent", presets=_FLASK,
    ),
    _gauge("system_memory_usage_percent", "Memory of the host in use", rows="B-17 B-68", unit="percent"),
    _gauge(
        "system_memory_available_bytes", "Memory of the host that programs can still get",
        rows="B-17 B-69", unit="bytes",
    ),
    _gauge(
        "system_memory_bytes", "Memory usage of the whole host in bytes",
        rows="B-06", unit="bytes", presets=_FLASK, note="Memory of the host less what programs can still get.",
    ),
    _gauge(
        "system_disk_usage_percent", "Disk in use by mount point", "mount_point",
        rows="B-17 B-35 B-70", unit="percent",
    ),
    _gauge(
        "system_disk_available_bytes", "Disk space available by mount point", "mount_point",
        rows="B-17 B-71", unit="bytes",
    ),
    _gauge("system_disk_bytes", "Disk usage in bytes", "mount_point", rows="B-08", unit="bytes", presets=_FLASK),
    _gauge(
        "system_network_bytes_sent", "Bytes sent over all network interfaces",
        rows="B-17 B-72", unit="bytes", note="Only grows, but keeps its name without `_total`, hence a gauge.",
    ),
    _gauge(
        "system_network_bytes_received", "Bytes received over all network interfaces",
        rows="B-17 B-73", unit="bytes", note="Only grows, but keeps its name without `_total`, hence a gauge.",
    ),
    _gauge(
        "memory_usage_bytes", "Memory usage in bytes",
        rows="B-24", unit="bytes", presets=_FRAMEWORK,
        note="Resident memory of the application's process and its child processes.",
    ),
    _gauge(
        "holisticos_memory_usage_bytes", "Memory usage in bytes",
        rows="B-81", unit="bytes", presets=_AI, note="Resident memory of the application's process alone.",
    ),
    _counter("host_read_failures_total", "Readings of the host that failed, by what was read", "reading", rows="B-85"),
    _gauge(
        "application_info", "Always 1; the labels tell what runs", "version", "environment",
        rows="B-74", multiprocess="max",
    ),
)  # fmt: skip

_STORES = (
    _counter("cache_requests_total", "Cache look-ups", "result", rows="B-29", note="`result`: hit, miss."),
    _histogram(
        "cache_operation_duration_seconds", "Duration of cache operations", "operation",
        rows="B-30", unit="seconds", buckets=CACHE_BUCKETS,
    ),
    _gauge("redis_memory_bytes", "Memory that Redis uses", rows="B-11", unit="bytes", multiprocess="mostrecent"),
    _gauge("redis_connected_clients", "Clients connected to Redis", rows="B-12", multiprocess="mostrecent"),
)  # fmt: skip

_USERS = (
    _counter("logins_total", "Logins", "outcome", rows="B-31", note="`outcome`: success, failure."),
    _gauge("sessions_active", "Sessions that are active", rows="B-32", multiprocess="mostrecent"),
    _counter("audit_events_total", "Audit events", "event", rows="B-33"),
    _counter("user_registrations_total", "User registrations", "method", rows="B-18 B-88", note="Never by user."),
    _counter("feature_usage_total", "Uses of a feature", "feature", rows="B-19 B-88", note="Never by user."),
)  # fmt: skip

_AI_CALLS = (
    _counter(
        "ai_calls_total", "Calls of AI models", "model", "status",
        rows="B-79 B-88", note="`status`: success, error.",
    ),
    _counter(
        "holisticos_openai_calls_total", "OpenAI API calls", "model", "status",
        rows="B-79 B-88", of="ai_calls_total", presets=_AI,
    ),
    _counter("ai_cost_dollars_total", "Costs of AI models in US dollars", rows="B-80 B-88", unit="dollars"),
    _counter(
        "holisticos_openai_cost_total", "OpenAI API costs in USD",
        rows="B-80 B-88", unit="dollars", of="ai_cost_dollars_total", presets=_AI,
    ),
    _counter(
        "application_errors_total", "Errors that the application tells of", "service", "error_type",
        rows="B-82", note="`error_type` is the exception's class name.",
    ),
    _counter(
        "holisticos_errors_total", "Total errors", "service", "error_type",
        rows="B-82", of="application_errors_total", presets=_AI,
        note="An error told by a decorator and by the code inside of it counts under both values of `service` (Y-19).",
    ),
)  # fmt: skip

_HEALTH = (
    _histogram(
        "health_check_duration_seconds", "Time spent performing health checks", "endpoint", "component",
        rows="B-01", unit="seconds", buckets=CHECK_BUCKETS,
    ),
    _counter(
        "health_check_failures_total", "Total number of health check failures", "endpoint", "component", "error_type",
        rows="B-02", note="`error_type` is the exception's class name.",
    ),
    _gauge(
        "health_check_status", "Current status of health checks (1=healthy, 0=unhealthy)", "endpoint", "component",
        rows="B-03", multiprocess="mostrecent", note="1 for degraded as well.",
    ),
)  # fmt: skip

_CUSTOM = (
    _counter("custom_events_total", "Events that the application counts", "event_type", rows="B-20 B-21"),
    _gauge("active_users", "Users who are active now", rows="B-20 B-22", multiprocess="mostrecent"),
    _gauge("active_connections", "Connections that are open now", rows="B-37", multiprocess="mostrecent"),
    _histogram(
        "operation_duration_seconds", "Duration of an operation",
        rows="B-38", unit="seconds", buckets=DURATION_BUCKETS,
    ),
    _histogram(
        "my_function_duration", "Duration of a function in seconds",
        rows="B-39", unit="seconds", buckets=DURATION_BUCKETS,
    ),
    _counter("my_function_success_total", "Calls of a function that succeeded", rows="B-40"),
    _counter("my_function_error_total", "Calls of a function that raised", rows="B-41"),
)  # fmt: skip

_LIBRARY = (
    _counter("watchstack_recording_failures_total", "Requests that could not be recorded", rows="B-85"),
    _counter(
        "watchstack_dropped_observations_total", "Observations of the application's own metrics that were dropped",
        "reason", rows="B-20",
        note="`reason`: name, type, labels, sensitive, value, limit, error; the log tells which metric.",
    ),
)  # fmt: skip

CATALOGUE = Catalogue(
    {
        "HTTP": _HTTP,
        "Database": _DATABASE,
        "Telemetry and diagnostics": _TELEMETRY,
        "Backups": _BACKUP,
        "TimescaleDB": _TIMESCALE,
        "System": _SYSTEM,
        "Cache and Redis": _STORES,
        "Users": _USERS,
        "AI service": _AI_CALLS,
        "Health checks": _HEALTH,
        "Through the generic API": _CUSTOM,
        "The library itself": _LIBRARY,
    }
)

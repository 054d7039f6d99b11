"""The JSON Schemas of the library's own answers and parameters, by the names that routes.py uses: plain data.

Every key of an answer stands here; an object takes no other, unless its keys are names that the application gives.
"""

from __future__ import annotations

from watchstack.shapes import ANY, BOOL, NUMBER, TEXT, TIME, WHOLE, Schema
from watchstack.shapes import by_name as _by_name
from watchstack.shapes import each as _list
from watchstack.shapes import maybe as _maybe
from watchstack.shapes import record as _object
from watchstack.shapes import told as _of

THREE: Schema = {"enum": ["healthy", "degraded", "unhealthy"]}
WORST: Schema = {"enum": ["healthy", "degraded", "critical"]}
MS = _of("milliseconds, -1 where there was no answer", type="number")

_TOP: Schema = {"status": THREE, "timestamp": TIME, "version": TEXT}
_TOLD: Schema = {"response_time_ms": MS, "message": TEXT, "details": ANY, "timestamp": TIME}
_TIMED = _object({"status": THREE, "name": TEXT, "response_time_ms": MS})
_FULL = _object({"status": THREE, "name": TEXT, **_TOLD})
_WHOLE_MS = _of("whole milliseconds", type="integer")
_STANDARD = _object({"status": THREE, "name": TEXT, "response_time": _WHOLE_MS})
_SERVICE = _object({"status": WORST, **_TOLD})
_NAMED = _object({"status": WORST, "name": TEXT, **_TOLD})


def _grouped(one: Schema) -> Schema:
    """Checks by name, those of other services' APIs below `external_apis`."""
    return {"type": "object", "properties": {"external_apis": _by_name(one)}, "additionalProperties": one}


_SYSTEM = _object(
    {
        **dict.fromkeys(("memory_total_bytes", "memory_available_bytes", "memory_used_bytes"), _maybe(WHOLE)),
        **dict.fromkeys(("memory_percent", "cpu_percent"), _maybe(NUMBER)),
        **dict.fromkeys(("disk_used_bytes", "disk_total_bytes"), WHOLE),
        "disk_percent": NUMBER,
    },
    optional=("disk_used_bytes", "disk_total_bytes", "disk_percent"),
)
_FIGURES: Schema = {
    "type": "object",
    "properties": {
        "system_metrics": _SYSTEM,
        "database_metrics": _object(dict.fromkeys(("connection_pool_size", "connections_checked_out"), _maybe(WHOLE))),
        "redis_metrics": _object(
            dict.fromkeys(("memory_usage_bytes", "connected_clients", "total_commands_processed"), _maybe(WHOLE))
        ),
    },
    "additionalProperties": ANY,
}
_HYPERTABLE = _object(
    {
        "name": TEXT,
        "status": {"enum": ["compressed", "partly compressed", "uncompressed"]},
        "chunks": WHOLE,
        "compressed_chunks": WHOLE,
        "compression_enabled": BOOL,
        "compression_ratio": _maybe(NUMBER),
    }
)
_SECTIONS: Schema = {
    "postgresql": _object({"version": TEXT, "connected": BOOL}),
    "timescaledb": _object({"version": TEXT}),
    "hypertables": _list(_HYPERTABLE),
    "continuous_aggregates": _object({"count": WHOLE, "names": _list(TEXT)}),
    "database": _object(
        {
            **dict.fromkeys(("connections", "active_connections", "max_connections", "deadlocks"), WHOLE),
            **dict.fromkeys(("transactions_committed", "transactions_rolled_back"), WHOLE),
            "cache_hit_rate": _maybe(NUMBER),
        }
    ),
    "system": _SYSTEM,
}
_REQUESTS = _object(
    {"total": WHOLE, "errors": WHOLE, "error_percent": NUMBER, "in_progress": WHOLE, "mean_response_ms": NUMBER}
)
_PROCESS: Schema = {
    "pid": WHOLE,
    "uptime_seconds": NUMBER,
    "rss_bytes": WHOLE,
    "threads": WHOLE,
    "cpu_seconds": NUMBER,
}
_RUNNING: Schema = {"version": TEXT, "environment": TEXT, "uptime_seconds": NUMBER}
_SAMPLE = _object(
    {"name": TEXT, "labels": _by_name(TEXT), "value": {"anyOf": [NUMBER, {"enum": ["NaN", "+Inf", "-Inf"]}]}}
)
_COMPREHENSIVE = _object(
    {
        "overall_status": WORST,
        "status": WORST,
        "timestamp": TIME,
        "services": _by_name(_SERVICE),
        "checks": _by_name(_NAMED),
        "summary": _object(dict.fromkeys(("critical_issues", "warnings", "healthy_services"), _list(TEXT))),
    }
)
_SITE = _object({"where": TEXT, "bytes": WHOLE, "blocks": WHOLE})
_TRACED = _object({"tracing": BOOL, "current_bytes": WHOLE, "peak_bytes": WHOLE, "largest": _list(_SITE)})
_METRICS = _list(_object({"name": TEXT, "type": TEXT, "help": TEXT, "samples": _list(_SAMPLE)}))
_SUMMARY = _object(
    {
        "timestamp": TIME, "uptime_seconds": NUMBER, "requests": _REQUESTS, "system": _SYSTEM,
        "endpoints": _list(_object({"method": TEXT, "endpoint": TEXT, "requests": WHOLE, "errors": WHOLE,
                                    "mean_response_ms": NUMBER})),
        "health": _object({"status": THREE, "checks": _by_name(WORST)}),
    },
    optional=("system",),
)  # fmt: skip
_PERFORMANCE = _object(
    {
        "health_score": NUMBER,
        "alerts": _list(_object({"message": TEXT, "severity": TEXT})),
        "recommendations": _list(_object({"message": TEXT, "action": TEXT})),
        "reasons": _list(_object({"message": TEXT, "points": NUMBER})),
        "trends": _by_name(_object({"before": NUMBER, "now": NUMBER, "change_percent": NUMBER,
                                    "direction": {"enum": ["rising", "steady", "falling"]}})),
        "window_seconds": NUMBER,
    }
)  # fmt: skip
_TIERS: Schema = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
_LINE = _object(
    {
        "at": _of("Unix seconds", type="number"),
        **dict.fromkeys(("requests_per_second", "error_percent", "mean_ms", "p95_ms"), _maybe(NUMBER)),
        **dict.fromkeys(("cpu_percent", "memory_percent", "disk_percent"), _maybe(NUMBER)),
    }
)
_HEAD: Schema = {
    "timestamp": TIME,
    **_RUNNING,
    "preset": _maybe(TEXT),
    "thresholds": _object(
        {**dict.fromkeys(("cpu", "memory", "disk"), _TIERS), "response_ms": NUMBER, "error_percent": NUMBER}
    ),
}
_PARTS: Schema = {
    "summary": _SUMMARY,
    "health": _COMPREHENSIVE,
    "performance": _PERFORMANCE,
    "history": _object({"minutes": NUMBER, "kept_hours": NUMBER, "points": _list(_LINE), "now": _LINE}),
}

SCHEMAS: dict[str, Schema] = {
    "live": _object(_TOP),
    "basic": _object(_TOP),
    "timed": _object({**_TOP, "checks": _by_name(_TIMED)}),
    "standard": _object({**_TOP, "checks": _grouped(_STANDARD)}),
    "metrics": _object({**_TOP, "response_time_ms": NUMBER, "checks": _grouped(_TIMED), "metrics": _FIGURES}),
    "detailed": _object(
        {**_TOP, "checks": _grouped(_FULL), "metrics": _FIGURES, **_SECTIONS},
        optional=tuple(_SECTIONS),
    ),
    "one": _object({"version": TEXT, "status": THREE, "name": TEXT, **_TOLD}),
    "external": _object({**_TOP, "checks": _grouped(_FULL)}),
    "monitoring": _object({**_TOP, "environment": TEXT, "checks": _by_name(_FULL), "metrics": _FIGURES}),
    "comprehensive": _COMPREHENSIVE,
    "simple": _object({"status": {"enum": ["healthy", "unhealthy"]}}),
    "check": _object(
        {"name": TEXT, "service": TEXT, "status": WORST, "message": TEXT, "details": ANY, "timestamp": TIME,
         "duration_ms": NUMBER, "response_time_ms": MS, "description": TEXT, "critical": BOOL}
    ),
    "metrics_json": _object(
        {
            "timestamp": TIME,
            "metrics": _METRICS,
        }
    ),
    "status": _object(
        {
            **_TOP, **_RUNNING, "preset": _maybe(TEXT), "python": TEXT, "process": _object(_PROCESS),
            "system": _SYSTEM, "requests": _REQUESTS, "checks": _by_name(_FULL),
        },
        optional=("system",),
    ),
    "debug": _object(
        {
            "timestamp": TIME,
            "process": _object({**_PROCESS, "vms_bytes": WHOLE, "open_files": _maybe(WHOLE)}),
            "threads": _list(_object({"name": TEXT, "daemon": BOOL, "alive": BOOL})),
            "gc": _object(
                {
                    "enabled": BOOL, "counts": _list(WHOLE), "thresholds": _list(WHOLE),
                    "generations": _list(_object(dict.fromkeys(("collections", "collected", "uncollectable"), WHOLE))),
                }
            ),
            "types": _list(_object({"type": TEXT, "count": WHOLE})),
            "tracemalloc": _TRACED,
        },
        optional=("types", "tracemalloc"),
    ),
    "summary": _SUMMARY,
    "performance": _PERFORMANCE,
    "admin_data": _object({**_HEAD, **_PARTS}, optional=tuple(_PARTS)),
    "admin_export": _object({**_HEAD, **_PARTS, "settings": _by_name({}), "metrics": _METRICS}),
    "grafana": ANY,
    "stats": _object(
        {
            "health": _COMPREHENSIVE,
            "metrics": _object({"uptime_seconds": NUMBER, "total_requests": TEXT, "current_connections": TEXT}),
            "version": TEXT,
            "environment": TEXT,
        }
    ),
    "openapi": ANY,
    "error": _object({"error": TEXT}),
}  # fmt: skip

# Of parameters of the query; the others take any text.
PARAMETERS: dict[str, Schema] = {"format": {"enum": ["json", "prometheus"]}}

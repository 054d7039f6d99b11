"""The numbers the stack ships with. stack.yml's `thresholds` changes them; rules take them as `${threshold.NAME}`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# How the response times of a window become one number. single: the slowest request, to the bound of its bucket.
STATISTICS = ("avg", "p50", "p95", "p99", "single")

# Percent. Disk: 85 used is the same as 15 free.
_HOST: dict[str, float | str] = {
    "memory_warning": 80.0,
    "memory_critical": 90.0,
    "cpu_warning": 80.0,
    "cpu_critical": 90.0,
    "disk_warning": 85.0,
    "disk_critical": 95.0,
}
# The other names say their unit. Those that begin with a preset hold for its services alone.
_FLASK: dict[str, float | str] = {
    "flask_memory_warning": 80.0,
    "flask_memory_critical": 90.0,
    "flask_cpu_warning": 80.0,
    "flask_cpu_critical": 90.0,
    "flask_disk_warning": 85.0,
    "flask_disk_critical": 95.0,
    "flask_response_time_seconds": 5.0,
    "flask_response_time_statistic": "single",
    "flask_health_failures": 3.0,
    "flask_external_failures": 2.0,
    "flask_pool_percent": 80.0,
    "flask_database_seconds": 1.0,
    "flask_redis_seconds": 0.5,
    "flask_external_seconds": 3.0,
    "flask_cooldown_minutes": 5.0,
}
_API: dict[str, float | str] = {
    "api_error_percent": 10.0,
    "api_response_time_seconds": 2.0,
    "api_response_time_statistic": "avg",
    "api_memory_percent": 85.0,
    "api_cpu_percent": 80.0,
}
_FRAMEWORK: dict[str, float | str] = {
    "framework_error_percent": 5.0,
    "framework_response_time_seconds": 1.0,
    "framework_response_time_statistic": "avg",
    "framework_memory_percent": 85.0,
    "framework_query_seconds": 1.0,
    "framework_failed_logins": 20.0,
    "framework_disk_percent": 85.0,
    "framework_cooldown_minutes": 10.0,
}
_IOT: dict[str, float | str] = {
    "iot_error_percent": 5.0,
    "iot_response_time_seconds": 1.0,
    "iot_response_time_statistic": "p95",
    "iot_requests_per_second": 1000.0,
    "iot_query_seconds": 5.0,
    "iot_connections": 80.0,
    "iot_query_errors_per_second": 1.0,
    "iot_memory_warning": 80.0,
    "iot_memory_critical": 90.0,
    "iot_disk_warning": 85.0,
    "iot_disk_critical": 95.0,
    "iot_cpu_percent": 80.0,
    "iot_validation_error_percent": 10.0,
    "iot_backup_age_seconds": 86400.0,
    "iot_chunks": 1000.0,
    "iot_compression_ratio": 2.0,
    "iot_anomalies_per_second": 10.0,
    "iot_analysis_seconds": 60.0,
}
_AI: dict[str, float | str] = {
    "ai_error_percent": 5.0,
    "ai_response_time_seconds": 5.0,
    "ai_response_time_statistic": "p95",
    "ai_process_memory_percent": 80.0,
    "ai_process_cpu_percent": 90.0,
    "ai_process_cpu_cores": 1.0,
    "ai_connections": 8.0,
    "ai_openai_error_percent": 25.0,
    "ai_openai_cost_factor": 3.0,
    "ai_openai_cost_floor_dollars": 1.0,
    "ai_openai_daily_dollars": 50.0,
    "ai_cooldown_minutes": 15.0,
}
_OTHERS: dict[str, float | str] = {
    "probe_seconds": 2.0,
    "certificate_days": 14.0,
    "certificate_critical_days": 3.0,
    "series_per_target": 20000.0,
    "postgres_connections_percent": 80.0,
    "redis_memory_percent": 80.0,
    "redis_connections_percent": 80.0,
    "load_per_core": 2.0,
}

THRESHOLDS: Mapping[str, float | str] = MappingProxyType(
    {**_HOST, **_FLASK, **_API, **_FRAMEWORK, **_IOT, **_AI, **_OTHERS}
)


def is_percentage(name: str) -> bool:
    return name.endswith(("_warning", "_critical", "_percent"))


def is_statistic(name: str) -> bool:
    """Whether the value is one of STATISTICS, not a number."""
    return name.endswith("_statistic")

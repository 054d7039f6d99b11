# written by `python -m watchstack.compat api DIR`; do not edit
"""The monitoring of this application."""

from watchstack.api import (
    HealthCheck,
    HealthChecker,
    HealthCheckResult,
    HealthStatus,
    MetricsCollector,
    UserActivityMonitor,
    add_monitoring_middleware,
    default_preset,
    get_health_checker,
    get_metrics_collector,
    get_user_activity_monitor,
)

default_preset("api")

health_checker = get_health_checker()
metrics_collector = get_metrics_collector()
user_activity_monitor = get_user_activity_monitor()

__all__ = [
    "HealthCheck",
    "HealthCheckResult",
    "HealthChecker",
    "HealthStatus",
    "MetricsCollector",
    "UserActivityMonitor",
    "add_monitoring_middleware",
    "get_health_checker",
    "get_metrics_collector",
    "get_user_activity_monitor",
    "health_checker",
    "metrics_collector",
    "user_activity_monitor",
]

# written by `python -m watchstack.compat framework DIR`; do not edit
"""The monitoring of this application."""

from watchstack.api import (
    HealthChecker,
    MetricsCollector,
    MonitoringDashboard,
    MonitoringMiddleware,
    MonitoringRoutes,
    default_preset,
    get_health_checker,
    get_metrics_collector,
)

default_preset("framework")

__all__ = [
    "HealthChecker",
    "MetricsCollector",
    "MonitoringDashboard",
    "MonitoringMiddleware",
    "MonitoringRoutes",
    "get_health_checker",
    "get_metrics_collector",
]

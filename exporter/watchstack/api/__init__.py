"""The Python API in the words of the five systems' documents (requirements G). Exports alone."""

from watchstack.api.activity import UserActivityMonitor
from watchstack.api.checker import HealthCheck, HealthChecker, HealthCheckResult, HealthStatus
from watchstack.api.collector import MetricsCollector
from watchstack.api.config import MonitoringConfig
from watchstack.api.current import (
    default_preset,
    forget,
    get_health_checker,
    get_metrics_collector,
    get_monitoring,
    get_user_activity_monitor,
    use_monitoring,
)
from watchstack.api.dashboard import MonitoringDashboard
from watchstack.api.decorators import monitor_database_operation, track_endpoint_metrics
from watchstack.api.middleware import MonitoringMiddleware, MonitoringRoutes, add_monitoring_middleware

__all__ = [
    "HealthCheck",
    "HealthCheckResult",
    "HealthChecker",
    "HealthStatus",
    "MetricsCollector",
    "MonitoringConfig",
    "MonitoringDashboard",
    "MonitoringMiddleware",
    "MonitoringRoutes",
    "UserActivityMonitor",
    "add_monitoring_middleware",
    "default_preset",
    "forget",
    "get_health_checker",
    "get_metrics_collector",
    "get_monitoring",
    "get_user_activity_monitor",
    "monitor_database_operation",
    "track_endpoint_metrics",
    "use_monitoring",
]

# written by `python -m watchstack.compat api DIR`; do not edit
"""The metrics of this application."""

from watchstack.api import (
    MetricsCollector,
    UserActivityMonitor,
    default_preset,
    get_metrics_collector,
    get_user_activity_monitor,
)

default_preset("api")

metrics_collector = get_metrics_collector()
user_activity_monitor = get_user_activity_monitor()

__all__ = [
    "MetricsCollector",
    "UserActivityMonitor",
    "get_metrics_collector",
    "get_user_activity_monitor",
    "metrics_collector",
    "user_activity_monitor",
]

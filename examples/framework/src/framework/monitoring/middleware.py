# written by `python -m watchstack.compat framework DIR`; do not edit
"""Requests, answers and database operations."""

from watchstack.api import (
    MonitoringMiddleware,
    add_monitoring_middleware,
    default_preset,
    monitor_database_operation,
)

default_preset("framework")

__all__ = [
    "MonitoringMiddleware",
    "add_monitoring_middleware",
    "monitor_database_operation",
]

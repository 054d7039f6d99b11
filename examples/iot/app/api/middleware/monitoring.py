# written by `python -m watchstack.compat iot DIR`; do not edit
"""Requests and answers: time, number, sizes, status codes, errors."""

from watchstack.api import (
    MonitoringMiddleware,
    add_monitoring_middleware,
    default_preset,
)

default_preset("iot")

init_monitoring = add_monitoring_middleware

__all__ = [
    "MonitoringMiddleware",
    "add_monitoring_middleware",
    "init_monitoring",
]

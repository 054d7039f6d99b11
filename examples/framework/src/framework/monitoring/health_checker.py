# written by `python -m watchstack.compat framework DIR`; do not edit
"""Health checks: what they are and what they return."""

from watchstack.api import (
    HealthCheck,
    HealthChecker,
    HealthCheckResult,
    HealthStatus,
    default_preset,
    get_health_checker,
)

default_preset("framework")

__all__ = [
    "HealthCheck",
    "HealthCheckResult",
    "HealthChecker",
    "HealthStatus",
    "get_health_checker",
]

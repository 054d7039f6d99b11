# written by `python -m watchstack.compat api DIR`; do not edit
"""The health checks of this application."""

from watchstack.api import (
    HealthCheck,
    HealthChecker,
    HealthCheckResult,
    HealthStatus,
    default_preset,
    get_health_checker,
)

default_preset("api")

health_checker = get_health_checker()

__all__ = [
    "HealthCheck",
    "HealthCheckResult",
    "HealthChecker",
    "HealthStatus",
    "get_health_checker",
    "health_checker",
]

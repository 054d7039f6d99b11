# written by `python -m watchstack.compat ai DIR`; do not edit
"""The metrics of this service."""

from watchstack.api import (
    MetricsCollector,
    default_preset,
    get_metrics_collector,
    track_endpoint_metrics,
)
from watchstack.api.constants import (
    ACTIVE_CONNECTIONS,
    ERROR_COUNT,
    MEMORY_USAGE,
    OPENAI_API_CALLS,
    OPENAI_API_COST,
    REQUEST_COUNT,
    REQUEST_DURATION,
)

default_preset("ai")

metrics = get_metrics_collector()

__all__ = [
    "ACTIVE_CONNECTIONS",
    "ERROR_COUNT",
    "MEMORY_USAGE",
    "OPENAI_API_CALLS",
    "OPENAI_API_COST",
    "REQUEST_COUNT",
    "REQUEST_DURATION",
    "MetricsCollector",
    "get_metrics_collector",
    "metrics",
    "track_endpoint_metrics",
]

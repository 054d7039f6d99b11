# written by `python -m watchstack.compat iot DIR`; do not edit
"""What every part of the application uses."""

from app.core.metrics import (
    backups,
    cache,
    database,
    diagnostics,
    metrics_collector,
    telemetry,
    timescale,
    users,
)

__all__ = [
    "backups",
    "cache",
    "database",
    "diagnostics",
    "metrics_collector",
    "telemetry",
    "timescale",
    "users",
]

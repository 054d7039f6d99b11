# written by `python -m watchstack.compat iot DIR`; do not edit
"""The metrics of this application, one object a subject: `database.query`, `telemetry.ingested` and so on."""

from watchstack.api import default_preset, get_metrics_collector

default_preset("iot")

metrics_collector = get_metrics_collector()
backups = metrics_collector.monitoring.backups
cache = metrics_collector.monitoring.cache
database = metrics_collector.monitoring.database
diagnostics = metrics_collector.monitoring.diagnostics
telemetry = metrics_collector.monitoring.telemetry
timescale = metrics_collector.monitoring.timescale
users = metrics_collector.monitoring.users

__all__ = [
    "backups",
    "cache",
    "database",
    "diagnostics",
    "get_metrics_collector",
    "metrics_collector",
    "telemetry",
    "timescale",
    "users",
]

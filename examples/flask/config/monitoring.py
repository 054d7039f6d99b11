# written by `python -m watchstack.compat flask DIR`; do not edit
"""The settings of the monitoring, under the names of their variables."""

from watchstack.api import MonitoringConfig, default_preset

default_preset("flask")

__all__ = [
    "MonitoringConfig",
]

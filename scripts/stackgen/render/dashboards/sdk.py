"""The Grafana Foundation SDK as the dashboards use it, imported in one place.

The SDK says at import that its classic dashboards are the old form. They are meant: Grafana's file provisioning takes
no other.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        bargauge,
        common,
        dashboard,
        gauge,
        logs,
        loki,
        prometheus,
        stat,
        table,
        timeseries,
    )
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common as common_model
    from grafana_foundation_sdk.models import dashboard as model
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = [
    "Builder",
    "JSONEncoder",
    "PromQueryFormat",
    "bargauge",
    "common",
    "common_model",
    "dashboard",
    "gauge",
    "logs",
    "loki",
    "model",
    "prometheus",
    "stat",
    "table",
    "timeseries",
]

"""The generated Grafana dashboards and those people saved, drawn by the console itself from the same files."""

from watchstack.console.dashboards.assets import blueprint as chart_js
from watchstack.console.dashboards.pages import blueprint

__all__ = ["blueprint", "chart_js"]

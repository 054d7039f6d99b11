"""Generated Grafana dashboards, one module a subject."""

from stackgen.render.dashboards.all import DASHBOARDS

__all__ = ["DASHBOARDS"]

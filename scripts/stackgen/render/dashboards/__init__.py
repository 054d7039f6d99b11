"""Generated Grafana dashboards, one module a subject."""

from stackgen.render.dashboards.overview import overview

__all__ = ["overview"]

# written by `python -m watchstack.compat iot DIR`; do not edit
"""The routes below /health: `register(app)` serves them, as the middleware does."""

from watchstack.api import MonitoringRoutes, default_preset

default_preset("iot")

health_routes = MonitoringRoutes()
register = health_routes.register

__all__ = [
    "MonitoringRoutes",
    "health_routes",
    "register",
]

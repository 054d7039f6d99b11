"""Puts the shared monitoring around an application of any kind (G-21, G-23). The adapters live in http/."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from watchstack import asgi
from watchstack.api.current import get_monitoring
from watchstack.http.asgi import AsgiApp
from watchstack.monitoring import EXTENSION, Monitoring

_log = logging.getLogger("watchstack.middleware")


class MonitoringMiddleware(asgi.MonitoringMiddleware):
    """For `add_middleware` of Starlette, FastAPI and FastHTML. monitoring: by default the shared one."""

    def __init__(self, app: AsgiApp, monitoring: Monitoring | None = None) -> None:
        super().__init__(app, monitoring if monitoring is not None else get_monitoring())


def add_monitoring_middleware(app: Any, monitoring: Monitoring | None = None) -> Any:
    """The application with requests and answers tracked and the library's endpoints served (G-21).

    app: Flask's, FastHTML's, Starlette's and FastAPI's are returned themselves, and a second call changes nothing; any
    other WSGI or ASGI application is returned with the monitoring around it. monitoring: by default the shared one.
    Raises ValueError for an application that another monitoring watches, TypeError for what is no application.
    """
    chosen = monitoring if monitoring is not None else get_monitoring()
    watched = _added(app, chosen)
    _log.info("Monitoring middleware initialized")
    return watched


def _added(app: Any, monitoring: Monitoring) -> Any:
    if hasattr(app, "wsgi_app") and hasattr(app, "extensions"):
        if app.extensions.get(EXTENSION) is not monitoring:
            monitoring.init_app(app)
        return app
    if hasattr(app, "add_middleware"):
        known = [one.kwargs.get("monitoring") for one in app.user_middleware if one.cls is MonitoringMiddleware]
        if monitoring not in known:
            if known:
                raise ValueError("the application is monitored already")
            app.add_middleware(MonitoringMiddleware, monitoring=monitoring)
        return app
    if not callable(app):
        raise TypeError(f"{type(app).__name__} is no WSGI or ASGI application")
    if _takes(app) == 3:
        return monitoring.init_asgi(app)
    return monitoring.init_wsgi(app)


def _takes(app: Any) -> int:
    """How many arguments a call takes: three for ASGI, two for WSGI, and for what does not tell."""
    try:
        return len(inspect.signature(app).parameters)
    except ValueError:
        return 2


class MonitoringRoutes:
    """The library's own endpoints of an application. monitoring: by default the shared one."""

    def __init__(self, monitoring: Monitoring | None = None) -> None:
        self._monitoring = monitoring if monitoring is not None else get_monitoring()

    @property
    def paths(self) -> list[str]:
        """The paths that are served; `{names}` stand for one part between slashes."""
        return sorted(self._monitoring.endpoints.handlers)

    def register(self, app: Any) -> Any:
        """Serves them in an application: as `add_monitoring_middleware`, which serves and measures in one."""
        return add_monitoring_middleware(app, self._monitoring)

"""`MonitoringMiddleware`: the monitoring as a class that `add_middleware` of Starlette and FastAPI takes."""

from __future__ import annotations

from typing import Any

from watchstack.http.asgi import AsgiApp, Receive, Send
from watchstack.http.routes import Scope
from watchstack.monitoring import Monitoring


class MonitoringMiddleware:
    """Pure ASGI. monitoring: an existing one; else one is made of the other arguments, which Monitoring describes."""

    def __init__(self, app: AsgiApp, monitoring: Monitoring | None = None, **arguments: Any) -> None:
        self.monitoring = Monitoring(**arguments) if monitoring is None else monitoring
        self._app = self.monitoring.init_asgi(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

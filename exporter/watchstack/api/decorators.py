"""Decorators of the framework and the AI service (G-22, G-31), for plain and async functions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from watchstack.api.current import get_metrics_collector, get_monitoring
from watchstack.http.recorder import DISCONNECTED
from watchstack.timed import Timed

_P = ParamSpec("_P")
_R = TypeVar("_R")


def monitor_database_operation(operation: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Measures a function as a database operation: how often, how long, how it ends (G-22, B-27).

    Raises TypeError for a generator function, at its definition.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        return _Later(lambda: get_monitoring().database.query(operation))(function)

    return decorate


def track_endpoint_metrics(
    endpoint_name: str, method: str | None = None
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Measures a function as an endpoint (G-31): status 200, or 500 for an exception, which is counted as an error of
    the service `api` and goes on; 499 for a call that is cancelled, as its client has left.

    method: by default that of the request among the arguments or of Flask's current one, else POST (Y-02).
    Raises TypeError for a generator function, at its definition.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        return _Tracked(endpoint_name, method)(function)

    return decorate


class _Later(Timed):
    """What another one measures that is made at the call: a decorator at import does not settle the monitoring."""

    def __init__(self, make: Callable[[], Timed]) -> None:
        super().__init__(lambda seconds, error: None)
        self._make = make

    def __enter__(self) -> Self:
        self._inner = self._make()
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)


class _Tracked(Timed):
    """A call of an endpoint's function."""

    def __init__(self, endpoint: str, method: str | None) -> None:
        super().__init__(lambda seconds, error: None)
        self._endpoint = endpoint
        self._method = method
        self._cancelled = False

    def called_with(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        if self._method is None:
            self._method = _method_of(args, kwargs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancelled = isinstance(error, asyncio.CancelledError)
        super().__exit__(kind, error, trace)

    def finish(self, seconds: float, error: Exception | None) -> None:
        collector = get_metrics_collector()
        if error is not None:
            collector.track_error("api", type(error))
        status = 500 if error is not None else int(DISCONNECTED) if self._cancelled else 200
        collector.track_request(self._method or "POST", self._endpoint, status, seconds)


def _method_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The method of the request that a function is called with, else of Flask's, else POST."""
    for value in (*args, *kwargs.values()):
        method = getattr(value, "method", None)
        if isinstance(method, str) and hasattr(value, "headers"):
            return method.upper()
    flask = sys.modules.get("flask")
    if flask is not None and flask.has_request_context():
        return str(flask.request.method)
    return "POST"

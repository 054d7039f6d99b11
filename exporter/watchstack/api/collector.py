"""`MetricsCollector`: the calls of the API package, the framework and the AI service in one class (X-27).

Each works on an instance and on the class itself: `MetricsCollector.track_error("api", "KeyError")` speaks to the
shared instance, as the AI service's static methods do. The metrics themselves live in measures.py and business.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from watchstack.http.recorder import Exchange
from watchstack.monitoring import Monitoring

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Either(Generic[_P, _R]):
    """A method that, called on the class, works on the shared instance."""

    def __init__(self, function: Callable[Concatenate[Any, _P], _R]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: object | None, owner: type) -> Callable[_P, _R]:
        if instance is None:
            from watchstack.api.current import get_metrics_collector

            instance = get_metrics_collector()
        return partial(self._function, instance)


class MetricsCollector:
    """The metrics of an application. monitoring: by default the shared one."""

    def __init__(self, monitoring: Monitoring | None = None) -> None:
        if monitoring is None:
            from watchstack.api.current import get_monitoring

            monitoring = get_monitoring()
        self.monitoring = monitoring

    @_Either
    def increment_counter(self, name: str, labels: Mapping[str, object] | None = None, value: float = 1.0) -> None:
        """Adds one, or `value`, to a counter that is made on its first use (G-04, G-15).

        Raises MetricError in development alone: for a name, type, label or value that cannot be.
        """
        self.monitoring.measures.increment_counter(name, labels, value)

    @_Either
    def set_gauge(self, name: str, value: float, labels: Mapping[str, object] | None = None) -> None:
        """Sets a gauge that is made on its first use (G-05, G-15). Raises as `increment_counter`."""
        self.monitoring.measures.set_gauge(name, value, labels)

    @_Either
    def record_histogram(self, name: str, value: float, labels: Mapping[str, object] | None = None) -> None:
        """Puts a value into a histogram that is made on its first use (G-15). Raises as `increment_counter`."""
        self.monitoring.measures.record_histogram(name, value, labels)

    @_Either
    def get_performance_insights(self) -> dict[str, Any]:
        """`{health_score, alerts, recommendations, reasons, trends, window_seconds}` (G-16, G-17)."""
        return self.monitoring.insights.performance()

    @_Either
    def track_request(self, method: str, endpoint: str, status_code: int, duration: float) -> None:
        """A request was answered (G-29). duration: seconds. For what the middleware does not see: it measures each
        request itself, and one told here too is counted under both values of `endpoint`."""
        exchange = Exchange(self.monitoring.recorder, method)
        exchange.route, exchange.status = endpoint, str(status_code)
        try:
            exchange.started -= max(0.0, duration)
        except TypeError:  # no number: the request counts all the same
            self.monitoring.recorder.trouble()
        exchange.end()

    @_Either
    def track_openai_call(self, model: str, status: str, cost: float = 0) -> None:
        """A call of a model ended (G-30). status: `success`, `error`. cost: US dollars, added when above 0."""
        self.monitoring.ai.called(model, status, cost)

    @_Either
    def track_error(self, service: str, error_type: str | type[BaseException]) -> None:
        """An error of a service (G-33). error_type: an exception's class or its name."""
        self.monitoring.error(service, error_type)

    @_Either
    def update_system_metrics(self) -> None:
        """Reads the process's memory and the pool of the database now (G-32), where there is one.

        The pool is that of `monitoring.database.watch_pool`, or else `shared_libs.database.connection_pool.db_pool`.
        """
        self.monitoring.sampler.sample()
        _watch_contract(self.monitoring)
        self.monitoring.database.refresh_pool()


def contract_pool() -> Any:
    """The pool of G-46 where the application has one, else None."""
    import importlib

    try:
        return importlib.import_module("shared_libs.database.connection_pool").db_pool
    except (ImportError, AttributeError):
        return None


def _watch_contract(monitoring: Monitoring) -> None:
    pool = None if monitoring.database.watches_pool else contract_pool()
    if pool is not None:
        monitoring.database.watch_pool(pool)

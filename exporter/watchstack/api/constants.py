"""The AI service's metrics as module constants (G-34), with the calls of prometheus_client's objects.

Requests are told by `MetricsCollector.track_request` and memory is read from the process, so those three can be named
and read but not written one by one: one request is one observation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from watchstack.api.current import get_monitoring
from watchstack.catalogue import Definition, Kind
from watchstack.catalogue_data import CATALOGUE


@dataclass(frozen=True)
class MetricHandle:
    """A metric of the catalogue in the words of prometheus_client. values: of its labels, in their order."""

    name: str
    values: tuple[str, ...] = field(default=())

    @property
    def definition(self) -> Definition:
        return CATALOGUE[self.name]

    def labels(self, *values: object, **named: object) -> MetricHandle:
        """The series of these label values. Raises ValueError for other labels than the metric has."""
        labels = self.definition.labels
        if named and not values and named.keys() == set(labels):
            values = tuple(named[label] for label in labels)
        elif named or len(values) != len(labels):
            raise ValueError(f"{self.name} has the labels {', '.join(labels) or 'none'}")
        return MetricHandle(self.name, tuple(map(str, values)))

    def inc(self, amount: float = 1.0) -> None:
        """Adds to a counter. Raises TypeError for a metric that is none, or is not written one by one."""
        get_monitoring().measures.add(self._written(Kind.COUNTER), *self.values, amount=amount)

    def set(self, value: float) -> None:
        """Sets a gauge. Raises as `inc`."""
        get_monitoring().measures.set(self._written(Kind.GAUGE), value, *self.values)

    def _written(self, kind: Kind) -> str:
        definition = self.definition
        canonical = definition.of or definition.name
        if canonical not in _WRITTEN:
            raise TypeError(f"{self.name} is not written by hand: {_INSTEAD.get(canonical, 'it is read')}")
        if definition.kind is not kind:
            raise TypeError(f"{self.name} is a {definition.kind}")
        return canonical


_WRITTEN = frozenset({"db_connections_active", "ai_calls_total", "ai_cost_dollars_total", "application_errors_total"})
_INSTEAD = {
    "http_requests_total": "call MetricsCollector.track_request",
    "http_request_duration_seconds": "call MetricsCollector.track_request",
}

REQUEST_COUNT = MetricHandle("holisticos_requests_total")
REQUEST_DURATION = MetricHandle("holisticos_request_duration_seconds")
ACTIVE_CONNECTIONS = MetricHandle("holisticos_active_connections")
OPENAI_API_CALLS = MetricHandle("holisticos_openai_calls_total")
OPENAI_API_COST = MetricHandle("holisticos_openai_cost_total")
MEMORY_USAGE = MetricHandle("holisticos_memory_usage_bytes")
ERROR_COUNT = MetricHandle("holisticos_errors_total")

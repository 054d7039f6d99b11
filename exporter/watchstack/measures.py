"""The metrics that an application feeds itself: definitions of the catalogue, and metrics made on first use.

Here is the store: bounded label values, thread safety, several worker processes, the collector. The thread that has a
lock may take it again: wherever Python collects garbage, it may close a generator that measures something. Nothing here
raises into the application, except in development, where a misuse of the generic calls is told at once.
What the calls of each subject are: business.py. The HTTP core keeps its own numbers.
"""

from __future__ import annotations

import logging
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from watchstack.catalogue import Definition, Kind
from watchstack.catalogue_data import CATALOGUE, DURATION_BUCKETS
from watchstack.clocks import SYSTEM, Clocks
from watchstack.families import Buckets, Family, FamilyCollector, LabelValues, Points, Writer
from watchstack.measure import (
    RATE_SECONDS,
    RATE_WINDOWS,
    Measure,
    MetricError,
    check_names,
    labels_differ,
    merge,
    number,
    rate,
)
from watchstack.settings import Settings
from watchstack.slots import Inherited, Numbers, OwnNumbers

_log = logging.getLogger("watchstack.measures")
DROPPED = "watchstack_dropped_observations_total"
_METRICS = 500  # metrics made on first use, at most


class Measures(FamilyCollector):
    """The application's own metrics.

    registry: where they are exported, None for nowhere. numbers: where they lie, by default in this process.
    A misuse of the generic calls raises MetricError where the settings name a development environment; else it is
    logged once a metric and counted in `watchstack_dropped_observations_total`.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        settings: Settings | None = None,
        *,
        numbers: Numbers | None = None,
        clocks: Clocks = SYSTEM,
    ) -> None:
        self.before_scrape: list[Callable[[], None]] = []
        self.clocks = clocks
        self._registry = CollectorRegistry() if registry is None else registry
        found = settings or Settings()
        self._preset = found.preset
        self._limit = found.monitoring_label_limit
        self._strict = found.in_development
        self._numbers: Numbers = OwnNumbers() if numbers is None else numbers
        self._lock = RLock()
        self._measures: dict[str, Measure] = {}
        self._refused: set[str] = set()  # by name and reason: told in the log already
        self._gathered: dict[str, dict[LabelValues, Any]] = {}
        super().__init__((), self._registry)
        self._numbers.on_fork(self._forget)
        self._numbers.on_inherit(_settled)

    # The generic calls: a metric is made on its first use (G-04, G-05, G-15).

    def increment_counter(self, name: str, labels: Mapping[str, object] | None = None, amount: float = 1.0) -> None:
        """Adds `amount`, 0 or more, to a counter; a name without `_total` gets it, as Prometheus's clients do.

        Raises MetricError in development alone: for a name, type, label or value that cannot be.
        """
        full = name if not isinstance(name, str) or name.endswith("_total") else name + "_total"
        self._generic(full, Kind.COUNTER, labels, amount)

    def set_gauge(self, name: str, value: float, labels: Mapping[str, object] | None = None) -> None:
        """Sets a gauge. Raises as `increment_counter`."""
        self._generic(name, Kind.GAUGE, labels, value)

    def record_histogram(
        self,
        name: str,
        value: float,
        labels: Mapping[str, object] | None = None,
        *,
        buckets: Sequence[float] = DURATION_BUCKETS,
    ) -> None:
        """Puts a value into a histogram. buckets: upper bounds, of the first use. Raises as `increment_counter`."""
        self._generic(name, Kind.HISTOGRAM, labels, value, tuple(buckets))

    # The calls of business.py: names of the catalogue, label values in its order. Nothing here raises.

    def add(self, name: str, *values: str, amount: float = 1.0) -> None:
        """Adds to a counter of the catalogue."""
        self._known(name, values, amount)

    def set(self, name: str, value: float, *values: str) -> None:
        """Sets a gauge of the catalogue."""
        self._known(name, values, value)

    def move(self, name: str, amount: float) -> None:
        """Adds to a gauge of the catalogue that has no labels."""
        self._known(name, (), amount, moved=True)

    def observe(self, name: str, value: float, *values: str) -> None:
        """Puts a value into a histogram of the catalogue."""
        self._known(name, values, value)

    def touch(self, *names: str) -> None:
        """Lets counters and histograms without labels begin at 0, so that their first increase is one."""
        try:
            with self._lock:
                for name in names:
                    measure = self._measure(CATALOGUE[name])
                    if measure.definition.kind is not Kind.GAUGE and not measure.definition.labels:
                        self._slot(measure, ())
        except Exception as error:
            self._drop(str(names), error)

    def mark(self, name: str, amount: float) -> None:
        """Counts `amount` for the rate that the gauge `name` tells: the mean of the last minute, per second."""
        try:
            now = int(self.clocks.wall() // RATE_SECONDS)
            with self._lock:
                self._measure(CATALOGUE[name])
                slot = self._numbers.slot(("rate", name), 2 * (RATE_WINDOWS + 1))
                place = 2 * (now % (RATE_WINDOWS + 1))
                slot[place + 1] = (slot[place + 1] if slot[place] == now else 0.0) + amount
                slot[place] = now
        except Exception as error:
            self._drop(name, error)

    # What a scrape and the insights read.

    def gather(self) -> dict[str, dict[LabelValues, Any]]:
        """By metric and label values, over all workers: a number, or the sum of a histogram and its counts."""
        for refresh in self.before_scrape:
            try:
                refresh()
            except Exception as error:
                self._drop(getattr(refresh, "__name__", "a figure"), error)
        found: dict[str, dict[LabelValues, list[float]]] = {}
        now = int(self.clocks.wall() // RATE_SECONDS)
        for part in self._numbers.parts():
            for key, numbers in part.numbers.items():
                match key:
                    case ("measured", *facts):
                        self._learn(facts)
                    case ("measure", name, kind, labels, *values):
                        measure = self._measures.get(name) or self._catalogued(name)
                        if measure is not None and measure.key[2:] == (kind, labels) and measure.size == len(numbers):
                            merge(found.setdefault(name, {}), measure.definition, tuple(values), numbers, part.alive)
                    case ("rate", name) if part.alive:
                        series = found.setdefault(name, {}).setdefault((), [0.0, 0.0])
                        series[0] += rate(numbers, now)
                        self._catalogued(name)
        return {
            name: {values: (n if len(n) > 2 else n[0]) for values, n in series.items()}
            for name, series in found.items()
        }  # fmt: skip

    def families(self) -> Iterator[Family]:
        self._gathered = self.gather()
        yield from super().families()

    def collect(self) -> Iterator[Metric]:
        self._gathered = self.gather()
        yield from super().collect()

    def points(self, definition: Definition) -> Points | None:
        found = self._gathered.get(definition.of or definition.name)
        if not found:
            return None
        if definition.kind is Kind.HISTOGRAM:
            return [(values, Buckets(numbers[1:], numbers[0])) for values, numbers in found.items()]
        return list(found.items())

    # How it is done.

    def _known(self, name: str, values: tuple[str, ...], value: float, *, moved: bool = False) -> None:
        try:
            checked = number(name, value, low=0.0 if CATALOGUE[name].kind is Kind.COUNTER else None)
            with self._lock:
                measure = self._measures.get(name) or self._measure(CATALOGUE[name])
                self._write(measure, tuple(map(str, values)), checked, moved)
        except Exception as error:
            self._drop(name, error)

    def _generic(
        self,
        name: str,
        kind: Kind,
        labels: Mapping[str, object] | None,
        value: float,
        buckets: tuple[float, ...] = (),
    ) -> None:
        try:
            given = dict(labels or {})
            checked = number(name, value, low=0.0 if kind is Kind.COUNTER else None)
            with self._lock:
                measure = self._measures.get(name)
                if measure is None:
                    measure = self._new(name, kind, tuple(given), buckets)
                definition = measure.definition
                if definition.kind is not kind:
                    raise MetricError(name, "type", f"it is a {definition.kind}, used as a {kind}; take another name")
                if given.keys() != set(definition.labels):
                    raise MetricError(name, "labels", labels_differ(definition.labels, tuple(given)))
                values = tuple(str(given[label]) for label in definition.labels)
                self._write(measure, values, checked, False)
        except Exception as error:
            self._drop(str(name), error)
            if self._strict and isinstance(error, MetricError):
                raise

    def _new(self, name: str, kind: Kind, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Measure:
        check_names(name, labels)
        known = CATALOGUE.get(name)
        if known is not None and known.applies(self._preset):
            canonical = CATALOGUE[known.of or name]
            if canonical.kind is kind and set(canonical.labels) == set(labels):
                measure = self._measure(canonical)
                self._measures[name] = measure
                return measure
        if len(self._measures) >= _METRICS:
            raise MetricError(name, "limit", f"there are {_METRICS} metrics already; use labels instead of names")
        if kind is Kind.HISTOGRAM and (
            not buckets or list(buckets) != sorted(set(buckets)) or not all(map(math.isfinite, buckets))
        ):
            raise MetricError(name, "value", "buckets must be finite numbers that rise")
        help_text = f"A {kind} of the application"
        definition = Definition(name, kind, help_text, labels, buckets=buckets, multiprocess="mostrecent")
        measure = self._define(definition, (definition,))
        bounds = ",".join(map(repr, map(float, buckets)))
        self._numbers.slot(("measured", name, kind, ",".join(labels), bounds))
        return measure

    def _measure(self, definition: Definition) -> Measure:
        """That of a definition of the catalogue, with every name that the preset exports."""
        found = self._measures.get(definition.name)
        return found or self._define(definition, CATALOGUE.names(definition.name, self._preset))

    def _define(self, definition: Definition, names: tuple[Definition, ...]) -> Measure:
        writers = [Writer(name) for name in names]
        for name in names:
            try:
                self._registry.register(_Reserved(name))
            except ValueError as error:
                raise MetricError(name.name, "name", f"the registry has it already: {error}") from None
        self._writers.extend(writers)
        measure = self._measures[definition.name] = Measure(definition, self._limit)
        return measure

    def _catalogued(self, name: str) -> Measure | None:
        """The measure of a metric of the catalogue that another worker has used first."""
        known = CATALOGUE.get(name)
        if known is None:
            return None
        try:
            with self._lock:
                return self._measure(known)
        except MetricError as error:
            self._drop(name, error)
            return None

    def _learn(self, facts: list[str]) -> None:
        """A metric that a worker has made on first use."""
        name, kind, labels, buckets = facts
        if name in self._measures:
            return
        try:
            with self._lock:
                bounds = tuple(float(bound) for bound in buckets.split(",") if bound)
                self._new(name, Kind(kind), tuple(label for label in labels.split(",") if label), bounds)
        except Exception as error:
            self._drop(name, error)

    def _slot(self, measure: Measure, values: LabelValues) -> Any:
        found = measure.series.get(values)
        if found is None:
            bounded = measure.bounded(values)
            found = measure.series.get(bounded)
            if found is None:
                found = measure.series[bounded] = self._numbers.slot((*measure.key, *bounded), measure.size)
        return found

    def _write(self, measure: Measure, values: LabelValues, value: float, moved: bool) -> None:
        slot = self._slot(measure, values)
        match measure.definition.kind:
            case Kind.COUNTER:
                slot[0] += value
            case Kind.GAUGE:
                slot[0] = slot[0] + value if moved else value
                slot[1] = self.clocks.wall()
            case Kind.HISTOGRAM:
                slot[0] += value
                slot[1 + bisect_left(measure.definition.buckets, value)] += 1

    def _drop(self, name: str, error: Exception) -> None:
        """An observation is lost: logged once for each metric and reason, always counted."""
        reason = error.reason if isinstance(error, MetricError) else "error"
        try:
            told = f"{name} {reason}"
            if told not in self._refused and len(self._refused) < _METRICS:
                self._refused.add(told)
                _log.warning("an observation was dropped: %s", error)
            if name != DROPPED:
                self.add(DROPPED, reason)
        except Exception:
            _log.exception("a dropped observation could not be counted")

    def _forget(self) -> None:
        """In a worker that was forked off: the slots are those of its parent."""
        self._lock = RLock()
        for measure in self._measures.values():
            measure.forget()


def _settled(numbers: Inherited) -> None:
    """A process that is gone has no part in the gauges that add up over the living."""
    for key, slot in numbers.items():
        known = CATALOGUE.get(key[1]) if key[0] == "measure" else None
        if known is not None and known.kind is Kind.GAUGE and known.multiprocess == "livesum":
            slot[0] = slot[1] = 0.0


class _Reserved:
    """Holds a name in the registry, so that nobody else takes it. The collector itself writes the metric."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def describe(self) -> Iterator[Metric]:
        yield Metric(self._definition.family, self._definition.help, self._definition.kind)

    def collect(self) -> Iterator[Metric]:
        return iter(())

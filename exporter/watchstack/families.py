"""Metric families as the library's own collectors hold them, and their two forms: ready lines and prometheus_client's.

The text of a series (name and labels) is rendered once and kept. Which format a scrape gets: exposition.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from watchstack.catalogue import Definition, Kind

LabelValues = tuple[str, ...]


@dataclass(frozen=True)
class Buckets:
    """A histogram's numbers: observations by bucket, not added up, +Inf last; their sum; exemplars by bucket."""

    counts: Sequence[float]
    sum: float
    exemplars: Mapping[int, Exemplar] | None = None


Points = Iterable[tuple[LabelValues, float | Buckets]]  # may be made while it is read


# One line of an exposition: name, labels and a space as they are written; the value; its exemplar. Plain tuples, as a
# scrape makes tens of thousands of them.
Line = tuple[str, float, Exemplar | None]
# All lines of one label set, and its whole `_created` line, which the text format writes after the family.
Block = tuple[Sequence[Line], str | None]


class Family(NamedTuple):
    """One metric family ready to be written; `blocks` are made while they are written. name: without `_total`."""

    name: str
    kind: str
    help: str
    unit: str
    blocks: Iterable[Block]


def series(name: str, labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Name and labels as the text formats write them, with a space at the end; labels in alphabetical order."""
    pairs = sorted(labels.items() if isinstance(labels, Mapping) else labels)
    if not pairs:
        return name + " "
    inner = ",".join(f'{k}="{_escape(v)}"' for k, v in pairs)
    return f"{name}{{{inner}}} "


def go_number(value: float) -> str:
    """A value as Go, and so Prometheus, writes it."""
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class Writer:
    """Writes one definition's points as lines, keeping the text of every series it has seen."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._bounds = [go_number(bound) for bound in (*definition.buckets, float("inf"))]
        self._known: dict[LabelValues, tuple[str, ...]] = {}

    def family(self, points: Points) -> Family:
        definition = self.definition
        return Family(definition.family, definition.kind, definition.help, "", self._blocks(points))

    def metric(self, points: Points) -> Metric:
        """The same for callers that want prometheus_client's own form."""
        definition = self.definition
        metric = Metric(definition.family, definition.help, definition.kind)
        for values, value in points:
            labels = dict(zip(definition.labels, values, strict=True))
            if isinstance(value, Buckets):
                for index, (bound, total) in enumerate(zip(self._bounds, _totals(value), strict=True)):
                    exemplar = (value.exemplars or {}).get(index)
                    metric.add_sample(definition.name + "_bucket", {**labels, "le": bound}, total, None, exemplar)
                metric.add_sample(definition.name + "_count", labels, total)
                metric.add_sample(definition.name + "_sum", labels, value.sum)
            else:
                metric.add_sample(definition.name, labels, value)
        return metric

    def _blocks(self, points: Points) -> Iterator[Block]:
        seen = 0
        for values, value in points:
            seen += 1
            texts = self._known.get(values)
            if texts is None:
                texts = self._known[values] = tuple(self._texts(values))
            if isinstance(value, Buckets):
                numbers = _totals(value)
                numbers += [numbers[-1], value.sum]
                found = value.exemplars or {}
                yield [(text, numbers[index], found.get(index)) for index, text in enumerate(texts)], None
            else:
                yield ((texts[0], value, None),), None
        if len(self._known) > 2 * seen + 100:  # most of the known series are gone
            self._known.clear()

    def _texts(self, values: LabelValues) -> Iterator[str]:
        name = self.definition.name
        labels = list(zip(self.definition.labels, values, strict=True))
        if self.definition.kind is not Kind.HISTOGRAM:
            yield series(name, labels)
            return
        for bound in self._bounds:
            yield series(name + "_bucket", [*labels, ("le", bound)])
        yield series(name + "_count", labels)
        yield series(name + "_sum", labels)


class FamilyCollector:
    """A collector over definitions of the catalogue: a subclass tells the points of each, and both forms follow.

    Registers itself in `registry`, which raises ValueError when one of the names is taken there.
    """

    def __init__(self, definitions: Iterable[Definition], registry: CollectorRegistry) -> None:
        self._writers = [Writer(definition) for definition in definitions]
        registry.register(self)

    def points(self, definition: Definition) -> Points | None:
        """The newest numbers of one definition; None leaves it out of this scrape."""
        raise NotImplementedError

    def families(self) -> Iterator[Family]:
        for writer in self._writers:
            points = self.points(writer.definition)
            if points is not None:
                yield writer.family(points)

    def collect(self) -> Iterator[Metric]:
        for writer in self._writers:
            points = self.points(writer.definition)
            if points is not None:
                yield writer.metric(points)

    def describe(self) -> Iterator[Metric]:
        for writer in self._writers:
            definition = writer.definition
            yield Metric(definition.family, definition.help, definition.kind)


def _totals(value: Buckets) -> list[float]:
    total = 0.0
    totals = []
    for number in value.counts:
        total += number
        totals.append(total)
    return totals

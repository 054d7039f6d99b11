"""Reads prometheus_client's own metrics without the objects that its collect() makes for every sample.

This leans on how prometheus_client keeps its children. `supported()` proves once per process that this version keeps
them so, by comparing with collect(); where it does not, everything goes through collect(). Formats: exposition.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from prometheus_client import Counter, Gauge, Histogram, Summary, metrics, values
from prometheus_client.core import Metric
from prometheus_client.samples import Exemplar

from watchstack.families import Block, Family, Line, go_number, series

_LEGACY = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z").match
_Suffixes = Iterable[tuple[str, tuple[tuple[str, str], ...]]]


class _Series:
    """The rendered text of one child's lines, the last one without its value being `_created`."""

    __slots__ = ("created", "created_line", "texts")

    def __init__(self, metric: Any, values: tuple[str, ...], suffixes: _Suffixes) -> None:
        labels = tuple(zip(metric._labelnames, values, strict=True))
        self.texts = tuple(series(metric._name + suffix, (*labels, *more)) for suffix, more in suffixes)
        self.created: float | None = None
        self.created_line: str | None = None

    def line_of(self, created: float) -> str:
        """The whole `_created` line; made again only when the counter was reset."""
        if created != self.created or self.created_line is None:
            self.created, self.created_line = created, f"{self.texts[-1]}{go_number(created)}\n"
        return self.created_line


_known: WeakKeyDictionary[Any, dict[tuple[str, ...], _Series]] = WeakKeyDictionary()


def client_family(collector: Any, *, exemplars: bool) -> Family | None:
    """The family of a counter, gauge, histogram or summary of prometheus_client; None for anything else."""
    kind = type(collector)
    if kind not in _READERS or not supported():
        return None
    if not _LEGACY(collector._name) or not all(map(_LEGACY, collector._labelnames)):
        return None
    return _family(collector, exemplars)


def is_plain(metric: Metric) -> bool:
    """Whether a metric can be written line by line here: plain names, no timestamps, no native histograms."""
    if not _LEGACY(metric.name):
        return False
    for sample in metric.samples:
        if sample.timestamp is not None or sample.native_histogram is not None or sample.value is None:
            return False
        if not _LEGACY(sample.name) or not all(map(_LEGACY, sample.labels)):
            return False
        if sample.name.endswith(("_gsum", "_gcount")):
            return False
    return True


def metric_family(metric: Metric) -> Family:
    """A family of a metric that is_plain()."""
    return Family(metric.name, metric.type, metric.documentation, metric.unit, _metric_blocks(metric))


def _metric_blocks(metric: Metric) -> Iterator[Block]:
    created = metric.name + "_created"
    for sample in metric.samples:
        text = series(sample.name, sample.labels)
        if sample.name == created:
            yield (), f"{text}{go_number(sample.value)}\n"
        else:
            yield ((text, sample.value, sample.exemplar),), None


@functools.cache
def supported() -> bool:
    """Whether children can be read as this module reads them; not in multiprocess mode, whose values are in files."""
    if values.ValueClass is not values.MutexValue:
        return False
    try:
        return all(map(_reads_as_collect, _probes()))
    except Exception:
        return False


def _probes() -> Iterator[Any]:
    counter = Counter("probe", "probe", ("a",), registry=None)
    counter.labels("x").inc(exemplar={"trace_id": "1"})
    yield counter
    gauge = Gauge("probe", "probe", registry=None)
    gauge.set(2.5)
    yield gauge
    histogram = Histogram("probe", "probe", ("a",), registry=None, buckets=(1, 2))
    histogram.labels('x"').observe(1.5, exemplar={"trace_id": "1"})
    yield histogram
    summary = Summary("probe", "probe", ("a",), registry=None)
    summary.labels("x").observe(1.5)
    yield summary


def _reads_as_collect(probe: Any) -> bool:
    wanted: list[Line] = []
    created: list[str] = []
    for sample in probe.collect()[0].samples:
        text = series(sample.name, sample.labels)
        if sample.name.endswith("_created"):
            created.append(f"{text}{go_number(sample.value)}\n")
        else:
            wanted.append((text, sample.value, sample.exemplar))
    blocks = list(_family(probe, exemplars=True).blocks)
    found = [line for lines, _ in blocks for line in lines]
    return wanted == found and created == [line for _, line in blocks if line is not None]


def _family(metric: Any, exemplars: bool) -> Family:
    return Family(metric._name, metric._type, metric._documentation, metric._unit, _blocks(metric, exemplars))


def _blocks(metric: Any, exemplars: bool) -> Iterator[Block]:
    suffixes, read = _READERS[type(metric)]
    known = _known.setdefault(metric, {})
    children, values_of = _children(metric)
    with_created = metrics._use_created and type(metric) is not Gauge
    for label_values in values_of:
        child = children.get(label_values)
        if child is None:  # removed meanwhile
            continue
        entry = known.get(label_values)
        if entry is None:
            entry = known[label_values] = _Series(metric, label_values, suffixes(child))
        yield read(child, entry.texts, exemplars), entry.line_of(child._created) if with_created else None
    if len(known) > 2 * len(children) + 100:  # most of the known series are gone
        known.clear()


def _children(metric: Any) -> tuple[dict[tuple[str, ...], Any], list[tuple[str, ...]]]:
    """The children and their label values as they are now; no object is made for a child, which would wake the GC."""
    if not metric._labelnames:
        return {(): metric}, [()]
    with metric._lock:
        children = metric._metrics
        return children, list(children)


def _counter_suffixes(child: Any) -> _Suffixes:
    return (("_total", ()), ("_created", ()))


def _read_counter(child: Any, texts: tuple[str, ...], exemplars: bool) -> tuple[Line, ...]:
    value = child._value
    return ((texts[0], value._value, value._exemplar if exemplars else None),)


def _gauge_suffixes(child: Any) -> _Suffixes:
    return (("", ()),)


def _read_gauge(child: Any, texts: tuple[str, ...], exemplars: bool) -> tuple[Line, ...]:
    if "_child_samples" in child.__dict__:  # set_function
        return tuple((texts[0], sample.value, None) for sample in child._child_samples())
    return ((texts[0], child._value._value, None),)


def _histogram_suffixes(child: Any) -> _Suffixes:
    for bound in child._upper_bounds:
        yield "_bucket", (("le", go_number(bound)),)
    yield "_count", ()
    yield "_sum", ()
    yield "_created", ()


def _read_histogram(child: Any, texts: tuple[str, ...], exemplars: bool) -> list[Line]:
    total = 0.0
    lines: list[Line] = []
    exemplar: Exemplar | None
    for text, bucket in zip(texts, child._buckets, strict=False):
        total += bucket._value
        exemplar = bucket._exemplar if exemplars else None
        lines.append((text, total, exemplar))
    lines.append((texts[-3], total, None))
    if child._upper_bounds[0] >= 0:
        lines.append((texts[-2], child._sum._value, None))
    return lines


def _summary_suffixes(child: Any) -> _Suffixes:
    return (("_count", ()), ("_sum", ()), ("_created", ()))


def _read_summary(child: Any, texts: tuple[str, ...], exemplars: bool) -> tuple[Line, ...]:
    return ((texts[0], child._count._value, None), (texts[1], child._sum._value, None))


_Read = Callable[[Any, tuple[str, ...], bool], "tuple[Line, ...] | list[Line]"]
_READERS: dict[type, tuple[Callable[[Any], _Suffixes], _Read]] = {
    Counter: (_counter_suffixes, _read_counter),
    Gauge: (_gauge_suffixes, _read_gauge),
    Histogram: (_histogram_suffixes, _read_histogram),
    Summary: (_summary_suffixes, _read_summary),
}

"""Expositions: byte for byte what prometheus_client writes, in pieces, for every kind of metric and format."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, generate_latest
from prometheus_client.core import (
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    Metric,
    StateSetMetricFamily,
    UnknownMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from watchstack import exposition_client
from watchstack.catalogue import Definition, Kind
from watchstack.endpoints import Request, metrics_handler
from watchstack.exposition import PIECE_LINES, Format, gzipped, pieces, whole
from watchstack.families import Buckets, FamilyCollector, Points

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
ACCEPTS = {
    "nothing": "",
    "prometheus 3": PROMETHEUS,
    "prometheus 2": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "browser": "text/html,application/xhtml+xml,*/*;q=0.8",
    "openmetrics bare": "application/openmetrics-text",
    "text 1": "text/plain;version=1.0.0;escaping=allow-utf-8",
    "dots": "text/plain;version=1.0.0;escaping=dots",
    "values": "application/openmetrics-text;version=1.0.0;escaping=values",
    "openmetrics 2": "application/openmetrics-text;version=2.0.0;escaping=allow-utf-8",
}
VALUES = (0, 1, 2.5, -3, 1e-9, 123456.789, 999999.5, 1e6, 1234567, 1e16, 1e300, -1e7, float("inf"), float("-inf"))


@pytest.mark.parametrize("name", ["prometheus 3", "nothing"])
def test_a_label_that_cannot_be_written_ends_no_scrape(name: str) -> None:
    registry = CollectorRegistry()
    Counter("files", "by name", ["name"], registry=registry).labels("a\udcfc").inc()
    Gauge("good", "x", registry=registry)
    found = whole(registry, Format.negotiate(ACCEPTS[name])).decode().splitlines()
    assert 'files_total{name="a?"} 1.0' in found
    assert "good 0.0" in found


def everything() -> CollectorRegistry:
    """A registry with every kind of metric and the values and labels that are hard to write."""
    registry = CollectorRegistry(target_info={"service": "x"})
    plain = Gauge("plain", 'help with "quotes", a \\ and\na line break', ("n",), registry=registry)
    for index, value in enumerate(VALUES):
        plain.labels(f"v{index}").set(value)
    plain.labels("nan").set(float("nan"))
    Gauge("called", "by function", registry=registry).set_function(lambda: 42)
    labelled = Gauge("labelled_called", "by function", ("a",), registry=registry)
    labelled.labels("x").set_function(lambda: 1e9)
    counter = Counter("jobs", "jobs", ("b_second", "a_first"), registry=registry)
    counter.labels('q"uote', "line\nbreak").inc(3)
    counter.labels("back\\slash", "ünïcode ✓").inc(1e7)
    counter.labels("e", "f").inc(1, exemplar={"trace_id": "abc", "a": 'x"y'})
    Counter("bare_total", "no labels", registry=registry).inc()
    Counter("empty", "labels, no children", ("x",), registry=registry)
    histogram = Histogram("latency", "latency", ("route",), registry=registry, buckets=(0.1, 1, 1e7))
    histogram.labels("/x").observe(0.5, exemplar={"trace_id": "t1"})
    histogram.labels("/y").observe(1e8)
    Histogram("below_zero", "negative bounds", registry=registry, buckets=(-1, 0, 1)).observe(-0.5)
    Summary("sizes", "sizes", registry=registry).observe(3)
    Summary("labelled_sizes", "sizes", ("x",), registry=registry).labels("1").observe(3)
    Info("build", "build", registry=registry).info({"version": "1"})
    Enum("state", "state", registry=registry, states=["up", "down"]).state("down")
    Gauge("with_unit", "unit", unit="bytes", registry=registry).set(5)
    registry.register(Odd())
    registry.register(Ours(registry=CollectorRegistry()))
    return registry


class Odd:
    """What only collect() tells of."""

    def collect(self) -> Iterator[Metric]:
        unknown = UnknownMetricFamily("unknown_kind", "unknown", value=3)
        yield unknown
        stamped = GaugeMetricFamily("stamped", "with a timestamp", labels=("a",))
        stamped.add_metric(("x",), 1, timestamp=1700000000.5)
        yield stamped
        utf8 = GaugeMetricFamily("dotted.name", "utf-8 name", labels=("label.name",))
        utf8.add_metric(("x",), 7)
        yield utf8
        states = StateSetMetricFamily("states", "states", labels=("a",))
        states.add_metric(("x",), {"on": True, "off": False})
        yield states
        buckets = GaugeHistogramMetricFamily("queue", "queue", labels=("a",))
        buckets.add_metric(("x",), [("1.0", 2), ("+Inf", 3)], gsum_value=9)
        yield buckets


class Ours(FamilyCollector):
    """A collector in the library's own form."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(
            [
                Definition("ours_total", Kind.COUNTER, "ours", ("b", "a")),
                Definition("ours_seconds", Kind.HISTOGRAM, "ours", ("a",), buckets=(0.5, 1.0)),
                Definition("ours_bytes", Kind.GAUGE, "ours"),
                Definition("ours_absent", Kind.GAUGE, "ours"),
            ],
            registry,
        )

    def points(self, definition: Definition) -> Points | None:
        found: dict[str, Points] = {
            "ours_total": [(("x", 'y"'), 3), (("x2", "y2"), 1e9)],
            "ours_seconds": [(("x",), Buckets([1, 2, 3], 12.5))],
            "ours_bytes": [((), 17)],
        }
        return found.get(definition.name)


@pytest.mark.parametrize("accept", ACCEPTS.values(), ids=ACCEPTS)
def test_the_same_bytes_as_prometheus_client(accept: str) -> None:
    registry = everything()
    encoder, content_type = choose_encoder(accept)
    form = Format.negotiate(accept)
    assert form.content_type == content_type
    for _ in range(2):  # the second time from what was kept
        assert whole(registry, form) == encoder(registry)


def test_values_and_children_that_changed_are_written_anew() -> None:
    registry = CollectorRegistry()
    counter = Counter("jobs", "jobs", ("kind",), registry=registry)
    for kind in "abc":
        counter.labels(kind).inc()
    assert whole(registry) == generate_latest(registry)
    counter.labels("a").inc(41)
    counter.remove("b")
    counter.labels("c").reset()
    assert whole(registry) == generate_latest(registry)
    counter.labels("b").inc()
    assert whole(registry) == generate_latest(registry)
    counter.clear()
    assert whole(registry) == generate_latest(registry)


def test_without_created_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prometheus_client.metrics._use_created", False)
    registry = everything()
    assert b"jobs_created" not in whole(registry)
    assert whole(registry) == generate_latest(registry)


def test_any_other_layout_of_prometheus_client_is_read_through_collect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition_client, "_reads_as_collect", lambda probe: False)
    exposition_client.supported.cache_clear()
    try:
        assert not exposition_client.supported()
        registry = everything()
        assert whole(registry) == generate_latest(registry)
    finally:
        exposition_client.supported.cache_clear()


def test_the_fast_way_is_in_use() -> None:
    exposition_client.supported.cache_clear()
    assert exposition_client.supported()


def test_pieces_are_short_and_keep_label_sets_whole() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("many", "many", ("n",), registry=registry)
    for index in range(500):
        histogram.labels(str(index)).observe(1)
    parts = list(pieces(registry))
    assert b"".join(parts) == generate_latest(registry)
    assert len(parts) > 30
    assert max(part.count(b"\n") for part in parts) < 2 * PIECE_LINES + 20


def test_a_collector_that_fails_does_not_take_the_others_along(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def collect(self) -> Iterator[Metric]:
            yield GaugeMetricFamily("half", "half", value=1)
            raise RuntimeError("broken on purpose")

    registry = CollectorRegistry()
    Gauge("before", "before", registry=registry).set(1)
    registry.register(Broken())
    Gauge("after", "after", registry=registry).set(1)
    text = whole(registry)
    assert b"before 1.0" in text
    assert b"after 1.0" in text
    assert "broken on purpose" in caplog.text


def _request(**headers: str) -> Request:
    return Request("GET", "/metrics", "", lambda name: headers.get(name.replace("-", "_")))


def test_gzip_when_it_is_accepted() -> None:
    registry = everything()
    answer = metrics_handler(registry)(_request(accept_encoding="br, gzip;q=0.8"))
    assert ("Content-Encoding", "gzip") in answer.headers
    assert gzip.decompress(b"".join(answer.chunks)) == generate_latest(registry)


@pytest.mark.parametrize("header", ["", "br", "gzip;q=0", "gzip; q=0.0", "identity"])
def test_no_gzip_when_it_is_not(header: str) -> None:
    answer = metrics_handler(everything())(_request(accept_encoding=header))
    assert not any(name == "Content-Encoding" for name, _ in answer.headers)
    assert b"".join(answer.chunks).startswith(b"# HELP")


def test_gzip_is_one_stream() -> None:
    chunks: list[Any] = [b"a" * 1000, b"b" * 1000, b""]
    assert gzip.decompress(b"".join(gzipped(chunks))) == b"".join(chunks)


def test_the_length_stands_on_a_short_answer() -> None:
    registry = CollectorRegistry()
    Gauge("one", "one", registry=registry).set(1)
    answer = metrics_handler(registry)(_request())
    assert ("Content-Length", str(len(generate_latest(registry)))) in answer.headers

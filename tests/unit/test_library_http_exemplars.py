"""Exemplars: the trace of a request on the bucket it fell into, through both adapters, in OpenMetrics alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from library_kit import Ask, Hands, drive_asgi, drive_wsgi, lines_of
from opentelemetry import trace
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from watchstack.catalogue import Preset
from watchstack.exposition import Format, whole
from watchstack.http.asgi import AsgiMiddleware
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.shared import SharedRecorder
from watchstack.http.traces import LONGEST, trace_of
from watchstack.http.wsgi import WsgiMiddleware
from watchstack.shared import SharedNumbers

ONE, TWO, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
OPENMETRICS = Format.negotiate("application/openmetrics-text;version=1.0.0")
Drive = Callable[..., Any]


def parent(trace_id: str, flags: str = "01") -> tuple[tuple[str, str], ...]:
    return (("traceparent", f"00-{trace_id}-{SPAN}-{flags}"),)


def flask_app(hands: Hands) -> Any:
    app = Flask("shop")

    @app.route("/items/<item>", methods=["GET", "POST"])
    def items(item: str) -> str:
        hands.forward(float(item))
        return "item"

    return app.wsgi_app


def starlette_app(hands: Hands) -> Any:
    async def items(request: Any) -> PlainTextResponse:
        hands.forward(float(request.path_params["item"]))
        return PlainTextResponse("item")

    return Starlette(routes=[Route("/items/{item}", items, methods=["GET", "POST"])])


class Watched:
    """An application with the measuring around it, and what a scrape shows of it."""

    def __init__(self, kind: str, recorder: Callable[..., Recorder] = Recorder, preset: Preset | None = None) -> None:
        self.hands = Hands()
        self.recorder = recorder(clocks=self.hands.clocks())
        self.registry = CollectorRegistry()
        HttpCollector(self.recorder, self.registry, preset)
        self.drive: Drive
        if kind == "wsgi":
            self.drive = drive_wsgi
            self.app: Any = WsgiMiddleware(flask_app(self.hands), self.recorder)
        else:
            self.drive = drive_asgi
            self.app = AsgiMiddleware(starlette_app(self.hands), self.recorder)

    def send(self, seconds: float, headers: tuple[tuple[str, str], ...] = (), **more: Any) -> None:
        assert self.drive(self.app, Ask(path=f"/items/{seconds}", headers=headers, **more)).body == b"item"

    def exemplars(self) -> list[str]:
        """` le="1.0"… # {…} …` of every line that carries an exemplar."""
        lines = lines_of(whole(self.registry, OPENMETRICS), "http_", "app_")
        return [line.split('le="')[1] for line in lines if " # " in line]


@pytest.fixture(params=["wsgi", "asgi"])
def watched(request: pytest.FixtureRequest) -> Watched:
    return Watched(request.param)


def test_a_traced_request_is_the_exemplar_of_its_bucket_and_the_last_one_wins(watched: Watched) -> None:
    watched.send(0.25, parent(ONE))
    watched.send(0.25, parent(TWO))
    watched.send(0.25)  # belongs to no trace
    watched.send(3.0, parent(ONE), method="POST", body=b"abc")
    assert watched.exemplars() == [
        f'0.25",method="GET"}} 3.0 # {{trace_id="{TWO}"}} 0.25 1000.5',
        f'5.0",method="POST"}} 1.0 # {{trace_id="{ONE}"}} 3.0 1003.75',
    ]


def test_the_newest_of_all_statuses_is_shown() -> None:
    recorder = Recorder()
    for status, trace_id in (("200", ONE), ("500", TWO)):
        exchange = recorder.begin("GET")
        exchange.traced(parent(trace_id)[0][1])
        exchange.status = status
        exchange.end()
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    [line] = [line for line in lines_of(whole(registry, OPENMETRICS), "http_") if " # " in line]
    assert TWO in line


def test_no_exemplar_in_the_text_format(watched: Watched) -> None:
    watched.send(0.25, parent(ONE))
    for accept in ("", "text/plain;version=0.0.4", "text/plain;version=1.0.0;escaping=allow-utf-8"):
        assert ONE.encode() not in whole(watched.registry, Format.negotiate(accept))


@pytest.mark.parametrize(
    "accept", ["", "application/openmetrics-text", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"]
)
def test_the_bytes_are_those_of_prometheus_client(watched: Watched, accept: str) -> None:
    for seconds in (0.001, 0.25, 3.0, 70.0):
        watched.send(seconds, parent(ONE))
    encoder, _ = choose_encoder(accept)
    found = whole(watched.registry, Format.negotiate(accept))
    assert found == encoder(watched.registry)
    assert found.count(b" # {trace_id=") == (4 if accept else 0)


def test_an_alias_carries_them_too() -> None:
    watched = Watched("wsgi", preset=Preset.FLASK)
    watched.send(0.25, parent(ONE))
    assert len(watched.exemplars()) == 2


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{ONE}-{SPAN}",
        f"00-{ONE}-{SPAN}-01-more",
        f"ff-{ONE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ONE}-{'0' * 16}-01",
        f"00-{ONE.upper()}-{SPAN}-01",
        f"00-{ONE}-{SPAN}-00",
        f"00-{ONE}-{SPAN}-fe",
        f'00-{ONE[:-1]}"-{SPAN}-01',
        f"cc-{ONE}-{SPAN}-01-" + "x" * LONGEST,
        "\udcff" * 55,
    ],
)
def test_a_header_that_names_no_sampled_trace_gives_none(watched: Watched, header: str) -> None:
    assert trace_of(header) == ""
    if header.isascii():
        watched.send(0.25, (("traceparent", header),))
        assert watched.exemplars() == []
    assert watched.recorder.troubles == 0


def test_a_later_version_of_the_header_may_say_more() -> None:
    assert trace_of(f"cc-{ONE}-{SPAN}-09-more") == ONE


class _Provider(trace.TracerProvider):
    """A tracer provider that makes no spans of its own: the tests set theirs current by hand."""

    def get_tracer(self, *args: Any, **more: Any) -> trace.Tracer:
        return trace.NoOpTracer()


def span(trace_id: str, flags: int = 1) -> trace.Span:
    context = trace.SpanContext(int(trace_id, 16), int(SPAN, 16), False, trace.TraceFlags(flags))
    return trace.NonRecordingSpan(context)


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_the_current_span_of_opentelemetry_wins_over_the_header(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", _Provider())
    watched = Watched(kind)
    with trace.use_span(span(TWO)):
        watched.send(0.25, parent(ONE))
    watched.send(3.0, parent(ONE))
    with trace.use_span(span(TWO, flags=0)):
        watched.send(7.0)
    assert [line.split('"')[-2] for line in watched.exemplars()] == [TWO, ONE]


def test_opentelemetry_is_asked_once_the_application_has_set_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched("wsgi")
    assert watched.recorder.span is None  # the package is there, but nothing makes spans: nothing is asked
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", _Provider())
    watched.exemplars()  # a scrape looks again
    with trace.use_span(span(TWO)):
        watched.send(0.25)
    assert len(watched.exemplars()) == 1


def test_a_span_that_raises_harms_nothing(watched: Watched) -> None:
    def broken() -> str:
        raise RuntimeError("on purpose")

    watched.recorder.span = broken
    watched.send(0.25, parent(ONE))
    assert watched.recorder.troubles == 1
    assert ONE in watched.exemplars()[0]


def test_several_workers_give_no_exemplars(tmp_path: Path) -> None:
    watched = Watched("wsgi", lambda **more: SharedRecorder(SharedNumbers(tmp_path), **more))
    watched.send(0.25, parent(ONE))
    assert watched.exemplars() == []
    assert watched.recorder.troubles == 0
    text = whole(watched.registry, OPENMETRICS).decode()
    assert 'http_request_duration_seconds_count{endpoint="/items/<item>",method="GET"} 1.0' in text

"""What is WSGI's own: bodies handed over as they are, `write`, a server that never closes, large answers in pieces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from library_kit import Ask, drive_wsgi, environ_of, samples
from prometheus_client import CollectorRegistry, Counter
from watchstack.endpoints import Endpoints, metrics_handler
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.wsgi import EXCHANGE, WsgiMiddleware
from werkzeug.wrappers import Request, Response

Start = Any


def measured(app: Any, **more: Any) -> tuple[WsgiMiddleware, CollectorRegistry]:
    recorder = Recorder()
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    return WsgiMiddleware(app, recorder, **more), registry


def size(registry: CollectorRegistry) -> float:
    return sum(samples(registry, "http_response_size_bytes_sum").values())


def start_nothing(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    return lambda data: None


def test_an_application_on_werkzeug_tells_its_route_itself() -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        environ["watchstack.route"] = "/things/{id}"
        return Response(Request(environ).path)(environ, start)

    wrapped, registry = measured(app)
    assert drive_wsgi(wrapped, Ask(path="/things/7")).body == b"/things/7"
    labels = 'endpoint="/things/{id}",method="GET",path="/things/{id}",status="200"'
    assert samples(registry, "http_requests_total") == {f"http_requests_total{{{labels}}}": 1.0}


@pytest.mark.parametrize("body", [[b"ab", b"c"], (b"abc",), []])
def test_lists_are_handed_over_as_they_are(body: Any) -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [])
        return body

    wrapped, registry = measured(app)
    assert wrapped(environ_of(Ask()), start_nothing) is body
    assert size(registry) == sum(map(len, body))


def test_a_file_keeps_the_server_s_wrapper() -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [("Content-Length", "1000")])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 1000))

    wrapped, registry = measured(app)
    body = wrapped(environ_of(Ask()) | {"wsgi.file_wrapper": FileWrapper}, start_nothing)
    assert type(body) is FileWrapper
    assert size(registry) == 1000


def test_a_body_with_a_length_keeps_it() -> None:
    class Body:
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"abcd"])

    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [])
        return Body()

    wrapped, registry = measured(app)
    body: Any = wrapped(environ_of(Ask()), start_nothing)
    assert len(body) == 1
    assert b"".join(body) == b"abcd"
    body.close()
    assert size(registry) == 4


def test_what_is_written_counts() -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        write = start("200 OK", [])
        write(b"ab")
        write(b"cd")
        return [b"e"]

    wrapped, registry = measured(app)
    reply = drive_wsgi(wrapped, Ask())
    assert reply.body == b"abcde"
    assert size(registry) == 5


def test_a_second_start_after_an_error_gives_the_status() -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [])
        try:
            raise ValueError
        except ValueError as error:
            start("502 Bad Gateway", [], (ValueError, error, None))
        return [b""]

    wrapped, registry = measured(app)
    assert drive_wsgi(wrapped, Ask()).status == "502"
    assert 'status="502"' in next(iter(samples(registry, "http_requests_total")))


def test_a_body_that_is_never_read_ends_with_its_close() -> None:
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [])
        return Body()

    wrapped, registry = measured(app)
    body: Any = wrapped(environ_of(Ask()), start_nothing)
    assert samples(registry, "http_requests_in") == {'http_requests_in_progress{method="GET"}': 1.0}
    body.close()
    assert samples(registry, "http_requests_in") == {'http_requests_in_progress{method="GET"}': 0.0}
    assert closed == [True]


def test_a_close_that_raises_still_ends_the_request() -> None:
    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise OSError("on purpose")

    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [])
        return Body()

    wrapped, registry = measured(app)
    body: Any = wrapped(environ_of(Ask()), start_nothing)
    with pytest.raises(OSError, match="on purpose"):
        body.close()
    assert samples(registry, "http_requests_in") == {'http_requests_in_progress{method="GET"}': 0.0}


def test_the_application_finds_its_exchange() -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        environ[EXCHANGE].route = "/set/by/hand"
        environ["watchstack.route"] = "/told"
        start("200 OK", [])
        return [b"x"]

    wrapped, registry = measured(app)
    drive_wsgi(wrapped, Ask())
    assert 'endpoint="/set/by/hand"' in next(iter(samples(registry, "http_requests_total")))


def test_the_middleware_keeps_to_the_standard() -> None:
    def app(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [("Content-Type", "text/plain")])
        return iter([b"x", b"y"])

    wrapped, _ = measured(validator(app))
    environ = environ_of(Ask()) | {
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.errors": io.StringIO(),
    }
    body: Any = validator(wrapped)(environ, start_nothing)
    assert b"".join(body) == b"xy"
    body.close()


def test_a_large_scrape_comes_in_pieces_and_a_small_one_with_its_length() -> None:
    registry = CollectorRegistry()
    counter = Counter("many", "many", ("n",), registry=registry)
    app = WsgiMiddleware(lambda e, s: [], Recorder(), endpoints=Endpoints({"/metrics": metrics_handler(registry)}))
    counter.labels("0").inc()
    small = drive_wsgi(app, Ask(path="/metrics"))
    assert small.headers["content-length"] == str(len(small.body))
    for index in range(2000):
        counter.labels(str(index)).inc()
    pieces = list(app(environ_of(Ask(path="/metrics")), start_nothing))
    assert len(pieces) > 10
    assert max(piece.count(b"\n") for piece in pieces) < 600

"""The WSGI adapter: tells the HTTP core about each request of a WSGI application. No numbers and no names here.

The application sees the environ, `start_response` and its own exceptions as without it. An answer's time ends with its
last byte handed to the server, so streams are measured whole; `close()` without the last byte is a client that left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from watchstack.endpoints import LARGEST_BODY, Endpoints, Request
from watchstack.http.recorder import Exchange, Recorder

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
RouteOf = Callable[[Environ], str | None]
EXCHANGE = "watchstack.exchange"  # the environ key under which the application finds its exchange
ROUTE = "watchstack.route"  # an application without a router known here puts its route template under this key
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
PAUSE = 0.0001  # seconds between two pieces of a large answer: enough for a waiting thread to get the interpreter


def told_route(environ: Environ) -> str | None:
    """What the application, or what serves in its place, put under `watchstack.route`."""
    return environ.get(ROUTE)


class WsgiMiddleware:
    """Measures `app`, and serves `endpoints` in its place.

    route_of: finds a request's route template once its answer starts, for applications other than Flask's.
    excluded: exact paths that are not measured.
    """

    def __init__(
        self,
        app: WsgiApp,
        recorder: Recorder,
        *,
        endpoints: Endpoints | None = None,
        route_of: RouteOf = told_route,
        excluded: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._recorder = recorder
        self._endpoints = endpoints if endpoints is not None else Endpoints()
        self._handlers = self._endpoints.handlers
        self._route_of = route_of
        self._excluded = frozenset(excluded)
        self._special = self._excluded | self._handlers.keys()
        self._prefixes = self._endpoints.prefixes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        app, route_of = self._app, self._route_of
        path = environ.get("PATH_INFO", "")
        if path in self._special or (self._prefixes and path.startswith(self._prefixes)):
            if self._endpoints.serves(path, self._endpoints.owned):
                app, route_of = self._serve, told_route
            if path in self._excluded:
                return app(environ, start_response)
        recorder = self._recorder
        exchange = environ[EXCHANGE] = _Body(recorder, environ.get("REQUEST_METHOD", ""))
        if "HTTP_TRACEPARENT" in environ:
            exchange.traced(environ["HTTP_TRACEPARENT"])
        if length := environ.get("CONTENT_LENGTH"):
            exchange.announce(length)
        elif "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = _Input(environ["wsgi.input"], exchange)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            exchange.status = status
            exchange.headers = headers
            if recorder.span is not None:
                exchange.spanned(recorder.span)
            request = environ.get("werkzeug.request")
            if request is None:
                exchange.matched(route_of, environ)
                return exchange.counting(start_response(status, headers, *rest))
            rule = getattr(request, "url_rule", None)  # gone from the environ when the application returns
            if rule is not None:
                exchange.route = rule.rule
            elif ROUTE in environ:  # an application on Werkzeug that is none of Flask's
                exchange.matched(route_of, environ)
            return start_response(status, headers, *rest)

        try:
            chunks = app(environ, start)
        except BaseException as error:
            if not exchange.status:
                exchange.matched(route_of, environ)
            exchange.failed(error)
            exchange.end()
            raise
        exchange.chunks = chunks
        if "werkzeug.request" in environ and type(chunks) is not environ.get("wsgi.file_wrapper"):
            return exchange
        return self._handed_over(exchange, environ, route_of)

    def _handed_over(self, exchange: _Body, environ: Environ, route_of: RouteOf) -> Iterable[bytes]:
        """The body of an application other than Flask's, and of a file, in the form that servers treat specially."""
        if not exchange.status:  # a generator, which starts its answer with its first chunk, if ever
            exchange.unstarted = (route_of, environ)
        chunks = exchange.chunks
        kind = type(chunks)
        if kind is list or kind is tuple or kind is environ.get("wsgi.file_wrapper"):
            exchange.announce_answer(chunks, getattr(exchange, "headers", ()))
            exchange.end()
            return chunks  # servers take the length of a short list, and send a file by the system
        return _SizedBody(exchange) if hasattr(kind, "__len__") else exchange

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        environ.pop("werkzeug.request", None)  # of Flask's test client: no application of Flask's answers this
        environ[ROUTE] = self._endpoints.find(path)
        request = Request(
            environ["REQUEST_METHOD"],
            path,
            environ.get("QUERY_STRING", ""),
            partial(_header, environ),
            self._endpoints.owned,
            root=environ.get("SCRIPT_NAME", ""),
            client=environ.get("REMOTE_ADDR", ""),
            secure=environ.get("wsgi.url_scheme") == "https",
            body=_body(environ) if environ["REQUEST_METHOD"] not in _BODILESS else b"",
        )
        answer = self._endpoints.answer(request)
        start_response(answer.status_line, answer.headers)
        return _paced(answer.chunks)


def _header(environ: Environ, name: str) -> str | None:
    key = name.upper().replace("-", "_")
    return environ.get(key if key == "CONTENT_TYPE" else "HTTP_" + key)


def _body(environ: Environ) -> bytes | None:
    """The body of a request to one of our own endpoints, None for one that is too large; no more of it is read."""
    told = environ.get("CONTENT_LENGTH") or ""
    if not told.isdecimal() and not environ.get("wsgi.input_terminated"):
        return b""
    length = int(told) if told.isdecimal() else LARGEST_BODY + 1
    if told.isdecimal() and length > LARGEST_BODY:
        return None
    body: bytes = environ["wsgi.input"].read(length)
    return body if len(body) <= LARGEST_BODY else None


def _paced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    first = True
    for chunk in chunks:
        if not first:
            time.sleep(PAUSE)
        first = False
        yield chunk


class _Body(Exchange):
    """An exchange that is the answer's body too: the application's chunks, counted on their way to the server."""

    __slots__ = ("chunks", "headers", "unstarted")
    chunks: Iterable[bytes]
    unstarted: tuple[RouteOf, Environ]
    headers: list[tuple[str, str]]

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self.chunks:
                try:
                    self.response_size += len(chunk)
                except TypeError:  # no bytes: the server will complain, not we
                    self.recorder.trouble()
                yield chunk
        except Exception as error:
            self._find_route()
            self.failed(error)
            raise
        finally:
            if not self.status:
                self._find_route()
            self.end()

    def close(self) -> None:
        chunks, self.chunks = self.chunks, ()
        try:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        finally:
            if not self.ended:  # a client that left, or an answer without a body
                self._find_route()
                self.end()

    def _find_route(self) -> None:
        """The route of an answer that never started; lets go of the environ, which holds this exchange."""
        if hasattr(self, "unstarted"):
            self.matched(*self.unstarted)
            del self.unstarted


class _SizedBody:
    """The same for a body that tells how many chunks it has."""

    __slots__ = ("_body",)

    def __init__(self, body: _Body) -> None:
        self._body = body

    def __len__(self) -> int:
        return len(self._body.chunks)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        self._body.close()


class _Input:
    """A request body of unknown length, counted as the application reads it."""

    def __init__(self, source: Any, exchange: Exchange) -> None:
        self._source = source
        self._exchange = exchange

    def read(self, *size: int) -> bytes:
        return self._count(self._source.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._count(self._source.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        return [self._count(line) for line in self._source.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        return map(self._count, self._source)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _count(self, data: bytes) -> bytes:
        self._exchange.received(data)
        return data

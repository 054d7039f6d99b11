"""The ASGI adapter: tells the HTTP core about each HTTP request of an ASGI application. No numbers and no names here.

Everything but HTTP (websockets, lifespan) passes by untouched. An answer's time ends with its last byte handed to the
server, not when the application returns, so background tasks do not count as a slow answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any

from watchstack.endpoints import LARGEST_BODY, Endpoints, Request
from watchstack.http.recorder import DISCONNECTED, FAILED, Exchange, Recorder
from watchstack.http.routes import Scope, owns, path_below, starlette_route, told_route

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
RouteOf = Callable[[Scope], str | None]
EXCHANGE = "watchstack.exchange"  # the scope key under which the application finds its exchange
_STATUS = {number: str(number) for number in range(100, 600)}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
WAITING = 32  # answers that may wait for something at once


class AsgiMiddleware:
    """Measures `app`, and serves `endpoints` in its place.

    route_of: finds a request's route template when its answer ends; Starlette's and FastAPI's are found without it.
    excluded: exact paths that are not measured. A route that the application itself has for exactly one of the paths
    of `endpoints` wins.
    """

    def __init__(
        self,
        app: AsgiApp,
        recorder: Recorder,
        *,
        endpoints: Endpoints | None = None,
        route_of: RouteOf = starlette_route,
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
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app, route_of = self._app, self._route_of
        path = path_below(scope, scope.get("root_path"))
        if path in self._special or (self._prefixes and path.startswith(self._prefixes)):
            if self._endpoints.serves(path, partial(owns, scope.get("app", self._app))):
                app, route_of = self._serve, told_route
            if path in self._excluded:
                await app(scope, receive, send)
                return
        recorder = self._recorder
        exchange = scope[EXCHANGE] = Exchange(recorder, scope.get("method", ""))
        receive = _noted(scope, receive, exchange)
        headers: Iterable[tuple[bytes, bytes]] = ()

        def measured(message: Message) -> Awaitable[None]:
            nonlocal headers
            kind = message["type"]
            if kind == "http.response.body":
                try:
                    exchange.response_size += len(message.get("body", b""))
                except TypeError:  # no bytes: the server will complain, not we
                    recorder.trouble()
                if not message.get("more_body", False):
                    return last(message)
            elif kind == "http.response.start":
                exchange.status = _STATUS.get(message.get("status", 0), FAILED)
                headers = message.get("headers", ())
                if recorder.span is not None:
                    exchange.spanned(recorder.span)
            elif kind == "http.response.pathsend":
                exchange.announce_answer(None, headers)
                return last(message)
            return send(message)

        async def last(message: Message) -> None:
            try:
                await send(message)
            finally:
                exchange.matched(route_of, scope)
                exchange.end()

        try:
            await app(scope, receive, measured)
        except BaseException as error:
            exchange.matched(route_of, scope)
            if isinstance(error, Exception):
                exchange.failed(error)
            elif not exchange.status:  # cancelled: the server lets go of a client that went away
                exchange.status = DISCONNECTED
            raise
        finally:
            if not exchange.ended:
                exchange.matched(route_of, scope)
                exchange.end()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        import asyncio  # an application of another kind need not have it
        from concurrent.futures import ThreadPoolExecutor

        path = path_below(scope, scope.get("root_path"))
        route = scope["watchstack.route"] = self._endpoints.find(path)
        names: dict[str, str] = {}
        for key, value in scope["headers"]:
            name, told = key.decode("latin-1"), value.decode("latin-1")
            names[name] = f"{names[name]}; {told}" if name == "cookie" and name in names else told  # HTTP/2 splits it
        request = Request(
            scope["method"],
            path,
            scope.get("query_string", b"").decode("latin-1"),
            names.get,
            partial(owns, scope.get("app", self._app)),
            root=scope.get("root_path", ""),
            client=(scope.get("client") or ("",))[0],
            secure=scope.get("scheme") == "https",
            body=b"" if scope["method"] in _BODILESS else await _body(receive),
        )
        if route in self._endpoints.waiting:  # in threads of our own: the application needs those of its loop
            self._threads = self._threads or ThreadPoolExecutor(WAITING, "watchstack-answer")
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._endpoints.answer, request)
        else:
            answer = self._endpoints.answer(request)
        head = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        for chunk in answer.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)  # what waits on this loop runs between two pieces
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _body(receive: Receive) -> bytes | None:
    """The body of a request to one of our own endpoints, None for one that is too large; no more of it is kept."""
    body = b""
    while len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body if len(body) <= LARGEST_BODY else None
    return None


def _noted(scope: Scope, receive: Receive, exchange: Exchange) -> Receive:
    """Notes the request's Content-Length and trace; gives what counts a body whose length is not told."""
    told = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            exchange.announce(value)
            told = True
        elif name == b"traceparent":
            exchange.traced(value.decode("latin-1"))
    return receive if told or scope.get("method") in _BODILESS else _counting(receive, exchange)


def _counting(receive: Receive, exchange: Exchange) -> Receive:
    async def counted() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            exchange.received(message.get("body", b""))
        return message

    return counted

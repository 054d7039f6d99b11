"""Starlette and FastAPI: route templates, errors, streams, background work; all frameworks where things are off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import fastapi
import pytest
from flask import Flask
from frameworks_kit import NoHost, endpoints, monitoring, watched
from library_kit import Ask, Reply, drive_asgi, drive_wsgi, samples
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from watchstack import Monitoring
from watchstack.asgi import MonitoringMiddleware
from watchstack.host import HostSampler
from watchstack.http.routes import starlette_route
from watchstack.settings import Settings

__all__ = ["watched"]  # the fixture


def test_switched_off_the_application_is_untouched() -> None:
    off = monitoring(enable_monitoring=False)
    app = Flask("off")
    before = app.wsgi_app
    off.init_app(app)
    assert app.wsgi_app == before
    starlette = Starlette()
    assert off.init_asgi(starlette) is starlette  # type: ignore[comparison-overlap,arg-type]


def test_metrics_switched_off_serve_none_and_measure_still() -> None:
    quiet = monitoring(prometheus_enabled=False)
    app = Flask("quiet")
    quiet.init_app(app)
    assert drive_wsgi(app, Ask(path="/metrics")).status == "404"
    quiet.stop()


# A-11 F-03 X-23
@pytest.mark.parametrize(
    ("preset", "path"),
    [
        (None, "/metrics"),
        ("flask", "/metrics"),
        ("api", "/monitoring/metrics"),
        ("framework", "/api/metrics"),
        ("ai", "/metrics"),
    ],
)
def test_the_metrics_path_of_each_preset(preset: str | None, path: str) -> None:
    app = Flask("paths")
    found = Monitoring(settings=Settings.from_environ({}, preset=preset), sampler=HostSampler(NoHost(), interval=3600))
    found.init_app(app)
    reply = drive_wsgi(app, Ask(path=path))
    found.stop()
    assert reply.status == "200"
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")


async def items(request: Any) -> PlainTextResponse:
    return PlainTextResponse("item", background=BackgroundTask(lambda: None))


async def streamed(request: Any) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cde"

    return StreamingResponse(chunks())


async def broken(request: Any) -> PlainTextResponse:
    raise ZeroDivisionError("on purpose")


async def raw_app(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("raw")(scope, receive, send)


async def talk(socket: Any) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def routes() -> list[Any]:
    return [
        Route("/items/{id}", items, methods=["GET", "POST"]),
        Route("/items/{id}/again", items),
        Route("/stream", streamed),
        Route("/broken/{x}", broken),
        Mount("/plain", routes=[Route("/inner/{y}", items), Mount("/deep", routes=[Route("/{z}", items)])]),
        Mount("/users/{user}", routes=[Route("/inner/{y}", items)]),
        Mount("/raw", app=raw_app),
        WebSocketRoute("/talk", talk),
    ]


STARLETTE_CASES = {
    "/items/1": "GET /items/{id} 200",
    "/items/1/again": "GET /items/{id}/again 200",
    "/stream": "GET /stream 200",
    "/plain/inner/5": "GET /plain/inner/{y} 200",
    "/plain/deep/5": "GET /plain/deep/{z} 200",
    "/users/bob/inner/5": "GET /users/{user}/inner/{y} 200",
    "/users/eve/inner/5": "GET /users/{user}/inner/{y} 200",
    "/raw/anything/at/all": "GET /raw/{path} 200",
    "/nothing": "GET unmatched 404",
    "/plain/nothing": "GET /plain/{path} 404",
    "/users/bob/nothing": "GET /users/{user}/{path} 404",
    "/item": "GET unmatched 404",
}


@pytest.mark.parametrize("added", [False, True], ids=["init_asgi", "add_middleware"])
@pytest.mark.parametrize(("path", "expected"), STARLETTE_CASES.items(), ids=STARLETTE_CASES)
def test_starlette_templates(watched: Monitoring, path: str, expected: str, added: bool) -> None:
    app: Any = Starlette(routes=routes())
    if added:
        app.add_middleware(MonitoringMiddleware, monitoring=watched)
    else:
        app = watched.init_asgi(app)
    drive_asgi(app, Ask(path=path))
    assert endpoints(watched) == {expected: 1.0}


def test_starlette_method_not_allowed_has_its_route(watched: Monitoring) -> None:
    app = watched.init_asgi(Starlette(routes=routes()))  # type: ignore[arg-type]
    drive_asgi(app, Ask("PUT", "/items/1"))
    assert endpoints(watched) == {"PUT /items/{id} 405": 1.0}


@pytest.mark.parametrize("added", [False, True], ids=["init_asgi", "add_middleware"])
def test_starlette_exceptions(watched: Monitoring, added: bool) -> None:
    app: Any = Starlette(routes=routes())
    if added:
        app.add_middleware(MonitoringMiddleware, monitoring=watched)
    else:
        app = watched.init_asgi(app)
    reply = drive_asgi(app, Ask(path="/broken/1"))
    assert reply.status == "500"
    assert isinstance(reply.broken, ZeroDivisionError)
    assert endpoints(watched) == {"GET /broken/{x} 500": 1.0}
    labels = 'endpoint="/broken/{x}",error_type="ZeroDivisionError",method="GET"'
    assert samples(watched.registry, "http_exceptions") == {f"http_exceptions_total{{{labels}}}": 1.0}


def test_starlette_behind_a_middleware_that_copies(watched: Monitoring) -> None:
    class Copying(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    app = watched.init_asgi(Starlette(routes=routes(), middleware=[Middleware(Copying)]))  # type: ignore[arg-type]
    assert drive_asgi(app, Ask(path="/stream")).body == b"abcde"
    assert endpoints(watched) == {"GET /stream 200": 1.0}
    assert list(samples(watched.registry, "http_response_size_bytes_sum").values()) == [5.0]


def test_starlette_before_1_notes_the_endpoint_alone() -> None:
    app = Starlette(routes=routes())
    for path, template in (
        ("/items/1", "/items/{id}"),
        ("/plain/deep/5", "/plain/deep/{z}"),
        ("/raw/x", "/raw/{path}"),
    ):
        scope = {"endpoint": items, "router": app.router, "path": path, "root_path": ""}
        assert starlette_route(scope) == template
        assert starlette_route(scope | {"root_path": "/"}) == template


def test_websockets_talk_as_before(watched: Monitoring) -> None:
    app = watched.init_asgi(Starlette(routes=routes()))  # type: ignore[arg-type]
    sent: list[Any] = []

    async def run() -> None:
        incoming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

        async def receive() -> Any:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/talk", "headers": [], "query_string": b"", "root_path": ""}
        await app(scope, receive, send)

    asyncio.run(run())
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert endpoints(watched) == {}


def fastapi_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    router = fastapi.APIRouter(prefix="/things")
    below = fastapi.FastAPI()

    @app.get("/plain/{name}")
    def plain(name: str) -> dict[str, str]:
        return {"name": name}

    @router.get("/{thing}")
    async def thing(thing: str) -> dict[str, str]:
        return {"thing": thing}

    @router.post("")
    async def make(body: dict[str, str]) -> dict[str, str]:
        return body

    @below.get("/{x}/y")
    async def inner(x: str) -> dict[str, str]:
        return {"x": x}

    app.include_router(router, prefix="/api/{tenant}")
    app.mount("/below/{part}", below)
    return app


FASTAPI_CASES = {
    "/plain/x": "GET /plain/{name} 200",
    "/api/acme/things/7": "GET /api/{tenant}/things/{thing} 200",
    "/below/p/1/y": "GET /below/{part}/{x}/y 200",
    "/below/p/nothing": "GET /below/{part}/{path} 404",
    "/nothing": "GET unmatched 404",
    "/openapi.json": "GET /openapi.json 200",
}


@pytest.mark.parametrize("added", [False, True], ids=["init_asgi", "add_middleware"])
@pytest.mark.parametrize(("path", "expected"), FASTAPI_CASES.items(), ids=FASTAPI_CASES)
def test_fastapi_templates(watched: Monitoring, path: str, expected: str, added: bool) -> None:
    app: Any = fastapi_app()
    if added:
        app.add_middleware(MonitoringMiddleware, monitoring=watched)
    else:
        app = watched.init_asgi(app)
    drive_asgi(app, Ask(path=path))
    assert endpoints(watched) == {expected: 1.0}


def test_fastapi_bodies_and_refusals(watched: Monitoring) -> None:
    app = watched.init_asgi(fastapi_app())  # type: ignore[arg-type]
    json = (("content-type", "application/json"),)
    reply: Reply = drive_asgi(app, Ask("POST", "/api/a/things", json, b'{"a": "b"}'))
    assert reply.status == "200"
    drive_asgi(app, Ask("POST", "/api/a/things", json, b"[]"))
    assert endpoints(watched) == {"POST /api/{tenant}/things 200": 1.0, "POST /api/{tenant}/things 422": 1.0}
    assert list(samples(watched.registry, "http_request_size_bytes_sum").values()) == [12.0]


# B-86
def test_two_lines_are_enough_for_asgi() -> None:
    app = Starlette(routes=routes())
    app.add_middleware(MonitoringMiddleware, settings=Settings())
    drive_asgi(app, Ask(path="/items/1"))
    text = drive_asgi(app, Ask(path="/metrics")).body.decode()
    assert 'http_requests_total{endpoint="/items/{id}",method="GET",path="/items/{id}",status="200"} 1.0' in text
    assert "\nsystem_cpu_usage_percent" in text or "\nsystem_memory_usage_percent" in text

"""`add_monitoring_middleware` around applications of every kind, and the other parts of the framework's middleware."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import fastapi
import pydantic
import pytest
from fasthtml.fastapp import fast_app
from flask import Flask
from library_kit import Ask, Reply, drive_asgi, drive_wsgi, samples
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from watchstack import api
from watchstack.catalogue import Preset
from watchstack.host import HostSampler, Sample
from watchstack.monitoring import Monitoring
from watchstack.settings import Settings


class _NoHost:
    """A host that tells nothing, so that no test waits for one."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)


@pytest.fixture
def watched() -> Iterator[Monitoring]:
    api.forget()
    one = Monitoring(
        settings=Settings(preset=Preset.FRAMEWORK, prometheus_path="/api/metrics"),
        registry=CollectorRegistry(),
        sampler=HostSampler(_NoHost(), interval=3600),
    )
    api.use_monitoring(one)
    yield one
    api.forget()


def flask_app() -> Any:
    app = Flask("shop")

    @app.route("/items/<item>")
    def show(item: str) -> str:
        return item

    return app


def starlette_app() -> Any:
    async def show(request: Any) -> PlainTextResponse:
        return PlainTextResponse("7")

    return Starlette(routes=[Route("/items/{item}", show)])


def fasthtml_app() -> Any:
    app, route = fast_app(pico=False, live=False, secret_key="test")  # or it writes a key into the working directory

    @route("/items/{item}")
    def get(item: str) -> str:
        return item

    return app


def fastapi_app() -> Any:
    app = fastapi.FastAPI()

    @app.get("/items/{item}")
    async def show(item: str) -> str:
        return item

    return app


def drive(app: Any, ask: Ask) -> Reply:
    return drive_wsgi(app, ask) if isinstance(app, Flask) else drive_asgi(app, ask)


# G-21 X-35
@pytest.mark.parametrize(
    ("make", "route"),
    [
        (flask_app, "/items/<item>"),
        (starlette_app, "/items/{item}"),
        (fasthtml_app, "/items/{item}"),
        (fastapi_app, "/items/{item}"),
    ],
)
def test_the_application_itself_is_returned_and_watched(
    make: Any, route: str, watched: Monitoring, caplog: pytest.LogCaptureFixture
) -> None:
    app = make()
    with caplog.at_level(logging.INFO):
        assert api.add_monitoring_middleware(app) is app
    assert [record.message for record in caplog.records].count("Monitoring middleware initialized") == 1
    assert api.add_monitoring_middleware(app) is app  # dev.py and app.py both call it
    assert drive(app, Ask(path="/items/7")).status == "200"
    counted = samples(watched.registry, "http_requests_total")
    assert counted == {f'http_requests_total{{endpoint="{route}",method="GET",path="{route}",status="200"}}': 1.0}
    metrics = drive(app, Ask(path="/api/metrics"))
    assert metrics.status == "200"
    assert b"http_requests_total{" in metrics.body
    assert drive(app, Ask(path="/health/live")).status == "200"


# G-21
def test_any_other_application_is_wrapped(watched: Monitoring) -> None:
    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"wsgi"]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"asgi"})

    class Callable:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await asgi(scope, receive, send)

    assert drive_wsgi(api.add_monitoring_middleware(wsgi), Ask()).body == b"wsgi"
    assert drive_asgi(api.add_monitoring_middleware(asgi), Ask()).body == b"asgi"
    assert drive_asgi(api.add_monitoring_middleware(Callable()), Ask()).body == b"asgi"
    assert sum(samples(watched.registry, "http_requests_total").values()) == 3
    with pytest.raises(TypeError, match="int is no WSGI or ASGI application"):
        api.add_monitoring_middleware(7)


@pytest.mark.parametrize("make", [flask_app, starlette_app])
def test_an_application_has_one_monitoring(make: Any, watched: Monitoring) -> None:
    app = make()
    api.add_monitoring_middleware(app)
    other = Monitoring(settings=Settings(), registry=CollectorRegistry())
    with pytest.raises(ValueError, match="monitored already"):
        api.add_monitoring_middleware(app, other)


# G-23
def test_the_components_of_the_framework(watched: Monitoring) -> None:
    app = starlette_app()
    app.add_middleware(api.MonitoringMiddleware)
    assert drive_asgi(app, Ask(path="/items/7")).status == "200"
    assert sum(samples(watched.registry, "http_requests_total").values()) == 1
    routes = api.MonitoringRoutes()
    assert {"/api/metrics", "/api/health", "/health/live"} <= set(routes.paths)
    served = routes.register(flask_app())
    assert drive_wsgi(served, Ask(path="/health/live")).status == "200"
    named = {"MetricsCollector", "HealthChecker", "MonitoringDashboard", "MonitoringMiddleware", "MonitoringRoutes"}
    assert named <= set(api.__all__)


# G-23 A-29 A-30
def test_the_dashboard_of_the_framework(watched: Monitoring) -> None:
    dashboard = api.MonitoringDashboard()
    assert dashboard.path in api.MonitoringRoutes().paths
    assert dashboard.data(15)["history"]["minutes"] == 15
    assert dashboard.export().keys() - dashboard.data().keys() == {"settings", "metrics"}
    assert dashboard.grafana()["uid"] == "py-framework"
    off = Monitoring(settings=Settings(enable_monitoring=False), registry=CollectorRegistry())
    with pytest.raises(RuntimeError, match="ENABLE_MONITORING is off"):
        api.MonitoringDashboard(off).data()


def test_a_starlette_application_that_runs_already_says_so(watched: Monitoring) -> None:
    app = starlette_app()
    drive_asgi(app, Ask(path="/items/7"))
    with pytest.raises(RuntimeError, match="middleware"):
        api.add_monitoring_middleware(app)


class Order(pydantic.BaseModel):
    amount: int


# G-31 X-35
def test_a_tracked_endpoint_of_fastapi_keeps_its_parameters(watched: Monitoring) -> None:
    app = fastapi.FastAPI()

    @app.put("/api/user/{user_id}/order")
    @api.track_endpoint_metrics("order")
    async def order(user_id: int, body: Order, request: fastapi.Request) -> dict[str, int]:
        return {"user": user_id, "amount": body.amount}

    api.add_monitoring_middleware(app)
    ask = Ask("PUT", "/api/user/7/order", (("content-type", "application/json"),), b'{"amount": 3}')
    reply = drive_asgi(app, ask)
    assert (reply.status, reply.body) == ("200", b'{"user":7,"amount":3}')
    assert drive_asgi(app, Ask("PUT", "/api/user/x/order", ask.headers, ask.body)).status == "422"
    found = samples(watched.registry, "http_requests_total")
    route = "/api/user/{user_id}/order"
    assert found == {
        f'http_requests_total{{endpoint="{route}",method="PUT",path="{route}",status="200"}}': 1.0,
        f'http_requests_total{{endpoint="{route}",method="PUT",path="{route}",status="422"}}': 1.0,
        'http_requests_total{endpoint="order",method="PUT",path="order",status="200"}': 1.0,
    }


#
def test_the_accessors_speak_of_the_monitoring_that_watches_the_application(
    watched: Monitoring, caplog: pytest.LogCaptureFixture
) -> None:
    api.forget()

    def one() -> Monitoring:
        sampler = HostSampler(_NoHost(), interval=3600)
        return Monitoring(flask_app(), settings=Settings(), registry=CollectorRegistry(), sampler=sampler)

    first = one()
    second = one()
    try:
        with pytest.raises(RuntimeError, match="several monitorings"):
            api.get_monitoring()
        second.stop()
        assert api.get_monitoring() is first
        assert "another monitoring" not in caplog.text
        third = one()
        third.stop()
        assert "watched by another monitoring" in caplog.text
    finally:
        first.stop()


# G-24
def test_every_integration_point_of_the_framework_in_one_scrape(watched: Monitoring) -> None:
    app, route = fast_app(pico=False, live=False, secret_key="test")

    @api.monitor_database_operation("user_login")
    async def find(name: str) -> bool:
        return name == "ann"

    @route("/login/{name}")
    async def get(name: str) -> str:
        known = await find(name)
        watched.cache.hit() if known else watched.cache.miss()
        watched.users.login(success=known)
        watched.users.audit("login")
        return name

    api.add_monitoring_middleware(app)
    for name in ("ann", "eve"):
        assert drive_asgi(app, Ask(path=f"/login/{name}")).status == "200"
    watched.sampler.stop()
    watched.sampler.latest = Sample(0.0, cpu_percent=7.0)
    found = drive_asgi(app, Ask(path="/api/metrics")).body.decode().splitlines()
    for line in (
        'http_requests_total{endpoint="/login/{name}",method="GET",path="/login/{name}",status="200"} 2.0',
        'db_queries_total{operation="user_login"} 2.0',
        'cache_requests_total{result="hit"} 1.0',
        'cache_requests_total{result="miss"} 1.0',
        'logins_total{outcome="success"} 1.0',
        'logins_total{outcome="failure"} 1.0',
        'audit_events_total{event="login"} 2.0',
        "system_cpu_usage_percent 7.0",
    ):
        assert line in found

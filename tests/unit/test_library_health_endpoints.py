"""The health endpoints through Flask and ASGI: paths of each preset, bodies against schemas, codes, negotiation."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from flask import Flask
from library_kit import Ask, Reply, call_asgi, drive_asgi, drive_wsgi, samples
from prometheus_client import CollectorRegistry, Counter, make_asgi_app
from shop_kit import DOWN, FINE, POOL, SLOW, STORE, Still, shops
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from waiting import DEADLINE
from watchstack import Monitoring
from watchstack.health.check import Check, Result, Status
from watchstack.health.web import WebCheck
from watchstack.settings import Settings

__all__ = ["shops"]  # the fixture

# Schemas: a type; a set of allowed values; a list of one item's schema; an object with exactly these keys, `...` being
# the schema of any other; a string that begins with `~` is a pattern.
NUMBER = (int, float)
TIME = r"~\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
THREE = {"healthy", "degraded", "unhealthy"}
TOP = {"status": THREE, "timestamp": TIME, "version": str}


def checks(more: dict[str, Any]) -> dict[str, Any]:
    one = {"status": THREE, "name": str, **more}
    return {"database": one, "redis": one, "system": one, "external_apis": {"supabase": one, "stripe": one}}


FULL = {"response_time_ms": NUMBER, "message": str, "details": dict, "timestamp": TIME}
SYSTEM_METRICS = {
    **dict.fromkeys(("memory_total_bytes", "memory_available_bytes", "memory_used_bytes"), int),
    **dict.fromkeys(("memory_percent", "cpu_percent", "disk_percent"), NUMBER),
    **dict.fromkeys(("disk_used_bytes", "disk_total_bytes"), int),
}
METRICS = {
    "system_metrics": SYSTEM_METRICS,
    "database_metrics": dict.fromkeys(POOL, int),
    "redis_metrics": dict.fromkeys(STORE, int),
}
SERVICE = {"status": {"healthy", "degraded", "critical"}, **FULL}
SCHEMAS: dict[str, Any] = {
    "/health": TOP,
    "/health/standard": {**TOP, "checks": checks({"response_time": int})},
    # A-03 A-04 A-05 C-05
    "/health/metrics": {
        **TOP, "response_time_ms": float, "checks": checks({"response_time_ms": float}), "metrics": METRICS,
    },
    "/health/detailed": {**TOP, "checks": checks(FULL), "metrics": METRICS, "system": SYSTEM_METRICS},
    "/health/database": {**TOP, "name": {"database"}, **FULL},
    "/health/redis": {**TOP, "name": {"redis"}, **FULL},
    #
    "/health/external": {**TOP, "checks": {"external_apis": {"...": {"status": THREE, "name": str, **FULL}}}},
    "/health/live": TOP,
    "/health/ready": {**TOP, "checks": {"...": {"status": THREE, "name": str, "response_time_ms": float}}},
    # A-36 X-02
    "/api/health": {
        "overall_status": {"healthy", "degraded", "critical"}, "status": {"healthy", "degraded", "critical"},
        "timestamp": TIME, "services": {"...": SERVICE}, "checks": {"...": {"name": str, **SERVICE}},
        "summary": {"critical_issues": [str], "warnings": [str], "healthy_services": [str]},
    },
    "/api/health/simple": {"status": {"healthy", "unhealthy"}},
}  # fmt: skip


def conforms(value: Any, schema: Any, where: str = "body") -> None:
    import re

    if isinstance(schema, dict):
        assert isinstance(value, dict), where
        if "..." in schema:
            assert value, where
            schema = dict.fromkeys(value, schema["..."])
        assert set(value) == set(schema), where
        for key, inner in schema.items():
            conforms(value[key], inner, f"{where}.{key}")
    elif isinstance(schema, list):
        assert isinstance(value, list), where
        for item in value:
            conforms(item, schema[0], where)
    elif isinstance(schema, set):
        assert value in schema, where
    elif isinstance(schema, str):
        assert re.fullmatch(schema[1:], value), where
    else:
        assert isinstance(value, schema), f"{where} is {value!r}"
        assert not isinstance(value, bool), where


@pytest.mark.parametrize("database", [FINE["database"], SLOW, DOWN], ids=["fine", "slow", "down"])
@pytest.mark.parametrize("path", SCHEMAS)
def test_body_and_code(shops: Any, path: str, database: Result) -> None:  # C-06 Y-10 Y-01 X-09
    shop = shops(database=database)
    if path in ("/health/metrics", "/health/detailed") and database is DOWN:
        return  # without a pool there are no figures of it: test_figures_of_what_is_absent_are_left_out
    reply = shop.get(path)
    body = json.loads(reply.body)
    conforms(body, SCHEMAS[path])
    untouched = path in ("/health/live", "/health/redis", "/health/external")
    assert reply.status == ("503" if database is DOWN and not untouched else "200")
    expected = {Status.HEALTHY: "healthy", Status.DEGRADED: "degraded", Status.CRITICAL: "unhealthy"}[database.status]
    if path == "/api/health" and database is DOWN:
        expected = "critical"
    if untouched or (path == "/api/health/simple" and database is SLOW):
        expected = "healthy"
    assert body["status"] == expected


def test_figures_of_what_is_absent_are_left_out(shops: Any) -> None:
    shop = shops("flask", database=DOWN)
    reply = shop.get("/health/metrics")
    body = json.loads(reply.body)
    assert (reply.status, body["status"]) == ("503", "unhealthy")
    assert set(body["metrics"]) == {"system_metrics", "redis_metrics"}
    assert body["checks"]["database"] == {"status": "unhealthy", "response_time_ms": -1.0, "name": "database"}


def test_whole_milliseconds_in_the_standard_answer(shops: Any) -> None:
    assert shops("flask").json("/health/standard")["checks"]["database"]["response_time"] == 13


def test_another_service_s_failure_makes_the_whole_degraded(shops: Any) -> None:
    shop = shops("flask", stripe=Result(Status.UNHEALTHY, "stripe answered 500", {"http_status": 500}, 3.0))
    reply = shop.get("/health/standard")
    body = json.loads(reply.body)
    assert (reply.status, body["status"]) == ("200", "degraded")
    assert body["checks"]["external_apis"]["stripe"]["status"] == "unhealthy"


def test_unhealthy_is_a_word_of_the_simple_check_alone(shops: Any) -> None:  # C-61 C-23
    assert [str(status) for status in Status] == ["healthy", "degraded", "unhealthy", "critical"]
    gone = Result(Status.UNHEALTHY, "answered 500", {}, 3.0)
    shop = shops(database=gone, stripe=gone)
    body = shop.json("/api/health")
    assert body["services"]["database"]["status"] == body["overall_status"] == "critical"
    assert body["services"]["stripe"]["status"] == "degraded"  # not critical, so the whole is not either for it
    assert body["summary"]["critical_issues"] == ["database: answered 500"]
    assert body["summary"]["warnings"] == ["stripe: answered 500"]
    assert shop.json("/api/health/stripe")["status"] == "critical"
    assert b"unhealthy" not in shop.get("/api/health").body
    assert shop.json("/api/health/simple") == {"status": "unhealthy"}


def test_the_ai_preset_answers_200_whatever_it_tells(shops: Any) -> None:
    shop = shops("ai", database=DOWN)
    reply = shop.get("/api/health")
    body = json.loads(reply.body)
    assert (reply.status, body["overall_status"]) == ("200", "critical")
    assert body["summary"]["critical_issues"] == ["database: Database error: refused"]
    assert shop.get("/api/health/simple").status == "503"
    assert shops("framework", database=DOWN).get("/api/health").status == "503"


TABLE = {
    "flask": {"/health", "/health/standard", "/health/metrics", "/health/detailed", "/health/database",
              "/health/redis", "/health/external", "/health/live", "/health/ready"},
    "api": {"/health/live", "/health/ready"},
    "framework": {"/api/health", "/health/live", "/health/ready"},
    "iot": {"/health/detailed", "/health/metrics", "/health/live", "/health/ready"},
    "ai": {"/api/health", "/api/health/simple", "/health/live", "/health/ready"},
}  # fmt: skip


@pytest.mark.parametrize("preset", TABLE)
def test_paths_of_each_preset(shops: Any, preset: str) -> None:
    shop = shops(preset)
    assert {path for path in SCHEMAS if shop.get(path).status == "200"} == TABLE[preset]
    assert shop.get(shop.monitoring.settings.prometheus_path).status == "200"


PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"
NEGOTIATIONS = [
    ("flask", "", "*/*", "json"),
    ("flask", "", "application/json", "json"),
    ("flask", "", "text/plain", "text"),
    ("flask", "", PROMETHEUS, "openmetrics"),
    ("flask", "", "application/json;q=0.1, text/plain", "text"),
    ("flask", "", "text/html;q=x", "json"),
    ("flask", "format=prometheus", "application/json", "text"),
    ("iot", "", "*/*", "text"),
    ("iot", "", "application/json", "json"),
    ("iot", "format=json", PROMETHEUS, "json"),
    ("iot", "", PROMETHEUS, "openmetrics"),
    (None, "", "*/*", "json"),
]


# X-01 A-35 A-03
@pytest.mark.parametrize(("preset", "query", "accept", "form"), NEGOTIATIONS)
def test_json_or_prometheus(shops: Any, preset: str | None, query: str, accept: str, form: str) -> None:
    reply = shops(preset).get("/health/metrics", query=query, headers=(("accept", accept),))
    starts = {"json": "application/json", "text": "text/plain", "openmetrics": "application/openmetrics-text"}
    assert reply.headers["content-type"].startswith(starts[form])
    assert (b"http_requests_total" in reply.body or b"application_info" in reply.body) is (form != "json")


def test_a_format_that_is_none(shops: Any) -> None:
    assert shops().get("/health/metrics", query="format=xml").status == "400"


def test_a_check_that_is_not_registered(shops: Any) -> None:
    shop = shops("flask")
    found = shop.monitoring.health.checks
    found._checks = {check.name: check for check in found if check.name != "redis"}
    assert shop.get("/health/redis").status == "404"
    assert shop.json("/health/redis") == {"error": "there is no health check named redis"}


def test_every_entry_can_be_selected_by_its_name(shops: Any) -> None:
    found = shops("flask").json("/health/detailed")["checks"].values()
    assert [entry["status"] for entry in found if entry.get("name") == "database"] == ["healthy"]


def test_an_endpoint_feeds_the_metrics(shops: Any) -> None:  # C-08
    shop = shops("flask", redis=Result(Status.CRITICAL, "down", error="ConnectionError"))
    shop.monitoring.health.runner.stop()  # each check has one run from here on
    shop.get("/health/standard")
    labels = 'component="database",endpoint="standard"'
    found = samples(shop.monitoring.registry, "health_check")
    assert found[f"health_check_duration_seconds_count{{{labels}}}"] == 1.0
    assert found[f"health_check_status{{{labels}}}"] == 1.0
    failed = 'component="redis",endpoint="standard",error_type="ConnectionError"'
    assert found[f"health_check_failures_total{{{failed}}}"] == 1.0


# C-27
def test_live_answers_at_once_while_checks_hang(shops: Any) -> None:
    shop = shops()
    gate = threading.Event()

    def hangs() -> Result:
        gate.wait(DEADLINE)
        return FINE["database"]

    shop.monitoring.health.add(Check("hangs", hangs, timeout=2 * DEADLINE, interval=0.01))

    async def both() -> Reply:
        waiting = asyncio.create_task(call_asgi(shop.asgi, Ask(path="/health/detailed")))
        await asyncio.sleep(0.02)
        for _ in range(20):
            live = await call_asgi(shop.asgi, Ask(path="/health/live"))
            assert live.status == "200"
        assert not waiting.done()  # the loop was free all the while
        gate.set()
        return await waiting

    body = json.loads(asyncio.run(both()).body)
    assert body["checks"]["hangs"]["message"] == FINE["database"].message
    assert body["checks"]["database"]["status"] == "healthy"


# C-27
def test_an_answer_waits_for_a_hanging_check_no_longer_than_its_timeout(shops: Any) -> None:
    shop = shops()
    gate = threading.Event()

    def hangs() -> Result:
        gate.wait(DEADLINE)
        return FINE["database"]

    shop.monitoring.health.add(Check("hangs", hangs, timeout=0.2))
    body = shop.json("/health/detailed")
    gate.set()
    assert body["checks"]["hangs"]["message"] == "Health check timeout after 0.2s"
    assert body["checks"]["database"]["status"] == "healthy"


def test_recovery_is_seen_without_a_restart(shops: Any) -> None:
    shop = shops("ai", database=DOWN)
    assert shop.get("/api/health/simple").status == "503"
    shop.results["database"] = FINE["database"]
    assert shop.get("/api/health/simple").status == "200"


def test_the_application_s_own_route_wins(shops: Any) -> None:
    monitoring = Monitoring(settings=Settings(), sampler=Still())
    app = Flask("own")
    monitoring.init_app(app)
    app.add_url_rule("/health", "health", lambda: "mine")
    app.add_url_rule("/<path:rest>", "rest", lambda rest: "anything")
    assert drive_wsgi(app, Ask(path="/health")).body == b"mine"
    assert b"application_info" in drive_wsgi(app, Ask(path="/metrics")).body
    monitoring.stop()


@pytest.mark.parametrize("added", [False, True], ids=["init_asgi", "add_middleware"])
def test_an_asgi_application_s_own_route_wins(added: bool) -> None:
    import fastapi
    from watchstack.asgi import MonitoringMiddleware

    async def mine(request: Any) -> PlainTextResponse:
        return PlainTextResponse("mine")

    included = fastapi.FastAPI()
    router = fastapi.APIRouter(prefix="/health")
    router.add_api_route("/standard", lambda: "mine", response_class=PlainTextResponse)
    included.include_router(router)
    inner = [Route("/standard", mine)]
    for plain, mounted in (
        (Starlette(routes=[Mount("/health", routes=inner), Route("/{rest:path}", mine)]), b"mine"),
        (included, b"mine"),
    ):
        monitoring = Monitoring(settings=Settings(), sampler=Still())
        app: Any = plain
        if added:
            app.add_middleware(MonitoringMiddleware, monitoring=monitoring)
        else:
            app = monitoring.init_asgi(app)
        assert drive_asgi(app, Ask(path="/health/standard")).body == mounted
        assert b"application_info" in drive_asgi(app, Ask(path="/metrics")).body
        monitoring.stop()


def test_an_application_mounted_at_the_path_of_the_metrics_wins() -> None:
    client = CollectorRegistry()
    Counter("mine", "Of the application", registry=client).inc()
    monitoring = Monitoring(settings=Settings(), sampler=Still())
    app = monitoring.init_asgi(Starlette(routes=[Mount("/metrics", app=make_asgi_app(client))]))
    assert drive_asgi(app, Ask(path="/metrics")).status == "307"
    assert b"mine_total 1.0" in drive_asgi(app, Ask(path="/metrics/")).body
    assert drive_asgi(app, Ask(path="/health/live")).status == "200"
    monitoring.stop()


def test_switched_off_no_endpoint_is_there() -> None:
    off = Monitoring(settings=Settings(enable_monitoring=False))
    app = Flask("off")
    off.init_app(app)
    assert drive_wsgi(app, Ask(path="/health")).status == "404"


def test_metrics_switched_off_health_still_answers() -> None:
    quiet = Monitoring(settings=Settings(prometheus_enabled=False), sampler=Still())
    app = Flask("quiet")
    quiet.init_app(app)
    assert drive_wsgi(app, Ask(path="/health/standard")).status == "200"
    assert drive_wsgi(app, Ask(path="/health/metrics", query="format=prometheus")).status == "404"
    quiet.stop()


def test_helpers_register_with_the_settings() -> None:  # C-07 C-24
    settings = Settings.from_environ({"HEALTH_CHECK_TIMEOUT": "7", "HEALTH_CHECK_INTERVAL": "20"})
    health = Monitoring(settings=settings).health
    web = health.watch_web("stripe", "http://127.0.0.1:9/")
    own = health.register("custom_service", "A service", lambda: FINE["redis"])
    assert [(one.timeout, one.interval) for one in (web, own)] == [(7.0, 20.0)] * 2
    assert isinstance(web.function, WebCheck)
    assert (web.critical, web.external) == (False, True)
    assert health.register("often", "A service", lambda: FINE["redis"], interval_seconds=5).interval == 5

"""The library's own endpoints: which preset serves which, access, bodies against their schemas, the description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from library_kit import Ask, Reply, drive_asgi, drive_wsgi, lines_of
from openapi_spec_validator import validate
from shop_kit import DOWN, FINE, SLOW, Shop, Still, shops
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route as StarletteRoute
from watchstack import Monitoring, SettingError, Settings
from watchstack.access import Access, Gate
from watchstack.endpoints import Endpoints, Request, text
from watchstack.health.check import Result, Status
from watchstack.openapi import document
from watchstack.routes import OPENAPI_PATH, ROUTES, served

__all__ = ["shops"]  # the fixture

TOKEN = "correct horse"
ADMIN = {"MONITORING_ADMIN_TOKEN": TOKEN}
BEARER = (("authorization", f"Bearer {TOKEN}"),)
PAGES = {  # A-28 A-29 A-30: in any application that uses the library
    "GET /admin/monitoring", "GET /admin/monitoring/data", "GET /admin/monitoring/grafana",
    "GET /admin/monitoring/export", "GET /admin/monitoring/login", "POST /admin/monitoring/login",
    "POST /admin/monitoring/logout", "GET /admin/monitoring/admin.css", "GET /admin/monitoring/admin.js",
    "GET /admin/monitoring/charts.js", "GET /admin/monitoring/icon.svg",
}  # fmt: skip
PROBES = {"GET /health/live", "GET /health/ready", f"GET {OPENAPI_PATH}"} | PAGES
HEALTH = {"GET /api/health"}
# What each system's document names, and the probes that all have
TABLE: dict[str, set[str]] = {
    "flask": {  # A-01 A-02 A-03 A-06 A-07 A-08 A-09 A-10
        "GET /metrics", "GET /health", "GET /health/standard", "GET /health/metrics", "GET /health/detailed",
        "GET /health/database", "GET /health/redis", "GET /health/external",
    },
    "api": {  # A-12 A-13 A-14 A-15 A-16 A-17 A-18
        "GET /monitoring/health", "GET /monitoring/health/live", "GET /monitoring/health/ready",
        "GET /monitoring/metrics", "GET /monitoring/metrics/json", "GET /monitoring/status",
        "GET /monitoring/debug/info",
    },
    "framework": {  # A-19 A-20 A-21 A-22 A-23 A-24
        "GET /api/metrics", "GET /api/metrics/summary", "GET /api/metrics/performance", "GET /api/health",
        "GET /api/health/{check_name}", "POST /api/health/{check_name}/run",
    },
    "iot": {  # A-31 A-32 A-33 A-34 A-35
        "GET /health/detailed", "GET /health/startup", "GET /health/metrics",
    },
    "ai": {"GET /metrics", "GET /api/health", "GET /api/health/simple", "GET /api/monitoring/stats"},  # A-36 A-37 A-38
}  # fmt: skip
NOBODY = {  # without a preset every system's paths are there
    path for paths in TABLE.values() for path in paths
} | PROBES  # fmt: skip


def ask(shop: Shop, path: str, method: str = "GET", **more: Any) -> Reply:
    """The same answer through WSGI and ASGI."""
    return shop.get(
        path.replace("{check_name}", "database"), method=method, headers=more.pop("headers", BEARER), **more
    )


@pytest.mark.parametrize("preset", [*TABLE, None])
def test_each_preset_serves_what_its_document_names_and_nothing_else(shops: Any, preset: str | None) -> None:
    shop = shops(preset, environ=ADMIN)
    expected = NOBODY if preset is None else TABLE[preset] | PROBES
    assert {f"{route.method} {route.path}" for route in served(shop.monitoring.settings)} == expected
    for entry in sorted(NOBODY):
        method, path = entry.split(" ")
        status = ask(shop, path, method).status
        assert (status != "404") == (entry in expected), entry


def the_schema(description: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any] | None:
    answer = description["paths"][path][method.lower()]["responses"][status]["content"].get("application/json")
    return None if answer is None else {**answer["schema"], "components": description["components"]}


@pytest.mark.parametrize("database", [FINE["database"], SLOW, DOWN], ids=["fine", "slow", "down"])
@pytest.mark.parametrize("preset", [*TABLE, None])
def test_every_json_answer_is_what_the_description_says(shops: Any, preset: str | None, database: Result) -> None:
    shop = shops(preset, environ=ADMIN, database=database)
    description = json.loads(shop.get(OPENAPI_PATH).body)
    validate(description)
    checked, expected = set(), set()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if "application/json" in operation["responses"].get("200", {"content": {}})["content"]:
                expected.add(path)
            for accept in ("application/json", "*/*"):
                asked = Ask(
                    path=path.replace("{check_name}", "database"),
                    method=method.upper(),
                    headers=(*BEARER, ("accept", accept)),
                )
                for reply in (drive_wsgi(shop.flask, asked), drive_asgi(shop.asgi, asked)):
                    assert reply.status in operation["responses"], (path, reply.status)
                    if reply.headers.get("content-type") == "application/json":
                        schema = the_schema(description, path, method, reply.status)
                        assert schema is not None, path
                        body = json.loads(reply.body)
                        Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)
                        checked.add(path)
    assert checked == expected


def test_metrics_switched_off_are_not_described(shops: Any) -> None:
    shop = shops(environ={**ADMIN, "PROMETHEUS_ENABLED": "false"})
    described = json.loads(shop.get(OPENAPI_PATH).body)["paths"]
    off = {"/metrics", "/monitoring/metrics", "/api/metrics", "/monitoring/metrics/json"}
    assert not off & described.keys()
    assert {shop.get(path, headers=BEARER).status for path in off} == {"404"}
    assert ask(shop, "/api/metrics/summary").status == "200"
    assert "404" in described["/health/metrics"]["get"]["responses"]
    assert shop.get("/health/metrics", query="format=prometheus").status == "404"


def test_a_schema_sees_a_key_too_many_and_a_key_too_few(shops: Any) -> None:
    shop = shops("ai")
    description = json.loads(shop.get(OPENAPI_PATH).body)
    schema = the_schema(description, "/api/monitoring/stats", "get", "200")
    body = shop.json("/api/monitoring/stats")
    validator = Draft202012Validator(schema or {})
    assert validator.is_valid(body)
    assert not validator.is_valid({**body, "more": 1})
    assert not validator.is_valid({key: value for key, value in body.items() if key != "version"})
    body["health"]["overall_status"] = "unhealthy"
    assert not validator.is_valid(body)


@pytest.mark.parametrize("preset", [*TABLE, None])
def test_the_description_names_what_is_served_and_nothing_else(shops: Any, preset: str | None) -> None:
    shop = shops(preset)
    description = json.loads(shop.get(OPENAPI_PATH).body)
    named = {f"{m.upper()} {path}" for path, operations in description["paths"].items() for m in operations}
    assert named == (NOBODY if preset is None else TABLE[preset] | PROBES)
    wants = {path for path, ops in description["paths"].items() if any("security" in one for one in ops.values())}
    assert wants == {
        route.path for route in served(shop.monitoring.settings) if route.access is not Access.OPEN
    }  # fmt: skip


def test_a_path_that_the_application_has_taken_is_not_described() -> None:
    monitoring = Monitoring(settings=Settings(), sampler=Still())
    app = Flask("own")
    monitoring.init_app(app)
    app.add_url_rule("/health", "health", lambda: "mine")
    app.add_url_rule("/api/health/<name>", "one", lambda name: f"mine: {name}")
    described = json.loads(drive_wsgi(app, Ask(path=OPENAPI_PATH)).body)["paths"]
    assert {"/health", "/api/health/{check_name}"} & described.keys() == set()
    assert "/health/standard" in described
    assert drive_wsgi(app, Ask(path="/api/health/system")).body == b"mine: system"

    async def mine(request: Any) -> PlainTextResponse:
        return PlainTextResponse("mine")

    routes = [StarletteRoute("/health", mine), StarletteRoute("/api/health/{name:str}", mine)]
    wrapped: Any = monitoring.init_asgi(Starlette(routes=routes))  # type: ignore[arg-type]
    assert drive_asgi(wrapped, Ask(path="/api/health/system")).body == b"mine"
    described = json.loads(drive_asgi(wrapped, Ask(path=OPENAPI_PATH)).body)["paths"]
    assert {"/health", "/api/health/{check_name}"} & described.keys() == set()
    monitoring.stop()


def test_every_route_has_a_row_and_a_schema_of_its_own_name() -> None:
    description = document(ROUTES, "1")
    assert set(description["components"]["schemas"]) >= {"live", "comprehensive", "stats", "error"}
    assert [route.path for route in ROUTES if not route.rows] == [OPENAPI_PATH]


# What the bodies say, beyond their shape.


def test_every_check_of_the_api_package_by_its_name(shops: Any) -> None:  # A-12 X-05 C-13
    shop = shops("api", environ=ADMIN)
    body = shop.json("/monitoring/health")
    assert [one["status"] for one in body["checks"].values() if one["name"] == "database"] == ["healthy"]
    assert {one["name"] for one in body["checks"].values()} == set(body["checks"])
    assert {"system", "memory", "cpu", "disk", "network", "stripe"} <= set(body["checks"])  # C-11 C-12
    assert shops("api", database=DOWN).get("/monitoring/health").status == "503"


def test_the_same_probes_under_the_paths_of_the_api_package(shops: Any) -> None:  # A-13 A-14 C-14 N-17
    shop = shops("api", database=DOWN)
    assert (shop.get("/monitoring/health/live").status, shop.get("/monitoring/health/ready").status) == ("200", "503")
    assert shop.json("/monitoring/health/ready")["checks"]["database"]["status"] == "unhealthy"
    assert shops("api").get("/monitoring/health/ready").status == "200"


def test_one_registry_under_every_path(shops: Any) -> None:  # A-15 A-19 X-23
    shop = shops()
    bodies = [shop.get(path).body for path in ("/metrics", "/monitoring/metrics", "/api/metrics")]
    bodies.append(shop.get("/health/metrics", query="format=prometheus").body)
    assert {line for body in bodies for line in lines_of(body, "application_info")} == {
        'application_info{environment="production",version="1.0.0"} 1.0'
    }
    assert all(lines_of(body, "application_info") for body in bodies)


def test_the_metrics_as_json_are_those_of_the_text(shops: Any) -> None:
    shop = shops("api")
    shop.monitoring.measures.set_gauge("odd", float("inf"))
    drive_wsgi(shop.flask, Ask(path="/nowhere"))
    raw = shop.get("/monitoring/metrics/json").body
    assert b"Infinity" not in raw  # which is no JSON
    body = json.loads(raw)
    by_name = {one["name"]: one for one in body["metrics"]}
    assert by_name["http_requests"]["type"] == "counter"
    samples = {(one["name"], one["labels"].get("status")): one["value"] for one in by_name["http_requests"]["samples"]}
    assert samples["http_requests_total", "404"] == 1
    assert by_name["application_info"]["samples"][0]["labels"] == {"version": "1.0.0", "environment": "production"}
    assert by_name["odd"]["samples"][0]["value"] == "+Inf"
    text_names = {line.split(" ")[2] for line in lines_of(shop.get("/monitoring/metrics").body, "# TYPE")}
    for one in body["metrics"]:
        assert {one["name"], one["name"] + "_total"} & text_names, one["name"]


def test_the_status_of_the_system(shops: Any) -> None:
    shop = shops("api", environ={"APP_VERSION": "3.1.0", "ENVIRONMENT": "staging"})
    drive_wsgi(shop.flask, Ask(path="/nowhere"))
    body = shop.json("/monitoring/status")
    assert (body["version"], body["environment"], body["preset"]) == ("3.1.0", "staging", "api")
    assert body["requests"]["total"] >= 1
    assert body["process"]["rss_bytes"] > 1_000_000
    assert body["system"]["memory_total_bytes"] == 1000
    assert body["checks"]["database"]["message"] == "Database operational"


def test_debug_figures(shops: Any) -> None:
    import tracemalloc

    shop = shops("api", environ={"ENVIRONMENT": "development"})
    body = shop.json("/monitoring/debug/info")
    assert {one["name"] for one in body["threads"]} >= {"MainThread", "watchstack-health"}
    assert body["process"]["threads"] >= 2
    assert len(body["gc"]["generations"]) == 3
    assert not {"types", "tracemalloc"} & body.keys()
    body = shop.json("/monitoring/debug/info", query="types=true&tracemalloc=true")
    assert {one["type"] for one in body["types"]} & {"builtins.dict", "builtins.function", "builtins.tuple"}
    assert body["tracemalloc"]["tracing"] is tracemalloc.is_tracing() is False
    tracemalloc.start()
    try:
        kept = [bytearray(1000) for _ in range(50)]
        body = shop.json("/monitoring/debug/info", query="tracemalloc=true")
    finally:
        tracemalloc.stop()
    assert body["tracemalloc"]["current_bytes"] > len(kept) * 1000
    assert body["tracemalloc"]["largest"]


def test_the_summary(shops: Any) -> None:
    shop = shops("framework", environ=ADMIN)
    for _ in range(3):
        drive_wsgi(shop.flask, Ask(path="/nowhere"))
    body = json.loads(ask(shop, "/api/metrics/summary").body)
    assert {"method": "GET", "endpoint": "unmatched", "requests": 3, "errors": 0}.items() <= body["endpoints"][
        0
    ].items()
    assert body["health"]["checks"]["database"] == "healthy"
    assert {"memory", "disk", "cpu", "responsiveness", "system"} <= set(body["health"]["checks"])
    assert body["requests"]["in_progress"] >= 1  # this very one


def test_insights(shops: Any) -> None:
    shop = shops("framework", environ=ADMIN, database=DOWN)
    body = json.loads(ask(shop, "/api/metrics/performance").body)
    assert 0 <= body["health_score"] < 100
    assert any("database" in one["message"] for one in body["alerts"])
    assert all(one["action"] for one in body["recommendations"])


def test_the_whole_is_503_when_it_is_critical(shops: Any) -> None:  # A-22 C-23
    assert shops("framework").get("/api/health").status == "200"
    shop = shops("framework", database=DOWN)
    assert shop.get("/api/health").status == "503"
    assert shop.get("/api/health", query="code=200").status == "200"
    assert shop.json("/api/health", query="code=200")["status"] == "critical"
    assert shop.get("/api/health", query="code=20").status == "503"


def test_one_check_by_its_name(shops: Any) -> None:  # A-23 X-28 C-26
    shop = shops("framework", database=SLOW)
    body = shop.json("/api/health/database")
    assert body == {
        "name": "database", "service": "database", "status": "degraded", "message": "Database slow: 4000ms",
        "details": SLOW.details, "timestamp": body["timestamp"], "duration_ms": body["duration_ms"],
        "response_time_ms": 4000.0, "description": "", "critical": True,
    }  # fmt: skip
    assert body["duration_ms"] < 1000
    reply = shop.get("/api/health/nothing")
    assert (reply.status, json.loads(reply.body)) == ("404", {"error": "there is no health check named nothing"})
    shop.results["database"] = DOWN
    assert shop.get("/api/health/database").status == "200"  # the newest run, not a new one


def test_the_static_path_comes_before_the_check_of_its_name(shops: Any) -> None:
    assert shops().json("/api/health/simple") == {"status": "healthy"}


def test_a_check_is_run_on_demand(shops: Any) -> None:  # A-24 C-25
    shop = shops("framework", environ=ADMIN, database=DOWN)
    assert shop.get("/api/health/database").status == "503"
    shop.results["database"] = FINE["database"]
    reply = ask(shop, "/api/health/database/run", "POST")
    assert (reply.status, json.loads(reply.body)["message"]) == ("200", "Database operational")
    assert shop.get("/api/health/database").status == "200"  # the run is the newest for all
    assert ask(shop, "/api/health/nothing/run", "POST").status == "404"


def test_a_path_answers_its_own_method_alone(shops: Any) -> None:
    shop = shops("framework", environ=ADMIN)
    for path, method, allow in (
        ("/api/health/database/run", "GET", "POST"),
        ("/api/health/database/run", "HEAD", "POST"),
        ("/api/health/database", "POST", "GET, HEAD"),
    ):
        reply = ask(shop, path, method)
        assert (reply.status, reply.headers["allow"]) == ("405", allow)
    head = drive_wsgi(shop.flask, Ask(path="/api/health/database", method="HEAD"))
    assert (head.status, head.body) == ("200", b"")


def test_a_template_is_the_endpoint_label(shops: Any) -> None:
    shop = shops("framework")
    for name in ("database", "redis", "nothing", "a b"):
        shop.get(f"/api/health/{name}")
    found = lines_of(shop.get("/api/metrics").body, "http_requests_total")
    endpoints = {line.split('endpoint="')[1].split('"')[0] for line in found if "/api/health" in line}
    assert endpoints == {"/api/health/{check_name}"}
    assert drive_wsgi(shop.flask, Ask(path="/api/health/database/deeper")).status == "404"


def test_what_startup_asks(shops: Any) -> None:
    shop = shops("iot")
    assert shop.get("/health/startup").status == "200"  # no database, so nothing to wait for
    shop.monitoring.health.startup.add(shop.monitoring.health.checks["database"])
    shop.results["database"] = DOWN
    assert shop.get("/health/startup").status == "503"
    shop.results["database"] = FINE["database"]
    assert shop.get("/health/startup").status == "200"  # asked anew


def test_statistics(shops: Any) -> None:
    body = shops("ai", environ={"ENVIRONMENT": "staging"}).json("/api/monitoring/stats")
    assert list(body) == ["health", "metrics", "version", "environment"]
    assert body["health"]["overall_status"] == "healthy"
    assert body["metrics"].pop("uptime_seconds") >= 0
    assert body["metrics"] == dict.fromkeys(("total_requests", "current_connections"), "See /metrics endpoint")
    assert (body["version"], body["environment"]) == ("1.0.0", "staging")
    assert shops("ai").json("/api/monitoring/stats")["environment"] == "production"


def test_what_the_stores_tell_stands_in_the_detailed_answer(shops: Any) -> None:
    sections = {
        "postgresql": {"version": "15.9", "connected": True},
        "timescaledb": {"version": "2.17.2"},
        "hypertables": [], "continuous_aggregates": {"count": 0, "names": []},
    }  # fmt: skip
    told = {**sections, "checks": "not mine to say", "own": 1}
    shop = shops("iot", database=Result(Status.HEALTHY, "Database operational", {}, 1.0, sections=told))
    body = shop.json("/health/detailed")
    assert {key: body[key] for key in sections} == sections
    assert body["system"]["cpu_percent"] == 12.5
    assert body["checks"]["database"]["status"] == "healthy"
    assert "own" not in body
    assert not sections.keys() & shops("iot").json("/health/detailed").keys()  # what is absent is left out


# Access.

PLAIN: tuple[tuple[str, str], ...] = ()
WRONG = (("authorization", "Bearer wrong"),)
BASIC = (("authorization", f"Basic {TOKEN}"),)


@pytest.mark.parametrize("path", ["/api/metrics/summary", "/api/metrics/performance", "/api/health/database/run"])
def test_admin_endpoints(shops: Any, path: str) -> None:  # M-05
    method = "POST" if path.endswith("run") else "GET"
    for environment in ("production", "development"):
        shop = shops("framework", environ={"ENVIRONMENT": environment})
        reply = shop.get(path, method=method, headers=BEARER)
        assert reply.status == "403"
        assert "set MONITORING_ADMIN_TOKEN or MONITORING_ADMIN_TOKEN_FILE" in json.loads(reply.body)["error"]
        shop = shops("framework", environ={**ADMIN, "ENVIRONMENT": environment})
        for headers, challenge in ((PLAIN, 'Bearer realm="watchstack"'), (WRONG, "invalid_token"), (BASIC, "Bearer")):
            reply = shop.get(path, method=method, headers=headers)
            assert reply.status == "401"
            assert challenge in reply.headers["www-authenticate"]
        assert shop.get(path, method=method, headers=BEARER).status == "200"


OPEN = {  # X-38 M-22: probes and health stay open, whatever is set
    "flask": ["/metrics", "/health", "/health/standard", "/health/metrics", "/health/detailed", "/health/live"],
    "api": ["/monitoring/health", "/monitoring/health/live", "/monitoring/health/ready", "/health/live"],
    "framework": ["/api/metrics", "/api/health", "/api/health/database"],
    "iot": ["/health/metrics", "/health/startup", "/health/ready", "/health/detailed"],
    "ai": ["/metrics", "/api/health", "/api/health/simple", "/api/monitoring/stats"],
}


@pytest.mark.parametrize("preset", OPEN)
def test_probes_and_health_stay_open(shops: Any, preset: str) -> None:  # M-22 X-38
    for environ in ({}, ADMIN):
        shop = shops(preset, environ=environ)
        assert {path: shop.get(path).status for path in OPEN[preset]} == dict.fromkeys(OPEN[preset], "200")


RESTRICTED = ["/monitoring/metrics", "/monitoring/metrics/json", "/monitoring/status"]


def test_restricted_endpoints_want_the_token_in_production_where_one_is_set(shops: Any) -> None:  # M-01 X-38
    debug = "/monitoring/debug/info"
    table = [  # environment, token set -> code without a token for restricted ones, for the sensitive one
        ("production", False, "200", "403"),
        ("production", True, "401", "401"),
        ("staging", False, "200", "200"),
        ("staging", True, "200", "200"),
    ]
    for environment, is_set, restricted, sensitive in table:
        shop = shops("api", environ={**(ADMIN if is_set else {}), "ENVIRONMENT": environment})
        assert {path: shop.get(path).status for path in RESTRICTED} == dict.fromkeys(RESTRICTED, restricted)
        assert shop.get(debug).status == sensitive
        if is_set:
            assert {shop.get(path, headers=BEARER).status for path in [*RESTRICTED, debug]} == {"200"}


def test_a_token_file_is_read_anew(shops: Any, tmp_path: Path) -> None:  # M-21
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    shop = shops("framework", environ={"MONITORING_ADMIN_TOKEN_FILE": str(file)})
    assert ask(shop, "/api/metrics/summary").status == "200"
    file.write_text("another")
    assert ask(shop, "/api/metrics/summary").status == "401"
    assert shop.get("/api/metrics/summary", headers=(("authorization", "bearer another"),)).status == "200"
    file.unlink()
    assert shop.get("/api/metrics/summary", headers=(("authorization", "Bearer another"),)).status == "401"
    empty = Ask(path="/api/metrics/summary", headers=(("authorization", "Bearer "),))
    assert drive_wsgi(shop.flask, empty).status == "401"  # the fifth wrong one: a sixth would be one too many


def test_a_token_of_other_letters() -> None:
    gate = Gate(Settings(monitoring_admin_token="pässwörd"))
    for sent, code in (("pässwörd".encode(), None), (b"passw?rd", 401), ("\N{SNOWMAN}".encode(), 401)):
        header = f"Bearer {sent.decode('latin-1')}"
        answer = gate.refusal(Access.ADMIN, Request("GET", "/x", "", lambda name, header=header: header))  # type: ignore[misc]
        assert (answer and answer.status) == code


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_file_that_is_none(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingError, match="a file that can be read and holds the token"):
        Monitoring(settings=Settings(monitoring_admin_token_file=str(file)))
    with pytest.raises(SettingError, match="set either the token or its file"):
        Monitoring(settings=Settings(monitoring_admin_token="a", monitoring_admin_token_file=str(file)))


def test_a_token_is_never_shown() -> None:
    settings = Settings(
        monitoring_admin_token="hunter2", database_url="postgresql://a:hunter2@b/", openai_api_key="hunter2"
    )
    assert "hunter2" not in repr(settings)


# The core, without any I/O.


def request(path: str, method: str = "GET") -> Request:
    return Request(method, path, "", lambda name: None)


def test_exact_paths_win_over_templates() -> None:
    endpoints = Endpoints()
    endpoints.add("/a/{x}", lambda one: text(f"template {one.named['x']}"))
    endpoints.add("/a/b", lambda one: text("exact"))
    endpoints.add("/a/{x}/c.d", lambda one: text("deeper"))
    bodies = {path: b"".join(endpoints.answer(request(path)).chunks) for path in ("/a/b", "/a/z", "/a/b/c.d")}
    assert bodies == {"/a/b": b"exact", "/a/z": b"template z", "/a/b/c.d": b"deeper"}
    assert endpoints.prefixes == ("/a/",)
    for path in ("/a/", "/a", "/a/b/cxd", "/a/{x}/", "/b"):
        assert path not in endpoints
    assert "/a/{x}" in endpoints  # what the braces stand for is any part, these words too
    with pytest.raises(KeyError):
        endpoints.answer(request("/b"))


def test_a_handler_that_raises_is_answered_with_500(caplog: pytest.LogCaptureFixture) -> None:
    endpoints = Endpoints()
    endpoints.add("/a", lambda one: text(str(1 / 0)))
    assert endpoints.answer(request("/a")).status == 500
    assert "the answer to /a failed" in caplog.text


def test_what_waits_for_nothing_is_answered_on_the_event_loop(shops: Any) -> None:
    shop = shops()
    endpoints = shop.monitoring.endpoints
    alone = {"/health/live", "/monitoring/health/live", "/metrics", "/monitoring/metrics", "/api/metrics", OPENAPI_PATH}
    assert endpoints.handlers.keys() - endpoints.waiting == alone

"""The library's own endpoints: which preset serves which, access, the schemas of bodies, the description, the core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from library_kit import Ask, drive_asgi, drive_wsgi
from openapi_spec_validator import validate
from shop_kit import ADMIN, BEARER, DOWN, FINE, SLOW, TOKEN, Still, ask, shops
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route as StarletteRoute
from watchstack import Monitoring, SettingError, Settings
from watchstack.access import Access, Gate
from watchstack.endpoints import Endpoints, Request, text
from watchstack.health.check import Result
from watchstack.openapi import document
from watchstack.routes import OPENAPI_PATH, ROUTES, served

__all__ = ["shops"]  # the fixture

PAGES = {  # A-28 A-29 A-30: in any application that uses the library
    "GET /admin/monitoring", "GET /admin/monitoring/data", "GET /admin/monitoring/grafana",
    "GET /admin/monitoring/export", "GET /admin/monitoring/login", "POST /admin/monitoring/login",
    "POST /admin/monitoring/logout", "GET /admin/monitoring/admin.css", "GET /admin/monitoring/admin.js",
    "GET /admin/monitoring/charts.js", "GET /admin/monitoring/icon.svg",
}  # fmt: skip
PROBES = {"GET /health/live", "GET /health/ready", f"GET {OPENAPI_PATH}"} | PAGES
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


def test_metrics_cannot_take_the_path_of_another_endpoint() -> None:  # F-03
    for path in ("/health", "/health/live", "/health/database"):
        with pytest.raises(SettingError, match=f"^PROMETHEUS_PATH='{path}' is not allowed: a path that no other"):
            Monitoring(settings=Settings.from_environ({"PROMETHEUS_PATH": path}, preset="flask"))
    Monitoring(settings=Settings.from_environ({"PROMETHEUS_PATH": "/health/metrics"}, preset="flask"))


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

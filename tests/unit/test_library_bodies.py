"""What the bodies of the library's endpoints say, beyond the shape that their schemas describe."""

from __future__ import annotations

import json
from typing import Any

from library_kit import Ask, drive_wsgi, lines_of
from shop_kit import ADMIN, DOWN, FINE, SLOW, ask, shops
from watchstack.health.check import Result, Status

__all__ = ["shops"]  # the fixture


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
    assert body["duration_ms"] < 4000  # as long as it ran, whatever it tells
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

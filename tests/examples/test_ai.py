"""The AI example against its document: the rows of A, B, C, F and G that name the system [004].

Its back ends are PostgreSQL and Redis; the OpenAI-compatible API is a server that records. What it does without them
stands in test_ai_backends.py. Alerts come later.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from ai_kit import CHAT, GENERATE, GOAL, SERVICES, WRITTEN, seen
from examples_kit import EXAMPLES, Example, Prometheus, Recorder, described, running, scraping
from services_kit import Program, conninfo, driver
from waiting import DEADLINE, until

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("prometheus")]


@pytest.fixture(scope="module")
def prometheus(
    holistic: Example, program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    job, folder = EXAMPLES / "ai/prometheus.yml", tmp_path_factory.mktemp("prometheus")
    with scraping(program("prometheus"), job, "holisticos", holistic.port, folder) as one:
        yield one


def test_comprehensive_health(holistic: Example) -> None:  # A-36 C-38 C-43 C-46 C-47 C-53 C-54 C-55 C-57 C-60
    found = seen(holistic, lambda found: found["status"] == "healthy")
    assert {"overall_status", "timestamp", "services", "summary"} <= found.keys()
    assert (found["overall_status"], found["status"]) == ("healthy", "healthy")
    services = found["services"]
    assert services.keys() == SERVICES
    for one in services.values():
        assert {"status", "response_time_ms", "message", "details"} <= one.keys()
        assert isinstance(one["response_time_ms"], int | float)
    messages = {name: one["message"] for name, one in services.items()}
    assert messages["database"] == "Database operational"
    assert messages["openai"] == "OpenAI API accessible"
    assert messages["redis"] == "Redis operational"
    assert messages["system"] == "System resources normal"
    details = {name: one["details"] for name, one in services.items()}
    assert details["database"]["query_result"] is True
    assert details["database"]["pool_status"]["size"] == 10
    assert details["openai"] == {"api_key_valid": True}
    assert details["redis"].keys() == {"connected_clients", "used_memory_mb", "keyspace_hits", "keyspace_misses"}
    assert {"process_memory_mb", "process_cpu_percent", "available_memory_mb"} <= details["system"].keys()
    assert set(found["summary"]["healthy_services"]) == SERVICES
    assert found["summary"]["critical_issues"] == found["summary"]["warnings"] == []


def test_simple_health_and_statistics(holistic: Example) -> None:  # A-37 A-38 C-62 N-34 F-25
    seen(holistic, lambda found: found["status"] == "healthy")
    answer = holistic.ask("/api/health/simple")
    assert (answer.status, answer.json()) == (200, {"status": "healthy"})
    until(lambda: holistic.ask("/api/monitoring/stats").json()["health"]["overall_status"] == "healthy")
    found = holistic.ask("/api/monitoring/stats").json()
    assert found.keys() == {"health", "metrics", "version", "environment"}
    assert found["metrics"].pop("uptime_seconds") > 0
    assert set(found["metrics"].values()) == {"See /metrics endpoint"}
    assert (found["version"], found["environment"]) == ("1.0.0", "production")


def test_every_path_is_served_as_described(holistic: Example) -> None:  # A-01 A-36 A-37 A-38
    paths = ("/metrics", "/api/health", "/api/health/simple", "/api/monitoring/stats")
    found = described(holistic)
    assert {path: found[path] for path in paths} == dict.fromkeys(paths, 200)


def test_the_query_of_the_check(holistic: Example, postgres: Program) -> None:  # C-40 G-46
    asked, log = "SELECT 1 as health_check, NOW() as timestamp", postgres.folder / "log"
    assert asked not in log.read_text()
    with driver("psycopg").connect(conninfo(postgres.port), autocommit=True) as connection:
        for words in ("SET log_statement = 'all'", "RESET log_statement"):
            connection.execute(f"ALTER SYSTEM {words}")
            connection.execute("SELECT pg_reload_conf()")
            until(lambda: asked in log.read_text())


def test_start(holistic: Example) -> None:  # G-44
    assert "🚀 HolisticOS started with monitoring enabled" in holistic.said
    assert 0 < holistic.ask("/").json()["uptime_seconds"] < 600


def test_a_routine_is_generated(holistic: Example, model: Recorder) -> None:  # A-39 G-30 G-45 B-76 B-79 B-80
    before = holistic.samples("/metrics")
    answer = holistic.ask(GENERATE, "POST", GOAL)
    assert (answer.status, answer.json()["routine"]) == (200, "Rise at six.")
    asked = next(body for _, path, _, body in reversed(model.seen) if path == CHAT)
    assert json.loads(asked)["model"] == "gpt-4o"
    assert holistic.ask("/api/user/ann/routine").json()["routine"] == "Rise at six."
    after = holistic.samples("/metrics")
    grown = {name: after[name] - before.get(name, 0) for name in after if name.startswith("holisticos_")}
    assert grown['holisticos_openai_calls_total{model="gpt-4o",status="success"}'] == 1
    assert grown["holisticos_openai_cost_total"] == pytest.approx(0.02)
    assert grown['holisticos_requests_total{endpoint="routine_generation",method="POST",status="200"}'] == 1
    route = 'endpoint="/api/user/{user_id}/routine/generate",method="POST"'
    assert grown[f'holisticos_requests_total{{{route},status="200"}}'] == 1
    assert grown[f"holisticos_request_duration_seconds_count{{{route}}}"] == 1


def test_a_routine_fails(holistic: Example, model: Recorder) -> None:  # A-39 B-82 G-31 G-45 Y-19
    model.give[CHAT] = (500, b"{}")
    try:
        before = holistic.samples("/metrics")
        assert holistic.ask(GENERATE, "POST", GOAL).status == 500
    finally:
        model.give[CHAT] = (200, WRITTEN)
    after = holistic.samples("/metrics")
    for name in (
        'holisticos_openai_calls_total{model="gpt-4o",status="error"}',
        'holisticos_errors_total{error_type="InternalServerError",service="api"}',
        'holisticos_errors_total{error_type="InternalServerError",service="routine_generation"}',
        'holisticos_requests_total{endpoint="routine_generation",method="POST",status="500"}',
    ):
        assert after[name] - before.get(name, 0) == 1, name
    assert after["holisticos_openai_cost_total"] == before["holisticos_openai_cost_total"]


def test_memory_is_read_for_each_scrape(make: Callable[..., Example]) -> None:  # A-01 G-32 F-38
    quiet = {"METRICS_COLLECTION_INTERVAL": "3600", "HEALTH_CHECK_INTERVAL": "3600"}
    with running(make(**quiet), "/health/live") as example, contextlib.ExitStack() as opened:
        process = psutil.Process(example.process.pid)
        for _ in range(3):  # one of them may be what the sampler read at the start
            before = process.memory_info().rss
            for _ in range(100):
                connection = socket.create_connection(("127.0.0.1", example.port), timeout=DEADLINE)
                opened.enter_context(connection).sendall(b"GET / HTTP/1.1\r\nx: " + bytes(16_000).replace(b"\0", b"a"))
            until(lambda before=before: _told_within(example, process)[0] > before + 300_000)  # type: ignore[misc]
            until(lambda: _told_within(example, process)[1])


def _told_within(example: Example, process: psutil.Process) -> tuple[int, bool]:
    """The memory that the process has, and whether the metric tells what it had while it was asked."""
    before = process.memory_info().rss
    told = example.samples("/metrics")["holisticos_memory_usage_bytes"]
    after = process.memory_info().rss
    return after, before <= told <= after


def test_python_of_the_document(holistic: Example) -> None:  # G-29..G-39 G-46 C-39 F-44
    lines = """
import asyncio, inspect, json
from shared_libs.monitoring.metrics import (ACTIVE_CONNECTIONS, ERROR_COUNT, MEMORY_USAGE, OPENAI_API_CALLS,
    OPENAI_API_COST, REQUEST_COUNT, REQUEST_DURATION, MetricsCollector, metrics, track_endpoint_metrics)
from shared_libs.monitoring.health_checker import HealthChecker, HealthCheckResult, HealthStatus, health_checker
from shared_libs.database.connection_pool import db_pool

MetricsCollector.track_request("GET", "/x", 200, 0.1)
MetricsCollector.track_openai_call("gpt-4o", "success", 0.02)
MetricsCollector.track_openai_call("gpt-4o", "error", 0)
MetricsCollector.track_error("routine_generation", "ValueError")
MetricsCollector.update_system_metrics()
OPENAI_API_COST.inc(0.5)
REQUEST_COUNT.labels(method="GET", endpoint="/x", status="200")

@track_endpoint_metrics("broken")
async def broken():
    "Its own words."
    raise KeyError("x")

async def main():
    assert broken.__name__ == "broken" and broken.__doc__ == "Its own words."
    try:
        await broken()
    except KeyError:
        print("raised again")
    for check in (health_checker.check_database_health, health_checker.check_openai_health,
                  health_checker.check_system_health, health_checker.check_redis_health):
        found = await check()
        assert isinstance(found, HealthCheckResult) and found.response_time_ms >= 0
        print(found.service, found.status.value)
    whole = await health_checker.run_comprehensive_health_check()
    print(whole["overall_status"], json.dumps(whole["summary"]["critical_issues"]))
    assert (await db_pool.execute_one("SELECT 1 AS one")) == {"one": 1}
    status = db_pool.get_pool_status()
    print((await status if inspect.isawaitable(status) else status)["size"])

asyncio.run(main())
from prometheus_client import generate_latest
text = generate_latest(metrics.monitoring.registry).decode()
for line in text.splitlines():
    if line.startswith(("holisticos_openai", "holisticos_errors", "holisticos_active", "holisticos_requests")):
        print(line)
print("holisticos_memory_usage_bytes" in text)
"""
    said = holistic.python(lines, HEALTH_CHECK_TIMEOUT="30").splitlines()
    assert said[:7] == [
        "raised again", "database healthy", "openai healthy", "system healthy", "redis healthy", "healthy []", "10"
    ]  # fmt: skip
    assert said[-1] == "True"
    assert set(said[7:-1]) == {
        'holisticos_requests_total{endpoint="/x",method="GET",status="200"} 1.0',
        'holisticos_requests_total{endpoint="broken",method="POST",status="500"} 1.0',
        "holisticos_active_connections 0.0",
        'holisticos_openai_calls_total{model="gpt-4o",status="success"} 1.0',
        'holisticos_openai_calls_total{model="gpt-4o",status="error"} 1.0',
        "holisticos_openai_cost_total 0.52",
        'holisticos_errors_total{error_type="ValueError",service="routine_generation"} 1.0',
        'holisticos_errors_total{error_type="KeyError",service="api"} 1.0',
    }


def test_thresholds_of_the_document(holistic: Example) -> None:  # C-39 F-44
    lines = """
from shared_libs.monitoring.health_checker import HealthStatus, health_checker
print([member.value for member in HealthStatus], health_checker.check_timeout, health_checker.performance_thresholds)
"""
    own = ("CPU_USAGE_THRESHOLD_PERCENT", "MEMORY_USAGE_WARNING_PERCENT", "ERROR_RATE_THRESHOLD_PERCENT")
    thresholds = {
        "response_time_ms": 5000.0, "memory_usage_percent": 80.0, "cpu_usage_percent": 90.0,
        "error_rate_percent": 5.0, "database_connections": 8,
    }  # fmt: skip
    said = holistic.python(lines, **dict.fromkeys((*own, "HEALTH_CHECK_TIMEOUT"), ""))
    assert said.strip() == f"['healthy', 'degraded', 'unhealthy', 'critical'] 10.0 {thresholds}"


def test_prometheus_answers_each_metric_by_name(
    prometheus: Prometheus,
) -> None:  # A-01 B-76 B-77 B-78 B-79 B-80 B-81 B-88 L-25
    labels = {
        "holisticos_requests_total": {"method", "endpoint", "status"},
        "holisticos_request_duration_seconds": {"method", "endpoint"},
        "holisticos_active_connections": set(),
        "holisticos_openai_calls_total": {"model", "status"},
        "holisticos_openai_cost_total": set(),
        "holisticos_memory_usage_bytes": set(),
        "holisticos_errors_total": {"service", "error_type"},
        "feature_usage_total": {"feature"},
    }
    prometheus.answer_to(labels)
    for name, expected in labels.items():
        assert prometheus.labels(name) == {frozenset(expected)}, name


def test_hosting_blueprint() -> None:  # F-49 N-34
    service = yaml.safe_load((EXAMPLES / "ai/render.yaml").read_text())["services"][0]
    assert (service["type"], service["healthCheckPath"]) == ("web", "/api/health/simple")
    assert {"key": "SLACK_WEBHOOK_URL", "sync": False} in service["envVars"]

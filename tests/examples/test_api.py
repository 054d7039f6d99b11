"""The API example against its document: the rows of A, B, C, F and G that name the system [001].

Its back end is FerretDB, which speaks MongoDB's protocol. Alerts, log aggregation and deployments come in later issues.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples_kit import EXAMPLES, Example, Prometheus, described, running, scraping
from services_kit import Program, Proxy
from waiting import until

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("prometheus")]
LIVE = "/monitoring/health/live"
PATHS = (
    "/monitoring/health", LIVE, "/monitoring/health/ready", "/monitoring/metrics", "/monitoring/metrics/json",
    "/monitoring/status", "/monitoring/debug/info",
)  # fmt: skip
WAIT = "serverSelectionTimeoutMS=500"
CHECKS = {"database", "network", "memory", "disk", "cpu", "system"}


@pytest.fixture(scope="module")
def line(mongodb: Program) -> Iterator[Proxy]:
    """What lies between the example and its database."""
    one = Proxy(mongodb.port)
    yield one
    one.close()


@pytest.fixture(scope="module")
def make(line: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Example]:
    """The example with its back end; environ: over what it is started with."""

    def one(**environ: str) -> Example:
        own = {
            "MONGODB_URL": f"mongodb://127.0.0.1:{line.port}/?{WAIT}", "ENVIRONMENT": "development",
            "HEALTH_CHECK_INTERVAL": "0.3", "HEALTH_CHECK_TIMEOUT": "10",
            "HEALTH_NETWORK_TARGETS": f"127.0.0.1:{line.port}",
        }  # fmt: skip
        return Example("api", "-m", "app.main", port=8000, folder=tmp_path_factory.mktemp("api"), **{**own, **environ})

    return one


@pytest.fixture(scope="module")
def activities(make: Callable[..., Example]) -> Iterator[Example]:
    with running(make(), LIVE) as example:
        example.drive()
        yield example


@pytest.fixture(scope="module")
def prometheus(
    activities: Example, program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    job, folder = EXAMPLES / "api/prometheus.yml", tmp_path_factory.mktemp("prometheus")
    with scraping(program("prometheus"), job, "activities", activities.port, folder) as one:
        yield one


def entry(example: Example, name: str) -> dict[str, Any]:
    found: dict[str, Any] = example.ask("/monitoring/health").json()["checks"][name]
    return found


def test_comprehensive_health(activities: Example) -> None:  # A-12 C-10 C-11 C-12 X-05
    until(lambda: activities.ask("/monitoring/health").json()["status"] == "healthy")
    answer = activities.ask("/monitoring/health")
    found = answer.json()
    assert (answer.status, found["status"], found["environment"]) == (200, "healthy", "development")
    assert found["checks"].keys() == CHECKS
    assert {name: one["name"] for name, one in found["checks"].items()} == {name: name for name in CHECKS}
    assert {one["status"] for one in found["checks"].values()} == {"healthy"}
    assert found["checks"]["database"]["message"] == "MongoDB operational"
    assert found["checks"]["database"]["response_time_ms"] > 0
    assert found["checks"]["memory"]["details"]["percent"] > 0
    assert "/" in found["checks"]["disk"]["details"]["disks"]


def test_probes(activities: Example) -> None:  # A-13 A-14 C-14 N-17
    assert activities.ask(LIVE).json()["status"] == "healthy"
    ready = activities.ask("/monitoring/health/ready")
    assert (ready.status, ready.json()["checks"]["database"]["status"]) == (200, "healthy")


def test_every_path_is_served_as_described(activities: Example) -> None:  # A-12..A-18
    found = described(activities)
    assert {path: found[path] for path in PATHS} == dict.fromkeys(PATHS, 200)


def test_metrics_as_json(activities: Example) -> None:
    found = activities.ask("/monitoring/metrics/json").json()
    metrics = {one["name"]: one for one in found["metrics"]}
    signup = next(one for one in metrics["custom_events"]["samples"] if one["name"] == "custom_events_total")
    assert signup["labels"] == {"event_type": "signup"}
    assert signup["value"] == activities.samples("/monitoring/metrics")['custom_events_total{event_type="signup"}']


def test_status_and_debug_info(activities: Example) -> None:  # A-17 A-18
    status = activities.ask("/monitoring/status").json()
    assert {"status", "uptime_seconds", "process", "requests", "system", "checks"} <= status.keys()
    assert status["preset"] == "api"
    assert status["requests"]["total"] > 10
    assert status["requests"]["errors"] >= 2  # /export
    debug = activities.ask("/monitoring/debug/info?types=true").json()
    assert debug["process"]["rss_bytes"] > 10_000_000
    assert debug["gc"]["enabled"] is True
    assert len(debug["types"]) == 20


def test_metrics_by_name_and_labels(activities: Example) -> None:  # A-15 B-13 B-14 B-15 B-16 B-18..B-22 M-16
    answer = activities.ask("/monitoring/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = activities.samples("/monitoring/metrics")
    assert found['http_requests_total{endpoint="/users",method="POST",path="/users",status="201"}'] == 4
    assert found['http_requests_total{endpoint="/users",method="POST",path="/users",status="422"}'] == 2
    assert found['http_requests_total{endpoint="/export",method="GET",path="/export",status="500"}'] == 2
    assert found['http_request_duration_seconds_count{endpoint="/activities/{key}",method="GET"}'] == 2
    assert found['db_queries_total{operation="insert"}'] == 6
    assert found['user_registrations_total{method="email"}'] == 2
    assert found['user_registrations_total{method="google"}'] == 2
    assert found['feature_usage_total{feature="activity_creation"}'] == 2
    assert found['custom_events_total{event_type="signup"}'] == 4
    assert found["active_users"] == 4
    assert "user123" not in answer.text


def test_commands_of_the_document(activities: Example) -> None:  # A-12 N-22 N-23
    database = activities.shell(
        "curl http://localhost:8000/monitoring/health | jq '.checks[] | select(.name==\"database\")'"
    )
    assert (json.loads(database)["name"], json.loads(database)["status"]) == ("database", "healthy")
    assert json.loads(activities.shell("curl http://localhost:8000/monitoring/health"))["status"] == "healthy"
    assert "rss_bytes" in activities.shell("curl http://localhost:8000/monitoring/debug/info")
    assert json.loads(activities.shell("curl http://localhost:8000/monitoring/status"))["version"] == "1.0.0"
    assert "active_users 4.0" in activities.shell("curl http://localhost:8000/monitoring/metrics")


def test_python_of_the_document(activities: Example) -> None:  # G-04 G-05 G-06 G-07 C-13
    lines = """
from app.monitoring import metrics_collector, user_activity_monitor
metrics_collector.increment_counter("custom_events_total", labels={"event_type": "signup"})
metrics_collector.set_gauge("active_users", 150)
user_activity_monitor.track_user_registration("user123", "email")
user_activity_monitor.track_feature_usage("user123", "activity_creation")

from app.monitoring.health import HealthCheck, HealthStatus, health_checker
from app.monitoring.metrics import metrics_collector as again
health_checker.register_check("queue", "Jobs that wait", lambda: HealthCheck("queue", HealthStatus.DEGRADED, "many"))
print(again is metrics_collector, health_checker.run_check("queue").message)

from prometheus_client import generate_latest
print(generate_latest(metrics_collector.monitoring.registry).decode())
"""
    said = activities.python(lines).splitlines()
    assert said[0] == "True many"
    for told in (
        'custom_events_total{event_type="signup"} 1.0', "active_users 150.0",
        'user_registrations_total{method="email"} 1.0', 'feature_usage_total{feature="activity_creation"} 1.0',
    ):  # fmt: skip
        assert told in said
    assert not any("user123" in one for one in said)


def test_the_database_goes_and_returns(activities: Example, mongodb: Program) -> None:  # A-12 A-14 C-10 C-14 Y-10
    mongodb.stop()
    try:
        until(lambda: entry(activities, "database")["message"].startswith("MongoDB error: "))
        for path in ("/monitoring/health", "/monitoring/health/ready"):
            answer = activities.ask(path)
            assert (answer.status, answer.json()["status"]) == (503, "unhealthy"), path
        assert described(activities)[LIVE] == 200
        assert activities.ask("/users", "POST", {"name": "Cleo"}).status == 503
        found = activities.samples("/monitoring/metrics")
        assert found['health_check_status{component="database",endpoint="ready"}'] == 0
        assert found["db_connection_errors_total"] == 1
        assert found['db_query_errors_total{operation="insert"}'] == 1
    finally:
        mongodb.start()
    until(lambda: activities.ask("/monitoring/health").json()["status"] == "healthy")
    assert activities.ask("/users", "POST", {"name": "Cleo"}).status == 201


def test_a_database_that_is_slow(make: Callable[..., Example], line: Proxy) -> None:  # C-10 C-11 C-12 F-25 F-28
    low = {
        "DB_QUERY_SLOW_THRESHOLD_MS": "50", "MEMORY_USAGE_WARNING_PERCENT": "0.01", "ENVIRONMENT": "test",
        "DISK_USAGE_THRESHOLD_PERCENT": "0.01", "HEALTH_NETWORK_TARGETS": "127.0.0.1:1",
    }  # fmt: skip
    with running(make(**low), LIVE) as example:
        line.seconds = 0.1
        try:
            until(lambda: entry(example, "database")["message"].startswith("MongoDB slow: "))
        finally:
            line.seconds = 0.0
        found = example.ask("/monitoring/health").json()
        assert (found["status"], found["environment"]) == ("degraded", "test")
        told = {name: one["status"] for name, one in found["checks"].items()}
        assert (told["memory"], told["disk"], told["network"]) == ("degraded", "degraded", "unhealthy")
        until(lambda: entry(example, "database")["status"] == "healthy")


def test_prometheus_answers_each_metric_by_name(prometheus: Prometheus) -> None:  # A-15 B-13..B-22 L-23
    labels = {
        "http_requests_total": {"method", "endpoint", "path", "status"},
        "http_request_duration_seconds": {"method", "endpoint"},
        "db_queries_total": {"operation"},
        "db_query_duration_seconds": {"operation"},
        "system_cpu_usage_percent": set(),
        "system_memory_usage_percent": set(),
        "system_memory_available_bytes": set(),
        "system_disk_usage_percent": {"mount_point"},
        "system_disk_available_bytes": {"mount_point"},
        "system_network_bytes_sent": set(),
        "system_network_bytes_received": set(),
        "user_registrations_total": {"method"},
        "feature_usage_total": {"feature"},
        "custom_events_total": {"event_type"},
        "active_users": set(),
    }
    prometheus.answer_to(labels)
    for name, expected in labels.items():
        assert prometheus.labels(name) == {frozenset(expected)}, name


def test_access_in_production(make: Callable[..., Example]) -> None:  # A-12..A-18 F-23 F-25 M-01
    token = "token-of-a-test"
    closed = {"ENVIRONMENT": "production", "MONITORING_ADMIN_TOKEN": token, "LOG_LEVEL": "WARNING"}
    with running(make(**closed), LIVE) as example:
        until(lambda: example.ask("/monitoring/health").status == 200)
        codes = {path: example.ask(path).status for path in PATHS}
        assert codes == {path: 200 if "/health" in path else 401 for path in PATHS}
        known = {path: example.ask(path, authorization=f"Bearer {token}").status for path in PATHS}
        assert set(known.values()) == {200}
        assert "activities are served" not in example.said
        assert token not in example.said


def test_sensitive_figures_and_the_log_file(make: Callable[..., Example], tmp_path: Path) -> None:  # A-18 F-24 M-01
    log = tmp_path / "application.log"
    with running(make(ENVIRONMENT="production", LOG_FILE_PATH=str(log)), LIVE) as example:
        answer = example.ask("/monitoring/debug/info")
        assert (answer.status, b"MONITORING_ADMIN_TOKEN" in answer.body) == (403, True)
        assert example.ask("/monitoring/metrics").status == 200
    assert "INFO activities: activities are served" in log.read_text()


def test_it_starts_without_its_back_end(make: Callable[..., Example]) -> None:  # C-10
    with running(make(MONGODB_URL=f"mongodb://127.0.0.1:1/?{WAIT}"), LIVE) as example:
        assert example.ask("/").status == 200
        assert example.ask("/monitoring/health/ready").status == 503
        assert example.ask("/users", "POST", {"name": "Ann"}).status == 503

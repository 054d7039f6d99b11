"""The framework's example against its document: the rows of A, B, C, F and G that name the system [002].

Its back end is a SQLite file. Alerts (A-25 to A-27) come in a later issue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples_kit import EXAMPLES, Example, running, scraping
from waiting import until

pytestmark = pytest.mark.services
METRICS = "/api/metrics"
TOKEN = "for this test alone"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
CURL = f"curl -sf -H 'Authorization: Bearer {TOKEN}' http://localhost:8000"  # Y-16


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Example]:
    """The example with a file of its own; environ: over what it is started with."""

    def one(script: str = "app.py", **environ: str) -> Example:
        folder = tmp_path_factory.mktemp("framework")
        own = {
            "DATABASE_PATH": str(folder / "notebook.db"), "HEALTH_CHECK_INTERVAL": "0.3", "HEALTH_CHECK_TIMEOUT": "10",
            "MONITORING_ADMIN_TOKEN": TOKEN,
        }  # fmt: skip
        return Example("framework", script, port=8000, folder=folder, **{**own, **environ})

    return one


@pytest.fixture(scope="module")
def notebook(make: Callable[..., Example]) -> Iterator[Example]:
    with running(make(), "/api/health") as example:
        example.drive()
        yield example


def test_health(notebook: Example) -> None:  # A-22 A-23 C-15 C-16 C-17 C-18 C-19 C-20 C-21 C-22 M-22 N-26 X-02
    until(lambda: len(_health(notebook)["checks"]) >= 8)
    found = _health(notebook)
    assert found["status"] == found["overall_status"]
    assert found["checks"].keys() >= {
        "database", "memory", "disk", "cpu", "responsiveness", "cache", "sessions", "custom_service"
    }  # fmt: skip
    one = json.loads(notebook.shell("curl http://localhost:8000/api/health/database"))
    assert (one["name"], one["status"]) == ("database", "healthy")
    assert {"message", "details", "timestamp", "duration_ms"} <= one.keys()  # G-11
    assert notebook.ask("/api/health/custom_service").json()["status"] == "healthy"
    assert notebook.ask("/api/health/no_such_check").status == 404


def test_a_check_runs_on_demand_for_administrators(notebook: Example) -> None:  # A-24 C-25 M-05 N-26 Y-16
    path = "/api/health/custom_service/run"
    assert notebook.ask(path, "POST").status == 401
    before = notebook.ask("/api/health/custom_service").json()["timestamp"]
    command = f"curl -X POST -H 'Authorization: Bearer {TOKEN}' http://localhost:8000{path}"
    found = json.loads(notebook.shell(command))
    assert found["timestamp"] > before
    assert found["details"] == {"notes": 2}


def test_metrics_by_name_and_labels(notebook: Example) -> None:  # A-19 B-21 B-23 B-24 B-27 B-29 B-30 B-31 B-32 B-33
    found = notebook.samples(METRICS)
    labels = 'endpoint="/notes/{key}",method="GET",path="/notes/{key}"'
    assert found[f'http_requests_total{{{labels},status="200"}}'] == 2
    assert found[f'http_requests_total{{{labels},status="404"}}'] == 2
    broken = 'endpoint="/broken",method="GET",path="/broken",status="500"'
    assert found[f"http_requests_total{{{broken}}}"] == 2
    assert found["memory_usage_bytes"] > 1e7
    assert found['custom_events_total{event_type="note"}'] == 2
    assert found['logins_total{outcome="failure"}'] == found['logins_total{outcome="success"}'] == 2
    assert found['user_registrations_total{method="form"}'] == 1
    assert found['audit_events_total{event="login_failed"}'] == 2
    assert found["sessions_active"] == 0
    assert found['db_queries_total{operation="user_login"}'] == 4  # G-22
    assert found['cache_requests_total{result="hit"}'] >= 1
    assert found['cache_requests_total{result="miss"}'] >= 2
    assert found['cache_operation_duration_seconds_count{operation="set"}'] >= 2
    assert not [name for name in found if "ann" in name.split("{")[-1]]  # M-16


def test_prometheus_answers_each_metric_by_name(
    notebook: Example, program: Callable[..., Path], tmp_path: Path
) -> None:  # B-25 B-26 B-34 B-35 B-36 L-22
    names = [
        "http_requests_total", "http_request_duration_seconds", "memory_usage_bytes", "custom_events_total",
        "system_cpu_usage_percent", "system_disk_usage_percent", "db_query_duration_seconds", "logins_total",
        "sessions_active", "audit_events_total", "cache_requests_total", "cache_operation_duration_seconds",
    ]  # fmt: skip
    job = EXAMPLES / "framework/prometheus.yml"
    with scraping(program("prometheus"), job, "py-framework", notebook.port, tmp_path) as prometheus:
        prometheus.answer_to(names)
        assert prometheus.silent(["no_such_metric"]) == ["no_such_metric"]


def test_summary_and_insights(notebook: Example) -> None:  # A-20 A-21 G-16 G-17 M-05 N-25 Y-16
    for path in ("/api/metrics/summary", "/api/metrics/performance"):
        assert notebook.ask(path).status == 401
        assert notebook.ask(path, authorization="Bearer forged").status == 401
    command = f"curl -H 'Authorization: Bearer {TOKEN}' http://localhost:8000/api/metrics/summary"
    assert json.loads(notebook.shell(command))
    found = notebook.ask("/api/metrics/performance", **ADMIN).json()
    assert 0 <= found["health_score"] <= 100
    for one in found["alerts"]:
        assert one.keys() >= {"message", "severity"}
    for one in found["recommendations"]:
        assert one.keys() >= {"message", "action"}


def test_the_dashboard_is_for_administrators(notebook: Example) -> None:  # A-28 J-01 M-05 Y-16
    page = "/admin/monitoring"
    assert notebook.ask(page).status == 401
    away = notebook.ask(page, accept="text/html")
    assert (away.status, away.headers["location"]) == (303, f"{page}/login?next={page}")
    found = notebook.shell(f"{CURL}{page}")
    for word in ("Health checks", "Alerts", "Performance", "Resources", "Requests", "Trends"):
        assert f"<h2>{word}</h2>" in found
    for part in ("admin.css", "admin.js", "charts.js", "icon.svg"):
        assert f"{page}/{part}?v=" in found
        assert notebook.ask(f"{page}/{part}").status == 200


def test_what_the_dashboard_shows(notebook: Example) -> None:  # J-02 J-03 J-04 J-05 J-06 J-08
    page = notebook.shell(f"{CURL}/admin/monitoring")
    assert 'data-summary="/api/metrics/summary"' in page
    assert 'data-health="/api/health"' in page
    found = json.loads(notebook.shell(f"{CURL}/admin/monitoring/data"))
    assert found["health"]["checks"].keys() == _health(notebook)["checks"].keys()
    assert {one["endpoint"] for one in found["summary"]["endpoints"]} >= {"/notes/{key}", "/login", "/broken"}
    assert found["summary"]["system"].keys() >= {"cpu_percent", "memory_percent", "disk_percent"}
    assert {one["severity"] for one in found["performance"]["alerts"]} <= {"critical", "error", "warning", "info"}
    until(lambda: _now(notebook)["requests_per_second"] is not None)
    assert _now(notebook).keys() >= {"requests_per_second", "error_percent", "mean_ms", "p95_ms", "cpu_percent"}


def _now(notebook: Example) -> dict[str, float]:
    found: dict[str, float] = notebook.ask("/admin/monitoring/data", **ADMIN).json()["history"]["now"]
    return found


def test_the_grafana_definition(notebook: Example, tmp_path: Path) -> None:  # A-29 J-09 K-09 L-44 N-25
    file = tmp_path / "py-framework-dashboard.json"
    notebook.shell(f"{CURL}/admin/monitoring/grafana > {file}")
    found = json.loads(file.read_text())
    assert found["title"].startswith("Framework Monitoring")
    assert len(found["panels"]) >= 15
    assert notebook.ask("/admin/monitoring/grafana").status == 401


def test_the_export(notebook: Example, tmp_path: Path) -> None:  # A-30 J-10 M-16
    file = tmp_path / "export.json"
    notebook.shell(f"{CURL}/admin/monitoring/export > {file}")
    found = json.loads(file.read_text())
    samples = {
        (one["name"], one["labels"].get("outcome")): one["value"]
        for family in found["metrics"]
        for one in family["samples"]
    }
    assert samples["logins_total", "failure"] == samples["logins_total", "success"] == 2
    assert found["health"]["checks"].keys() >= {"database", "custom_service"}
    assert found["history"]["points"] is not None
    assert found["settings"]["MONITORING_ADMIN_TOKEN"] == "set"
    assert TOKEN not in file.read_text()
    assert notebook.ask("/admin/monitoring/export").status == 401


def test_a_viewer_looks_and_nothing_else(make: Callable[..., Example]) -> None:  # M-05 M-06 M-07 M-11
    viewer = {"authorization": "Bearer only looks"}
    with running(make(MONITORING_VIEWER_TOKEN="only looks"), "/api/health") as example:
        for path in (
            "/api/metrics/summary",
            "/api/metrics/performance",
            "/admin/monitoring",
            "/admin/monitoring/grafana",
        ):
            assert example.ask(path, **viewer).status == 200
        assert example.ask("/admin/monitoring/export", **viewer).status == 403
        assert example.ask("/api/health/custom_service/run", "POST", **viewer).status == 403
        signed = example.ask("/admin/monitoring/login", "POST", form={"token": "only looks"})
        cookie = signed.headers["set-cookie"].partition(";")[0]
        assert example.ask("/admin/monitoring", cookie=cookie).status == 200
        assert example.ask("/admin/monitoring", cookie=cookie[:-1]).status == 401
        codes = [example.ask("/admin/monitoring", authorization=f"Bearer {n}").status for n in range(7)]
        assert codes == [401] * 5 + [429] * 2
        assert {example.ask(path).status for path in (METRICS, "/api/health", "/api/health/database")} == {200}  # M-22
        said = [line for line in example.said.splitlines() if "watchstack.audit" in line]
        assert sum('who="viewer by token"' in line and "status=200" in line for line in said) == 4
        assert sum('who="viewer by token"' in line and "status=403" in line for line in said) == 2
        assert "only looks" not in example.said


def test_python_of_the_document(notebook: Example) -> None:  # B-22 B-37 B-38 G-10 G-12 G-13 G-14 G-15 G-22
    lines = """
from src.framework.monitoring import get_health_checker, get_metrics_collector
from src.framework.monitoring.health_checker import HealthCheck, HealthStatus
from src.framework.monitoring.middleware import monitor_database_operation
from datetime import datetime

collector = get_metrics_collector()
collector.increment_counter("custom_events_total", labels={"event_type": "signup"})
collector.set_gauge("active_users", 150)
collector.set_gauge("active_connections", 42)
collector.record_histogram("operation_duration_seconds", 1.5)

def check():
    return HealthCheck(name="custom_service", status=HealthStatus.HEALTHY, message="fine", details={},
                       timestamp=datetime.now(), duration_ms=1.0)

get_health_checker().register_check("custom_service", "Custom service", check, interval_seconds=60)

@monitor_database_operation("user_login")
def login():
    return "in"

print(login(), collector is get_metrics_collector(), 0 <= collector.get_performance_insights()["health_score"] <= 100)
"""
    assert notebook.python(lines).splitlines()[-1] == "in True True"


def test_the_middleware_says_so(notebook: Example, make: Callable[..., Example]) -> None:  # G-21 G-24 N-25
    assert "Monitoring middleware initialized" in notebook.said
    with running(make("dev.py"), "/api/health") as example:
        assert "Monitoring middleware initialized" in example.said
        assert example.ask("/").status == 200
        found = example.samples(METRICS)
        assert found['http_requests_total{endpoint="/",method="GET",path="/",status="200"}'] == 1  # counted once
        assert found['application_info{environment="development",version="1.0.0"}'] == 1


def test_the_database_goes_and_returns(make: Callable[..., Example], tmp_path: Path) -> None:  # A-22 C-15 C-23 C-24
    path = tmp_path / "notebook.db"
    with running(make(DATABASE_PATH=str(path)), "/api/health") as example:
        until(lambda: example.ask("/api/health/database").json()["status"] == "healthy")
        _put_in_the_way(path, tmp_path / "away.db")
        until(lambda: example.ask("/api/health").status == 503)
        assert example.ask("/api/health").json()["status"] == "critical"
        assert example.ask("/").status == 503
        assert example.ask(METRICS).status == 200
        path.rmdir()
        (tmp_path / "away.db").rename(path)
        until(lambda: example.ask("/api/health").status == 200)
        assert example.ask("/").status == 200


def test_variables_take_effect(make: Callable[..., Example]) -> None:  # F-05 F-37 F-38
    with running(make(ENABLE_MONITORING="false"), "/") as example:
        assert example.ask("/").status == 200
        assert example.ask(METRICS).status == 404
    bad = make(METRICS_COLLECTION_INTERVAL="often")
    with pytest.raises(AssertionError, match="METRICS_COLLECTION_INTERVAL='often' is not allowed"):
        bad.start(METRICS)


def _put_in_the_way(path: Path, away: Path) -> None:
    """A folder takes the place of the file; a check that connects in between makes a new file there."""
    path.rename(away)
    while True:
        try:
            path.mkdir()
            return
        except FileExistsError:
            path.unlink()


def _health(example: Example) -> Any:
    return json.loads(example.shell("curl http://localhost:8000/api/health"))

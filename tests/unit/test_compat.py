"""The packages that `python -m watchstack.compat` writes: every name that a document imports works from a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT
from watchstack.catalogue import Preset
from watchstack.compat import FILES, Foreign, write
from watchstack.compat.__main__ import main

# What each document does with what it imports, and what a scrape then shows.
FLASK = """
from config.monitoring import MonitoringConfig
from scripts.health_check_demo import HealthCheckClient, main
config = MonitoringConfig()
assert config.PROMETHEUS_ENABLED is True and config.ALERTING_ENABLED is False
assert config.settings.preset == "flask"
client = HealthCheckClient()
assert client.get_standard_health and client.get_metrics_health and client.get_prometheus_metrics
"""
API = """
from app.monitoring import metrics_collector, user_activity_monitor, health_checker
metrics_collector.increment_counter("custom_events_total", labels={"event_type": "signup"})
metrics_collector.set_gauge("active_users", 150)
user_activity_monitor.track_user_registration("user123", "email")
user_activity_monitor.track_feature_usage("user123", "activity_creation")
from app.monitoring.metrics import metrics_collector as again, user_activity_monitor as monitor
from app.monitoring.health import HealthChecker, HealthStatus, health_checker as checker
assert again is metrics_collector and monitor is user_activity_monitor and checker is health_checker
assert metrics_collector.monitoring.settings.preset == "api"
shows('custom_events_total{event_type="signup"} 1.0', "active_users 150.0",
      'user_registrations_total{method="email"} 1.0', 'feature_usage_total{feature="activity_creation"} 1.0')
"""
FRAMEWORK = """
import logging
logging.basicConfig(level=logging.INFO, stream=__import__("sys").stdout)
from datetime import datetime
from src.framework.monitoring import get_health_checker, get_metrics_collector
from src.framework.monitoring import HealthChecker, MetricsCollector, MonitoringMiddleware, MonitoringRoutes
from src.framework.monitoring.health_checker import HealthCheck, HealthStatus
from src.framework.monitoring.middleware import add_monitoring_middleware, monitor_database_operation

metrics = get_metrics_collector()
metrics.increment_counter("custom_events_total", labels={"event_type": "signup"})
metrics.set_gauge("active_connections", 42)
metrics.record_histogram("operation_duration_seconds", 1.5)

def check_custom_service():
    return HealthCheck(name="custom_service", status=HealthStatus.HEALTHY, message="Service is healthy",
                       details={"response_time": 0.1}, timestamp=datetime.now(), duration_ms=100)

get_health_checker().register_check(
    "custom_service", "Custom service health", check_custom_service, interval_seconds=60)
assert get_health_checker().run_check("custom_service").message == "Service is healthy"

@monitor_database_operation("user_login")
def login(name):
    return name

assert login("ann") == "ann"
insights = metrics.get_performance_insights()
if insights["health_score"] < 80:
    for alert in insights["alerts"]:
        print(alert["message"], alert["severity"])
    for recommendation in insights["recommendations"]:
        print(recommendation["message"], recommendation["action"])

async def app(scope, receive, send): ...
assert add_monitoring_middleware(app) is not app
metrics.monitoring.stop()
shows('custom_events_total{event_type="signup"} 1.0', "active_connections 42.0", "operation_duration_seconds_sum 1.5",
      'db_queries_total{operation="user_login"} 1.0')
"""
IOT = """
from app import init_monitoring
from app.core import database, telemetry, diagnostics, backups, timescale, metrics_collector
from app.core.metrics import database as again
from app.api.middleware.monitoring import MonitoringMiddleware, add_monitoring_middleware
from app.api.routes.health import health_routes, register
assert again is database and init_monitoring is add_monitoring_middleware
with database.query("select"):
    telemetry.ingested("well-1", "mqtt")
with diagnostics.analysis(), backups.run("full"):
    timescale.hypertable("readings", chunks=3)
assert "/health/metrics" in health_routes.paths and "/health/live" in health_routes.paths
from flask import Flask
watched = init_monitoring(Flask("iot"))
answer = watched.test_client().get("/health/metrics")
assert answer.status_code == 200 and 'telemetry_ingestion_total{source="mqtt",well="well-1"} 1.0' in answer.text
metrics_collector.monitoring.stop()
shows('db_queries_total{operation="select"} 1.0', 'backup_operations_total{status="success",type="full"} 1.0')
"""
AI = """
import asyncio
from shared_libs.monitoring.metrics import MetricsCollector, metrics, track_endpoint_metrics
from shared_libs.monitoring.metrics import (
    REQUEST_COUNT, REQUEST_DURATION, ACTIVE_CONNECTIONS, OPENAI_API_CALLS, OPENAI_API_COST, MEMORY_USAGE, ERROR_COUNT)
from shared_libs.monitoring.health_checker import HealthChecker, HealthCheckResult, HealthStatus, health_checker

@track_endpoint_metrics("routine_generation")
async def generate(user_id):
    try:
        if user_id == "bad":
            raise ValueError(user_id)
        metrics.track_openai_call("gpt-4o", "success", 0.02)
    except ValueError as error:
        metrics.track_openai_call("gpt-4o", "error", 0)
        metrics.track_error("routine_generation", type(error).__name__)
        raise

asyncio.run(generate("7"))
try:
    asyncio.run(generate("bad"))
except ValueError:
    pass
MetricsCollector.track_request("GET", "status", 200, 0.1)
MetricsCollector.update_system_metrics()
assert health_checker.check_timeout == 10
assert asyncio.run(health_checker.check_system_health()).service == "system"
found = asyncio.run(health_checker.run_comprehensive_health_check())
assert {"overall_status", "timestamp", "services", "summary"} <= set(found)
shows('holisticos_requests_total{endpoint="routine_generation",method="POST",status="500"} 1.0',
      'holisticos_openai_calls_total{model="gpt-4o",status="error"} 1.0', "holisticos_openai_cost_total 0.02",
      'holisticos_errors_total{error_type="ValueError",service="api"} 1.0',
      'holisticos_errors_total{error_type="ValueError",service="routine_generation"} 1.0')
"""
SHOWS = """
def shows(*lines):
    from watchstack.api import get_monitoring
    from watchstack.exposition import whole
    found = whole(get_monitoring().registry).decode().splitlines()
    missing = [line for line in lines if line not in found]
    assert not missing, missing
"""


# X-34 G-04 G-05 G-06 G-07 G-10 G-11 G-12 G-13 G-14 G-15 G-16 G-21 G-22 G-25 G-26 G-28 G-29 G-30 G-31 G-32 G-33
# G-34 G-35 G-36 G-37 G-38 G-39 G-45
@pytest.mark.parametrize(
    ("preset", "code"), [("flask", FLASK), ("api", API), ("framework", FRAMEWORK), ("iot", IOT), ("ai", AI)]
)
def test_the_documents_code_runs_on_the_written_packages(preset: str, code: str, tmp_path: Path) -> None:
    write(preset, tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MONITORING", "REDIS", "OPENAI"))}
    done = subprocess.run(
        [sys.executable, "-c", SHOWS + code],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "exporter")])},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if preset == "framework":
        assert "Monitoring middleware initialized" in done.stdout  # G-21


@pytest.mark.parametrize("preset", Preset)
def test_the_files_are_few_lines_in_good_style(preset: Preset, tmp_path: Path) -> None:
    write(preset, tmp_path)
    for path in tmp_path.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# written by `python -m watchstack.compat {preset} DIR`; do not edit\n")
        assert text.splitlines()[1].startswith('"""')
        assert len(text.splitlines()) < 60
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "120", "--no-cache"]
    checked = subprocess.run(
        [*ruff, "check", *options, "--select", "E,F,UP,B", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    formatted = subprocess.run(
        [*ruff, "format", "--check", *options, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert formatted.returncode == 0, formatted.stdout


def test_a_second_run_changes_nothing_and_an_old_file_is_renewed(tmp_path: Path) -> None:
    assert set(write("ai", tmp_path).values()) == {"written"}
    assert set(write("ai", tmp_path).values()) == {"unchanged"}
    metrics = tmp_path / "shared_libs/monitoring/metrics.py"
    metrics.write_text(metrics.read_text() + "# of an older version\n")
    assert write("ai", tmp_path)["shared_libs/monitoring/metrics.py"] == "written"
    assert "older version" not in metrics.read_text()


def test_what_others_wrote_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = tmp_path / "app/monitoring/metrics.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("own = 1\n")
    with pytest.raises(Foreign, match="not written by this command"):
        write("api", tmp_path)
    assert main(["api", str(tmp_path)]) == 1
    assert str(theirs) in capsys.readouterr().err
    assert theirs.read_text() == "own = 1\n"
    assert [path.name for path in tmp_path.rglob("*.py")] == ["metrics.py"]  # all or nothing


def test_no_module_of_an_application_is_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for preset, module in (("flask", "config.py"), ("api", "app/monitoring.py"), ("iot", "app.py")):
        folder = tmp_path / preset
        path = folder / module
        path.parent.mkdir(parents=True)
        path.write_text("# mine\n")
        assert main([preset, str(folder)]) == 1
        assert f"{path}, which the package {path.stem} would hide\n" in capsys.readouterr().err
        assert [found for found in folder.rglob("*") if found.is_file()] == [path]
    (tmp_path / "iot" / "app").mkdir()
    (tmp_path / "iot" / "app" / "__init__.py").write_text("# mine, which hides the module already\n")
    assert main(["iot", str(tmp_path / "iot")]) == 0


def test_an_application_s_own_package_stays_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").write_text("# theirs\n")
    assert main(["iot", str(tmp_path)]) == 0
    assert "kept      app/__init__.py" in capsys.readouterr().out
    assert (tmp_path / "app/__init__.py").read_text() == "# theirs\n"
    write("api", tmp_path)  # two systems in one application
    assert main(["iot", str(tmp_path)]) == 0


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([]) == main(["nosuch", "."]) == 2
    assert "flask, api, framework, iot, ai" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["ai", str(tmp_path / "file")]) == 4


def test_what_the_library_has_not_is_not_there() -> None:
    every = [path for files in FILES.values() for path in files]
    assert not [path for path in every if path.endswith(("alerts.py", "alerting.py", "dashboard.py"))]

"""`HealthCheckClient` and its script, against real applications of each preset; the requirements file."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from serving import serving
from support import ROOT
from watchstack.catalogue import Preset
from watchstack.client import HealthCheckClient, NoAnswer, main
from watchstack.host import HostSampler
from watchstack.monitoring import Monitoring
from watchstack.settings import Settings

SCRIPT = ROOT / "scripts" / "health_check_demo.py"


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of a real server around a WSGI application."""
    server = make_server("127.0.0.1", 0, app, handler_class=_Quiet)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def application(preset: Preset) -> Iterator[str]:
    app = Flask("shop")
    settings = Settings.from_environ({}, preset=preset)
    sampler = HostSampler(interval=3600, process=True)
    monitoring = Monitoring(app, settings=settings, registry=CollectorRegistry(), sampler=sampler)
    checks = monitoring.health.checks
    checks._checks = {"system": checks["system"]}  # what the presets bring needs servers
    try:
        with served(app) as address:
            yield address
    finally:
        monitoring.stop()


# G-01 G-02
def test_the_client_as_the_document_uses_it() -> None:
    with application(Preset.FLASK) as address:
        client = HealthCheckClient(address)
        standard = client.get_standard_health()
        figures = client.get_metrics_health()
        metrics = client.get_prometheus_metrics()
    assert standard["data"]["status"] in ("healthy", "degraded")
    assert standard["path"] == "/health/standard"
    assert figures["data"]["response_time_ms"] >= 0
    assert "system_metrics" in figures["data"]["metrics"]
    assert len(metrics["data"]) > 500
    assert "# TYPE http_requests_total counter" in metrics["data"]


# G-03
@pytest.mark.parametrize("preset", Preset)
def test_the_script_works_against_an_application_of_any_preset(
    preset: Preset, capsys: pytest.CaptureFixture[str]
) -> None:
    with application(preset) as address:
        assert main([address]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^health: (healthy|degraded) \(/", told, re.MULTILINE)
    assert re.search(r"^metrics: \d\d+ series", told, re.MULTILINE)
    assert "  200 /health/live" in told


# G-03
@pytest.mark.parametrize("how", ["argument", "variable"])
def test_the_script_says_where_nothing_answers(how: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-S", str(SCRIPT), *([address] if how == "argument" else [])],
            env={"HEALTH_CHECK_URL": address} if how == "variable" else {},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"nothing answers at {address}: ")
    assert "Start the application, or give its address as an argument or in HEALTH_CHECK_URL" in done.stderr


def test_an_application_without_monitoring_is_told_apart() -> None:
    with served(Flask("bare")) as address, pytest.raises(NoAnswer, match="serves none of /health/standard"):
        HealthCheckClient(address).get_standard_health()


def test_a_failing_application_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    app = Flask("shop")

    @app.route("/health/standard")
    def standard() -> Any:
        return {"status": "unhealthy"}, 503

    @app.route("/health/metrics")
    def metrics() -> Any:
        return {"status": "unhealthy", "response_time_ms": 1.0}, 503

    @app.route("/metrics")
    def text() -> str:
        return "a 1\n"

    with served(app) as address:
        assert main([address]) == 1
    assert "health: unhealthy" in capsys.readouterr().out


@pytest.mark.parametrize(("url", "told"), [("localhost:5003", "begins with http"), ("http://[", "Invalid IPv6 URL")])
def test_an_address_that_is_none(url: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([url]) in (1, 2)
    assert told in capsys.readouterr().err


# G-01
def test_the_import_of_the_document() -> None:
    code = "from scripts.health_check_demo import HealthCheckClient; print(HealthCheckClient().base_url)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "http://localhost:5003\n"


# F-47
def test_the_requirements_are_pins_of_what_the_library_asks_for() -> None:
    project = tomllib.loads((ROOT / "exporter/pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    drivers = [
        one for extra in ("http", "mongodb", "openai", "postgres", "redis", "sqlalchemy") for one in extras[extra]
    ]
    asked = {re.split(">=", one)[0] for one in (*project["dependencies"], *drivers)}
    lines = (ROOT / "requirements-monitoring.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith(("#", "./")))
    assert set(pins) == asked
    held = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    versions = {name.lower(): version for name, version in held.items()}
    assert {name: versions[re.sub(r"\[.*\]", "", name).lower()] for name in pins} == pins
    assert {"prometheus_client", "psutil", "redis", "openai"} <= set(pins)

"""MongoDB's check against FerretDB, the OpenAI check against a local server that misbehaves in every way."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from services_kit import Program, driver, linger, mongodb, run
from support import choose_ports
from waiting import DEADLINE, until
from watchstack import Monitoring, Preset, Settings
from watchstack.health.check import Result, Status
from watchstack.health.mongodb import mongodb_check, mongodb_client
from watchstack.health.openai import openai_check

__all__ = ["mongodb"]  # the fixture
pytestmark = pytest.mark.services
LONG = 20.0  # seconds that a driver waits for what hangs; the check does not
PATIENT = 60_000.0  # milliseconds: a busy machine is no slow database


def test_mongodb_works_stops_hangs_and_comes_back(mongodb: Program) -> None:  # C-10 X-36
    client = mongodb_client(f"mongodb://127.0.0.1:{mongodb.port}/", seconds=6.0)
    check = mongodb_check(client, timeout=DEADLINE, slow_ms=PATIENT)
    found = run(check)
    assert (found.status, found.message) == (Status.HEALTHY, "MongoDB operational")
    assert found.details["version"]
    assert found.details["uptime_seconds"] >= 0
    assert run(mongodb_check(client, slow_ms=0.0)).message.startswith("MongoDB slow: ")
    mongodb.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    found = run(mongodb_check(client, timeout=0.3))
    assert time.monotonic() - began < 5
    mongodb.process.send_signal(signal.SIGCONT)
    assert (found.status, found.message) == (Status.CRITICAL, "MongoDB timeout after 0.3s")
    until(lambda: run(check).status is Status.HEALTHY)
    mongodb.stop()
    found = run(check)
    assert found.status is Status.CRITICAL
    assert found.message.startswith("MongoDB error: ")
    assert found.response_time_ms == -1
    mongodb.start()
    until(lambda: run(check).status is Status.HEALTHY)
    client.close()


def test_mongodb_is_the_database_of_the_api_package(mongodb: Program) -> None:  # C-10
    environ = {"MONGODB_URL": f"mongodb://127.0.0.1:{mongodb.port}/", "DB_QUERY_SLOW_THRESHOLD_MS": str(PATIENT)}
    monitoring = Monitoring(settings=Settings.from_environ(environ, preset=Preset.API))
    assert run(monitoring.health.checks["database"]).message == "MongoDB operational"
    monitoring.stop()


class Models(BaseHTTPRequestHandler):
    """`GET /v1/models` as a test sets it up, for one key alone."""

    key, code, seconds, body = "sk-right", 200, 0.0, ""

    def do_GET(self) -> None:
        kind = type(self)
        linger(kind)
        code, body = kind.code, kind.body or json.dumps({"object": "list", "data": []})
        if self.headers["Authorization"] != f"Bearer {kind.key}":
            told = {
                "message": f"Incorrect API key provided: {self.headers['Authorization'][7:]}",
                "code": "invalid_api_key",
            }
            code, body = 401, json.dumps({"error": told})
        elif self.path != "/v1/models":
            code = 404
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def models() -> Iterator[tuple[type[Models], str]]:
    driver("openai")
    kind = type("OneModels", (Models,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}/v1"
    kind.seconds = 0.0  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def ask(url: str, key: str = "sk-right", timeout: float = LONG) -> Result:
    return run(openai_check(key, url, timeout=timeout))


def test_openai_is_accessible(models: tuple[type[Models], str]) -> None:  # C-47
    for _ in range(2):  # a client lives as long as a run, so its event loop is never another's
        found = ask(models[1])
        assert (found.status, found.message) == (Status.HEALTHY, "OpenAI API accessible")
        assert found.details == {"api_key_valid": True}
        assert (found.response_time_ms or 0) > 0


def test_openai_takes_too_long(models: tuple[type[Models], str]) -> None:  # C-48
    ask(models[1])  # the package is imported
    models[0].seconds = LONG
    began = time.monotonic()
    found = ask(models[1], timeout=0.3)
    assert time.monotonic() - began < LONG - 5
    assert (found.status, found.message, found.response_time_ms) == (Status.DEGRADED, "OpenAI API timeout", 300.0)


def test_openai_refuses_the_key(models: tuple[type[Models], str]) -> None:  # C-49
    found = ask(models[1], key="sk-wrong-and-secret")
    assert (found.status, found.error, found.response_time_ms) == (Status.CRITICAL, "AuthenticationError", -1)
    assert found.message.startswith("OpenAI error: ")
    assert "authentication" in found.message.lower()
    assert "sk-wrong-and-secret" not in found.message


@pytest.mark.parametrize(
    ("code", "body", "status"),
    [
        (500, '{"error": {"message": "boom"}}', "degraded"),
        (429, '{"error": {"message": "slow down"}}', "degraded"),
        (503, "not json", "degraded"),
        (500, '{"error": {"message": "Authentication service broken"}}', "critical"),
    ],
)
def test_openai_fails(models: tuple[type[Models], str], code: int, body: str, status: str) -> None:  # C-49
    models[0].code, models[0].body = code, body
    found = ask(models[1])
    assert found.status == status
    assert found.message.startswith("OpenAI error: ")
    assert found.response_time_ms == -1


def test_openai_is_not_there() -> None:
    driver("openai")
    found = ask(f"http://127.0.0.1:{choose_ports(1)[0]}/v1")
    assert (found.status, found.error) == (Status.DEGRADED, "APIConnectionError")


def test_openai_by_the_settings(models: tuple[type[Models], str]) -> None:
    environ = {"OPENAI_API_KEY": "sk-right", "OPENAI_BASE_URL": models[1]}
    monitoring = Monitoring(settings=Settings.from_environ(environ, preset=Preset.AI))
    check = monitoring.health.checks["openai"]
    assert check.timeout == 10.0
    assert run(replace(check, timeout=LONG)).message == "OpenAI API accessible"
    monitoring.stop()

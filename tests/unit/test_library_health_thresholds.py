"""What makes a store or another service degraded: thresholds, failures in a row, and the settings that move them."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from health_kit import Pooled, Redis, run
from serving import serving
from support import choose_ports
from watchstack import Monitoring, Settings
from watchstack.health.check import Status
from watchstack.health.database import Limits, database_check
from watchstack.health.mongodb import mongodb_check
from watchstack.health.redis import redis_check
from watchstack.health.web import WebCheck


@pytest.fixture
def closing() -> Any:
    """A server that answers each request with its `code`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self.server.code)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield server


# F-14 F-15 C-01 C-39 X-14 Y-04
@pytest.mark.parametrize(
    ("database", "message"),
    [
        (Pooled({"size": 10, "idle_connections": 2}), "Database operational"),
        (Pooled({"size": 10, "idle_connections": 1}), "Database pool utilization high: 90%"),
        (Pooled({"size": 10, "idle_connections": 0}), "Database pool exhausted"),
        (Pooled({"size": 5, "checked_out": 8, "idle_connections": 7}), "Database operational"),
        (Pooled({"size": 5, "checked_out": 13, "idle_connections": 2}), "Database pool utilization high: 87%"),
        (Pooled({"size": 100, "checked_out": 9, "idle_connections": 91}), "Database connections high: 9"),
        (Pooled({"size": 100, "checked_out": 8, "idle_connections": 92}), "Database operational"),
        (Pooled({"size": 4}), "Database operational"),
        (Pooled(connect=1.0), "Database operational"),
        (Pooled(connect=1.2), "Database connect slow: 1200ms"),
    ],
)
def test_thresholds_of_the_database(database: Pooled, message: str) -> None:
    found = run(database_check(database, limits=Limits(connections=8)))
    assert found.message == message
    assert found.status is (Status.HEALTHY if message == "Database operational" else Status.DEGRADED)


# F-16 F-17 C-02
@pytest.mark.parametrize(
    ("redis", "message"),
    [
        (Redis(900, 0), "Redis operational"),
        (Redis(800, 1000), "Redis operational"),
        (Redis(801, 1000), "Redis memory high: 80.1%"),
        (Redis(seconds=0.06), "Redis connect slow: "),
    ],
)
def test_thresholds_of_redis(redis: Redis, message: str) -> None:
    found = run(redis_check(redis, connect_ms=50.0 if redis.seconds else 5000.0))
    assert found.message.startswith(message)
    assert found.status is (Status.HEALTHY if message == "Redis operational" else Status.DEGRADED)


def test_a_secret_in_the_url_of_an_api_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:  # M-16
    monkeypatch.setenv("no_proxy", "*")
    for url in ("http://user:hunter2@127.0.0.1/", "http://127.0.0.1:1/a b?key=hunter2"):
        told = WebCheck("stripe", url)()
        assert (told.status, told.error) == (Status.UNHEALTHY, "InvalidURL")
        assert told.message.startswith("stripe error: its URL cannot be asked: ")
        assert "hunter2" not in told.message


def test_an_api_is_unhealthy_after_failures_in_a_row() -> None:  # F-19 C-03
    check = WebCheck("stripe", f"http://127.0.0.1:{choose_ports(1)[0]}/", failures=2)
    assert [check().status for _ in range(3)] == [Status.DEGRADED, Status.UNHEALTHY, Status.UNHEALTHY]
    assert check().details == {"failures": 4}


def test_an_answer_ends_the_row_of_failures(closing: Any) -> None:  # F-19
    check = WebCheck("stripe", f"http://127.0.0.1:{closing.server_port}/", failures=2)
    found = []
    for code in (500, 200, 500, 500):
        closing.code = code
        found.append(str(check().status))
    assert found == ["degraded", "healthy", "degraded", "unhealthy"]


class Mongo:
    """A client of MongoDB whose commands fail as they are told."""

    def __init__(self, **failing: Exception) -> None:
        self.admin, self.failing = self, failing

    def command(self, name: str) -> Any:
        if name in self.failing:
            raise self.failing[name]
        return {"version": "7.0", "uptime": 5.0, "connections": {"current": 1, "available": 9}}


def test_mongodb_without_the_right_to_its_figures() -> None:
    errors = pytest.importorskip("pymongo.errors")
    found = run(mongodb_check(Mongo()))
    assert found.details == {
        "version": "7.0", "uptime_seconds": 5.0, "connections_current": 1, "connections_available": 9
    }  # fmt: skip
    found = run(mongodb_check(Mongo(serverStatus=errors.OperationFailure("not authorized"))))
    assert (found.status, found.message, found.details["version"]) == (Status.HEALTHY, "MongoDB operational", None)
    found = run(mongodb_check(Mongo(serverStatus=errors.AutoReconnect("gone"))))
    assert (found.status, found.message) == (Status.CRITICAL, "MongoDB error: gone")
    found = run(mongodb_check(Mongo(ping=errors.OperationFailure("not authorized"))))
    assert (found.status, found.error) == (Status.CRITICAL, "OperationFailure")


def test_settings_reach_the_checks() -> None:  # F-14 F-15 F-16 F-17 F-18 F-19
    environ = {
        "DB_POOL_UTILIZATION_THRESHOLD": "0.5", "DB_CONNECTION_TIMEOUT_THRESHOLD_MS": "10",
        "REDIS_MEMORY_THRESHOLD_PERCENT": "50", "REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS": "10000",
        "EXTERNAL_API_TIMEOUT_THRESHOLD_MS": "7", "EXTERNAL_API_FAILURE_THRESHOLD": "3",
    }  # fmt: skip
    health = Monitoring(settings=Settings.from_environ(environ)).health
    pool = {"size": 10, "idle_connections": 4}
    assert run(health.watch_database(Pooled(pool))).message == "Database pool utilization high: 60%"
    assert run(health.watch_redis(Redis(51, 100))).message == "Redis memory high: 51.0%"
    web: Any = health.watch_web("stripe", "http://127.0.0.1:9/").function
    assert (web._slow_ms, web._failures) == (7.0, 3)
    slow = Settings.from_environ({"DB_CONNECTION_TIMEOUT_THRESHOLD_MS": "10"})
    assert run(Monitoring(settings=slow).health.watch_database(Pooled(None, 0.02))).message == (
        "Database connect slow: 20ms"
    )
    ai: Any = Monitoring(settings=Settings.from_environ({}, preset="ai")).health.watch_database(Pooled()).function
    assert ai._limits == Limits(connections=8)  # C-39 Y-04

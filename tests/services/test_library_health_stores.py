"""Health checks against a real PostgreSQL, Redis and HTTP server: working, slow, exhausted, gone, back again."""

from __future__ import annotations

import signal
import time

import pytest
from services_kit import Api, Program, api, conninfo, driver, postgres, redis_server, run
from support import choose_ports
from waiting import until
from watchstack.health.check import Status
from watchstack.health.database import Limits, PsycopgDatabase, SqlalchemyDatabase, database_check
from watchstack.health.redis import redis_check, redis_client
from watchstack.health.web import web_check

__all__ = ["api", "postgres", "redis_server"]  # the fixtures
pytestmark = pytest.mark.services
PATIENT = Limits(slow_ms=60_000.0, connect_ms=60_000.0)  # a busy machine is no slow database
LONG = 20.0  # seconds that a driver waits for a store which hangs; the check does not


def test_postgresql_works_stops_and_comes_back(postgres: Program) -> None:  # C-40 C-43 C-45 C-46
    check = database_check(PsycopgDatabase(conninfo(postgres.port)), limits=PATIENT)
    found = run(check)
    assert (found.status, found.message) == (Status.HEALTHY, "Database operational")
    assert found.details["query_result"] is True
    assert found.details["pool_status"] is None
    postgres.stop()
    found = run(check)
    assert found.status is Status.CRITICAL
    assert found.message.startswith("Database error: ")
    assert found.response_time_ms == -1
    assert found.error == "OperationalError"
    postgres.start()
    until(lambda: run(check).status is Status.HEALTHY)


def test_postgresql_that_hangs(postgres: Program) -> None:  # C-44
    database = PsycopgDatabase(conninfo(postgres.port), seconds=LONG)
    check = database_check(database, timeout=0.5, limits=PATIENT)
    postgres.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        found = run(check)
        assert time.monotonic() - began < LONG - 5
    finally:
        postgres.process.send_signal(signal.SIGCONT)
    assert (found.status, found.message) == (Status.CRITICAL, "Database timeout after 0.5s")
    assert found.response_time_ms == 500.0
    patient = database_check(database, timeout=LONG, limits=PATIENT)
    until(lambda: run(patient).status is Status.HEALTHY)


def test_a_pool_of_sqlalchemy(postgres: Program) -> None:  # C-01 C-42
    sqlalchemy = driver("sqlalchemy")
    address = conninfo(postgres.port).replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(address, pool_size=1, max_overflow=1, pool_timeout=0.2)
    check = database_check(SqlalchemyDatabase(engine), limits=PATIENT)
    found = run(check)
    assert found.message == "Database operational"
    assert found.details["pool_status"] == {"size": 1, "checked_out": 0, "idle_connections": 2}
    assert found.figures == {"connection_pool_size": 1, "connections_checked_out": 0}
    with engine.connect(), engine.connect():
        found = run(check)
        assert found.status is Status.CRITICAL  # no connection is to be had at all
        assert found.message.startswith("Database error: QueuePool limit")
    assert run(check).status is Status.HEALTHY
    engine.dispose()


def test_redis_works_stops_and_comes_back(redis_server: Program) -> None:  # C-02 C-55 C-56 C-57 Y-03
    client = redis_client(f"redis://127.0.0.1:{redis_server.port}", seconds=LONG)
    check = redis_check(client, connect_ms=PATIENT.connect_ms)
    found = run(check)
    assert (found.status, found.message) == (Status.HEALTHY, "Redis operational")
    assert found.details["connected_clients"] >= 1
    assert found.details["used_memory_mb"] > 0.1
    assert {"keyspace_hits", "keyspace_misses"} <= set(found.details)
    assert found.figures["total_commands_processed"] >= 1
    redis_server.stop()
    found = run(check)
    assert found.status is Status.DEGRADED
    assert found.message.startswith("Redis error: ")
    assert found.response_time_ms == -1
    redis_server.start()
    until(lambda: run(check).status is Status.HEALTHY)
    redis_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    found = run(redis_check(client, timeout=0.3))
    assert time.monotonic() - began < LONG - 5
    redis_server.process.send_signal(signal.SIGCONT)
    assert (found.status, found.message) == (Status.DEGRADED, "Redis error: timeout after 0.3s")
    client.close()


# C-03 C-04
@pytest.mark.parametrize(
    ("code", "seconds", "status", "message"),
    [
        (200, 0.0, "healthy", "stripe reachable"),
        (401, 0.0, "healthy", "stripe reachable"),
        (500, 0.0, "unhealthy", "stripe answered 500"),
        (200, 2.5, "degraded", "stripe slow: "),
        (200, LONG, "unhealthy", "stripe timeout after 0.5s"),
    ],
)
def test_an_api(api: tuple[type[Api], str], code: int, seconds: float, status: str, message: str) -> None:
    api[0].code, api[0].seconds = code, seconds
    timeout = 0.5 if "timeout" in message else LONG
    found = run(web_check("stripe", api[1], seconds=LONG, slow_ms=2000.0, timeout=timeout))
    assert found.status == status
    assert found.message.startswith(message)


def test_an_api_that_is_not_there() -> None:
    found = run(web_check("stripe", f"http://127.0.0.1:{choose_ports(1)[0]}/"))
    assert (found.status, found.error, found.response_time_ms) == (Status.UNHEALTHY, "URLError", -1)
    found = run(web_check("stripe", "http://no-such-host.invalid/", timeout=8.0))
    assert found.status is Status.UNHEALTHY

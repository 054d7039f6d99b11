"""Checks that need no server: the host's resources, network, responsiveness, cache, sessions, startup, thresholds."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from library_kit import Ask, Hands, drive_wsgi, lines_of
from shop_kit import Still
from watchstack import Monitoring, Preset, SettingError, Settings
from watchstack.health.cache import cache_check, session_check
from watchstack.health.check import Check, Registry, Result, Status
from watchstack.health.database import Limits, SqlalchemyDatabase, database_check
from watchstack.health.mongodb import mongodb_check
from watchstack.health.network import network_check
from watchstack.health.redis import redis_check
from watchstack.health.resources import Tiers, cpu_check, disk_check, memory_check
from watchstack.health.responsiveness import ResponsivenessCheck
from watchstack.health.runner import Runner
from watchstack.health.startup import startup_checks, tables_of
from watchstack.health.web import WebCheck
from watchstack.host import Disk, HostSampler, Sample
from watchstack.http.recorder import Recorder

FINE = Result(Status.HEALTHY, "fine")


def run(check: Check) -> Result:
    return Runner(Registry(), told=lambda outcome: None).run([check])[0].result


class Sampled(HostSampler):
    """A sampler with one sample."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(interval=3600)
        self.latest = Sample(0.0, **fields)


# C-11 C-16 C-17 C-18 X-13
@pytest.mark.parametrize(
    ("percent", "status", "word"),
    [(85.0, "healthy", "usage normal"), (85.1, "degraded", "High"), (95.0, "degraded", "High"),
     (95.1, "critical", "Critical")],
)  # fmt: skip
def test_resources(percent: float, status: str, word: str) -> None:
    tiers = Tiers(85.0, 95.0)
    disks = {"/": Disk(100, 10, 90, 10.0), "/data": Disk(100, 0, 0, percent)}
    sampler = Sampled(cpu_percent=percent, memory_percent=percent, memory_total=1000, memory_available=150, disks=disks)
    for make, what in ((memory_check, "memory"), (cpu_check, "CPU"), (disk_check, "disk")):
        found = run(make(sampler, tiers))
        assert found.status == status
        place = " at /data" if what == "disk" else ""
        expected = {
            "healthy": f"{what[0].upper()}{what[1:]} usage normal",
            "degraded": f"High {what} usage{place}: {percent:.1f}%",
            "critical": f"Critical {what} usage{place}: {percent:.1f}%",
        }
        assert found.message == expected[status]
        assert word in found.message
    assert memory_check(sampler, tiers).critical is False


def test_checks_take_well_under_a_second() -> None:  # O-09 C-26
    monitoring = Monitoring(settings=Settings.from_environ({}, preset="framework"))
    for check in monitoring.health.checks:
        outcome = monitoring.health.runner.run([check])[0]
        assert outcome.result.message
        assert outcome.seconds < 1
    monitoring.stop()


def test_resources_before_the_first_sample_and_where_the_host_does_not_tell() -> None:
    read = HostSampler(interval=3600)
    assert run(memory_check(read, Tiers(100.0, 100.0))).message == "Memory usage normal"
    assert read.latest is not None
    silent = Sampled()
    assert run(memory_check(silent, Tiers(80, 90))).message == "Memory usage is not known"
    assert run(disk_check(silent, Tiers(80, 90))).status is Status.DEGRADED
    assert run(cpu_check(silent, Tiers(80, 90))).status is Status.HEALTHY  # the first second after the start


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one.getsockname()[1]


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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def test_network(listener: int) -> None:  # C-12
    here, gone, nowhere = ("127.0.0.1", listener), ("127.0.0.1", closed_port()), ("no-such-host.invalid", 443)
    found = run(network_check([here]))
    assert (found.status, found.message) == (Status.HEALTHY, "Network reachable")
    found = run(network_check([here, gone]))
    assert (found.status, found.error) == (Status.DEGRADED, "ConnectionRefusedError")
    assert f"Network trouble: 127.0.0.1:{gone[1]} not reached" in found.message
    assert found.details["targets"][f"127.0.0.1:{listener}"] == "reached"
    found = run(network_check([nowhere], timeout=8.0))
    assert found.status is Status.UNHEALTHY
    assert found.message.startswith(("Network trouble: no-such-host.invalid:443 name not resolved", "Network timeout"))


@pytest.mark.parametrize("up", [True, False])
def test_network_without_targets(monkeypatch: pytest.MonkeyPatch, up: bool) -> None:
    cards = {"lo": SimpleNamespace(isup=True), "eth0": SimpleNamespace(isup=up)}
    monkeypatch.setattr("watchstack.health.network.psutil.net_if_stats", lambda: cards)
    found = run(network_check())
    assert found.status is (Status.HEALTHY if up else Status.DEGRADED)
    assert found.details["interfaces"] == (["eth0"] if up else [])


def answered(recorder: Recorder, hands: Hands, status: str, seconds: float, number: int = 1) -> None:
    for _ in range(number):
        exchange = recorder.begin("GET")
        exchange.status = status
        hands.forward(seconds)
        exchange.end()


# C-19 Y-04
def test_responsiveness() -> None:
    hands = Hands()
    recorder = Recorder(clocks=hands.clocks())
    check = Check("responsiveness", ResponsivenessCheck(recorder.figures, slow_ms=100, wait_ms=5000))
    assert run(check).details["requests"] == 0
    answered(recorder, hands, "200", 0.05, 19)
    answered(recorder, hands, "500", 0.05)
    found = run(check)
    assert (found.status, found.message) == (Status.HEALTHY, "Application responsive")
    wait = found.details["thread_wait_ms"]
    assert found.details == {
        "requests": 20, "mean_response_ms": 50.0, "error_percent": 5.0, "thread_wait_ms": wait
    }  # fmt: skip
    answered(recorder, hands, "200", 0.3)
    found = run(check)  # what came since the last look alone
    assert (found.status, found.message) == (Status.DEGRADED, "Application slow: 300ms")
    answered(recorder, hands, "503", 0.01, 2)
    answered(recorder, hands, "404", 0.01, 18)
    found = run(check)
    assert (found.status, found.message) == (Status.DEGRADED, "High error rate: 10.0%")
    answered(recorder, hands, "503", 0.01, 19)
    assert run(check).message == "Application responsive"  # of so few the share says nothing
    assert run(check).message == "Application responsive"


def test_a_thread_that_waits_for_its_turn() -> None:
    found = run(Check("responsiveness", ResponsivenessCheck(Recorder().figures, wait_ms=-1)))
    assert (found.status, found.message.startswith("Application busy: a thread waited ")) == (Status.DEGRADED, True)


class Shelf:
    """A cache that works, forgets, or fails; as bytes, as Redis answers."""

    def __init__(self, error: Exception | None = None, forgets: bool = False, seconds: float = 0.0) -> None:
        self.kept: dict[str, Any] = {}
        self.error, self.forgets, self.seconds = error, forgets, seconds

    def set(self, key: str, value: str) -> None:
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        if not self.forgets:
            self.kept[key] = value.encode()

    def get(self, key: str) -> Any:
        return self.kept.get(key)

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


class AwaitedShelf(Shelf):
    async def get(self, key: str) -> Any:
        return self.kept[key].decode()


# C-20
@pytest.mark.parametrize(
    ("shelf", "status", "message"),
    [
        (Shelf(), "healthy", "Cache operational"),
        (AwaitedShelf(), "healthy", "Cache operational"),
        (Shelf(forgets=True), "degraded", "Cache does not keep what is written"),
        (Shelf(ConnectionError("refused")), "degraded", "Cache error: refused"),
        (Shelf(seconds=0.03), "degraded", "Cache slow: "),
    ],
)
def test_cache(shelf: Shelf, status: str, message: str) -> None:
    found = run(cache_check(shelf, slow_ms=20.0 if shelf.seconds else 5000.0))
    assert found.status == status
    assert found.message.startswith(message)
    assert shelf.kept == {}  # nothing is left behind


def test_sessions() -> None:  # C-21
    found = run(session_check(lambda: 12))
    assert (found.status, found.details) == (Status.HEALTHY, {"active_sessions": 12})

    async def count() -> int:
        return 3

    assert run(session_check(count)).details == {"active_sessions": 3}

    def broken() -> int:
        raise OSError("the store is gone")

    found = run(session_check(broken))
    assert (found.status, found.message, found.error) == (
        Status.UNHEALTHY, "Session error: the store is gone", "OSError",
    )  # fmt: skip


# C-30 C-31
def test_startup(tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/wells.db")
    database = SqlalchemyDatabase(engine)
    pool, tables = startup_checks(database, ("wells", "telemetry"))
    found = run(pool)
    assert (found.status, found.message) == (Status.HEALTHY, "Database pool initialised")
    database.execute_one("SELECT 1 AS ready")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE wells (id int)")
    found = run(tables)
    assert (found.status, found.message) == (Status.CRITICAL, "Required tables missing: telemetry")
    assert set(found.details["missing"]) == {"telemetry"}
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE telemetry (id int)")
    assert run(tables).message == "Required tables exist"
    assert [one.name for one in startup_checks(database)] == ["database_pool"]
    engine.dispose()


class Gone:
    def execute_one(self, sql: str) -> Any:
        raise ConnectionError("refused")

    def get_pool_status(self) -> None:
        return None


def test_startup_without_a_database() -> None:
    pool, tables = startup_checks(Gone(), ["wells"])
    assert run(pool).message == "Database pool not initialised: refused"
    assert run(tables).message == "Tables not known: refused"


@pytest.mark.parametrize("text", ["wells; DROP TABLE wells", "a b", "1st", "a.b.c", "wells--", '"wells"'])
def test_what_is_no_table_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no table name"):
        tables_of(text)
    with pytest.raises(SettingError, match="HEALTH_REQUIRED_TABLES="):
        Monitoring(settings=Settings(health_required_tables=text)).health.watch_database(Gone())


class Pooled:
    """A database whose pool and whose connecting are as they are told."""

    def __init__(self, pool: dict[str, int] | None = None, connect: float | None = None) -> None:
        self.pool, self.connect_seconds = pool, connect

    def execute_one(self, sql: str) -> Any:
        return {"health_check": 1}

    def get_pool_status(self) -> Any:
        return self.pool


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


class Redis:
    def __init__(self, used: int = 1, limit: int = 0, seconds: float = 0.0) -> None:
        self.figures = {"used_memory": used, "maxmemory": limit, "connected_clients": 2}
        self.seconds = seconds

    def ping(self) -> bool:
        time.sleep(self.seconds)
        return True

    def info(self) -> Any:
        return self.figures


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


def test_an_api_is_unhealthy_after_failures_in_a_row() -> None:  # F-19 C-03
    check = WebCheck("stripe", f"http://127.0.0.1:{closed_port()}/", failures=2)
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


# What the settings and the preset bring.

EVERYTHING = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/x", "MONGODB_URL": "mongodb://127.0.0.1:1/",
    "REDIS_URL": "redis://127.0.0.1:1", "OPENAI_API_KEY": "sk-1",
    "HEALTH_EXTERNAL_APIS": "supabase=https://x.supabase.co, stripe=https://api.stripe.com",
    "HEALTH_NETWORK_TARGETS": "localhost:443,[::1]:80", "HEALTH_REQUIRED_TABLES": "wells",
}  # fmt: skip
STORES = {"system", "database", "mongodb", "redis", "openai", "supabase", "stripe", "network"}
BROUGHT: list[tuple[str | None, dict[str, str], set[str]]] = [
    (None, {}, {"system"}),
    (None, EVERYTHING, STORES),
    ("flask", EVERYTHING, STORES),
    ("flask", {}, {"system"}),
    ("api", {}, {"system", "memory", "cpu", "disk", "network"}),
    ("api", {"MONGODB_URL": "mongodb://127.0.0.1:1/"}, {"system", "memory", "cpu", "disk", "network", "database"}),
    ("framework", {}, {"system", "memory", "cpu", "disk", "responsiveness"}),
    ("framework", {"REDIS_URL": "redis://127.0.0.1:1"},
     {"system", "memory", "cpu", "disk", "responsiveness", "cache"}),
    ("iot", {}, {"system"}),
    ("iot", {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, {"system", "database", "timescaledb"}),
    ("iot", {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "HEALTH_TIMESCALEDB": "false"}, {"system", "database"}),
    ("ai", {}, {"system", "redis", "responsiveness"}),
    ("ai", {"OPENAI_API_KEY": "sk-1", "DATABASE_URL": "sqlite://"},
     {"system", "redis", "responsiveness", "openai", "database"}),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "environ", "names"), BROUGHT)
def test_a_check_is_there_with_its_setting(preset: str | None, environ: dict[str, str], names: set[str]) -> None:
    health = Monitoring(settings=Settings.from_environ(environ, preset=preset)).health
    assert {check.name for check in health.checks} == names
    assert all(check.provided for check in health.checks)
    startup = {"database_pool"} if "DATABASE_URL" in environ else set()
    assert {check.name for check in health.startup} == startup | (
        {"required_tables"} if "HEALTH_REQUIRED_TABLES" in environ else set()
    )


def test_a_check_without_its_driver_is_not_there_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import importlib
    import importlib.util

    real = importlib.import_module

    def missing(name: str, *more: Any) -> Any:
        if name in ("psycopg", "pymongo", "redis"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING, "watchstack.health"):
        health = Monitoring(settings=Settings.from_environ(EVERYTHING)).health
    assert {check.name for check in health.checks} == {"system", "supabase", "stripe", "network"}
    for name in ("DATABASE_URL", "MONGODB_URL", "REDIS_URL", "OPENAI_API_KEY"):
        assert f"{name} is not checked: " in caplog.text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEALTH_EXTERNAL_APIS", "stripe"), ("HEALTH_EXTERNAL_APIS", "stripe=ftp://x"),
        ("HEALTH_EXTERNAL_APIS", "=https://x"), ("HEALTH_EXTERNAL_APIS", "system=https://x"),
        ("HEALTH_EXTERNAL_APIS", "simple=https://x"), ("HEALTH_EXTERNAL_APIS", "a=https://x,a=https://y"),
        ("HEALTH_NETWORK_TARGETS", "localhost"),
        ("HEALTH_NETWORK_TARGETS", "localhost:0"), ("HEALTH_NETWORK_TARGETS", ":443"),
        ("MONGODB_URL", "http://x"), ("REDIS_URL", "http://x"), ("DATABASE_URL", "nonsense"),
    ],
)  # fmt: skip
def test_a_bad_setting_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{variable}="):
        Monitoring(settings=Settings.from_environ({variable: value}))


def test_an_api_cannot_have_the_name_of_a_check_of_the_preset() -> None:
    for name in ("memory", "network", "responsiveness"):
        preset = "api" if name == "network" else "framework"
        with pytest.raises(SettingError, match="a name that no other check has"):
            Monitoring(settings=Settings.from_environ({"HEALTH_EXTERNAL_APIS": f"{name}=https://x"}, preset=preset))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGODB_URL", "mongodb://user:hunter2@[bad"),
        ("DATABASE_URL", "postgresql://user:p@hunter2@host/x"),
        ("DATABASE_URL", "postgresql://user:p@host:hunter2/x"),
        ("DATABASE_URL", "postgresql://user:hunter2@host/x?no=such"),
        ("DATABASE_URL", "mysql+no-such-driver://user:hunter2@host/x"),
        ("REDIS_URL", "rediss2://:hunter2@host"),
        ("HEALTH_EXTERNAL_APIS", "shop=ftp://hunter2"),
    ],
)
def test_a_secret_url_is_not_in_the_error(variable: str, value: str) -> None:  # M-16
    with pytest.raises(SettingError, match=f"^{variable}=") as caught:
        Monitoring(settings=Settings.from_environ({variable: value}))
    assert "hunter2" not in str(caught.value)


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.005)


def test_an_application_s_own_check_takes_the_place_of_one_that_the_settings_brought() -> None:
    monitoring = Monitoring(settings=Settings(preset=Preset.AI), sampler=Still())
    health, gate = monitoring.health, threading.Event()
    health.add(Check("slow", lambda: Result(Status.HEALTHY if gate.wait(10) else Status.CRITICAL), provided=True))
    app = Flask("own")
    monitoring.init_app(app)
    until(lambda: "slow" in health.runner._flying)
    health.add(Check("slow", lambda: FINE))
    health.add(Check("redis", lambda: FINE))
    for name in ("slow", "redis"):
        assert health.runner.latest([health.checks[name]])[0].result == FINE
        with pytest.raises(ValueError, match="registered already"):
            health.add(Check(name, lambda: FINE))
        with pytest.raises(ValueError, match="registered already"):
            health.add(Check(name, lambda: FINE, provided=True))
    gate.set()
    time.sleep(0.02)  # the run of the old check ends, and is not the newest outcome
    assert health.runner.latest([health.checks["slow"]])[0].result == FINE
    monitoring.stop()


def test_what_the_check_before_has_found_is_not_told_of_the_new_one() -> None:
    health = Monitoring(settings=Settings()).health
    old = health.add(Check("one", lambda: Result(Status.CRITICAL), provided=True))
    assert health.runner.latest([old])[0].result.status is Status.CRITICAL
    new = health.add(Check("one", lambda: FINE))
    assert health.runner.latest([new])[0].result == FINE


def test_an_application_s_database_takes_the_place_of_the_settings_everywhere() -> None:
    environ = {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "HEALTH_REQUIRED_TABLES": "wells"}
    health = Monitoring(settings=Settings.from_environ(environ, preset="iot")).health
    own = Pooled()
    health.watch_database(own)
    functions: list[Any] = [health.checks[name].function for name in ("database", "timescaledb")]
    functions += [check.function for check in health.startup]
    assert [one._database for one in functions] == [own] * 4
    assert health.watch_timescaledb(own).provided is False
    with pytest.raises(ValueError, match="registered already"):
        health.watch_database(own)
    other = Monitoring(settings=Settings(preset=Preset.IOT, health_timescaledb=True)).health
    first = other.watch_timescaledb(own)
    other.watch_database(own)
    assert other.checks["timescaledb"] is first


def test_what_checks_find_of_stores_feeds_the_metrics() -> None:  # B-09 B-10 B-11 B-12 B-32 B-63 B-64 B-65 B-66
    monitoring = Monitoring(settings=Settings(), sampler=Still())
    app = Flask("fed")
    pool = {"size": 8, "idle_connections": 5}
    monitoring.health.watch_database(Pooled(pool))
    monitoring.health.watch_redis(Redis(4096))
    monitoring.health.watch_sessions(lambda: 12)
    gauges = {
        ("timescaledb_hypertable_chunks_total", "public.telemetry"): 12,
        ("timescaledb_compression_ratio", "public.telemetry"): 9.5,
        ("timescaledb_continuous_aggregates_total",): 3, ("timescaledb_query_cache_hit_rate",): 0.99,
    }  # fmt: skip
    monitoring.health.add(Check("timescaledb", lambda: Result(Status.HEALTHY, gauges=gauges)))
    monitoring.init_app(app)
    drive_wsgi(app, Ask(path="/health/standard"))
    text = drive_wsgi(app, Ask(path="/metrics")).body
    assert sorted(lines_of(text, "db_connection_pool", "redis_", "sessions_", "timescaledb_")) == [
        "db_connection_pool_size 8.0",
        "db_connection_pool_used 3.0",
        "redis_connected_clients 2.0",
        "redis_memory_bytes 4096.0",
        "sessions_active 12.0",
        'timescaledb_compression_ratio{hypertable="public.telemetry"} 9.5',
        "timescaledb_continuous_aggregates_total 3.0",
        'timescaledb_hypertable_chunks_total{hypertable="public.telemetry"} 12.0',
        "timescaledb_query_cache_hit_rate 0.99",
    ]
    monitoring.stop()

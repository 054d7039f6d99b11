"""Checks that need no server: the host's resources, network, responsiveness, cache, sessions, startup."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from health_kit import Gone, run
from library_kit import Hands
from support import choose_ports
from watchstack import Monitoring, SettingError, Settings
from watchstack.health.cache import cache_check, session_check
from watchstack.health.check import Check, Status
from watchstack.health.database import SqlalchemyDatabase, database_check
from watchstack.health.network import network_check
from watchstack.health.resources import Tiers, cpu_check, disk_check, memory_check
from watchstack.health.responsiveness import ResponsivenessCheck
from watchstack.health.startup import startup_checks, tables_of
from watchstack.host import Disk, HostSampler, Sample
from watchstack.http.recorder import Recorder
from watchstack.pools import pool_status


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
        outcomes = [monitoring.health.runner.run([check])[0] for _ in range(3)]
        assert all(one.result.message for one in outcomes)
        assert min(one.seconds for one in outcomes) < 1  # a busy machine holds one of them up
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


def test_network(listener: int) -> None:  # C-12
    here, gone, nowhere = ("127.0.0.1", listener), ("127.0.0.1", *choose_ports(1)), ("no-such-host.invalid", 443)
    found = run(network_check([here]))
    assert (found.status, found.message) == (Status.HEALTHY, "Network reachable")
    found = run(network_check([here, gone]))
    assert (found.status, found.error) == (Status.DEGRADED, "ConnectionRefusedError")
    assert f"Network trouble: 127.0.0.1:{gone[1]} not reached" in found.message
    assert found.details["targets"][f"127.0.0.1:{listener}"] == "reached"
    found = run(network_check([nowhere], timeout=8.0))  # a resolver may be silent
    assert found.status is Status.UNHEALTHY
    troubles = tuple(f"Network trouble: no-such-host.invalid:443 not {one}" for one in ("reached", "resolved"))
    assert found.message.replace("name not", "not").startswith(troubles)
    found = run(network_check([here, ("." * 300, 443)]))
    assert (found.status, found.error) == (Status.DEGRADED, "UnicodeError")


def test_a_target_that_never_answers_is_named(listener: int) -> None:  # C-12
    """It is given up before the time of the check is over, which would tell of no target."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent, contextlib.ExitStack() as stack:
        for _ in range(3):  # more than its queue takes
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(silent.getsockname())
        monitoring = Monitoring(settings=Settings(health_check_timeout=1.0))
        port = silent.getsockname()[1]
        found = run(monitoring.health.watch_network([("127.0.0.1", port), ("127.0.0.1", listener)]))
    assert found.status is Status.DEGRADED
    assert found.message == f"Network trouble: 127.0.0.1:{port} not reached: timed out"


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


def test_a_pool_without_bounds() -> None:
    """SQLAlchemy's for SQLite in memory has a size, but checks nothing out."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://")
    assert SqlalchemyDatabase(engine).get_pool_status() is None
    assert run(database_check(SqlalchemyDatabase(engine))).status is Status.HEALTHY
    assert pool_status(engine) is None


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

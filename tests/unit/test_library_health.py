"""Health checks and what becomes of them: messages word for word, the whole of several, names, metrics."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from health_kit import FINE, run
from library_kit import Hands, samples
from prometheus_client import CollectorRegistry
from waiting import DEADLINE
from watchstack.health.answers import comprehensive, overall
from watchstack.health.check import RESERVED, Check, Registry, Result, Status
from watchstack.health.collector import HealthCollector
from watchstack.health.database import QUERY, database_check
from watchstack.health.redis import redis_check
from watchstack.health.runner import Outcome, Runner
from watchstack.health.system import SystemCheck
from watchstack.health.web import web_check
from watchstack.shared import SharedNumbers
from watchstack.slots import OwnNumbers


class Store:
    """A database and a Redis that answer as they are told."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def _answer(self, name: str, default: Any) -> Any:
        found = self.answers.get(name, default)
        if isinstance(found, Exception):
            raise found
        return found

    def execute_one(self, sql: str) -> Any:
        self.asked.append(sql)
        time.sleep(self.answers.get("seconds", 0))
        if held := self.answers.get("held"):
            held.wait(DEADLINE)
        return self._answer("row", {"health_check": 1, "timestamp": "now"})

    def get_pool_status(self) -> Any:
        return self._answer("pool", {"size": 8, "idle_connections": 5})

    def ping(self) -> Any:
        return self._answer("ping", True)

    def info(self) -> Any:
        return self._answer("info", {"connected_clients": 3, "used_memory": 1572864, "keyspace_hits": 7,
                                     "keyspace_misses": 2, "total_commands_processed": 99})  # fmt: skip


class AwaitedStore(Store):
    async def execute_one(self, sql: str) -> Any:
        return super().execute_one(sql)

    async def get_pool_status(self) -> Any:
        return super().get_pool_status()


# C-40 C-43 C-46 G-46 Y-05
@pytest.mark.parametrize("kind", [Store, AwaitedStore])
def test_a_database_that_works(kind: type[Store]) -> None:
    store = kind()
    found = run(database_check(store))
    assert store.asked == [QUERY]
    assert (found.status, found.message) == (Status.HEALTHY, "Database operational")
    assert set(found.details) == {"pool_status", "query_result", "timestamp"}
    assert found.details["pool_status"] == {"size": 8, "idle_connections": 5}
    assert found.details["query_result"] is True
    assert found.figures == {"connection_pool_size": 8, "connections_checked_out": 3}
    assert found.response_time_ms is not None
    assert found.response_time_ms >= 0


def test_a_database_that_is_slow() -> None:  # C-41
    found = run(database_check(Store(seconds=0.03), slow_ms=10))
    assert found.status is Status.DEGRADED
    assert found.message == f"Database slow: {found.response_time_ms:.0f}ms"


def test_a_pool_that_is_exhausted() -> None:  # C-42
    found = run(database_check(Store(pool={"size": 8, "idle_connections": 0})))
    assert (found.status, found.message) == (Status.DEGRADED, "Database pool exhausted")


def test_a_database_that_takes_too_long() -> None:  # C-44
    held = threading.Event()
    found = run(database_check(Store(held=held), timeout=0.05))
    held.set()
    assert (found.status, found.message) == (Status.CRITICAL, "Database timeout after 0.05s")
    assert found.response_time_ms == 50.0
    assert database_check(Store(), timeout=10.0).timed_out().message == "Database timeout after 10s"


@pytest.mark.parametrize("what", ["row", "pool"])
def test_a_database_that_fails(what: str) -> None:  # C-45
    found = run(database_check(Store(**{what: ConnectionError("refused")})))
    assert (found.status, found.message) == (Status.CRITICAL, "Database error: refused")
    assert (found.response_time_ms, found.error, found.escaped) == (-1, "ConnectionError", False)


def test_redis() -> None:  # C-55 C-57
    found = run(redis_check(Store()))
    assert (found.status, found.message) == (Status.HEALTHY, "Redis operational")
    assert found.details == {
        "connected_clients": 3,
        "used_memory_mb": 1.5,
        "keyspace_hits": 7,
        "keyspace_misses": 2,
    }
    found = run(redis_check(Store(ping=False)))
    assert (found.status, found.message) == (Status.DEGRADED, "Redis ping failed")


def test_redis_that_fails() -> None:  # C-56
    found = run(redis_check(Store(info=TimeoutError("no answer"))))
    assert (found.status, found.message) == (Status.DEGRADED, "Redis error: no answer")
    assert found.response_time_ms == -1


class Host:
    """A host and a process with the figures that a test gives them."""

    def __init__(self, used: int = 64, cpu: float = 5.0, cores: int = 4, broken: bool = False) -> None:
        self.used, self.cpu, self.cores, self.broken = used * 1024 * 1024, cpu, cores, broken

    def Process(self) -> Any:
        if self.broken:
            raise PermissionError("no /proc")
        info = SimpleNamespace(rss=self.used)
        return SimpleNamespace(memory_info=lambda: info, cpu_percent=lambda interval: self.cpu, is_running=lambda: True)

    def virtual_memory(self) -> Any:
        return SimpleNamespace(total=1000 * 1024 * 1024, percent=41.237, available=512.126 * 1024 * 1024)

    def cpu_percent(self, interval: None) -> float:
        return 12.3412

    def cpu_count(self) -> int:
        return self.cores


@pytest.mark.parametrize(
    ("host", "per_core", "status", "message"),
    [
        (Host(), False, "healthy", "System resources normal"),  # C-53
        (Host(used=813), False, "degraded", "High memory usage: 81.3%"),  # C-51
        (Host(used=800), False, "healthy", "System resources normal"),
        (Host(cpu=95.26), False, "degraded", "High CPU usage: 95.3%"),  # C-52
        (Host(used=900, cpu=99), False, "degraded", "High memory usage: 90.0%"),
        (Host(cpu=120), True, "healthy", "System resources normal"),  # Y-21
        (Host(broken=True), False, "degraded", "System check error: no /proc"),
    ],
)
def test_system(host: Host, per_core: bool, status: str, message: str) -> None:
    hands = Hands()
    check = SystemCheck(per_core=per_core, source=host, clocks=hands.clocks())
    hands.forward(1.0)
    found = run(Check("system", check))
    assert (found.status, found.message) == (status, message)
    if host.broken:
        assert (found.response_time_ms, found.error) == (-1, "PermissionError")
    else:  # C-54
        assert found.details == {
            "process_memory_mb": host.used / 1024 / 1024,
            "process_memory_percent": round(host.used / 10485760, 2),
            "process_cpu_percent": host.cpu / (4 if per_core else 1),
            "system_memory_percent": 41.24,
            "system_cpu_percent": 12.34,
            "available_memory_mb": 512.13,
        }


def test_a_cpu_figure_is_the_mean_of_a_second_at_least() -> None:
    hands = Hands()
    check = SystemCheck(source=Host(cpu=400.0), clocks=hands.clocks())
    hands.forward(0.9)
    assert check().message == "System resources normal"
    hands.forward(0.1)
    assert check().message == "High CPU usage: 400.0%"


def test_the_system_of_this_machine_is_told_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:  # C-50 Y-06
    sleepless = {**vars(time), "sleep": lambda _: pytest.fail("psutil waited for a figure")}
    monkeypatch.setattr("psutil.time", SimpleNamespace(**sleepless))
    outcome = Runner(Registry(), told=lambda one: None).run([Check("system", SystemCheck())])[0]
    assert outcome.response_time_ms == round(outcome.seconds * 1000, 2)
    assert outcome.result.details["process_memory_mb"] > 1


def test_a_web_check_needs_a_url_of_the_web() -> None:
    with pytest.raises(ValueError, match="'stripe' needs an http or https URL"):
        web_check("stripe", "file:///etc/passwd")


def outcome(name: str, result: Result, critical: bool = True) -> Outcome:
    return Outcome(Check(name, lambda: result, critical=critical), result, 0.01, 1_790_000_000.0, 1)


# C-59 C-60 Y-07
def test_the_whole_of_several_checks() -> None:
    found = [
        outcome("database", Result(Status.CRITICAL, "Database error: x")),
        outcome("redis", Result(Status.DEGRADED, "Redis ping failed")),
        outcome("system", Result(Status.HEALTHY, "System resources normal")),
        outcome("own", Result(Status.CRITICAL, "Health check failed: y", escaped=True)),
        outcome("stripe", Result(Status.UNHEALTHY, "stripe answered 500"), critical=False),
    ]
    body = comprehensive(found, 0.0)
    assert body["overall_status"] == "critical"
    assert body["summary"] == {
        "critical_issues": ["database: Database error: x", "Health check failed: y"],
        "warnings": ["redis: Redis ping failed", "stripe: stripe answered 500"],
        "healthy_services": ["system"],
    }
    assert body["timestamp"] == "1970-01-01T00:00:00.000Z"
    assert comprehensive(found[1:3], 0.0)["overall_status"] == "degraded"
    assert comprehensive(found[2:3], 0.0)["overall_status"] == "healthy"
    assert comprehensive([outcome("a", Result(Status.UNHEALTHY))], 0.0)["overall_status"] == "critical"
    assert overall(found[4:]) is Status.DEGRADED
    assert overall([]) is Status.HEALTHY


@pytest.mark.parametrize("name", [*RESERVED, "", "taken"])
def test_names_that_no_check_can_have(name: str) -> None:
    registry = Registry()
    registry.add(Check("taken", lambda: FINE))
    with pytest.raises(ValueError, match="health check"):
        registry.add(Check(name, lambda: FINE))


@pytest.mark.parametrize("field", ["interval", "timeout"])
def test_times_above_zero(field: str) -> None:
    with pytest.raises(ValueError, match="must be above zero"):
        Registry().add(Check("a", lambda: FINE, **{field: 0.0}))  # type: ignore[arg-type]
    for value in (
        float("nan"),
        float("inf"),
    ):  # the one keeps the runner from ever resting, for the other no one can wait
        with pytest.raises(ValueError, match="finite"):
            Registry().add(Check("a", lambda: FINE, **{field: value}))  # type: ignore[arg-type]


def test_errors_that_a_check_makes_up_share_one_label() -> None:
    registry = CollectorRegistry()
    collector = HealthCollector(OwnNumbers(), registry)
    check = Check("a", lambda: FINE)
    for number in range(1, 101):
        result = Result(Status.CRITICAL, error=f"no answer to request {number} " + "x" * 1000)
        collector.record("api", Outcome(check, result, 0.1, 0.0, number))
    found = samples(registry, "health_check_failures_total")
    assert len(found) == 21
    assert sum(found.values()) == 100
    assert max(found.values()) == 80
    assert max(map(len, found)) < 400


# B-01 B-02 B-03 C-08 Y-09
@pytest.mark.parametrize("shared", [False, True])
def test_metrics_of_checks(tmp_path: Path, shared: bool) -> None:
    registry = CollectorRegistry()
    collector = HealthCollector(SharedNumbers(tmp_path) if shared else OwnNumbers(), registry)
    collector.record("standard", outcome("database", Result(Status.DEGRADED)))
    for _ in range(2):  # a run is counted once for an endpoint
        collector.record("standard", outcome("redis", Result(Status.CRITICAL, error="ConnectionError")))
    found = samples(registry, "health_check")
    database, redis = ('component="database",endpoint="standard"', 'component="redis",endpoint="standard"')
    assert found[f"health_check_status{{{database}}}"] == 1.0
    assert found[f"health_check_status{{{redis}}}"] == 0.0
    assert found[f"health_check_duration_seconds_count{{{redis}}}"] == 1.0
    assert found[f"health_check_duration_seconds_sum{{{redis}}}"] == 0.01
    buckets = {key.split('le="')[1].split('"')[0] for key in found if "_bucket" in key}
    assert {"0.1", "0.5", "1.0", "+Inf"} <= buckets
    failures = {key: value for key, value in found.items() if "failures" in key}
    labels = 'component="redis",endpoint="standard",error_type="ConnectionError"'
    assert failures == {f"health_check_failures_total{{{labels}}}": 1.0}

"""Health checks by the words of the documents' API: registered, run, both result types, the AI service's own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from api_kit import AsyncPool, _nothing_shared, ai, pool
from prometheus_client import CollectorRegistry
from support import ROOT
from waiting import DEADLINE
from watchstack import api
from watchstack.health.check import Status
from watchstack.monitoring import Monitoring
from watchstack.settings import Settings

__all__ = ["_nothing_shared", "ai", "pool"]  # fixtures


# G-11 G-12 G-13 C-22
def test_a_check_of_the_application_is_registered_and_run() -> None:
    checker = api.get_health_checker()
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def custom() -> api.HealthCheck:
        return api.HealthCheck(
            name="custom_service",
            status=api.HealthStatus.CRITICAL,
            message="Service is down",
            details={"attempts": 3},
            timestamp=moment,
            duration_ms=12.5,
        )

    async def later() -> api.HealthCheckResult:
        await asyncio.sleep(0)
        return api.HealthCheckResult("later", api.HealthStatus.DEGRADED, 3.0, "slow")

    checker.register_check("custom_service", "A service", custom, interval_seconds=60)
    checker.register_check("later", "Another", later)
    found = checker.run_check("custom_service")
    assert (found.name, found.status, found.message, found.duration_ms) == (
        "custom_service", Status.CRITICAL, "Service is down", 12.5
    )  # fmt: skip
    assert found.details == {"attempts": 3}
    assert checker.get_results()["later"].status is api.HealthStatus.DEGRADED
    assert api.get_monitoring().health.checks["custom_service"].interval == 60
    with pytest.raises(ValueError, match="registered already"):
        checker.register_check("later", "Again", later)


def test_a_check_that_returns_nonsense_is_critical() -> None:
    checker = api.get_health_checker()
    broken: Any = lambda: "fine"  # noqa: E731
    checker.register_check("broken", "Broken", broken)
    assert checker.run_check("broken").status is api.HealthStatus.CRITICAL
    raising: Any = lambda: 1 / 0  # noqa: E731
    checker.register_check("raising", "Raising", raising)
    assert "division by zero" in checker.run_check("raising").message


# G-36 G-13
def test_the_statuses() -> None:
    assert {status.name: status.value for status in api.HealthStatus} == {
        "HEALTHY": "healthy",
        "DEGRADED": "degraded",
        "UNHEALTHY": "unhealthy",
        "CRITICAL": "critical",
    }


# X-28 G-11 G-37
def test_the_two_result_types_convert_and_speak_both_words() -> None:
    result = api.HealthCheckResult("redis", api.HealthStatus.HEALTHY, 1.5, "fine")
    assert result.details is None
    check = result.as_check()
    assert check.as_result() == api.HealthCheckResult("redis", api.HealthStatus.HEALTHY, 1.5, "fine", {})
    told = result.as_dict()
    assert told["name"] == told["service"] == "redis"
    assert told["duration_ms"] == told["response_time_ms"] == 1.5
    assert told["timestamp"].endswith("Z")
    naive = api.HealthCheck("a", api.HealthStatus.HEALTHY, timestamp=datetime(2026, 1, 1))
    assert naive.as_dict()["timestamp"].endswith("Z")


# C-38 C-39 F-44
def test_the_timeout_and_thresholds_of_the_ai_service() -> None:
    api.default_preset("ai")
    checker = api.get_health_checker()
    assert checker.check_timeout == 10
    assert checker.performance_thresholds == {
        "response_time_ms": 5000,
        "memory_usage_percent": 80,
        "cpu_usage_percent": 90,
        "error_rate_percent": 5,
        "database_connections": 8,
    }


# G-38 C-40 C-43 G-46
def test_the_four_checks_of_the_ai_service(ai: Monitoring, pool: AsyncPool) -> None:
    ai.health.checks._checks = {name: ai.health.checks[name] for name in ("system",)}

    async def all_four() -> list[api.HealthCheckResult]:
        checker = api.HealthChecker()
        checker.check_timeout = DEADLINE
        found = [await checker.check_database_health(), await checker.check_system_health()]
        return [*found, await checker.check_openai_health()]

    database, system, openai = asyncio.run(all_four())
    assert (database.service, database.status, database.message) == ("database", Status.HEALTHY, "Database operational")
    assert database.details is not None
    assert database.details["query_result"] is True
    assert system.service == "system"
    assert (openai.status, openai.response_time_ms) == (Status.DEGRADED, -1)
    assert openai.message == "OpenAI error: OPENAI_API_KEY is not set"


# C-44 C-45 C-58
def test_a_database_that_fails_or_hangs(ai: Monitoring, pool: AsyncPool) -> None:
    checker = api.get_health_checker()
    pool.rows = ConnectionRefusedError("refused")
    found = asyncio.run(checker.check_database_health())
    assert (found.status, found.message, found.response_time_ms) == (Status.CRITICAL, "Database error: refused", -1)

    async def hang(sql: str) -> Any:
        await asyncio.sleep(60)

    pool.execute_one = hang  # type: ignore[method-assign]
    checker.check_timeout = 0.05
    found = asyncio.run(checker.check_database_health())
    assert (found.message, found.response_time_ms) == ("Database timeout after 0.05s", 50.0)


HANGING = """
import threading
from watchstack import Monitoring, Settings, api

monitoring = Monitoring(settings=Settings(health_check_timeout=0.2))
checker = api.HealthChecker(monitoring)
checker.register_check("hangs", "A plain function", threading.Event().wait)
print(checker.run_check("hangs").message)
"""


def test_a_check_that_hangs_keeps_no_process_from_ending() -> None:  # G-12
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "exporter")}
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=2 * DEADLINE,
    )
    assert done.stdout == "Health check timeout after 0.2s\n"


# C-45
def test_without_a_database_there_is_none(ai: Monitoring) -> None:
    found = asyncio.run(api.get_health_checker().check_database_health())
    assert (found.status, found.response_time_ms) == (Status.CRITICAL, -1)
    assert found.message == "Database error: no database is registered"


# C-55 C-56
def test_redis_that_is_not_there(ai: Monitoring) -> None:
    pytest.importorskip("redis")
    monitoring = Monitoring(settings=Settings(redis_url="redis://127.0.0.1:1"), registry=CollectorRegistry())
    found = asyncio.run(api.HealthChecker(monitoring).check_redis_health())
    assert found.status is Status.DEGRADED
    assert found.message.startswith("Redis error: ")
    assert found.response_time_ms == -1


# G-38 A-36 C-58
def test_the_comprehensive_run(ai: Monitoring, pool: AsyncPool) -> None:
    ai.health.checks._checks = {name: ai.health.checks[name] for name in ("system",)}
    checker = api.get_health_checker()
    raising: Any = lambda: 1 / 0  # noqa: E731
    checker.register_check("raising", "Raising", raising)
    began = time.monotonic()
    found = asyncio.run(checker.run_comprehensive_health_check())
    assert time.monotonic() - began < checker.check_timeout  # nobody waits for what has failed
    assert found["overall_status"] == found["status"] == "critical"
    assert set(found["services"]) == {"database", "system", "raising"}
    assert "database" in found["summary"]["healthy_services"]
    assert found["summary"]["critical_issues"] != []

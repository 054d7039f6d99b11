"""`HealthChecker`: the calls of the framework and the AI service in one class (X-27), over the checks of health/.

Both result types are here, with their conversion (X-28). What a check does lives in health/.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from watchstack.api.collector import contract_pool
from watchstack.health import answers
from watchstack.health.check import Check, Result, Status, cleaned
from watchstack.health.database import database_check
from watchstack.health.openai import openai_check
from watchstack.health.redis import redis_check, redis_client
from watchstack.health.runner import Outcome
from watchstack.monitoring import Monitoring

HealthStatus = Status  # its name in the documents (G-13, G-36)


@dataclass
class HealthCheck:
    """What a check found, as the framework has it (G-11). duration_ms: milliseconds, None for as long as it ran."""

    name: str
    status: HealthStatus
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
    duration_ms: float | None = None

    def as_result(self) -> HealthCheckResult:
        took = 0.0 if self.duration_ms is None else self.duration_ms
        return HealthCheckResult(self.name, self.status, took, self.message, self.details)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, in the words of both types."""
        moment = self.timestamp if self.timestamp.tzinfo else self.timestamp.astimezone()
        return {
            **{"name": self.name, "service": self.name, "status": str(self.status), "message": self.message},
            **{"details": self.details, "timestamp": answers.timestamp(moment.timestamp())},
            **{"duration_ms": self.duration_ms, "response_time_ms": self.duration_ms},
        }


@dataclass
class HealthCheckResult:
    """What a check found, as the AI service has it (G-37). response_time_ms: -1 where there is none."""

    service: str
    status: HealthStatus
    response_time_ms: float
    message: str
    details: dict[str, Any] | None = None

    def as_check(self) -> HealthCheck:
        return HealthCheck(
            self.service, self.status, self.message, self.details or {}, duration_ms=self.response_time_ms
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON, in the words of both types."""
        return self.as_check().as_dict()


CheckFunction = Callable[[], "HealthCheck | HealthCheckResult | Result | Awaitable[Any]"]


class HealthChecker:
    """The health of an application. monitoring: by default the shared one.

    check_timeout: seconds for the checks that are called one by one (C-38). performance_thresholds: those of C-39.
    """

    def __init__(self, monitoring: Monitoring | None = None) -> None:
        if monitoring is None:
            from watchstack.api.current import get_monitoring

            monitoring = get_monitoring()
        self.monitoring = monitoring
        settings = monitoring.settings
        self.check_timeout = settings.health_check_timeout
        self.performance_thresholds: dict[str, float] = {
            "response_time_ms": settings.response_time_threshold_ms,
            "memory_usage_percent": settings.memory_usage_warning_percent,
            "cpu_usage_percent": settings.cpu_usage_threshold_percent,
            "error_rate_percent": settings.error_rate_threshold_percent,
            "database_connections": settings.db_connections_threshold,
        }

    def register_check(
        self, name: str, description: str, function: CheckFunction, interval_seconds: float | None = None
    ) -> None:
        """Registers a check of the application's own (G-12), which is run from now on.

        function: takes nothing and returns, or awaits, one of the result types. interval_seconds: by default that of
        the settings. Raises ValueError for a name that is taken or cannot be.
        """

        def answer() -> Any:  # in a thread of its own, which keeps no process from ending
            found = function()
            return _awaited(found) if inspect.isawaitable(found) else _result(found)

        self.monitoring.health.register(name, description, answer, interval_seconds=interval_seconds)

    def run_check(self, name: str) -> HealthCheck:
        """Runs a registered check now and waits for it, no longer than its timeout. Raises KeyError for no such."""
        return _check(self.monitoring.health.runner.run([self.monitoring.health.checks[name]])[0])

    def get_results(self) -> dict[str, HealthCheck]:
        """The newest result of each registered check; those that have none yet are run."""
        health = self.monitoring.health
        return {outcome.check.name: _check(outcome) for outcome in health.runner.latest(health.checks)}

    async def check_database_health(self) -> HealthCheckResult:
        """The check `database` (C-40 to C-46), of the registered database or of G-46's pool."""
        return await self._one("database")

    async def check_openai_health(self) -> HealthCheckResult:
        """The check `openai` (C-47 to C-49), of the registered client or of OPENAI_API_KEY."""
        return await self._one("openai")

    async def check_system_health(self) -> HealthCheckResult:
        """The check `system` (C-50 to C-54)."""
        return await self._one("system")

    async def check_redis_health(self) -> HealthCheckResult:
        """The check `redis` (C-55 to C-57), of the registered client or of REDIS_URL."""
        return await self._one("redis")

    async def run_comprehensive_health_check(self) -> dict[str, Any]:
        """Runs every registered check side by side, and G-46's pool; the JSON of A-36."""
        names = [check.name for check in self.monitoring.health.checks]
        if "database" not in names and contract_pool() is not None:
            names.insert(0, "database")
        outcomes = await asyncio.gather(*(self._outcome(name) for name in names))
        return answers.comprehensive(list(outcomes), time.time())

    async def _one(self, name: str) -> HealthCheckResult:
        outcome = await self._outcome(name)
        found = outcome.result
        return HealthCheckResult(
            name, found.status, outcome.response_time_ms, found.message, dict(found.details) or None
        )

    async def _outcome(self, name: str) -> Outcome:
        health = self.monitoring.health
        if name in health.checks:
            return (await asyncio.to_thread(health.runner.run, [health.checks[name]]))[0]
        began = time.perf_counter()
        check = Check(name, lambda: Result(HealthStatus.HEALTHY), timeout=self.check_timeout)
        try:
            check = self._unregistered(name)
            result = cleaned(await asyncio.wait_for(_called(check.function), self.check_timeout))
        except TimeoutError:
            result = check.timed_out()
        except Exception as error:
            result = _absent(name, error)
        return Outcome(check, result, time.perf_counter() - began, time.time(), 0)

    def _unregistered(self, name: str) -> Check:
        """A check that is asked for by name without being registered. Raises what keeps it from being made."""
        settings = self.monitoring.settings
        timeout: dict[str, Any] = {"timeout": self.check_timeout}
        if name == "database":
            pool = contract_pool()
            if pool is None:
                raise RuntimeError("no database is registered")
            return database_check(pool, slow_ms=settings.db_query_slow_threshold_ms, **timeout)
        if name == "redis":
            return redis_check(redis_client(settings.redis_url, seconds=self.check_timeout), **timeout)
        if name == "openai" and settings.openai_api_key:
            return openai_check(settings.openai_api_key, settings.openai_base_url, **timeout)
        raise RuntimeError("OPENAI_API_KEY is not set" if name == "openai" else "no such check is registered")


_TITLES = {"database": "Database", "openai": "OpenAI", "redis": "Redis", "system": "System check"}


def _absent(name: str, error: Exception) -> Result:
    """What cannot be checked is degraded (C-49, C-53, C-56), a database critical (C-45)."""
    status = HealthStatus.CRITICAL if name == "database" else HealthStatus.DEGRADED
    message = f"{_TITLES.get(name, name)} error: {error}"
    return Result(status, message, response_time_ms=-1, error=type(error).__name__)


async def _called(function: Callable[[], Any]) -> Any:
    """Calls a function where it belongs: what is async on this loop, what may block in a thread."""
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 -- an instance whose call is async
    )
    found = function() if is_async else await asyncio.to_thread(function)
    return await found if inspect.isawaitable(found) else found


async def _awaited(found: Awaitable[Any]) -> Any:
    return _result(await found)


def _result(found: Any) -> Any:
    """What the runner wants of what a check of the application returned; anything else it tells itself."""
    if isinstance(found, HealthCheckResult):
        found = found.as_check()
    if not isinstance(found, HealthCheck):
        return found
    status = HealthStatus(getattr(found.status, "value", found.status))
    return Result(status, found.message, found.details or {}, found.duration_ms)


def _check(outcome: Outcome) -> HealthCheck:
    found = outcome.result
    moment = datetime.fromtimestamp(outcome.at, UTC)
    return HealthCheck(
        outcome.check.name, found.status, found.message, dict(found.details), moment, outcome.response_time_ms
    )

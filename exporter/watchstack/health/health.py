"""`Health`: an application's checks, their runs and their metrics. The endpoints live in serving.py, what the settings
bring in provided.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from watchstack.clocks import SYSTEM, Clocks
from watchstack.health.cache import Cache, cache_check, session_check
from watchstack.health.check import Check, Registry, Result
from watchstack.health.collector import BACKGROUND, HealthCollector
from watchstack.health.database import Database, Limits, database_check
from watchstack.health.mongodb import mongodb_check, mongodb_client
from watchstack.health.network import network_check
from watchstack.health.openai import openai_check
from watchstack.health.redis import Redis, redis_check, redis_client
from watchstack.health.runner import Outcome, Runner
from watchstack.health.startup import startup_checks, tables_of
from watchstack.health.system import SystemCheck
from watchstack.health.timescaledb import timescaledb_check
from watchstack.health.web import web_check
from watchstack.host import HostSampler
from watchstack.settings import SettingError, Settings
from watchstack.slots import Numbers, OwnNumbers


class Health:
    """The health of one application. The check `system` is there from the beginning.

    startup: the checks of the startup probe alone. feed: is told each outcome, for the metrics of stores. owned: closes
    what was opened for the checks. numbers: where the metrics of checks lie. registry: where they are told, None for
    nowhere. more: fields of Check.
    """

    def __init__(
        self,
        settings: Settings,
        sampler: HostSampler,
        registry: CollectorRegistry | None,
        *,
        numbers: Numbers | None = None,
        clocks: Clocks = SYSTEM,
    ) -> None:
        self._settings = settings
        self._sampler = sampler
        self.checks = Registry()
        self.startup = Registry()
        self.collector = HealthCollector(numbers or OwnNumbers(), registry, settings.preset)
        self.owned: list[Callable[[], object]] = []
        self.feed: Callable[[Outcome], None] = lambda outcome: None
        self.runner = Runner(self.checks, told=self._told, clocks=clocks)
        system = SystemCheck(
            memory_percent=settings.memory_usage_warning_percent,
            cpu_percent=settings.cpu_usage_threshold_percent,
            per_core=settings.health_cpu_per_core,
        )
        about = "Memory and CPU of the process and the host"
        self.add(Check("system", system, about, self.times["interval"], self.times["timeout"], provided=True))

    @property
    def times(self) -> dict[str, float]:
        """Interval and timeout of the settings, in seconds."""
        return {"interval": self._settings.health_check_interval, "timeout": self._settings.health_check_timeout}

    def outcomes(self, endpoint: str, checks: Iterable[Check], *, now: bool = False) -> list[Outcome]:
        """The newest outcomes, or those of a run that is begun now; counted for the endpoint that tells them (C-08)."""
        found = self.runner.run(checks) if now else self.runner.latest(checks)
        for outcome in found:
            self.collector.record(endpoint, outcome)
        return found

    def add(self, check: Check) -> Check:
        """Registers a check, which is run from now on; it takes the place of one that the settings brought.

        Raises ValueError for a name that is taken or cannot be.
        """
        self.checks.add(check)
        self.runner.wake()
        return check

    def register(
        self,
        name: str,
        description: str,
        function: Callable[[], Result | Awaitable[Result]],
        *,
        interval_seconds: float | None = None,
        critical: bool = True,
    ) -> Check:
        """Registers a function as a check (G-12), with the timeout of the settings, by default with their interval."""
        interval = self._settings.health_check_interval if interval_seconds is None else interval_seconds
        timeout = self._settings.health_check_timeout
        return self.add(Check(name, function, description, interval, timeout, critical))

    def watch_database(self, database: Database, *, tables: Sequence[str] | None = None, **more: Any) -> Check:
        """Registers `database`, for the startup probe `database_pool` and, with tables, `required_tables`.

        more: `slow_ms` or `limits` too. tables: by default those of HEALTH_REQUIRED_TABLES.
        """
        settings = self._settings
        limits = Limits(
            slow_ms=more.pop("slow_ms", settings.db_query_slow_threshold_ms),
            connect_ms=settings.db_connection_timeout_threshold_ms,
            pool_ratio=settings.db_pool_utilization_threshold,
            connections=settings.db_connections_threshold,
        )
        check = self.add(database_check(database, **{**self.times, "limits": limits, **more}))
        wanted = self._tables() if tables is None else tables
        for one in startup_checks(database, wanted, **self.times, provided=check.provided):
            self.startup.add(one)
        if settings.health_timescaledb and not self._own("timescaledb"):
            self.watch_timescaledb(database, provided=True)
        return check

    def watch_timescaledb(self, database: Database, **more: Any) -> Check:
        """Registers `timescaledb`, which feeds the `timescaledb_*` gauges."""
        slow = self._settings.db_query_slow_threshold_ms
        return self.add(timescaledb_check(database, **{**self.times, "slow_ms": slow, **more}))

    def watch_redis(self, redis: Redis | None = None, **more: Any) -> Check:
        """Registers `redis`, by default of REDIS_URL. Raises ImportError without redis-py."""
        settings = self._settings
        client = redis_client(settings.redis_url, seconds=self.times["timeout"]) if redis is None else redis
        limits = {
            "connect_ms": settings.redis_connection_timeout_threshold_ms,
            "memory_percent": settings.redis_memory_threshold_percent,
        }
        return self.add(redis_check(client, **{**self.times, **limits, **more}))

    def watch_mongodb(self, client: Any = None, **more: Any) -> Check:
        """Registers `mongodb`, by default of MONGODB_URL. client: pymongo's. Raises ImportError without pymongo."""
        settings = self._settings
        if client is None:
            client = mongodb_client(settings.mongodb_url, seconds=self.times["timeout"])
            self.owned.append(client.close)
        return self.add(mongodb_check(client, **{**self.times, "slow_ms": settings.db_query_slow_threshold_ms, **more}))

    def watch_openai(self, api_key: str = "", base_url: str = "", **more: Any) -> Check:
        """Registers `openai`, by default with OPENAI_API_KEY and OPENAI_BASE_URL. Raises ImportError without openai."""
        settings = self._settings
        key, base = api_key or settings.openai_api_key, base_url or settings.openai_base_url
        return self.add(openai_check(key, base, **{**self.times, **more}))

    def watch_web(self, name: str, url: str, **more: Any) -> Check:
        """Registers the check of another service's API."""
        settings = self._settings
        fields = {
            "interval": settings.health_check_interval,
            "seconds": settings.health_check_timeout,
            "slow_ms": settings.external_api_timeout_threshold_ms,
            "failures": settings.external_api_failure_threshold,
        }
        return self.add(web_check(name, url, **{**fields, **more}))

    def watch_network(self, targets: Sequence[tuple[str, int]] = (), **more: Any) -> Check:
        """Registers `network`. targets: hosts and ports to connect to."""
        fields = {**self.times, **more}
        seconds = 0.8 * fields["timeout"]  # what is silent is told by name before the check's own time is over
        return self.add(network_check(targets, seconds=seconds, **fields))

    def watch_cache(self, cache: Cache, **more: Any) -> Check:
        """Registers `cache`."""
        return self.add(cache_check(cache, **{**self.times, **more}))

    def watch_sessions(self, count: Callable[[], int | Awaitable[int]], **more: Any) -> Check:
        """Registers `sessions`. count: tells how many are active."""
        return self.add(session_check(count, **{**self.times, **more}))

    def close(self) -> None:
        """Ends the background runs, and closes the clients that were made for the checks."""
        self.runner.stop()
        while self.owned:
            self.owned.pop()()

    def _own(self, name: str) -> bool:
        """Whether the application has registered a check of this name itself."""
        return name in self.checks and not self.checks[name].provided

    def _tables(self) -> tuple[str, ...]:
        text = self._settings.health_required_tables
        try:
            return tables_of(text)
        except ValueError as error:
            raise SettingError("HEALTH_REQUIRED_TABLES", text, str(error)) from None

    def _told(self, outcome: Outcome) -> None:
        self.collector.record(BACKGROUND, outcome)
        self.feed(outcome)

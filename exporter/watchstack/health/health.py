"""`Health`: an application's checks, their runs, and the endpoints that tell of them. The bodies live in answers.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry

from watchstack.catalogue import Preset
from watchstack.clocks import SYSTEM, Clocks
from watchstack.endpoints import Answer, Endpoints, Handler, Request, json_answer, text
from watchstack.health import answers
from watchstack.health.check import Check, Registry, Result
from watchstack.health.collector import BACKGROUND, HealthCollector
from watchstack.health.database import Database, database_check
from watchstack.health.redis import Redis, redis_check, redis_client
from watchstack.health.runner import Outcome, Runner
from watchstack.health.system import SystemCheck
from watchstack.health.web import web_check
from watchstack.host import HostSampler
from watchstack.settings import Settings
from watchstack.slots import Numbers, OwnNumbers

_JSON, _PROMETHEUS = "json", "prometheus"
_KINDS = {
    "application/json": _JSON,
    "application/*": _JSON,
    "text/plain": _PROMETHEUS,
    "text/*": _PROMETHEUS,
    "application/openmetrics-text": _PROMETHEUS,
}


class Health:
    """The health of one application. The check `system` is there from the beginning.

    numbers: where the metrics of checks lie. registry: where they are told, None for nowhere.
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
        self._clocks = clocks
        self.checks = Registry()
        self.collector = HealthCollector(numbers or OwnNumbers(), registry, settings.preset)
        self.runner = Runner(self.checks, told=lambda one: self.collector.record(BACKGROUND, one), clocks=clocks)
        system = SystemCheck(
            memory_percent=settings.memory_usage_warning_percent,
            cpu_percent=settings.cpu_usage_threshold_percent,
            per_core=settings.health_cpu_per_core,
        )
        self.register("system", "Memory and CPU of the process and the host", system)

    def add(self, check: Check) -> Check:
        """Registers a check, which is run from now on. Raises ValueError for a name that is taken or cannot be."""
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

    def watch_database(self, database: Database, **more: Any) -> Check:
        """Registers the check `database`; more: fields of Check, `slow_ms`."""
        return self.add(database_check(database, **{**self._times, **more}))

    def watch_redis(self, redis: Redis | None = None, **more: Any) -> Check:
        """Registers the check `redis`, by default of REDIS_URL. Raises ImportError without redis-py."""
        timeout = self._settings.health_check_timeout
        client = redis if redis is not None else redis_client(self._settings.redis_url, seconds=timeout)
        return self.add(redis_check(client, **{**self._times, **more}))

    def watch_web(self, name: str, url: str, **more: Any) -> Check:
        """Registers the check of another service's API."""
        times = {"interval": self._settings.health_check_interval, "seconds": self._settings.health_check_timeout}
        slow = self._settings.external_api_timeout_threshold_ms
        return self.add(web_check(name, url, **{**times, "slow_ms": slow, **more}))

    def serve(self, endpoints: Endpoints, metrics: Handler | None) -> None:
        """Adds the endpoints that the preset has. metrics: the handler of Prometheus's formats, None for none."""
        every: dict[str, Handler] = {
            "/health": self._basic,
            "/health/standard": self._standard,
            "/health/metrics": lambda request: self._metrics(request, metrics),
            "/health/detailed": self._detailed,
            "/health/database": lambda request: self._one("database"),
            "/health/redis": lambda request: self._one("redis"),
            "/health/external": self._external,
            "/health/ready": self._ready,
            "/api/health": self._comprehensive,
            "/api/health/simple": self._simple,
        }
        for path in _PATHS.get(self._settings.preset, tuple(every)):
            endpoints.handlers[path] = every[path]
            endpoints.waiting.add(path)
        endpoints.handlers["/health/live"] = self._live

    @property
    def _times(self) -> dict[str, float]:
        return {"interval": self._settings.health_check_interval, "timeout": self._settings.health_check_timeout}

    def _outcomes(self, endpoint: str, checks: Iterable[Check], *, now: bool = False) -> list[Outcome]:
        """The newest outcomes, or those of a run that is begun now; counted for the endpoint that tells them (C-08)."""
        found = self.runner.run(checks) if now else self.runner.latest(checks)
        for outcome in found:
            self.collector.record(endpoint, outcome)
        return found

    def _answer(self, outcomes: list[Outcome], **more: object) -> Answer:
        """The common keys, and the code of Y-10."""
        status = answers.overall(outcomes)
        body = {
            "status": answers.three(status),
            "timestamp": answers.timestamp(self._clocks.wall()),
            "version": self._settings.app_version,
            **more,
        }
        return json_answer(body, 503 if status.failed else 200)

    def _live(self, request: Request) -> Answer:
        return self._answer([])

    def _basic(self, request: Request) -> Answer:
        return self._answer(self._outcomes("basic", self.checks))

    def _standard(self, request: Request) -> Answer:
        found = self._outcomes("standard", self.checks)
        return self._answer(found, checks=answers.standard_checks(found))

    def _metrics(self, request: Request, metrics: Handler | None) -> Answer:
        """X-01: JSON or Prometheus's formats."""
        wanted = request.parameter("format")
        if wanted not in (None, _JSON, _PROMETHEUS):
            return text("format is json or prometheus\n", 400)
        iot = self._settings.preset is Preset.IOT
        kind = wanted or _accepted(request.header("accept")) or (_PROMETHEUS if iot else _JSON)
        if kind == _PROMETHEUS:
            return metrics(request) if metrics is not None else text("metrics are switched off\n", 404)
        began = self._clocks.ticks()
        found = self._outcomes("metrics", self.checks)
        figures = answers.resource_metrics(self._sampler.latest, found)
        took = round((self._clocks.ticks() - began) * 1000, 3)
        return self._answer(found, response_time_ms=took, checks=answers.timed_checks(found), metrics=figures)

    def _detailed(self, request: Request) -> Answer:
        found = self._outcomes("detailed", self.checks)
        figures = answers.resource_metrics(self._sampler.latest, found)
        return self._answer(found, checks=answers.full_checks(found), metrics=figures)

    def _one(self, name: str) -> Answer:
        if name not in self.checks:
            return json_answer({"error": f"there is no health check named {name}"}, 404)
        found = self._outcomes(name, [self.checks[name]])[0]
        body = {"version": self._settings.app_version, **answers.one_check(found)}
        return json_answer(body, 503 if found.result.status.failed else 200)

    def _external(self, request: Request) -> Answer:
        found = self._outcomes("external", [check for check in self.checks if check.external])
        return self._answer(found, checks=answers.full_checks(found))

    def _ready(self, request: Request) -> Answer:
        found = self._outcomes("ready", [check for check in self.checks if check.critical])
        return self._answer(found, checks=answers.timed_checks(found))

    def _comprehensive(self, request: Request) -> Answer:
        body = answers.comprehensive(self._outcomes("api", self.checks), self._clocks.wall())
        failed = body["status"] == "critical" and not self._settings.health_always_200
        return json_answer(body, 503 if failed else 200)

    def _simple(self, request: Request) -> Answer:
        """C-62: asks the database at once."""
        found = self._outcomes("simple", [check for check in self.checks if check.name == "database"], now=True)
        failed = any(outcome.result.status.failed for outcome in found)
        return json_answer({"status": "unhealthy" if failed else "healthy"}, 503 if failed else 200)


# The paths of each preset, `/health/live` beside them; without a preset all are there.
_PATHS: dict[Preset | None, tuple[str, ...]] = {
    Preset.FLASK: (
        *("/health", "/health/standard", "/health/metrics", "/health/detailed"),
        *("/health/database", "/health/redis", "/health/external", "/health/ready"),
    ),
    Preset.API: ("/health/ready",),
    Preset.FRAMEWORK: ("/api/health", "/health/ready"),
    Preset.IOT: ("/health/detailed", "/health/ready", "/health/metrics"),
    Preset.AI: ("/api/health", "/api/health/simple", "/health/ready"),
}


def _accepted(header: str | None) -> str | None:
    """What an Accept header likes best of JSON and Prometheus's formats; None where it names neither."""
    best: tuple[float, str | None] = (0.0, None)
    for part in (header or "").lower().split(","):
        name, *parameters = [word.strip() for word in part.split(";")]
        try:
            weight = float(next((word[2:] for word in parameters if word.startswith("q=")), "1"))
        except ValueError:
            continue
        if name in _KINDS and weight > best[0]:
            best = (weight, _KINDS[name])
    return best[1]

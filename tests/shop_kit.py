"""A monitored shop in Flask and in Starlette, whose checks answer what a test tells them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from library_kit import Ask, Reply, drive_asgi, drive_wsgi
from starlette.applications import Starlette
from waiting import until
from watchstack import Monitoring
from watchstack.health.check import Check, Result, Status
from watchstack.health.responsiveness import ResponsivenessCheck
from watchstack.host import Disk, HostSampler, Sample
from watchstack.settings import Settings

TOKEN = "correct horse"
ADMIN = {"MONITORING_ADMIN_TOKEN": TOKEN}
BEARER = (("authorization", f"Bearer {TOKEN}"),)
DETAILS = {"pool_status": {"size": 8, "idle_connections": 5}, "query_result": True, "timestamp": "2026-11-21T00:00:00Z"}
POOL = {"connection_pool_size": 8, "connections_checked_out": 3}
STORE = {"memory_usage_bytes": 1, "connected_clients": 2, "total_commands_processed": 3}
FINE: dict[str, Result] = {
    "database": Result(Status.HEALTHY, "Database operational", DETAILS, 12.6, figures=POOL),
    "redis": Result(Status.HEALTHY, "Redis operational", {"connected_clients": 2}, 1.2, figures=STORE),
    "supabase": Result(Status.HEALTHY, "supabase reachable", {"http_status": 200}, 80.0),
    "stripe": Result(Status.HEALTHY, "stripe reachable", {"http_status": 200}, 90.0),
}
DOWN = Result(Status.CRITICAL, "Database error: refused", response_time_ms=-1, error="ConnectionError")
SLOW = Result(Status.DEGRADED, "Database slow: 4000ms", DETAILS, 4000.0, figures=POOL)


class Still(HostSampler):
    """A sampler that has one sample, from the beginning."""

    def start(self) -> None:
        disks = {"/": Disk(100, 40, 60, 40.0)}
        self.latest = Sample(0.0, 12.5, 1000, 600, 400, 40.0, disks, 1, 2)


class Shop:
    """A monitored application in Flask and in Starlette, with the checks of FINE."""

    def __init__(self, preset: str | None = None, environ: dict[str, str] | None = None, **changed: Result) -> None:
        # a busy machine may not make `system` degraded: 100 % of all cores is never passed
        busy = {"HEALTH_CPU_PER_CORE": "true", "CPU_USAGE_THRESHOLD_PERCENT": "100"}
        settings = Settings.from_environ({**busy, **(environ or {})}, preset=preset)
        self.monitoring = Monitoring(settings=settings, sampler=Still())
        for check in self.monitoring.health.checks:
            if isinstance(check.function, ResponsivenessCheck):  # nor may it make this one
                check.function._wait_ms = math.inf
        self.results = {**FINE, **changed}
        for name in self.results:
            external = name in ("supabase", "stripe")
            check = Check(name, lambda name=name: self.results[name], external=external, critical=not external)  # type: ignore[misc]
            self.monitoring.health.add(check)
        self.flask = Flask("shop")
        self.monitoring.init_app(self.flask)
        self.asgi = self.monitoring.init_asgi(Starlette())  # type: ignore[arg-type]
        self._settle()

    def _settle(self) -> None:
        """Until the background has run each check: within its interval only requests run them from here on."""
        runner, checks = self.monitoring.health.runner, list(self.monitoring.health.checks)
        runner.latest(checks)
        until(lambda: len(runner._due) == len(checks) and all(run.done.is_set() for run in [*runner._flying.values()]))

    def get(self, path: str, **more: Any) -> Reply:
        reply = drive_wsgi(self.flask, Ask(path=path, **more))
        other = drive_asgi(self.asgi, Ask(path=path, **more))
        assert reply.status == other.status
        assert reply.status == "404" or reply.headers.get("content-type") == other.headers.get("content-type")
        return reply

    def json(self, path: str, **more: Any) -> Any:
        return json.loads(self.get(path, **more).body)


@pytest.fixture
def shops() -> Iterator[Any]:
    made: list[Shop] = []

    def make(preset: str | None = None, **more: Any) -> Shop:
        made.append(Shop(preset, **more))
        return made[-1]

    yield make
    for shop in made:
        shop.monitoring.stop()


def ask(shop: Shop, path: str, method: str = "GET", **more: Any) -> Reply:
    """The same answer through WSGI and ASGI."""
    return shop.get(
        path.replace("{check_name}", "database"), method=method, headers=more.pop("headers", BEARER), **more
    )

"""What the tests of health checks share: one run of a check, a database and a Redis that answer as they are told."""

from __future__ import annotations

import time
from typing import Any

from watchstack.health.check import Check, Registry, Result, Status
from watchstack.health.runner import Runner

FINE = Result(Status.HEALTHY, "fine")


def run(check: Check) -> Result:
    """What one run of the check comes to."""
    return Runner(Registry(), told=lambda outcome: None).run([check])[0].result


class Gone:
    """A database that is not reached."""

    def execute_one(self, sql: str) -> Any:
        raise ConnectionError("refused")

    def get_pool_status(self) -> None:
        return None


class Pooled:
    """A database whose pool and whose connecting are as they are told."""

    def __init__(self, pool: dict[str, int] | None = None, connect: float | None = None) -> None:
        self.pool, self.connect_seconds = pool, connect

    def execute_one(self, sql: str) -> Any:
        return {"health_check": 1}

    def get_pool_status(self) -> Any:
        return self.pool


class Redis:
    """A Redis that uses so much of its memory, and takes so long to answer."""

    def __init__(self, used: int = 1, limit: int = 0, seconds: float = 0.0) -> None:
        self.figures = {"used_memory": used, "maxmemory": limit, "connected_clients": 2}
        self.seconds = seconds

    def ping(self) -> bool:
        time.sleep(self.seconds)
        return True

    def info(self) -> Any:
        return self.figures

"""The shared instance of the library's API in tests: none at the beginning, the AI service's, its pool, its lines."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from watchstack import api
from watchstack.catalogue import Preset
from watchstack.exposition import whole
from watchstack.monitoring import Monitoring
from watchstack.settings import Settings


@pytest.fixture(autouse=True)
def _nothing_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MONITORING_PRESET", raising=False)
    api.forget()
    yield
    api.forget()


@pytest.fixture
def ai() -> Monitoring:
    monitoring = Monitoring(
        settings=Settings(preset=Preset.AI, health_check_timeout=10.0), registry=CollectorRegistry()
    )
    api.use_monitoring(monitoring)
    return monitoring


def lines(start: str) -> list[str]:
    every = whole(api.get_monitoring().registry).decode().splitlines()
    return [line for line in every if line.startswith(start) and "_bucket{" not in line]


class AsyncPool:
    """The pool of G-46."""

    rows: Any = {"health_check": 1}

    async def execute_one(self, sql: str) -> Any:
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows

    async def get_pool_status(self) -> dict[str, int]:
        return {"size": 8, "idle_connections": 5}


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> AsyncPool:
    """`shared_libs.database.connection_pool.db_pool` of an application."""
    found = AsyncPool()
    for name in ("shared_libs", "shared_libs.database", "shared_libs.database.connection_pool"):
        monkeypatch.setitem(__import__("sys").modules, name, ModuleType(name))
    __import__("sys").modules["shared_libs.database.connection_pool"].db_pool = found  # type: ignore[attr-defined]
    return found

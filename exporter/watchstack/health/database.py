"""The check of a database (C-40 to C-46), and the two kinds of database that it asks: psycopg's and SQLAlchemy's."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from watchstack.health.check import Check, Result, Status

QUERY = "SELECT 1 as health_check, NOW() as timestamp"


class Database(Protocol):
    """What the check asks; both may be awaitable (G-46)."""

    def execute_one(self, sql: str) -> Any: ...
    def get_pool_status(self) -> Any: ...


class PsycopgDatabase:
    """PostgreSQL through psycopg, a connection for each query. seconds: after which connecting is given up.

    Raises ImportError where psycopg is not installed.
    """

    def __init__(self, conninfo: str, *, seconds: float = 10.0) -> None:
        import importlib

        self._psycopg = importlib.import_module("psycopg")
        self._conninfo = conninfo
        self._seconds = max(2, int(seconds))  # libpq takes whole seconds, two at least

    def execute_one(self, sql: str) -> Mapping[str, Any] | None:
        with self._psycopg.connect(self._conninfo, connect_timeout=self._seconds, autocommit=True) as connection:
            cursor = connection.execute(sql)
            row = cursor.fetchone()
            return None if row is None else dict(zip((column.name for column in cursor.description), row, strict=True))

    def get_pool_status(self) -> None:
        """None: there is no pool."""


class SqlalchemyDatabase:
    """The database of a SQLAlchemy engine, through the application's own pool."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def execute_one(self, sql: str) -> Mapping[str, Any] | None:
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(sql).mappings().first()
            return None if row is None else dict(row)

    def get_pool_status(self) -> Mapping[str, int] | None:
        """size: connections that the pool keeps. idle_connections: how many more may be checked out, overflow too."""
        pool = self._engine.pool
        if not hasattr(pool, "size"):  # a pool without bounds
            return None
        used, size = pool.checkedout(), pool.size()
        overflow = max(0, getattr(pool, "_max_overflow", 0))
        return {"size": size, "checked_out": used, "idle_connections": max(0, size + overflow - used)}


class DatabaseCheck:
    """Asks a database for one row, then its pool. slow_ms: a query slower than this is degraded."""

    def __init__(self, database: Database, *, slow_ms: float = 3000.0) -> None:
        self._database = database
        self._slow_ms = slow_ms

    async def __call__(self) -> Result:
        began = time.perf_counter()
        try:
            row = await _settled(self._database.execute_one(QUERY))
            took = (time.perf_counter() - began) * 1000
            pool = await _settled(self._database.get_pool_status())
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.CRITICAL, f"Database error: {error}", response_time_ms=-1, error=kind)
        details = {
            "pool_status": dict(pool) if pool is not None else None,
            "query_result": row is not None and row["health_check"] == 1,
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        took = round(took, 2)
        figures = _figures(pool) if pool is not None else {}
        if took > self._slow_ms:
            return Result(Status.DEGRADED, f"Database slow: {took:.0f}ms", details, took, figures=figures)
        if pool is not None and pool.get("idle_connections", 1) < 1:
            return Result(Status.DEGRADED, "Database pool exhausted", details, took, figures=figures)
        return Result(Status.HEALTHY, "Database operational", details, took, figures=figures)


def database_check(database: Database, *, slow_ms: float = 3000.0, **more: Any) -> Check:
    """A check named `database`; more: further fields of Check."""
    on_timeout = (Status.CRITICAL, "Database timeout after {seconds}s")
    fields = {"name": "database", "description": "Connection and query of the database", "on_timeout": on_timeout}
    return Check(function=DatabaseCheck(database, slow_ms=slow_ms), **{**fields, **more})


def _figures(pool: Mapping[str, Any]) -> dict[str, Any]:
    """The pool's part of A-05; what is checked out is what is not idle where the pool does not tell it."""
    size = pool.get("size")
    used = pool.get("checked_out")
    if used is None and size is not None and "idle_connections" in pool:
        used = max(0, size - pool["idle_connections"])
    return {"connection_pool_size": size, "connections_checked_out": used}


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value

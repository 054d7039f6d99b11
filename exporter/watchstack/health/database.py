"""The check of a database (C-40 to C-46), and the two kinds of database that it asks: psycopg's and SQLAlchemy's."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from watchstack.health.check import Check, Result, Status

_log = logging.getLogger("watchstack.health")
QUERY = "SELECT 1 as health_check, NOW() as timestamp"
# What PostgreSQL tells of itself (C-32, C-37); the last figure is the share of blocks read that were in its cache.
SERVER_QUERY = """SELECT current_setting('server_version') AS version,
 (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
 (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active') AS active_connections,
 current_setting('max_connections')::int AS max_connections, xact_commit AS transactions_committed,
 xact_rollback AS transactions_rolled_back, deadlocks,
 round(blks_hit::numeric / nullif(blks_hit + blks_read, 0), 4)::float AS cache_hit_rate
 FROM pg_stat_database WHERE datname = current_database()"""


# A connection to a host that is gone without a word ends, so that the check comes back: seconds, and milliseconds.
_BOUNDS = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 15_000}


class Database(Protocol):
    """What the checks ask; both may be awaitable (G-46).

    It may have `connect_seconds`, how long its last connecting took, and `server_query`, which asks a server about
    itself in one row with a `version`.
    """

    def execute_one(self, sql: str) -> Any: ...
    def get_pool_status(self) -> Any: ...


class PsycopgDatabase:
    """PostgreSQL through psycopg, a connection for each query. seconds: after which connecting is given up.

    Raises ImportError where psycopg is not installed, ValueError for what is no URL or connection string of it.
    """

    server_query = SERVER_QUERY

    def __init__(self, conninfo: str, *, seconds: float = 10.0) -> None:
        import importlib

        self._psycopg = importlib.import_module("psycopg")
        said = _parsed(self._psycopg, conninfo)
        bounds = {**_BOUNDS, "connect_timeout": max(2, int(seconds))}  # libpq takes two seconds at least
        self._bounds = {name: value for name, value in bounds.items() if name not in said}
        self._conninfo = conninfo
        self.connect_seconds: float | None = None

    def execute_one(self, sql: str) -> Mapping[str, Any] | None:
        began = time.perf_counter()
        with self._psycopg.connect(self._conninfo, autocommit=True, **self._bounds) as connection:
            self.connect_seconds = time.perf_counter() - began
            cursor = connection.execute(sql)
            row = cursor.fetchone()
            return None if row is None else dict(zip((column.name for column in cursor.description), row, strict=True))

    def get_pool_status(self) -> None:
        """None: there is no pool."""


class SqlalchemyDatabase:
    """The database of a SQLAlchemy engine, through the application's own pool."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.server_query = SERVER_QUERY if engine.dialect.name == "postgresql" else ""
        self.connect_seconds: float | None = None

    def execute_one(self, sql: str) -> Mapping[str, Any] | None:
        began = time.perf_counter()
        with self._engine.connect() as connection:
            self.connect_seconds = time.perf_counter() - began
            row = connection.exec_driver_sql(_spoken(sql, self._engine.dialect.name)).mappings().first()
            return None if row is None else dict(row)

    def get_pool_status(self) -> Mapping[str, int] | None:
        """size: connections that the pool keeps. idle_connections: how many more may be checked out, overflow too."""
        pool = self._engine.pool
        if not hasattr(pool, "checkedout"):  # a pool without bounds
            return None
        used, size = pool.checkedout(), pool.size()
        overflow = max(0, getattr(pool, "_max_overflow", 0))
        return {"size": size, "checked_out": used, "idle_connections": max(0, size + overflow - used)}


@dataclass(frozen=True)
class Limits:
    """Past which a database is degraded. slow_ms: of the whole query (C-41). connect_ms: of connecting (F-15).

    pool_ratio: share of the pool that is checked out (F-14). connections: checked out at once, 0 for no limit (Y-04).
    """

    slow_ms: float = 3000.0
    connect_ms: float = 1000.0
    pool_ratio: float = 0.8
    connections: int = 0


class DatabaseCheck:
    """Asks a database for one row, then its pool."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def __call__(self) -> Result:
        began = time.perf_counter()
        try:
            row = await settled(self._database.execute_one(QUERY))
            took = round((time.perf_counter() - began) * 1000, 2)
            connected: float | None = getattr(self._database, "connect_seconds", None)
            pool = await settled(self._database.get_pool_status())
            details = {
                "pool_status": dict(pool) if pool is not None else None,
                "query_result": row is not None and row["health_check"] == 1,
                "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.CRITICAL, f"Database error: {error}", response_time_ms=-1, error=kind)
        figures = _figures(pool) if pool is not None else {}
        slow = self._complaint(took, connected)
        sections = {} if slow else await self._sections()  # what is slow is not asked more, or its time runs out
        complaint = slow or self._pool_complaint(pool, figures)
        status, message = Status.DEGRADED if complaint else Status.HEALTHY, complaint or "Database operational"
        return Result(status, message, details, took, figures=figures, sections=sections)

    def _complaint(self, took: float, connected: float | None) -> str:
        """What took too long, "" for nothing."""
        if took > self._limits.slow_ms:
            return f"Database slow: {took:.0f}ms"
        if connected is not None and connected * 1000 > self._limits.connect_ms:
            return f"Database connect slow: {connected * 1000:.0f}ms"
        return ""

    def _pool_complaint(self, pool: Mapping[str, Any] | None, figures: Mapping[str, Any]) -> str:
        """What is wrong with the pool, "" for nothing."""
        if pool is None:
            return ""
        idle, used = pool.get("idle_connections"), figures["connections_checked_out"]
        if idle is not None and idle < 1:
            return "Database pool exhausted"
        most = pool.get("size") if idle is None or used is None else idle + used
        if used is not None and most and used / most > self._limits.pool_ratio:
            return f"Database pool utilization high: {100 * used / most:.0f}%"
        if used is not None and 0 < self._limits.connections < used:
            return f"Database connections high: {used}"
        return ""

    async def _sections(self) -> dict[str, Any]:
        """The server's own figures; without the right to read them there are none, and that is no failure."""
        query = getattr(self._database, "server_query", "")
        if not query:
            return {}
        try:
            row = dict(await settled(self._database.execute_one(query)))
        except Exception as error:
            _log.debug("the database does not tell of itself: %s", error)
            return {}
        return {"postgresql": {"connected": True, "version": row.pop("version")}, "database": row}


def database_check(database: Database, *, limits: Limits | None = None, slow_ms: float = 3000.0, **more: Any) -> Check:
    """A check named `database`. limits: by default those with `slow_ms`. more: further fields of Check."""
    on_timeout = (Status.CRITICAL, "Database timeout after {seconds}s")
    fields = {"name": "database", "description": "Connection and query of the database", "on_timeout": on_timeout}
    return Check(function=DatabaseCheck(database, limits or Limits(slow_ms=slow_ms)), **{**fields, **more})


def _parsed(psycopg: Any, conninfo: str) -> Mapping[str, Any]:
    """What a connection string says. Raises ValueError where a later error would show a part of the password."""
    try:
        found: Mapping[str, Any] = psycopg.conninfo.conninfo_to_dict(conninfo)
    except psycopg.Error:
        raise ValueError("a URL or connection string of PostgreSQL") from None
    if "@" in str(found.get("host", "")) or not str(found.get("port", "1")).replace(",", "").isdigit():
        raise ValueError("a URL of PostgreSQL in whose password special characters are percent-encoded")
    return found


async def settled(value: Any) -> Any:
    """A value that may have to be awaited (Y-05)."""
    return await value if inspect.isawaitable(value) else value


def _spoken(sql: str, dialect: str) -> str:
    """The check's query in a dialect that has no NOW()."""
    return sql.replace("NOW()", "CURRENT_TIMESTAMP") if dialect in ("sqlite", "oracle", "mssql") else sql


def _figures(pool: Mapping[str, Any]) -> dict[str, Any]:
    """The pool's part of A-05; what is checked out is what is not idle where the pool does not tell it."""
    size = pool.get("size")
    used = pool.get("checked_out")
    if used is None and size is not None and "idle_connections" in pool:
        used = max(0, size - pool["idle_connections"])
    return {"connection_pool_size": size, "connections_checked_out": used}

"""`db_pool`: the pool of connections that all services share, of PostgreSQL or SQLite by DATABASE_URL.

Its calls are async and work on any event loop: health checks run on their own, in their own threads.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql

TABLE = "CREATE TABLE IF NOT EXISTS routines (user_id VARCHAR(50) PRIMARY KEY, routine TEXT NOT NULL)"


class ConnectionPool:
    """Connects when it is first asked. size: connections that it keeps at most; one more has to wait three seconds."""

    def __init__(self, url: str, size: int) -> None:
        self._size = size
        address = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self._engine = sql.create_engine(address, pool_size=size, max_overflow=0, pool_timeout=3, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _add_now)
        self._made = False

    async def execute_one(self, statement: str, **values: Any) -> dict[str, Any] | None:
        """Runs one statement, `:name` standing for a value, and returns its first row."""
        return await asyncio.to_thread(self._execute_one, statement, values)

    async def get_pool_status(self) -> dict[str, int]:
        used = self._engine.pool.checkedout()
        return {"size": self._size, "idle_connections": self._size - used, "checked_out": used}

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.dispose)

    def _execute_one(self, statement: str, values: dict[str, Any]) -> dict[str, Any] | None:
        with self._engine.begin() as connection:
            if not self._made:
                connection.exec_driver_sql(TABLE)
                self._made = True
            found = connection.execute(sql.text(statement), values)
            row = found.mappings().first() if found.returns_rows else None
            return None if row is None else dict(row)


def _add_now(connection: Any, record: Any) -> None:
    """SQLite has no NOW(), which the health check asks for."""
    connection.create_function("NOW", 0, lambda: datetime.now(UTC).isoformat())


db_pool = ConnectionPool(
    os.environ.get("DATABASE_URL") or f"sqlite:///{tempfile.gettempdir()}/holisticos.db",
    int(os.environ.get("DB_POOL_SIZE", "10")),
)

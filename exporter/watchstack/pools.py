"""Reads the pool of a database, whoever keeps it: `get_pool_status()`, plain or async, or a SQLAlchemy engine's pool.

What the numbers are told to: business.py. The health check of a database lives in health/database.py.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio


class Pools(Protocol):
    """What hears of a pool."""

    def pool(self, size: int, *, used: int | None = None, idle: int | None = None) -> None: ...


def pool_status(database: Any) -> Any:
    """What a database says of its pool: a mapping, an awaitable of one, or None for no pool.

    Raises what the database raises, and TypeError where it has neither `get_pool_status` nor `pool`.
    """
    told = getattr(database, "get_pool_status", None)
    if told is not None:
        return told()
    pool = getattr(database, "pool", None)
    if pool is None:
        raise TypeError(f"{type(database).__name__} has neither get_pool_status() nor a pool")
    if not hasattr(pool, "checkedout"):  # SQLAlchemy's pool without bounds
        return None
    return {"size": pool.size(), "checked_out": pool.checkedout()}


class PoolWatch:
    """The pool that is watched, none at first. told: whether the numbers of a pool were ever told."""

    def __init__(self, pools: Pools) -> None:
        self.told = False
        self._pools = pools
        self._database: Any = None
        self._task: asyncio.Task[None] | None = None
        self._read = 0.0

    @property
    def watching(self) -> bool:
        return self._database is not None

    def watch(self, database: Any) -> None:
        self._database = database
        self.refresh()

    def refresh(self, seconds: float = 0.0) -> None:
        """Reads the pool, unless that was done within `seconds`. A pool that cannot be read is passed over (G-32).

        An async status is awaited at once where no event loop runs, else by a task of the loop.
        """
        now = time.monotonic()
        if self._database is None or (seconds and now - self._read < seconds):
            return
        self._read = now
        try:
            status = pool_status(self._database)
            if not inspect.isawaitable(status):
                self._tell(status)
                return
            import asyncio  # which most applications with a plain pool have no need of

            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                asyncio.run(self._await(status))
            else:
                self._task = loop.create_task(self._await(status))
        except Exception:
            return

    async def _await(self, status: Any) -> None:
        try:
            self._tell(await status)
        except Exception:
            return

    def _tell(self, status: Mapping[str, Any] | None) -> None:
        if status is not None:
            self._pools.pool(int(status["size"]), used=status.get("checked_out"), idle=status.get("idle_connections"))

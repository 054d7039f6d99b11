"""The expenses in a SQL database through SQLAlchemy's pool, and their sums in Redis for half a minute."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import sqlalchemy as sql
from watchstack import Monitoring
from watchstack.health.database import SqlalchemyDatabase

SUMS, SECONDS = "mingus:sums", 30
EXPENSES = sql.Table(
    "expenses",
    sql.MetaData(),
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("category", sql.String(50), nullable=False),
    sql.Column("cents", sql.Integer, nullable=False),
)


class Store:
    """What the application keeps. Nothing connects before it is needed, so it starts without its back ends too."""

    def __init__(self, monitoring: Monitoring, redis_url: str) -> None:
        self._told = monitoring
        url = os.environ.get("DATABASE_URL") or f"sqlite:///{tempfile.gettempdir()}/mingus.db"
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        size = int(os.environ.get("DB_POOL_SIZE", "5"))
        self.engine = sql.create_engine(url, pool_size=size, max_overflow=0, pool_timeout=3, pool_pre_ping=True)
        self.redis = redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2)
        self._made = False
        monitoring.database.watch_pool(self.engine)
        monitoring.health.watch_database(SqlalchemyDatabase(self.engine))
        monitoring.health.watch_redis(self.redis)

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        with self._told.database.connecting():
            connection = self.engine.connect()
        with connection:
            if not self._made:
                EXPENSES.create(connection, checkfirst=True)
                self._made = True
            yield connection
            connection.commit()

    def add(self, category: str, cents: int) -> int:
        """The new expense's id."""
        with self._connected() as connection, self._told.database.query("insert"):
            done = connection.execute(EXPENSES.insert().values(category=category, cents=cents))
        self._forget()
        return int(done.inserted_primary_key[0])

    def get(self, key: int) -> dict[str, Any] | None:
        with self._connected() as connection, self._told.database.query("select"):
            row = connection.execute(EXPENSES.select().where(EXPENSES.c.id == key)).mappings().first()
        return None if row is None else dict(row)

    def sums(self) -> dict[str, int]:
        """Cents by category; Redis is asked first, and done without when it is gone."""
        cache = self._told.cache
        try:
            with cache.operation("get"):
                kept = self.redis.get(SUMS)
        except redis.RedisError:
            return self._sums()
        if kept is not None:
            cache.hit()
            return dict(json.loads(kept))
        cache.miss()
        found = self._sums()
        with cache.operation("set"):
            self.redis.set(SUMS, json.dumps(found), ex=SECONDS)
        return found

    def _sums(self) -> dict[str, int]:
        total = sql.select(EXPENSES.c.category, sql.func.sum(EXPENSES.c.cents)).group_by(EXPENSES.c.category)
        with self._connected() as connection, self._told.database.query("aggregate"):
            return {category: int(cents) for category, cents in connection.execute(total)}

    def _forget(self) -> None:
        try:
            with self._told.cache.operation("delete"):
                self.redis.delete(SUMS)
        except redis.RedisError:
            return

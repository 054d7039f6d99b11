"""The checks that an application has started (C-30, C-31): its database pool works, the tables it needs exist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from watchstack.health.check import Check, Result, Status
from watchstack.health.database import Database, settled

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")


def tables_of(text: str) -> tuple[str, ...]:
    """Table names from a setting, separated by commas, each with its schema where needed.

    Raises ValueError for what is no plain name: names go into the query as they are.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not _TABLE.fullmatch(name):
            raise ValueError(f"{name!r} is no table name of letters, digits and underscores, with or without a schema")
    return names


class PoolCheck:
    """The database answers through the pool, so the pool is there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self) -> Result:
        try:
            row = await settled(self._database.execute_one("SELECT 1 AS ready"))
            pool = await settled(self._database.get_pool_status())
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.CRITICAL, f"Database pool not initialised: {error}", response_time_ms=-1, error=kind)
        details = {"pool_status": dict(pool) if pool is not None else None}
        if row is None or row["ready"] != 1:
            return Result(Status.CRITICAL, "Database pool not initialised: it answers no row", details)
        return Result(Status.HEALTHY, "Database pool initialised", details)


class TablesCheck:
    """Each table can be read from. A table that the user of the connection may not read counts as missing."""

    def __init__(self, database: Database, tables: Sequence[str]) -> None:
        self._database = database
        self._tables = tables_of(",".join(tables))

    async def __call__(self) -> Result:
        missing: dict[str, str] = {}
        try:
            await settled(self._database.execute_one("SELECT 1 AS ready"))
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.CRITICAL, f"Tables not known: {error}", response_time_ms=-1, error=kind)
        for table in self._tables:
            try:
                await settled(self._database.execute_one(f"SELECT 1 AS there FROM {table} WHERE 1 = 0"))
            except Exception as error:
                missing[table] = str(error).splitlines()[0] if str(error) else type(error).__name__
        details = {"tables": list(self._tables), "missing": missing}
        if missing:
            return Result(Status.CRITICAL, f"Required tables missing: {', '.join(missing)}", details)
        return Result(Status.HEALTHY, "Required tables exist", details)


def startup_checks(database: Database, tables: Sequence[str] = (), **more: Any) -> list[Check]:
    """`database_pool`, and with tables `required_tables`; more: further fields of Check."""
    pool = {"name": "database_pool", "description": "The database pool is initialised", **more}
    found = [Check(function=PoolCheck(database), **pool)]
    if tables:
        named = {"name": "required_tables", "description": "The tables that the application needs exist", **more}
        found.append(Check(function=TablesCheck(database, tables), **named))
    return found

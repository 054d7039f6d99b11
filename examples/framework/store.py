"""The notebook's SQLite file, every query of it measured, and its cache in memory."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from src.framework.monitoring.middleware import monitor_database_operation

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
"""


class Store:
    """A connection a query; the file is made when it is first needed."""

    def __init__(self) -> None:
        self._path = os.environ.get("DATABASE_PATH", os.path.join(tempfile.gettempdir(), "notebook.db"))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=2)
        connection.executescript(SCHEMA)
        return connection

    def _one(self, statement: str, *values: Any) -> Any:
        with closing(self._connect()) as connection, connection:
            return connection.execute(statement, values).fetchone()

    def execute_one(self, statement: str) -> Mapping[str, Any]:
        """For the health check, which asks for the time as PostgreSQL has it."""
        return {"health_check": self._one(statement.replace("NOW()", "CURRENT_TIMESTAMP"))[0]}

    def get_pool_status(self) -> None:
        """There is no pool."""

    @monitor_database_operation("user_register")
    def register(self, name: str, password: str) -> bool:
        """False for a name that is taken or empty."""
        salt = os.urandom(16)
        if not name or self._one("SELECT 1 FROM users WHERE name = ?", name):
            return False
        self._one("INSERT INTO users VALUES (?, ?, ?)", name, salt, _hashed(password, salt))
        return True

    @monitor_database_operation("user_login")
    def login(self, name: str, password: str) -> bool:
        found = self._one("SELECT salt, hash FROM users WHERE name = ?", name)
        return found is not None and hmac.compare_digest(found[1], _hashed(password, found[0]))

    @monitor_database_operation("note_add")
    def add(self, title: str) -> int:
        with closing(self._connect()) as connection, connection:
            return int(connection.execute("INSERT INTO notes (title) VALUES (?)", (title,)).lastrowid or 0)

    @monitor_database_operation("note_get")
    def note(self, key: int) -> str | None:
        found = self._one("SELECT title FROM notes WHERE id = ?", key)
        return None if found is None else str(found[0])

    @monitor_database_operation("note_list")
    def titles(self) -> list[tuple[int, str]]:
        with closing(self._connect()) as connection:
            return connection.execute("SELECT id, title FROM notes ORDER BY id DESC LIMIT 20").fetchall()

    def count(self) -> int:
        return int(self._one("SELECT count(*) FROM notes")[0])


class Cache:
    """Values for ten seconds, in memory."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._kept: dict[str, tuple[float, Any]] = {}

    def set(self, key: str, value: Any) -> None:
        self._kept[key] = (time.monotonic() + self._seconds, value)

    def get(self, key: str) -> Any:
        ends, value = self._kept.get(key, (0.0, None))
        return value if ends > time.monotonic() else None

    def delete(self, key: str) -> None:
        self._kept.pop(key, None)


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)

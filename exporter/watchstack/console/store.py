"""The console's SQLite file: opening, schema, transactions, notes, its health. What is kept: `inbox/entries.py`."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILE = "console.sqlite"
_INBOX = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL, status TEXT NOT NULL, starts_at REAL NOT NULL, ends_at REAL,
    received_at REAL NOT NULL, repeated_at REAL NOT NULL, times INTEGER NOT NULL DEFAULT 1,
    alertname TEXT NOT NULL, severity TEXT NOT NULL, service TEXT NOT NULL, instance TEXT NOT NULL, team TEXT NOT NULL,
    receiver TEXT NOT NULL, group_key TEXT NOT NULL, source TEXT NOT NULL, alertmanager TEXT NOT NULL,
    labels TEXT NOT NULL, annotations TEXT NOT NULL
);
CREATE INDEX entry_fingerprint ON entry (fingerprint, id);
CREATE INDEX entry_alertname ON entry (alertname, id);
CREATE INDEX entry_status ON entry (status, id);
CREATE INDEX entry_received ON entry (received_at);
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_ACCESS = """
CREATE TABLE session (key TEXT PRIMARY KEY, account TEXT NOT NULL, proof TEXT NOT NULL, began REAL, seen REAL);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, address TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX audit_user ON audit (user, id);
CREATE INDEX audit_action ON audit (action, id);
"""
_STEPS = (_INBOX, _ACCESS)  # each leads from the schema version of its place to the next
SCHEMA_VERSION = len(_STEPS)
_log = logging.getLogger("watchstack.console.store")


class StoreError(Exception):
    """The database cannot be read or written now; the message says why. Later calls try anew."""


class SchemaError(Exception):
    """The file was written by a newer console: it is left as it is and the process must not start on it."""


class Store:
    """One connection behind a lock; every commit is on the disk before it returns.

    A file that cannot be opened or written never stops the process: calls raise StoreError, `problem` says why, and
    each later call tries again. A damaged file is set aside under a name of its own and a new one is begun, also when
    it is found damaged while it is in use.
    """

    def __init__(self, folder: Path) -> None:
        """Raises SchemaError."""
        self.path = folder / FILE
        self.problem: str | None = None
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # which file that is
        with suppress(StoreError), self._lock:  # told by _failed; the next call tries again
            self._connection()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed when the block ends, rolled back when it raises. Raises StoreError."""
        with self._lock:
            connection = self._connection()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(connection)
                raise self._failed(error) from error
            except BaseException:
                self._roll_back(connection)
                raise
            self._recovered()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for queries. Raises StoreError."""
        with self._lock:
            connection = self._connection()
            try:
                yield connection
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def note(self, key: str) -> str | None:
        """A remembered text. Raises StoreError."""
        with self.read() as connection:
            row = connection.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, key: str, value: str) -> None:
        """Raises StoreError."""
        with self.write() as connection:
            connection.execute(
                "INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
            )

    def probe(self) -> None:
        """Writes a note, so that a disk that is full or has room again shows in `problem`.

        A file that was taken away or replaced is let go first: what is written to it would be lost with this process.
        """
        with self._lock:
            if self._open is not None and _identity(self.path) != self._opened:
                _log.error("%s was taken away or replaced: it is opened anew", self.path)
                self.close()
        with suppress(StoreError):  # told by _failed
            self.remember("probe", str(time.time()))

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._open = self._open_or_set_aside()
                self._opened = _identity(self.path)
            except (sqlite3.Error, OSError) as error:
                raise self._failed(error) from error
            except SchemaError as error:
                if self._opened is None:
                    raise
                raise self._failed(error) from error
        return self._open

    def _open_or_set_aside(self) -> sqlite3.Connection:
        try:
            return _connect(self.path)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            aside = self.path.with_name(f"{FILE}.damaged-{time.time_ns()}")
            for suffix in ("", "-wal", "-shm"):
                part = Path(f"{self.path}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
            _log.error("the database was damaged (%s); it lies at %s now and a new one is begun", error, aside)
            return _connect(self.path)

    def _failed(self, error: Exception) -> StoreError:
        problem = f"{self.path}: {_reason(error)}"
        if problem != self.problem:
            _log.error("the inbox cannot be kept: %s", problem)
        self.problem = problem
        if _is_damage(error):
            self.close()  # the next call sets the file aside
        return StoreError(problem)

    def _recovered(self) -> None:
        if self.problem is not None:
            _log.info("the inbox is kept again: %s", self.path)
        self.problem = None

    @staticmethod
    def _roll_back(connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file stands there, None for none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_damage(error: Exception) -> bool:
    return str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise SchemaError(
                f"{path} has schema version {version}, this console knows up to {SCHEMA_VERSION}:"
                " run the newer console, or move the file away to begin anew"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            damaged = sqlite3.DatabaseError("its pages do not fit together")
            damaged.sqlite_errorname = "SQLITE_CORRUPT"
            raise damaged
        for before, step in list(enumerate(_STEPS))[version:]:
            connection.executescript(f"BEGIN; {step} PRAGMA user_version = {before + 1}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be opened: {error.strerror or error}"
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith("SQLITE_FULL"):
        return "the disk is full"
    if name.startswith("SQLITE_READONLY"):
        return "may not be written"
    if name.startswith("SQLITE_CANTOPEN"):
        return "cannot be opened; is the folder writable?"
    return f"{error} ({name})" if name else str(error)

"""Readings of wells in PostgreSQL. The schema is made when the database first answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from watchstack import Monitoring
from watchstack.health.database import SqlalchemyDatabase

from app.core import backups, database, diagnostics

SCHEMA = Path(__file__).resolve().parent.parent / "db" / "schema.sql"
TABLES = ("wells", "telemetry")
DEFAULT = "postgresql://postgres@localhost:5432/postgres"


class Store:
    """What the platform keeps. Nothing connects before it is needed, so it starts without its database too."""

    def __init__(self, monitoring: Monitoring) -> None:
        url = os.environ.get("DATABASE_URL", DEFAULT).replace("postgresql://", "postgresql+psycopg://", 1)
        self.engine = sql.create_engine(url, pool_size=5, max_overflow=0, pool_timeout=3, pool_pre_ping=True)
        self._made = False
        database.watch_pool(self.engine)
        monitoring.health.watch_database(SqlalchemyDatabase(self.engine), tables=TABLES)

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        with database.connecting():
            connection = self.engine.connect()
        with connection:
            if not self._made:
                connection.exec_driver_sql(SCHEMA.read_text())
                self._made = True
            yield connection
            connection.commit()

    def add(self, well: str, source: str, readings: list[float]) -> None:
        rows = [{"well": well, "source": source, "pressure": one} for one in readings]
        with self._connected() as connection, database.query("insert"):
            connection.execute(sql.text("INSERT INTO wells VALUES (:well) ON CONFLICT DO NOTHING"), {"well": well})
            connection.execute(sql.text("INSERT INTO telemetry VALUES (now(), :well, :source, :pressure)"), rows)

    def analyse(self, well: str) -> dict[str, Any]:
        """Mean of a well's readings, and how many of the last hundred lie over 1.5 times of it."""
        with diagnostics.analysis(), self._connected() as connection, database.query("select"):
            found = connection.execute(
                sql.text("SELECT pressure FROM telemetry WHERE well = :well ORDER BY at DESC LIMIT 100"), {"well": well}
            )
            readings = [float(row[0]) for row in found]
        mean = sum(readings) / len(readings) if readings else 0.0
        anomalies = sum(one > 1.5 * mean for one in readings)
        diagnostics.anomalies(anomalies)
        return {"well": well, "readings": len(readings), "mean": mean, "anomalies": anomalies}

    def backup(self, path: Path) -> int:
        """Writes every reading to a file as a JSON line and returns its size in bytes."""
        with backups.run("full") as backup, self._connected() as connection, database.query("select"):
            with path.open("w", encoding="utf-8") as file:
                for row in connection.execute(sql.text("SELECT well, source, pressure FROM telemetry")):
                    file.write(json.dumps(list(row)) + "\n")
            backup.size = path.stat().st_size
        return int(backup.size)

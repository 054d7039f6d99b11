"""The platform's own routes: telemetry in, analyses, backups."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, request

from app.core import telemetry
from app.store import Store

SOURCES = ("mqtt", "http")


def routes(store: Store) -> Blueprint:
    """A blueprint over the store."""
    api = Blueprint("wells", __name__)

    @api.get("/")
    def index() -> dict[str, str]:
        return {"application": "iot"}

    @api.post("/api/telemetry")
    def ingest() -> tuple[dict[str, Any], int]:
        told = request.get_json()
        well, source, readings = told.get("well"), told.get("source"), told.get("readings")
        if not isinstance(well, str) or source not in SOURCES or not isinstance(readings, list) or not readings:
            telemetry.rejected()
            return {"error": f"well is text, source one of {', '.join(SOURCES)}, readings a list of numbers"}, 400
        good = [float(one) for one in readings if isinstance(one, int | float) and 0 <= one < 1000]
        telemetry.rejected(len(readings) - len(good))
        with telemetry.processing():
            if good:
                store.add(well[:50], source, good)
        telemetry.ingested(well[:50], source, len(good))
        return {"stored": len(good), "rejected": len(readings) - len(good)}, 201

    @api.post("/api/wells/<well>/analysis")
    def analyse(well: str) -> dict[str, Any]:
        return store.analyse(well[:50])

    @api.post("/api/backups")
    def backup() -> tuple[dict[str, Any], int]:
        path = Path(os.environ.get("BACKUP_FILE", Path(tempfile.gettempdir()) / "iot-backup.jsonl"))
        try:
            return {"bytes": store.backup(path)}, 201
        except OSError as error:
            return {"error": f"{path}: {error.strerror}"}, 500

    return api

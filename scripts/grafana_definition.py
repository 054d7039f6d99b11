"""Writes the Grafana dashboard that applications give away at /admin/monitoring/grafana: a file of the library.

    PYTHONPATH=scripts:exporter .venv/bin/python scripts/grafana_definition.py

It is the generated dashboard of the preset framework in the form that Grafana's page imports by hand: the datasource is
asked for, and uid and title are its own, so that it stands beside the one that the stack provides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "grafana" / "dashboards" / "framework.json"
TARGET = ROOT / "exporter" / "watchstack" / "admin" / "py-framework-dashboard.json"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
INPUT = "DS_PROMETHEUS"
ABOUT = "The framework's services as Watchstack's Prometheus has them: with its labels and its recording rules."


def definition(dashboard: dict[str, Any]) -> str:
    """The file's text for a generated dashboard."""
    asked: dict[str, Any] = {
        "name": INPUT,
        "label": "Prometheus",
        "type": "datasource",
        "pluginId": "prometheus",
        "pluginName": "Prometheus",
    }
    own = {
        "title": f"{dashboard['title']} (py-framework)",
        "uid": "py-framework",
        "description": ABOUT,
        "editable": True,
        "id": None,
    }
    body = {"__inputs": [asked], **_inputs(dashboard), **own}
    return json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _inputs(value: Any) -> Any:
    """With the input in place of each mention of the stack's own datasource."""
    if value == PROMETHEUS:
        return {**PROMETHEUS, "uid": f"${{{INPUT}}}"}
    if isinstance(value, dict):
        return {key: _inputs(inner) for key, inner in value.items()}
    return [_inputs(inner) for inner in value] if isinstance(value, list) else value


def written() -> str:
    """The file's text for the committed dashboard."""
    return definition(json.loads(SOURCE.read_text("utf-8")))


if __name__ == "__main__":
    TARGET.write_text(written(), "utf-8")

"""Writes the golden files anew from their sources: .venv/bin/python tests/golden/update.py, then read the diff."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import board_structure  # noqa: E402
import grafana_definition  # noqa: E402
from trees import GOLDEN, put, tree  # noqa: E402


def update() -> None:
    """Every golden folder, whole, the structures of the dashboards, and the one that the library gives away."""
    for name, (sources, placed) in GOLDEN.items():
        shutil.rmtree(HERE / name, ignore_errors=True)
        put(HERE / name, tree(sources, placed))
    board_structure.write()
    grafana_definition.TARGET.write_text(grafana_definition.written(), "utf-8")


if __name__ == "__main__":
    update()

"""Writes the golden files anew from their sources: .venv/bin/python tests/golden/update.py, then read the diff."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from trees import GOLDEN, put, tree  # noqa: E402


def update() -> None:
    """Every golden folder, whole: what is no longer generated goes."""
    for name, (sources, placed) in GOLDEN.items():
        shutil.rmtree(HERE / name, ignore_errors=True)
        put(HERE / name, tree(sources, placed))


if __name__ == "__main__":
    update()

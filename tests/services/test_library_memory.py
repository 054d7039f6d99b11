"""What the library takes of an application's memory, as benchmarks/rest.py measures it: one process has none of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT
from waiting import DEADLINE

pytestmark = pytest.mark.services


def megabytes(which: str, compiled: Path) -> float:
    """compiled: where the interpreter keeps compiled modules, as pip makes them for a library that is installed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(ROOT / "exporter"), "PYTHONPYCACHEPREFIX": str(compiled)}
    command = [sys.executable, str(ROOT / "benchmarks" / "rest.py"), "--one", "memory", which]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=3 * DEADLINE)
    return float(done.stdout)


# O-02: 5 to 10 MB
def test_the_library_takes_at_most_ten_megabytes(tmp_path: Path) -> None:
    megabytes("watched", tmp_path)
    bare, watched = megabytes("bare", tmp_path), megabytes("watched", tmp_path)
    print(f"{bare:.1f} MB bare, {watched - bare:.1f} MB more with the library")
    assert 0 < watched - bare <= 10

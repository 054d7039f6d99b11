"""The parts' programs for the tests: built or fetched before the tiers that need them, while nothing else runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stackgen.parts.table import PARTS


def needed() -> list[str]:
    """Every part that is built from its module, Grafana's server and FerretDB."""
    return [*sorted(name for name, part in PARTS.items() if part.build), "grafana-server", "ferretdb"]


def fill(root: Path) -> str:
    """Fills the cache, with progress on the output. Returns "" or what to say: tests tell which program is missing."""
    command = [sys.executable, "-m", "stackgen.parts", "build", "--foreground", *needed()]
    code = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, check=False).returncode
    return f"some programs could not be had (exit code {code}); the tests that need them say so" if code else ""

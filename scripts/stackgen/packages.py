"""Packages that only some commands need: which of them .venv lacks, and putting them there.

What the command line itself needs, the launcher installs.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

EXAMPLES = ("requirements-monitoring.txt", "examples/requirements.txt")  # files of the checkout
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==(?P<version>\S+)")


class PackagesError(Exception):
    """They could not be installed; the message says what to look at."""


def pinned(*files: Path) -> list[str]:
    """The lines `name==version` of requirements files. Raises OSError."""
    lines = (line.strip() for file in files for line in file.read_text("utf-8").splitlines())
    return sorted({line for line in lines if _PIN.fullmatch(line)})


def missing(requirements: Iterable[str]) -> list[str]:
    """Those lines whose package is not installed at just that version."""
    return [line for line in requirements if (match := _PIN.fullmatch(line)) and not _installed(match)]


def _installed(pin: re.Match[str]) -> bool:
    try:
        return importlib.metadata.version(pin["name"]) == pin["version"]
    except importlib.metadata.PackageNotFoundError:
        return False


def install(root: Path, requirements: Iterable[str]) -> None:
    """Into the running interpreter's environment, held to constraints.txt. Raises PackagesError."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "-c", str(root / "constraints.txt"), *requirements]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise PackagesError(f"could not install {', '.join(requirements)}: {last[0]}; is the package index reachable?")

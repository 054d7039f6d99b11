"""The tiers of `./stack test`, in order: what runs, what it needs, and the running of one. No installing here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tier:
    """command: arguments behind the interpreter; real: it needs the parts' programs in the cache."""

    name: str
    command: tuple[str, ...]
    real: bool = True

    def present(self, root: Path) -> bool:
        """Whether the folders that the tier names are there."""
        return all((root / argument).exists() for argument in self.command if argument.startswith("tests/"))


@dataclass(frozen=True)
class Outcome:
    """seconds: wall clock; code: exit code of the tier's process."""

    tier: Tier
    code: int
    seconds: float


def _pytest(*arguments: str) -> tuple[str, ...]:
    return ("-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments)


TIERS = (
    Tier("format", ("-m", "ruff", "format", "--check", "--quiet", "."), real=False),
    Tier("lint", ("-m", "ruff", "check", "--quiet", "."), real=False),
    Tier("types", ("-m", "mypy"), real=False),
    Tier("unit", _pytest("-n", "2", "tests/unit", "tests/golden"), real=False),
    Tier("tools", _pytest("-n", "2", "tests/tools")),
    Tier("services", _pytest("tests/services")),
    Tier("native", _pytest("tests/native")),
    Tier("grafana", _pytest("tests/grafana")),
    Tier("compose", _pytest("tests/compose")),
    Tier("browser", _pytest("tests/browser")),
)


def run(tier: Tier, root: Path, extra: tuple[str, ...] = ()) -> Outcome:
    """Runs one tier with its output passed through."""
    started = time.monotonic()
    arguments = (*tier.command, *extra) if "pytest" in tier.command else tier.command
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    code = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
    return Outcome(tier, code, time.monotonic() - started)

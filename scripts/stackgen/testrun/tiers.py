"""The tiers of `./stack test`, in order: what runs, what it needs, and the running of one. No installing here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

COUNTS = "STACK_TEST_COUNTS"  # names the file where a tier's pytest writes its counts (tests/conftest.py)


@dataclass(frozen=True)
class Tier:
    """command: arguments behind the interpreter. lane: 0 runs by itself; the other lanes run side by side, their tiers
    mostly wait. A tier with a lane needs the parts' programs in the cache, and so does `tools`.
    """

    name: str
    command: tuple[str, ...]
    lane: int = 0
    real: bool = True

    def present(self, root: Path) -> bool:
        """Whether the folders that the tier names are there."""
        return all((root / argument).exists() for argument in self.command if argument.startswith("tests/"))


@dataclass(frozen=True)
class Outcome:
    """seconds: wall clock; code: exit code of the tier's process. counts: tests by how they ended, {} for no tests."""

    tier: Tier
    code: int
    seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """How it ended: a tier whose tests were all skipped has not passed."""
        if self.code:
            return f"FAILED ({self.code})"
        passed, skipped = self.counts.get("passed", 0), self.counts.get("skipped", 0)
        if skipped and not passed:
            return f"SKIPPED, all {skipped}"
        told = f"passed, {passed}" if passed else "passed"
        return f"{told}, {skipped} SKIPPED" if skipped else told


def _pytest(*arguments: str) -> tuple[str, ...]:
    return ("-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments)


FAULTS = "tests/native/test_native_faults.py"
EDITS = ("tests/native/test_apply_faults.py", "tests/native/test_apply_reported.py", "tests/native/test_drill.py")
TIERS = (
    Tier("format", ("-m", "ruff", "format", "--check", "--quiet", "."), real=False),
    Tier("lint", ("-m", "ruff", "check", "--quiet", "."), real=False),
    Tier("types", ("-m", "mypy"), real=False),
    Tier("unit", _pytest("-n", "2", "tests/unit", "tests/golden"), real=False),
    Tier("security", _pytest("-n", "2", "tests/security"), real=False),
    Tier("tools", _pytest("-n", "2", "tests/tools")),
    Tier("native", _pytest(*(f"--ignore={path}" for path in (FAULTS, *EDITS)), "tests/native"), lane=1),
    Tier("compose", _pytest("tests/compose"), lane=2),
    Tier("edits", _pytest(*EDITS), lane=1),
    Tier("faults", _pytest(FAULTS), lane=3),
    Tier("grafana", _pytest("tests/grafana"), lane=3),
    Tier("services", _pytest("tests/services"), lane=2),
    Tier("examples", _pytest("tests/examples"), lane=3),
    Tier("browser", _pytest("tests/browser"), lane=3),
)


def run(tier: Tier, root: Path, extra: tuple[str, ...] = ()) -> Outcome:
    """Runs one tier; what it prints is passed through at once, or in one piece at its end when it has a lane."""
    started = time.monotonic()
    arguments = (*tier.command, *extra) if "pytest" in tier.command else tier.command
    with tempfile.TemporaryFile() as kept, tempfile.NamedTemporaryFile("r") as counted:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", COUNTS: counted.name}
        output = kept if tier.lane else None
        code = subprocess.run(
            [sys.executable, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
        kept.seek(0)
        sys.stdout.write(kept.read().decode(errors="replace"))
        sys.stdout.flush()
        counts = json.loads(counted.read() or "{}")
    return Outcome(tier, code, time.monotonic() - started, counts)


def run_lanes(tiers: Iterable[Tier], one: Callable[[Tier], Outcome]) -> list[Outcome]:
    """Runs each lane's tiers in order, the lanes side by side."""
    lanes: dict[int, list[Tier]] = {}
    for tier in tiers:
        lanes.setdefault(tier.lane, []).append(tier)
    with ThreadPoolExecutor(max_workers=max(len(lanes), 1)) as pool:
        return [
            outcome for lane in pool.map(lambda lane: [one(tier) for tier in lane], lanes.values()) for outcome in lane
        ]

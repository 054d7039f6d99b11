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
TESTS_FAILED = 1  # pytest's exit code for that; others are a broken run
AGAIN = 3  # more failures than these are no accident


@dataclass(frozen=True)
class Tier:
    """command: arguments behind the interpreter. lane: 0 runs by itself, before all others and without the parts'
    programs; lanes of a stage run side by side, their tiers mostly wait. The first stage ends before the second begins.
    """

    name: str
    command: tuple[str, ...]
    lane: int = 0
    stage: int = 1

    @property
    def real(self) -> bool:
        """Whether it starts the parts' programs."""
        return bool(self.lane)

    def present(self, root: Path) -> bool:
        """Whether the folders that the tier names are there."""
        return all((root / argument).exists() for argument in self.command if argument.startswith("tests/"))


@dataclass(frozen=True)
class Outcome:
    """seconds: wall clock; code: exit code of the tier's process. counts: tests by how they ended, {} for no tests.
    unsteady: tests that failed, and passed at their second run (decision 0011).
    """

    tier: Tier
    code: int
    seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)
    unsteady: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """How it ended: a tier whose tests were all skipped has not passed."""
        if self.code:
            return f"FAILED ({self.code})"
        passed, skipped = self.counts.get("passed", 0), self.counts.get("skipped", 0)
        if skipped and not passed:
            return f"SKIPPED, all {skipped}"
        told = f"passed, {passed}" if passed else "passed"
        told += f", {skipped} SKIPPED" if skipped else ""
        return f"{told}, {len(self.unsteady)} UNSTEADY" if self.unsteady else told


def _pytest(*arguments: str) -> tuple[str, ...]:
    return ("-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments)


FAULTS = "tests/native/test_native_faults.py"
EDITS = ("tests/native/test_apply_faults.py", "tests/native/test_apply_reported.py", "tests/native/test_drill.py")
# Chromium lets go of what it loads when interfaces come and go, as those of containers do: its stage ends before.
TIERS = (
    Tier("format", ("-m", "ruff", "format", "--check", "--quiet", ".")),
    Tier("lint", ("-m", "ruff", "check", "--quiet", ".")),
    Tier("types", ("-m", "mypy")),
    Tier("unit", _pytest("-n", "2", "tests/unit", "tests/golden")),
    Tier("security", _pytest("-n", "2", "tests/security")),
    Tier("tools", _pytest("-n", "2", "tests/tools"), lane=1),
    Tier("grafana", _pytest("tests/grafana"), lane=2),
    Tier("floors", _pytest("tests/floors"), lane=2),
    Tier("browser", _pytest("tests/browser"), lane=3),
    Tier("native", _pytest(*(f"--ignore={path}" for path in (FAULTS, *EDITS)), "tests/native"), lane=1, stage=2),
    Tier("services", _pytest("tests/services"), lane=1, stage=2),
    Tier("compose", _pytest("tests/compose"), lane=2, stage=2),
    Tier("examples", _pytest("tests/examples"), lane=2, stage=2),
    Tier("faults", _pytest(FAULTS), lane=3, stage=2),
    Tier("edits", _pytest(*EDITS), lane=3, stage=2),
)


def run(tier: Tier, root: Path, extra: tuple[str, ...] = ()) -> Outcome:
    """Runs one tier; what it prints is passed through at once, or in one piece at its end when it has a lane.

    Up to AGAIN failed tests get a second run by themselves, on programs started anew (decision 0011).
    """
    started = time.monotonic()
    arguments = (*tier.command, *extra) if "pytest" in tier.command else tier.command
    code, counts, failed = _process(arguments, root, tier.real)
    unsteady: tuple[str, ...] = ()
    if code == TESTS_FAILED and 0 < len(failed) <= AGAIN:
        options = (word for word in arguments if not word.startswith("tests/"))
        again, second, _ = _process((*options, *failed), root, tier.real)
        if not again and second.get("passed") == len(failed):
            code, unsteady = 0, tuple(failed)
            counts = counts | {"passed": counts.get("passed", 0) + len(failed)}
    return Outcome(tier, code, time.monotonic() - started, counts, unsteady)


def _process(arguments: Iterable[str], root: Path, kept_back: bool) -> tuple[int, dict[str, int], list[str]]:
    """Exit code, tests by how they ended, and those that failed by their node ids.

    Each pytest has a folder of its own for its tests' files: those that share one tidy up after each other when they
    end, and fail when two do so at once.
    """
    given = list(arguments)
    with (
        tempfile.TemporaryFile() as kept,
        tempfile.NamedTemporaryFile("r") as counted,
        tempfile.TemporaryDirectory(prefix="watchstack-", ignore_cleanup_errors=True) as folder,
    ):
        if "pytest" in given:
            given.insert(given.index("pytest") + 1, f"--basetemp={folder}/t")  # another one behind it counts instead
        output = kept if kept_back else None
        code = subprocess.run(
            [sys.executable, *given],
            cwd=root,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", COUNTS: counted.name},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
        kept.seek(0)
        sys.stdout.write(kept.read().decode(errors="replace"))
        sys.stdout.flush()
        told = json.loads(counted.read() or "{}")
    return code, told.get("counts", {}), told.get("failed", [])


def run_lanes(tiers: Iterable[Tier], one: Callable[[Tier], Outcome]) -> list[Outcome]:
    """Runs the stages one after the other: each lane's tiers in order, a stage's lanes side by side."""
    stages: dict[int, dict[int, list[Tier]]] = {}
    for tier in tiers:
        stages.setdefault(tier.stage, {}).setdefault(tier.lane, []).append(tier)
    outcomes: list[Outcome] = []
    for _, lanes in sorted(stages.items()):
        with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            done = pool.map(lambda lane: [one(tier) for tier in lane], lanes.values())
            outcomes += [outcome for lane in done for outcome in lane]
    return outcomes

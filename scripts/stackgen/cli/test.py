"""`./stack test`: the whole proof in order. What a tier is and what gets installed lives in `stackgen.testrun`."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import click

from stackgen.testrun import system
from stackgen.testrun.tiers import TIERS, Outcome, run

FAILED = 1
TOOL_MISSING = 4


def _say(text: str) -> None:
    click.echo(f"test: {text}", err=True)


@click.command("test")
@click.option("--install", is_flag=True, help="Install what is missing on this Debian machine (root).")
@click.option("--quick", is_flag=True, help="Stop before the real programs.")
@click.option("--tier", "names", multiple=True, type=click.Choice([tier.name for tier in TIERS]), help="Only these.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(install: bool, quick: bool, names: tuple[str, ...], pytest_arguments: tuple[str, ...]) -> None:
    """Run every test: lint, unit, real programs, native stack, Compose stack, Grafana, browser."""
    root = Path(os.environ["STACK_ROOT"])
    _test_packages(root)
    if install:
        try:
            system.install(_say)
        except system.InstallError as error:
            _say(str(error))
            sys.exit(TOOL_MISSING)
    tiers = [tier for tier in TIERS if tier.present(root) and (not names or tier.name in names)]
    tiers = [tier for tier in tiers if not (quick and tier.real)]
    builds = _start_builds(root) if any(tier.real for tier in tiers) else None
    outcomes: list[Outcome] = []
    try:
        for tier in tiers:
            if tier.real and builds is not None:
                _finish_builds(builds)
                builds = None
            _say(tier.name)
            outcomes.append(run(tier, root, pytest_arguments))
    finally:
        if builds is not None:
            builds.terminate()
            builds.wait()
    _report(outcomes)
    sys.exit(FAILED if any(outcome.code for outcome in outcomes) else 0)


def _test_packages(root: Path) -> None:
    """Puts the `test` extra into .venv once for each state of the two project files."""
    stamp_file = Path(sys.prefix) / ".test-stamp"
    pinned = ("pyproject.toml", "exporter/pyproject.toml", "constraints.txt")
    stamp = hashlib.sha256(b"".join((root / name).read_bytes() for name in pinned)).hexdigest()
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return
    _say("installing the test packages into .venv")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    code = subprocess.run(
        [*pip, "-c", str(root / "constraints.txt"), "-e", f"{root}[test]"], stdin=subprocess.DEVNULL, check=False
    ).returncode
    if code:
        _say("could not install the test packages; is the package index reachable?")
        sys.exit(TOOL_MISSING)
    stamp_file.write_text(stamp)


def _start_builds(root: Path) -> subprocess.Popen[bytes]:
    """Builds or fetches in the background what the cache lacks, while the quick tiers run."""
    return subprocess.Popen(
        [sys.executable, "-m", "stackgen.parts", "build", "--for-tests"], cwd=root, stdin=subprocess.DEVNULL
    )


def _finish_builds(builds: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    if builds.poll() is None:
        _say("waiting for the parts' programs")
    code = builds.wait()
    _say(
        f"programs ready after {time.monotonic() - started:.0f} s of waiting" if not code else "some parts are missing"
    )


def _report(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        word = "passed" if outcome.code == 0 else f"FAILED ({outcome.code})"
        _say(f"{outcome.tier.name:<10} {word:<12} {outcome.seconds:6.0f} s")
    total = sum(outcome.seconds for outcome in outcomes)
    _say(f"{'in all':<10} {'':<12} {total:6.0f} s")

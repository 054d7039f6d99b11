"""`./stack test`: the whole proof in order. What a tier is and what gets installed lives in `stackgen.testrun`."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from stackgen import packages
from stackgen.testrun import builds, system
from stackgen.testrun.tiers import TIERS, Outcome, Tier, run, run_lanes

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
    began = time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, tests send it
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
    outcomes = [_announced(tier, root, pytest_arguments) for tier in tiers if not tier.real]
    if any(tier.real for tier in tiers):
        _say("building or fetching the programs that the cache lacks")
        _say(builds.fill(root) or "the programs are there")
        outcomes += run_lanes(
            (tier for tier in tiers if tier.real), lambda tier: _announced(tier, root, pytest_arguments)
        )
    _report(outcomes)
    _say(f"{time.monotonic() - began:.0f} s in all")
    sys.exit(FAILED if any(outcome.code for outcome in outcomes) else 0)


def _test_packages(root: Path) -> None:
    """Puts the `test` extra into .venv once for each state of the two project files."""
    stamp_file = Path(sys.prefix) / ".test-stamp"
    pinned = ("pyproject.toml", "exporter/pyproject.toml", "constraints.txt")
    stamp = hashlib.sha256(b"".join((root / name).read_bytes() for name in pinned)).hexdigest()
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return
    _say("installing the test packages into .venv")
    lister = [sys.executable, str(root / "scripts" / "requirements.py"), "test"]
    wanted = subprocess.run(lister, check=True, capture_output=True, text=True).stdout.split()
    try:
        packages.install(root, wanted)
    except packages.PackagesError as error:
        _say(str(error))
        sys.exit(TOOL_MISSING)
    stamp_file.write_text(stamp)


def _announced(tier: Tier, root: Path, pytest_arguments: tuple[str, ...]) -> Outcome:
    _say(f"{tier.name} begins")
    outcome = run(tier, root, pytest_arguments)
    _say(f"{tier.name}: {outcome.word} after {outcome.seconds:.0f} s")
    return outcome


def _report(outcomes: list[Outcome]) -> None:
    width = max(len(outcome.word) for outcome in outcomes) if outcomes else 0
    for outcome in outcomes:
        _say(f"{outcome.tier.name:<10} {outcome.word:<{width}} {outcome.seconds:6.0f} s")
    for name in (name for outcome in outcomes for name in outcome.unsteady):
        _say(f"UNSTEADY, failed once and passed when run again: {name}; its first output is above, mend it")

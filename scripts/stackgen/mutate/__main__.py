"""`python -m stackgen.mutate [FILE…]`: the figure and the survivors, with the place of each rule."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from stackgen.diagnostic import SourceError
from stackgen.load import load
from stackgen.mutate.run import MutationError, Outcome, mutate
from stackgen.parts.errors import PartError
from stackgen.parts.resolve import pinned_program

FINE, FINDINGS, NO_TOOL = 0, 1, 4


@click.command()
@click.argument("files", nargs=-1)
@click.option("--every", type=click.IntRange(1), default=1, help="Take one of each so many mutants.")
@click.option("--least", type=click.FloatRange(0, 100), default=95, show_default=True, help="Percent to be noticed.")
def main(files: tuple[str, ...], every: int, least: float) -> None:
    """Damage every rule a little, in every way, and count how often its tests notice. FILES: rules/host.yml …"""
    root = Path(os.environ.get("STACK_ROOT", "."))
    began = time.monotonic()
    try:
        outcome = mutate(load(root)[0], pinned_program("promtool"), only=files, every=every)
    except SourceError as error:
        click.echo(f"the sources have errors ({len(error.diagnostics)} findings): ./stack check", err=True)
        sys.exit(FINDINGS)
    except (MutationError, PartError) as error:
        click.echo(str(error), err=True)
        sys.exit(FINDINGS if isinstance(error, MutationError) else NO_TOOL)
    for line in told(outcome):
        click.echo(line)
    click.echo(f"{time.monotonic() - began:.0f} s")
    sys.exit(FINE if 100 * outcome.share >= least else FINDINGS)


def told(outcome: Outcome) -> list[str]:
    """The survivors, then the figure by kind and in all."""
    lines = []
    for verdict in outcome.survivors:
        where = verdict.subject.where
        why = "" if verdict.subject.tests else " (it has no tests)"
        lines.append(f"{where.file}:{where.line} {verdict.subject.name}: nobody notices {verdict.mutant.words}{why}")
    for kind in dict.fromkeys(verdict.mutant.kind for verdict in outcome.verdicts):
        of = [verdict for verdict in outcome.verdicts if verdict.mutant.kind == kind]
        lines.append(f"{kind:<10} {sum(one.killed for one in of):>5} of {len(of):>5} noticed")
    lines.append(
        f"{'in all':<10} {outcome.killed:>5} of {len(outcome.verdicts):>5} noticed: {100 * outcome.share:.1f} %"
    )
    return lines


if __name__ == "__main__":
    main()

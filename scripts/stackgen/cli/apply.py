"""`./stack apply`: makes the running stack read what the sources say now, asks it whether it has, and takes the change
back when it has not. Also an earlier version in their place (`--rollback`), and the list of versions (`--history`).

How it is carried out, and undone, lives in `applying`.
"""

from __future__ import annotations

import sys

import click

from stackgen import history as versions
from stackgen.cli import codes
from stackgen.cli.applying import Applying
from stackgen.cli.output import Output, since
from stackgen.cli.session import Session
from stackgen.engines.base import EngineError

LIVE_WITHIN = 60.0  # seconds until the new configuration must be live, unless the user says otherwise
PREVIOUS = 0  # `--rollback` without a number


@click.command()
@click.option("--json", "json_", is_flag=True, help="The outcome as JSON.")
@click.option(
    "--within",
    type=click.FloatRange(1),
    default=LIVE_WITHIN,
    show_default=True,
    help="Seconds until the running parts must have the new configuration.",
)
@click.option(
    "--rollback",
    type=click.IntRange(0),
    is_flag=False,
    flag_value=PREVIOUS,
    metavar="[N]",
    help="First put the sources of version N back, of the one before the last without N.",
)
@click.option("--history", "history_", is_flag=True, help="List the versions that were applied; change nothing.")
@click.pass_obj
def apply(session: Session, json_: bool, within: float, rollback: int | None, history_: bool) -> None:
    """Check, generate, reload the running stack, and read back that exactly this configuration is live."""
    output = Output(json_=json_)
    if history_:
        session.recover(output)
        _list(versions.History(session.state).entries(), output)
        return
    with session.alone("apply", output):
        entry = _chosen(session, rollback) if rollback is not None else None
        outcome = Applying(session, output, within, entry).run()
    if json_:
        output.document(outcome)
    sys.exit(codes.FINE if outcome["applied"] else codes.FINDINGS)


def _chosen(session: Session, number: int) -> versions.Entry:
    """The version to go back to. Raises EngineError when there is none."""
    entries = versions.History(session.state).entries()
    if number:
        found = next((entry for entry in entries if entry.number == number), None)
        if found is None:
            known = (
                f"there are {entries[-1].number} to {entries[0].number}" if entries else "no version was applied yet"
            )
            raise EngineError(
                f"there is no version {number} in the history: {known}", "./stack apply --history lists them"
            )
        return found
    applied = [entry for entry in entries if entry.what == versions.APPLIED]
    earlier = next((entry for entry in applied[1:] if entry.sources != applied[0].sources), None)
    if earlier is None:
        raise EngineError("no earlier version was applied yet", "./stack apply --history lists the versions there are")
    return earlier


def _list(entries: list[versions.Entry], output: Output) -> None:
    applied = next((entry.number for entry in entries if entry.what == versions.APPLIED), 0)
    if output.json:
        keys = ("number", "at", "who", "what", "by", "engine", "digest")
        output.document([{key: getattr(entry, key) for key in keys} for entry in entries])
        return
    if not entries:
        output.say("no version was applied yet")
        return
    output.say(f"{'N':>4}  {'when':<16}  {'who':<12}  {'digest':<12}  what")
    for entry in entries:
        last = ", the last one" if entry.number == applied else ""
        digest = entry.digest[:12] or "-"
        output.say(
            f"{entry.number:>4}  {since(entry.at):<16}  {entry.who:<12}  {digest:<12}  {entry.what} ({entry.by}){last}"
        )

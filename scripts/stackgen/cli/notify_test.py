"""`./stack notify-test`: a marked notification through the running Alertmanager, and whether the receiver took it."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict

import click
from watchstack import init

from stackgen.cli import codes
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.engines.base import EngineError
from stackgen.model.problems import nearest
from stackgen.model.stack import INBOX
from stackgen.routing.trial import TrialError, Trials

LINES = 500  # of Alertmanager's log that are searched for a reason


@click.command("notify-test")
@click.argument("receivers", nargs=-1, metavar="[RECEIVER]...")
@click.option("--all", "all_", is_flag=True, help="Every receiver of stack.yml, and the inbox.")
@click.option("--json", "json_", is_flag=True, help="The outcome as JSON.")
@click.pass_obj
def notify_test(session: Session, receivers: tuple[str, ...], all_: bool, json_: bool) -> None:
    """Send a test notification to a receiver and tell whether it was accepted. Exit code 1 when one was not."""
    output = Output(json_=json_)
    session.recover(output)
    model = session.model()
    known = [INBOX, *(name for name in model.stack.receivers if name != INBOX)]
    if all_ == bool(receivers):
        raise click.UsageError(
            f"name a receiver, or write --all; {INBOX} is one, and {', '.join(known[1:]) or 'no other'}"
        )
    for name in receivers:
        if name not in known:
            raise click.UsageError(f"stack.yml has no receiver '{name}'; {nearest(name, known)}")
    trials = _trials(session, model.stack.environment)
    outcomes = []
    for name in known if all_ else receivers:
        if not json_:
            output.say(f"{name}: a test notification is on its way …")
        try:
            outcome = trials.run(name)
        except TrialError as error:
            raise EngineError(str(error), "./stack status shows what runs") from error
        outcomes.append(outcome)
        if not json_:
            style = "green" if outcome.accepted else "red"
            output.say(f"{name}: {outcome.words} ({outcome.seconds:.1f} s)", style)
    if json_:
        output.document([asdict(outcome) for outcome in outcomes])
    sys.exit(codes.FINE if all(outcome.accepted for outcome in outcomes) else codes.FINDINGS)


def _trials(session: Session, environment: str) -> Trials:
    """Over the stack that runs. Raises EngineError when none does."""
    name = session.current()
    engine = session.engine(name, session.model()) if name and session.runs(name) else None
    if engine is None:
        raise EngineError("the stack does not run, so that nothing can be sent", "./stack up starts it")
    addresses = {part.part: part.address for part in engine.status()}
    urls = [addresses.get(part, "") for part in ("alertmanager", "console")]
    if not all(urls):
        raise EngineError("Alertmanager or the console has no address", "./stack status shows what runs")
    alertmanager, console = (url if "://" in url else f"http://{url}" for url in urls)

    def log() -> list[str]:
        return list(engine.logs("alertmanager", follow=False, tail=LINES))

    password = ""
    with contextlib.suppress(OSError):  # the console then says that it lets nobody in
        password = (session.root / "secrets" / init.CONSOLE_VIEWER).read_text("utf-8").strip()
    return Trials(alertmanager, console, environment, log, password)

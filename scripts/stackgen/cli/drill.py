"""`./stack drill`: every alert through a throw-away Prometheus and Alertmanager. How that is done lives in `drill`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.status import Status

from stackgen.cli import codes
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.drill import Drill, Programs, State, report
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render

TELL_EVERY = 5.0  # seconds between two lines of progress without a terminal


@click.command()
@click.argument("alerts", nargs=-1, metavar="[ALERT]...")
@click.option("--json", "json_", is_flag=True, help="The outcome as JSON.")
@click.option(
    "--write",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the table as a Markdown page too; docs/drill.md is one of the whole catalogue.",
)
@click.pass_obj
def drill(session: Session, alerts: tuple[str, ...], json_: bool, page: Path | None) -> None:
    """Prove that alerts reach their receivers: all, or those named.

    Real series go into a throw-away Prometheus and Alertmanager with the rules, routes and texts of this checkout,
    sixty times faster than life. The running stack is not touched, nobody is notified.
    """
    if page is not None and not page.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {page.parent} to write {page.name} into")
    output = Output(json_=json_)
    session.recover(output)
    model = session.load(output)
    off = [name for name, override in model.stack.overrides.items() if name in alerts and override.disabled]
    if off:
        raise click.UsageError(f"overrides in stack.yml switch {', '.join(off)} off")
    files = render(model, COMPOSE)
    templates = session.root / "alertmanager" / "templates"
    with _Progress(output) as progress:
        one = Drill(model, files, templates, Programs.find(), alerts, progress)
        if unknown := one.unknown():
            raise click.UsageError(f"no alert is called {', '.join(unknown)}")
        result = one.run()
    if page is not None:
        page.write_text(report.page(result))
    if json_:
        output.document(report.as_data(result))
    else:
        for line in report.lines(result):
            output.say(line, report.colour(line))
    missed = alerts and any(outcome.state is State.NOT_DRILLED for outcome in result.outcomes)
    sys.exit(codes.FINDINGS if result.failed or missed else codes.FINE)


class _Progress:
    """A line that changes on a terminal; elsewhere a new one now and then. It begins with the first word."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._status: Status | None = None
        self._last = 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, text: str) -> None:
        console = self._output.console
        if console.is_terminal:
            if self._status is None:
                self._status = console.status(text)
                self._status.start()
            self._status.update(text)
        elif time.monotonic() - self._last >= TELL_EVERY:
            self._last = time.monotonic()
            self._output.say(text)

"""`./stack status` and `logs`: what runs and what it says."""

from __future__ import annotations

import sys

import click

from stackgen.cli import codes
from stackgen.cli.output import Output, as_data, plain, table
from stackgen.cli.session import Session
from stackgen.cli.told import example_token, notes
from stackgen.engines.base import EngineError, State


@click.command()
@click.option("--json", "json_", is_flag=True, help="The table as JSON.")
@click.pass_obj
def status(session: Session, json_: bool) -> None:
    """Show every part: version, state, address, since when. Exit code 1 unless all are healthy."""
    output = Output(json_=json_)
    session.recover(output)
    name = session.current()
    model = session.model()
    parts = session.engine(name, model).status() if name else []
    unread = ["stack.yml or rules/ have errors: ./stack check tells them; what runs goes on with what it has"]
    said = notes(model, session.root, name) if model.digest else unread
    healthy = bool(parts) and all(part.state is State.HEALTHY for part in parts)
    if json_:
        output.document({"engine": name, "healthy": healthy, "parts": as_data(parts), "notes": said})
    elif not parts:
        output.say("the stack does not run; ./stack up starts it")
    elif output.console.is_terminal:
        output.console.print(table(parts, output.console.width))
    else:
        click.echo(plain(parts))
    if parts and not json_:
        output.say(f"engine: {name}")
        if where := example_token(parts):
            output.say(where)
        for note in said:
            output.say(note)
    sys.exit(codes.FINE if healthy else codes.FINDINGS)


@click.command()
@click.argument("part")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("--tail", type=click.IntRange(0), default=100, show_default=True, help="Lines from the end.")
@click.pass_obj
def logs(session: Session, part: str, follow: bool, tail: int) -> None:
    """Show a part's log."""
    session.recover(Output())
    name = session.current()
    if not name:
        raise EngineError("the stack has not run here yet", "./stack up starts it")
    try:
        for line in session.engine(name, session.model()).logs(part, follow=follow, tail=tail):
            click.echo(line)
    except KeyboardInterrupt:
        sys.exit(codes.FINE if follow else codes.INTERRUPTED)

"""`./stack down` and `destroy`."""

from __future__ import annotations

import click

from stackgen.cli.output import Output
from stackgen.cli.session import Session


@click.command()
@click.pass_obj
def down(session: Session) -> None:
    """End every part. The data stays."""
    output = Output()
    with session.alone("down", output):
        _end(session, output)


def _end(session: Session, output: Output) -> None:
    name = session.current()
    if not name:
        output.say("nothing runs")
        return
    engine = session.engine(name, session.model(), output)
    ran = engine.running()
    with output.progress() as progress:
        engine.watch = progress
        engine.down()
    output.say(f"every part has ended ({name}); the data stays" if ran else f"nothing runs ({name}); the data stays")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def destroy(session: Session, yes: bool) -> None:
    """End every part and remove its data: metrics, logs, silences, the inbox. secrets/ stays."""
    output = Output()
    with session.alone("destroy", output):
        name = session.current()
        if not name:
            output.say("nothing to remove")
            return
        if not yes:
            click.confirm(
                f"remove all data of the {name} engine (metrics, logs, silences, inbox)? It cannot be brought back.",
                abort=True,
            )
        session.engine(name, session.model(), output).destroy()
        (session.state / "engine").unlink(missing_ok=True)
    output.say(f"the data of the {name} engine is removed; secrets/ stays")

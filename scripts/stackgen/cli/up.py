"""`./stack up`: from a clone to a running stack, and from a running stack to what the sources say now."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import click
from watchstack import init

from stackgen import packages, write
from stackgen.cli import codes, told
from stackgen.cli.applying import remember_version
from stackgen.cli.output import Output, as_data
from stackgen.cli.running import running
from stackgen.cli.session import Session
from stackgen.engines import choose, native_examples
from stackgen.engines.base import EngineError, PartStatus, State
from stackgen.engines.docker_placement import COMPOSE
from stackgen.parts.table import PARTS
from stackgen.render import render

SHOWN = {"native": "plain processes under .stack/", "docker": "containers through Compose"}


@click.command()
@click.option("--engine", type=click.Choice(choose.ENGINES), help="Instead of choosing: docker or native.")
@click.option("--wait", is_flag=True, help="Return when every part is healthy, logs too.")
@click.option("--examples", is_flag=True, help="With the five examples, driven gently; without it they end.")
@click.option("--json", "json_", is_flag=True, help="The outcome as JSON.")
@click.pass_obj
def up(session: Session, engine: str | None, wait: bool, examples: bool, json_: bool) -> None:
    """Start the stack; on a running one, make it what the sources say. The data is kept."""
    output = Output(json_=json_)
    with session.alone("up", output):
        model = session.load(output)
        choice = choose.choose(session.state, session.environment, engine, session.runs, choose.docker_probe)
        output.say(f"engine: {choice.engine} ({SHOWN[choice.engine]}), because {choice.reason}")
        if choice.note:
            output.say(f"note: {choice.note}", "yellow")
        chosen = session.engine(choice.engine, model, output)
        first = not (session.root / "secrets" / init.CONSOLE_ADMIN).exists()
        if choice.engine == "docker":  # Compose mounts the committed tree
            write.write(session.root, render(model, COMPOSE))
        try:
            # Natively a failure leaves what runs as it was; containers that were begun stay.
            with native_examples.as_before(session.state) if choice.engine == "native" else nullcontext():
                _examples(session, output, choice.engine, examples)
                with output.progress() as progress:
                    chosen.watch = progress
                    chosen.up(wait=wait)
        except KeyboardInterrupt:
            output.errors.print("interrupted; what this command had started is stopped")
            sys.exit(codes.INTERRUPTED)
        finally:
            if session.runs(choice.engine):
                choose.remember(session.state, choice.engine)
        parts = chosen.status()
        if all(part.state is State.HEALTHY for part in parts if _awaited(part)):
            remember_version(session, output, running(session.root, model, chosen), "up")
    bad = [part for part in parts if part.state in (State.FAILED, State.UNHEALTHY)]
    bad += [part for part in parts if part.state is State.STARTING and (wait or _awaited(part))]
    if json_:
        output.document(
            {
                "engine": choice.engine,
                "reason": choice.reason,
                "parts": as_data(parts),
                "notes": told.notes(model, session.root, choice.engine),
            }
        )
    else:
        _tell(output, choice.engine, parts)
        if first and sys.stdout.isatty():  # what is not a terminal may be a log file
            output.say(told.first_password(session.root), "bold")
        for note in told.notes(model, session.root, choice.engine):
            output.say(note, "yellow")
    for part in bad:
        hint = f"./stack logs {part.part} tells more; ./stack up tries again"
        output.error(f"{part.part} is {part.state}: {part.detail}", hint)
    sys.exit(codes.TOOL if bad else codes.FINE)


def _examples(session: Session, output: Output, engine: str, wanted: bool) -> None:
    """Remembers whether they belong to the stack, with their packages. Raises EngineError where they cannot."""
    if not wanted:
        native_examples.leave(session.state)
        return
    if engine == "native":  # with Docker their image has their packages
        _install(session, output)
    native_examples.want(session.state, session.environment)


def _install(session: Session, output: Output) -> None:
    """What the examples need, into .venv. Raises EngineError."""
    lacking = packages.missing(packages.pinned(*(session.root / name for name in packages.EXAMPLES)))
    if not lacking:
        return
    output.say(f"installing what the examples need into .venv: {', '.join(lacking)}")
    try:
        packages.install(session.root, lacking)
    except packages.PackagesError as error:
        raise EngineError(str(error), "./stack up starts the stack without the examples") from error


def _awaited(part: PartStatus) -> bool:
    return part.part in PARTS and PARTS[part.part].essential


def _tell(output: Output, engine: str, parts: list[PartStatus]) -> None:
    output.say()
    for title, address in told.addresses(parts):
        state = next(part.state for part in parts if part.address == address)
        output.say(f"  {title:<34} {address}" + ("" if state is State.HEALTHY else f"  ({state})"))
    output.say()
    waiting = [f"{part.part} ({part.detail or 'soon'})" for part in parts if part.state is State.WAITING]
    if waiting:
        output.say(f"joining by themselves when they are built: {'; '.join(waiting)}; ./stack status shows how far")
    output.say(told.passwords(engine))
    if where := told.example_token(parts):
        output.say(where)

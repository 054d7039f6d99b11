"""`./stack check`, `render` and `diff`: from the sources to the committed files. What runs is not touched here."""

from __future__ import annotations

import json
import sys

import click

from stackgen import report, write
from stackgen.checks.promtool import judge
from stackgen.cli import codes
from stackgen.cli.affected import affected
from stackgen.cli.live import look
from stackgen.cli.output import Output
from stackgen.cli.running import on_disk, running
from stackgen.cli.session import Session
from stackgen.cli.told import without_effect
from stackgen.diagnostic import SourceError
from stackgen.engines import choose
from stackgen.engines.docker_placement import COMPOSE
from stackgen.live.told import document, lines
from stackgen.load import load
from stackgen.model import Model
from stackgen.render import render as rendered
from stackgen.routing.picture import picture
from stackgen.words import Change, changes


@click.command()
@click.option("--json", "json_", is_flag=True, help="Findings as JSON.")
@click.option("--github", is_flag=True, help="Findings as annotations for GitHub.")
@click.option("--routes", is_flag=True, help="The tree of who is told of what, with --json, --github, --live too.")
@click.option("--live", is_flag=True, help="Also ask every query of every dashboard of the running stack.")
@click.pass_obj
def check(session: Session, json_: bool, github: bool, routes: bool, live: bool) -> None:
    """Tell every mistake of stack.yml and rules/ with its fix.

    File, line and column of each, and who is told of what: the tree of routes.

    With --live, every panel, annotation and variable must also return data from the running stack, or say in its
    description when empty is fine. Exit code 1 when one does not, 4 when the stack does not run.
    """
    output = Output(json_=json_ or github)
    session.recover(output)
    asked = look(session, output) if live else None
    notes: list[str] = []
    model: Model | None = None
    try:
        model, findings = load(session.root, judge)
        failed = False
        if choose.remembered(session.state) == "native":
            notes = without_effect(model)
    except SourceError as error:
        findings, failed = error.diagnostics, True
    if json_:
        told = json.loads(report.as_json(findings))
        output.document({**told, "live": document(asked)} if asked else told)
    elif github:
        click.echo(report.github(findings), nl=False)
    else:
        click.echo(report.text(findings, session.root), nl=False)
        click.echo(("sources: " if asked else "") + report.summary(findings), err=failed)
    if model is not None and (routes or not (json_ or github or live)):
        click.echo(picture(model.stack), err=json_ or github)
    for note in notes:
        output.errors.print(note, markup=False)
    if asked and not json_:
        for line in lines(asked):
            click.echo(line, err=github)
    sys.exit(codes.FINDINGS if failed or (asked and asked.wrong) else codes.FINE)


@click.command()
@click.option("--check", "check_", is_flag=True, help="Write nothing; exit code 3 when a file is out of date.")
@click.option("--json", "json_", is_flag=True, help="The paths as JSON.")
@click.pass_obj
def render(session: Session, check_: bool, json_: bool) -> None:
    """Generate every file from stack.yml and rules/."""
    output = Output(json_=json_)
    if check_:
        session.recover(output)
        files = rendered(session.load(output), COMPOSE)
        stale = [(one.kind, one.path) for one in write.difference(session.root, files)]
        _tell_paths(output, stale)
        output.say("out of date: ./stack render" if stale else f"{len(files)} generated files are up to date")
        sys.exit(codes.OUT_OF_DATE if stale else codes.FINE)
    with session.alone("render", output):
        files = rendered(session.load(output), COMPOSE)
        kinds = {one.path: one.kind for one in write.difference(session.root, files)}
        change = write.write(session.root, files)
    paths = sorted((*change.written, *change.removed))
    _tell_paths(output, [(kinds.get(path, "changed"), path) for path in paths])
    output.say(f"{len(files)} generated files, {len(paths)} changed")


def _tell_paths(output: Output, paths: list[tuple[str, str]]) -> None:
    if output.json:
        output.document({"files": [{"path": path, "kind": kind} for kind, path in paths]})
        return
    for kind, path in paths:
        output.say(f"{kind:<8} {path}")


@click.command()
@click.option("--files", "files_", is_flag=True, help="The generated files line by line instead.")
@click.option("--json", "json_", is_flag=True, help="The differences as JSON.")
@click.pass_obj
def diff(session: Session, files_: bool, json_: bool) -> None:
    """Say what apply would change: what alerts, routes, scraping do otherwise, and which parts restart.

    Compared with what runs, else with the generated files of the checkout. Exit code 3 when something differs.
    """
    output = Output(json_=json_)
    session.recover(output)
    model = session.load(output)
    generated = rendered(model, COMPOSE)
    found = write.difference(session.root, generated)
    name = session.current()
    stack = running(session.root, model, session.engine(name, model, output)) if name else None
    disabled = [one.alert for one in model.stack.overrides.values() if one.disabled]
    before, after = (stack.before, stack.after) if stack else (on_disk(session.root, generated), generated)
    told = changes(before, after, disabled)
    told += [Change("command", line) for line in stack.commands] if stack else []
    concerned = stack.concerned if stack else affected(one.path for one in found)
    if json_:
        output.document(
            {
                "against": stack.engine.name if stack else "files",
                "changes": [{"about": one.about, "text": one.text} for one in told],
                "files": [{"path": one.path, "kind": one.kind, "diff": one.diff} for one in found],
                **{word: list(getattr(concerned, word)) for word in ("reload", "restart", "start", "end", "up")},
            }
        )
    elif files_:
        _tell_files(output, found)
    else:
        _tell_changes(output, [one.text for one in told], runs=stack is not None)
    if not json_:
        for line in concerned.sentences():
            output.say(line)
        output.say(f"{len(found)} generated files differ" if found else "no generated file differs")
    sys.exit(codes.OUT_OF_DATE if found or told or concerned.parts or concerned.end else codes.FINE)


def _tell_changes(output: Output, told: list[str], *, runs: bool) -> None:
    against = "what runs" if runs else "the generated files (the stack does not run)"
    output.say(f"compared with {against}:" if told else f"no change against {against}")
    for text in told:
        output.say(f"  {text}")


def _tell_files(output: Output, found: list[write.FileDifference]) -> None:
    for one in found:
        for line in one.diff.splitlines():
            output.say(line, {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], ""))

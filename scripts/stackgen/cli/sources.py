"""`./stack check`, `render` and `diff`: from the sources to the committed files. What runs is not touched here."""

from __future__ import annotations

import sys

import click

from stackgen import report, write
from stackgen.cli import codes
from stackgen.cli.affected import affected
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.diagnostic import SourceError
from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.render import render as rendered


@click.command()
@click.option("--json", "json_", is_flag=True, help="Findings as JSON.")
@click.option("--github", is_flag=True, help="Findings as annotations for GitHub.")
@click.pass_obj
def check(session: Session, json_: bool, github: bool) -> None:
    """Read stack.yml and rules/ and tell every mistake with file, line and fix."""
    output = Output(json_=json_)
    session.recover(output)
    try:
        _, findings = load(session.root)
        failed = False
    except SourceError as error:
        findings, failed = error.diagnostics, True
    if json_:
        click.echo(report.as_json(findings), nl=False)
    elif github:
        click.echo(report.github(findings), nl=False)
    else:
        click.echo(report.text(findings, session.root), nl=False)
        click.echo(report.summary(findings), err=failed)
    sys.exit(codes.FINDINGS if failed else codes.FINE)


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
@click.option("--json", "json_", is_flag=True, help="The differences as JSON.")
@click.pass_obj
def diff(session: Session, json_: bool) -> None:
    """Show what render would change in the generated files, and what apply would do to running parts."""
    output = Output(json_=json_)
    session.recover(output)
    found = write.difference(session.root, rendered(session.load(output), COMPOSE))
    reload, restart = affected(one.path for one in found)
    if json_:
        files = [{"path": one.path, "kind": one.kind, "diff": one.diff} for one in found]
        output.document({"files": files, "reload": reload, "restart": restart})
        return
    for one in found:
        for line in one.diff.splitlines():
            output.say(line, {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], ""))
    output.say(f"{len(found)} files differ" if found else "no generated file differs")
    if reload:
        output.say(f"apply reloads {', '.join(reload)}")
    if restart:
        output.say(f"apply restarts {', '.join(restart)}")

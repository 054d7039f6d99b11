"""`./stack dashboard import` and `list`: dashboards that people saved in Grafana, beside the generated ones."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stackgen.cli import codes
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.imports import Imported, ImportFault, Shelf, put, take
from stackgen.imports.reading import LARGEST
from stackgen.live.boards import CUSTOM, read
from stackgen.report import visible


@click.group()
def dashboard() -> None:
    """Take dashboards saved in Grafana into the stack, and list those that there are."""


@dashboard.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="Name of the file, without .json; after its title otherwise.")
@click.option("--json", "json_", is_flag=True, help="What was done as JSON.")
@click.pass_obj
def import_(session: Session, file: Path, name: str, json_: bool) -> None:
    """Take a dashboard saved in Grafana (JSON: the model, an export, an answer of the API, v2) into the stack.

    Its datasources become those of the stack, its uid and title stay unless another dashboard has them. It goes to
    grafana/dashboards/custom/, which render never touches; Grafana shows it within half a minute.
    """
    output = Output(json_=json_)
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from error
    with session.alone("dashboard import", output):
        recorded = {rule.name for one in session.model().rule_files for group in one.groups for rule in group.rules}
        try:
            taken = take(content, Shelf.of(session.root), recorded, name)
        except ImportFault as fault:
            _refuse(output, file, fault)
            sys.exit(codes.FINDINGS)
        put(session.root, taken)
    _tell(output, taken)
    source, room = file.resolve(), (session.root / CUSTOM).resolve()
    if room in source.parents and source != (session.root / taken.file).resolve():
        output.say(visible(f"  warning: {file} still lies there too: remove it"), "yellow")


def _refuse(output: Output, file: Path, fault: ImportFault) -> None:
    where = f"{file}:{fault.line}:{fault.column}" if fault.line else str(file)
    for reason in fault.reasons:
        output.error(visible(f"{where}: {reason}"))
    if fault.hint:
        output.errors.print(f"  fix: {fault.hint}", markup=False)
    if output.json:
        output.document({"file": "", "errors": list(fault.reasons), "hint": fault.hint})


def _tell(output: Output, taken: Imported) -> None:
    if output.json:
        output.document(
            {
                "file": taken.file,
                "uid": taken.uid,
                "title": taken.title,
                "panels": taken.panels,
                "replaced": taken.replaced,
                "notes": list(taken.notes),
                "warnings": list(taken.warnings),
            }
        )
        return
    did = "replaced" if taken.replaced else "written"
    panels = "1 panel" if taken.panels == 1 else f"{taken.panels} panels"
    output.say(visible(f"{taken.file} is {did}: '{taken.title}', {panels}, /d/{taken.uid}"))
    for note in taken.notes:
        output.say(visible(f"  {note}"))
    for warning in taken.warnings:
        output.say(visible(f"  warning: {warning}"), "yellow")
    output.say("Grafana and the console show it within half a minute; ./stack check --live asks its panels")


@dashboard.command("list")
@click.option("--json", "json_", is_flag=True, help="The list as JSON.")
@click.pass_obj
def list_(session: Session, json_: bool) -> None:
    """List the dashboards: those that are generated, and those that were imported or saved."""
    output = Output(json_=json_)
    standing = sorted(Shelf.of(session.root).standing, key=lambda one: (one.custom, one.file))
    if json_:
        output.document([vars(one) for one in standing])
        return
    rows = [("UID", "PANELS", "FROM", "TITLE")]
    rows += [(one.uid, str(one.panels), one.file if one.custom else "generated", one.title) for one in standing]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for board in read(session.root):
        if board.fault:
            output.errors.print(visible(f"{board.file} {board.fault}"), markup=False)
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        click.echo(visible("  ".join([*cells, row[3]])))

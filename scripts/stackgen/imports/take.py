"""The whole way of a saved dashboard into grafana/dashboards/custom: read, mended, named, doubted, written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackgen.imports.datasources import Mender
from stackgen.imports.doubts import doubts
from stackgen.imports.faults import ImportFault
from stackgen.imports.reading import Found, every_panel, read
from stackgen.imports.shelf import NAME, Shelf, dumped
from stackgen.journal import Transaction, locked
from stackgen.write import MARK

DROPPED = ("id", "version", "iteration", "gnetId", "__requires", "snapshot", "meta")  # of the other Grafana


@dataclass(frozen=True)
class Imported:
    """file: where it lies, relative to the checkout. notes: what was changed; warnings: what may not work."""

    file: str
    uid: str
    title: str
    panels: int
    replaced: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    content: bytes


def take(content: bytes, shelf: Shelf, recorded: Collection[str], name: str = "") -> Imported:
    """The dashboard in these bytes as one of this stack. Writes nothing. Raises ImportFault with every reason.

    name: of the file, "" for one after its title. recorded: names of the recording rules that there are.
    """
    if name and not NAME.fullmatch(name):
        raise ImportFault(f"'{name}' is no name for a file", hint="small letters, digits and dashes, 60 at most")
    try:
        return _taken(read(content), shelf, recorded, name)
    except RecursionError as error:
        raise ImportFault("is no dashboard: it is nested too deeply") from error


def _taken(found: Found, shelf: Shelf, recorded: Collection[str], name: str) -> Imported:
    mender = Mender(found)
    mender.mend()
    if mender.faults:
        raise ImportFault(*mender.faults, hint="take these panels out in Grafana, or send their queries elsewhere")
    model, notes = found.model, found.notes
    notes += [f"datasource '{old}' is {new} here" for old, new in sorted(mender.moved.items())]
    _cleaned(model, notes)
    wanted = str(model.get("uid") or "")
    file = shelf.file(name, model["title"], wanted)
    uid, why = shelf.uid(wanted, file, model["title"])
    if why:
        notes.append(f"its uid is {uid}: {why}")
    title, why = shelf.title(model["title"], file)
    if why:
        notes.append(f"its title is '{title}': {why}")
    model = {**model, "uid": uid, "title": title}
    try:
        written = dumped(model)
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ImportFault(f"holds half of a character (\\u{ord(half):04x}), which no file can") from error
    return Imported(
        file=file,
        uid=uid,
        title=title,
        panels=len(every_panel(model)),
        replaced=any(one.file == file for one in shelf.standing),
        notes=tuple(notes),
        warnings=tuple(dict.fromkeys(doubts(file, model, recorded))),
        content=written,
    )


def _cleaned(model: dict[str, Any], notes: list[str]) -> None:
    """Without what belonged to the other Grafana, or to a generated file."""
    for key in DROPPED:
        model.pop(key, None)
    if MARK in str(model.get("description", "")):
        model["description"] = ""
        model["editable"] = True
        notes.append("is a copy of a generated dashboard: this copy is nobody's but yours")
    for panel in every_panel(model):
        if panel.pop("alert", None) is not None:
            notes.append(f'the alert of panel "{panel.get("title")}" is left out: alerts stand in rules/')
    _numbered(every_panel(model))


def _numbered(panels: list[dict[str, Any]]) -> None:
    """Each panel with a number of its own, as Grafana's page gives them when a file that was made has none."""
    taken: set[int] = set()
    without = []
    for panel in panels:
        number = panel.get("id")
        if type(number) is int and number > 0 and number not in taken:
            taken.add(number)
        else:
            without.append(panel)
    for number, panel in enumerate(without, max(taken, default=0) + 1):
        panel["id"] = number


def put(root: Path, one: Imported) -> None:
    """Writes it, whole or not at all. Raises WriteError."""
    with locked(root):
        Transaction(root).replace({one.file: one.content}, [])

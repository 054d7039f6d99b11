"""Answers as the rows of a table: merged, organised, renamed and put in order, as Grafana's transformations do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from watchstack.console.dashboards import plain
from watchstack.console.dashboards.answers import Answer
from watchstack.console.dashboards.model import Panel

ROWS = 500
_HIDDEN = "Time"  # the moment that was asked for: the same in every row
Row = dict[str, Any]


def tabled(panel: Panel, answers: Mapping[str, Answer]) -> dict[str, Any]:
    """`columns` with their looks, `rows` of cells: a text, a number, or what a mapping makes of it."""
    frames = [_frame(answers[target.ref], _value_name(panel, target.ref)) for target in panel.targets
              if target.ref in answers]  # fmt: skip
    rows = _merged(frames) if panel.merged else next((frame for frame in frames if frame), [])
    names = list(dict.fromkeys(name for row in rows for name in row))
    names, called = _organised(names, panel.organise)
    columns = [_column(panel, called[name]) for name in names]
    looks = [panel.look(called[name]) for name in names]
    return {
        "columns": columns,
        "rows": [[_cell(row.get(name), look) for name, look in zip(names, looks, strict=True)] for row in rows[:ROWS]],
    }


def _value_name(panel: Panel, ref: str) -> str:
    """Grafana numbers the values where there are several targets."""
    return "Value" if len(panel.targets) == 1 else f"Value #{ref}"


def _frame(answer: Answer, value: str) -> list[Row]:
    return [{**one.labels, value: one.last} for one in answer.series]


def _merged(frames: Sequence[Sequence[Row]]) -> list[Row]:
    """Rows of several targets joined where all agrees that they share: mostly every label, which is looked up."""
    rows: list[Row] = []
    known: dict[frozenset[tuple[str, Any]], Row] = {}
    for frame in frames:
        for row in frame:
            labels = frozenset((name, value) for name, value in row.items() if isinstance(value, str))
            fits = known.get(labels) or next((one for one in rows if _fits(one, row)), None)
            if fits is None or not _fits(fits, row):
                fits = {}
                rows.append(fits)
            fits.update(row)
            known.setdefault(labels, fits)
    return rows


def _fits(one: Row, other: Row) -> bool:
    """Whether both have something in common, and nothing against each other."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[name] == other[name] for name in shared)


def _organised(names: list[str], changes: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, str]]:
    """The columns that stay, in their order, and what each is called."""
    called = {name: name for name in names}
    for change in changes:
        hidden = {name for name, gone in plain.table(change, "excludeByName").items() if gone is True}
        only = {name for name, kept in plain.table(change, "includeByName").items() if kept is True}
        order = plain.table(change, "indexByName")
        again = plain.table(change, "renameByName")
        names = [name for name in names if called[name] not in hidden and (not only or called[name] in only)]
        places = [plain.number(order, called[name]) for name in names]
        order_of = [math.inf if place is None else place for place in places]
        names = [name for _, _, name in sorted(zip(order_of, range(len(names)), names, strict=True))]
        called = {name: plain.text(again, called[name]) or called[name] for name in names}
    return [name for name in names if name != _HIDDEN], called


def _column(panel: Panel, name: str) -> dict[str, Any]:
    look = panel.look(name)
    found: dict[str, Any] = {"name": name}
    if look.unit != "short":
        found["unit"] = look.unit
    if look.decimals is not None:
        found["decimals"] = look.decimals
    if look.links:
        found["links"] = [link.plain() for link in look.links]
    return found


def _cell(value: Any, look: Any) -> Any:
    """A number and a text as they are; what has a colour or words of its own as an object."""
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    words = look.words_of(value)
    colour = look.colour_of(value) if isinstance(value, float) or words else ""
    if words is None and not colour:
        return value
    return {"value": value, "text": words.text if words else "", "colour": colour}

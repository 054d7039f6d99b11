"""Where the panels of a v2 dashboard stand on the classic grid. Rows stay rows, tabs become rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

COLUMNS = 24
HEIGHTS = {"short": 5, "standard": 9, "tall": 14}  # of an auto grid's panel, in rows of the classic grid


@dataclass(frozen=True)
class Placed:
    """element: the name of the panel, None for the head of a row. repeat: the variable whose values it repeats for, and
    how, as the classic form says it.
    """

    element: str | None
    grid: dict[str, int]
    title: str = ""
    repeat: Mapping[str, Any] = field(default_factory=dict)


def places(layout: Mapping[str, Any], notes: list[str]) -> Iterator[Placed]:
    """Every panel and every row's head from above. Raises KeyError, TypeError, ValueError for what is no layout."""
    return iter(_Pen(notes).drawn(layout))


class _Pen:
    """y: the next free row of the grid."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self.y = 0

    def drawn(self, layout: Mapping[str, Any]) -> list[Placed]:
        kind, spec = layout["kind"], layout["spec"]
        if kind == "GridLayout":
            return self._grid(spec["items"])
        if kind == "AutoGridLayout":
            return self._auto(spec)
        if kind == "RowsLayout":
            return [one for row in spec["rows"] for one in self._row(row["spec"])]
        if kind == "TabsLayout":
            self._note("tabs are rows now")
            return [one for tab in spec["tabs"] for one in self._row(tab["spec"])]
        raise ValueError(f"the layout {kind} is not known")

    def _row(self, spec: Mapping[str, Any]) -> list[Placed]:
        if spec.get("conditionalRendering"):
            self._note("conditions under which rows are shown are left out")
        if spec.get("variables"):
            self._note("variables of single rows are left out")
        if spec.get("collapse"):
            self._note("rows that were folded are open now")
        found = []
        if not spec.get("hideHeader"):
            grid = {"x": 0, "y": self.y, "w": COLUMNS, "h": 1}
            found.append(Placed(None, grid, spec.get("title") or "", _repeat(spec)))
            self.y += 1
        return found + self.drawn(spec["layout"])

    def _grid(self, items: list[Mapping[str, Any]]) -> list[Placed]:
        found, top = [], self.y
        for item in items:
            spec = item["spec"]
            if item.get("kind") == "GridLayoutRow":  # of v2alpha1: a row inside of the grid
                row = {"title": spec.get("title"), "layout": _inner(spec), "repeat": spec.get("repeat")}
                found += self._row({**row, "collapse": spec.get("collapsed")})
                continue
            grid = {"x": int(spec["x"]), "y": top + int(spec["y"]), "w": int(spec["width"]), "h": int(spec["height"])}
            found.append(Placed(spec["element"]["name"], grid, repeat=_repeat(spec)))
            self.y = max(self.y, grid["y"] + grid["h"])
        return found

    def _auto(self, spec: Mapping[str, Any]) -> list[Placed]:
        across = max(1, min(6, int(spec.get("maxColumnCount") or 3)))
        width, height = COLUMNS // across, HEIGHTS.get(str(spec.get("rowHeightMode")), HEIGHTS["standard"])
        found = []
        for number, item in enumerate(spec["items"]):
            inner = item["spec"]
            if inner.get("conditionalRendering"):
                self._note("conditions under which panels are shown are left out")
            y = self.y + number // across * height
            grid = {"x": number % across * width, "y": y, "w": width, "h": height}
            found.append(Placed(inner["element"]["name"], grid, repeat=_repeat(inner)))
        self.y += -(-len(found) // across) * height
        return found

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def _inner(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "GridLayout", "spec": {"items": spec["elements"]}}


def _repeat(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The variable, and for a panel the direction and how many stand in a row."""
    given = spec.get("repeat") or {}
    names = {"value": "repeat", "direction": "repeatDirection", "maxPerRow": "maxPerRow"}
    return renamed(given, names) if given.get("value") else {}


def renamed(spec: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What is set of these, under its classic name."""
    return {classic: spec[name] for name, classic in names.items() if spec.get(name)}

"""What the page draws of a panel: its look once, and its data for each time range, both as plain data.

Tables: tables.py. How a number is written with its unit is the page's own (static/charts/units.js).
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from watchstack.console.dashboards import plain
from watchstack.console.dashboards.answers import NONE, Answer, Question, Series
from watchstack.console.dashboards.look import Look
from watchstack.console.dashboards.model import Panel, Target
from watchstack.console.dashboards.reducers import WORDS, reduced
from watchstack.console.dashboards.tables import tabled
from watchstack.console.dashboards.variables import BadValue
from watchstack.console.peers.ask import PeerError

Asked = Mapping[str, tuple[Question, Answer | PeerError] | BadValue]
LONGEST_NAME = 200
_LABEL = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_DESCRIBED = ("unit", "decimals", "low", "high", "name", "none", "colour", "width", "fill", "bars", "dots", "stacked",
              "limits", "joined", "hidden")  # fmt: skip
_SHOWN_LABELS = ("service", "compose_service", "part", "container", "service_name", "job")


def spec(panel: Panel) -> dict[str, Any]:
    """How the panel is drawn, whatever its data."""
    look, options = panel.look(), panel.options
    legend = plain.table(options, "legend")
    tooltip = plain.text(plain.table(options, "tooltip"), "mode", "multi")
    return {
        "id": panel.number,
        "kind": panel.kind,
        "look": described(look),
        "legend": {
            "shown": plain.flag(legend, "showLegend", True) and plain.text(legend, "displayMode") != "hidden",
            "table": plain.text(legend, "displayMode") == "table",
            "calcs": [[calc, WORDS.get(calc, calc)] for calc in plain.texts(legend, "calcs")[:6]],
        },
        "tooltip": tooltip if tooltip in ("single", "none") else "multi",
        "ascending": plain.text(plain.table(options, "tooltip"), "sort") == "asc",
        "background": plain.text(options, "colorMode").startswith("background"),
        "uncoloured": plain.text(options, "colorMode") == "none",
        "graph": plain.text(options, "graphMode") in ("area", "line"),
        "names": plain.text(options, "textMode", "auto"),
        "lines_shown": plain.flag(options, "showTime", True),
        "ascending_lines": plain.text(options, "sortOrder") == "Ascending",
        "unwrapped": panel.kind == "logs" and not plain.flag(options, "wrapLogMessage", True),
        "sorted": [
            [plain.text(one, "displayName"), plain.flag(one, "desc")] for one in plain.objects(options, "sortBy")[:1]
        ],
        "links": [link.plain() for link in panel.links],
    }


def described(look: Look) -> dict[str, Any]:
    """A look as plain data, without what is usual."""
    usual = Look()
    found = {name: getattr(look, name) for name in _DESCRIBED if getattr(look, name) != getattr(usual, name)}
    if look.limits or look.steps:
        found["steps"] = look.limits_of()
    if look.links:
        found["links"] = [link.plain() for link in look.links]
    return found


def data(panel: Panel, asked: Asked) -> dict[str, Any]:
    """What the panel shows: of its kind, with `problems` (in words), `notes` (what was cut) and `empty` (why)."""
    answers = {ref: one[1] for ref, one in asked.items() if isinstance(one, tuple) and isinstance(one[1], Answer)}
    problems = [str(one if isinstance(one, BadValue) else one[1]) for one in asked.values() if not _answered(one)]
    found: dict[str, Any] = {"problems": list(dict.fromkeys(problems)), "notes": _notes(panel, answers)}
    if panel.kind == "timeseries":
        found |= _lines(panel, asked)
    elif panel.kind == "table":
        found |= tabled(panel, answers)
    elif panel.kind == "logs":
        found |= _log(answers)
    else:
        found |= _values(panel, answers)
    content = found.get("series") or found.get("values") or found.get("rows") or found.get("lines")
    if not content and not problems:
        found["empty"] = panel.empty_reason or panel.look().none or "no data"
        found["declared"] = bool(panel.empty_reason)
    return found


def _answered(one: tuple[Question, Answer | PeerError] | BadValue) -> bool:
    return isinstance(one, tuple) and isinstance(one[1], Answer)


def _notes(panel: Panel, answers: Mapping[str, Answer]) -> list[str]:
    what = {"table": "rows", "logs": "lines, the newest"}.get(panel.kind, "series")
    notes = [
        f"Only {len(answer.series) or len(answer.lines)} {what} are shown; there are more."
        for answer in answers.values()
        if answer.cut
    ]
    return list(dict.fromkeys([*notes, *(note for answer in answers.values() for note in answer.notes)]))


def _lines(panel: Panel, asked: Asked) -> dict[str, Any]:
    """Every target on one grid, which is that of the first that has one."""
    questions = [one[0] for one in asked.values() if isinstance(one, tuple)]
    first = next((question for question in questions if question.step), None)
    if first is None:
        return {"series": []}
    calcs = plain.texts(plain.table(panel.options, "legend"), "calcs")[:6]
    series = []
    for target in panel.targets:
        one = asked.get(target.ref)
        if not isinstance(one, tuple) or isinstance(one[1], PeerError):
            continue
        for number in one[1].series:
            values = number.values if one[0] == first else _on_grid(one[0], number.values, first)
            series.append(_line(panel, target, number.labels, values, calcs))
    return {"start": first.start, "step": first.step, "points": first.points, "series": series[:200]}


def _line(
    panel: Panel, target: Target, labels: Mapping[str, str], values: array[float], calcs: Sequence[str]
) -> dict[str, Any]:
    name = legend(target, labels)
    look = panel.look(name, target.ref)
    found: dict[str, Any] = {"name": (look.name or name)[:LONGEST_NAME], "values": [_finite(value) for value in values]}
    if panel.overrides:
        found["look"] = described(look)
    if look.links:
        found["labels"] = dict(labels)
    if calcs:
        found["calcs"] = [_finite_or_none(reduced(values, calc)) for calc in calcs]
    return found


def _on_grid(own: Question, values: array[float], grid: Question) -> array[float]:
    """Values of another step, each from its point of the grid on."""
    found = array("d", [NONE]) * grid.points
    for number in range(grid.points):
        place = (grid.start + number * grid.step - own.start) // own.step if own.step else -1
        if own.step and 0 <= place < len(values):
            found[number] = values[place]
    if not own.step and found:
        found[-1] = values[-1]
    return found


def _values(panel: Panel, answers: Mapping[str, Answer]) -> dict[str, Any]:
    """One value a series: stat, gauge, bargauge. A single one whose name nobody wrote is called as the panel is."""
    reduce = plain.table(panel.options, "reduceOptions")
    calc = (plain.texts(reduce, "calcs") or ("lastNotNull",))[0]
    found: list[dict[str, Any]] = []
    nameless = False
    for target in panel.targets:
        for series in answers[target.ref].series if target.ref in answers else ():
            value = reduced(series.values, calc)
            if value is None:
                continue
            name = legend(target, series.labels)
            found.append(_value(panel, target, name, series, value))
            nameless = target.legend in ("", "__auto") and not panel.look(name, target.ref).name
    if len(found) == 1 and nameless and panel.title:
        found[0]["name"] = panel.title
    return {"values": found[:200]}


def _value(panel: Panel, target: Target, name: str, series: Series, value: float) -> dict[str, Any]:
    look = panel.look(name, target.ref)
    words = look.words_of(value)
    found: dict[str, Any] = {
        "name": (look.name or name)[:LONGEST_NAME],
        "value": _finite(value),
        "colour": look.colour_of(value) or look.step_colour(value),
    }
    if not math.isfinite(value):
        found["text"] = "∞" if value > 0 else "−∞"
    if words is not None and words.text:
        found["text"] = words.text
    if panel.overrides:
        found["look"] = described(look)
    if look.links:
        found["labels"] = dict(series.labels)
    if len(series.values) > 1 and plain.text(panel.options, "graphMode") in ("area", "line"):
        found["history"] = [_finite(one) for one in series.values]
    return found


def _log(answers: Mapping[str, Answer]) -> dict[str, Any]:
    lines = [line for answer in answers.values() for line in answer.lines]
    return {
        "lines": [
            {
                "time": line.time,
                "level": line.level,
                "source": next((line.labels[name] for name in _SHOWN_LABELS if line.labels.get(name)), ""),
                "text": line.text,
            }
            for line in lines
        ]
    }


def legend(target: Target, labels: Mapping[str, str]) -> str:
    """What a series is called: the target's words with its labels, else its labels as Prometheus writes them."""
    if target.legend and target.legend != "__auto":
        return _LABEL.sub(lambda match: labels.get(match[1], ""), target.legend).strip()
    inner = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{inner}}}" if inner else name or target.expr[:LONGEST_NAME]


def _finite(value: float) -> float | None:
    """JSON knows no NaN and no infinity."""
    return value if math.isfinite(value) else None


def _finite_or_none(value: float | None) -> float | None:
    return None if value is None else _finite(value)

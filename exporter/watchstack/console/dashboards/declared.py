"""Which variables a dashboard declares, and where their values come from. Putting values in: variables.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from watchstack.console.dashboards import plain

_NAME = re.compile(r"\w{1,50}", re.ASCII)


@dataclass(frozen=True)
class Variable:
    """kind: query, textbox, custom or constant. metric, label: of `label_values(metric, label)`.

    options: of a custom one. every: what stands for all of them, "" for the options themselves. sort: Grafana's number.
    """

    name: str
    kind: str
    label: str = ""
    description: str = ""
    metric: str = ""
    values_of: str = ""
    options: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    multi: bool = False
    all: bool = False
    every: str = ""
    sort: int = 0
    shown: bool = True


def declared(document: dict[str, Any]) -> tuple[Variable, ...]:
    """The variables of a dashboard that the console knows how to fill."""
    found = []
    for one in plain.objects(plain.table(document, "templating"), "list")[:20]:
        name, kind = plain.text(one, "name"), plain.text(one, "type").replace("interval", "custom")
        if not _NAME.fullmatch(name) or kind not in ("query", "textbox", "custom", "constant"):
            continue
        asked = one.get("query")
        text = asked if isinstance(asked, str) else plain.text(asked, "query")
        foreign = plain.text(plain.table(one, "datasource"), "type") not in ("", "prometheus")
        metric, values_of = _label_values(text) if kind == "query" and not foreign else ("", "")
        default = _current(one, kind)
        found.append(
            Variable(
                name=name,
                kind=kind,
                label=plain.text(one, "label") or name,
                description=plain.text(one, "description"),
                metric=metric,
                values_of=values_of,
                options=_custom(text) if kind == "custom" else (),
                default=default or ((text,) if kind in ("textbox", "constant") else ()),
                multi=plain.flag(one, "multi"),
                all=plain.flag(one, "includeAll"),
                every=plain.text(one, "allValue"),
                sort=plain.whole(one, "sort", 0, 8, 0),
                shown=plain.whole(one, "hide", 0, 2, 0) != 2 and kind != "constant",
            )
        )
    return tuple(found)


def _current(document: dict[str, Any], kind: str) -> tuple[str, ...]:
    """What the file has chosen; what is empty or to be reckoned by Grafana is no choice out of a list."""
    current = document.get("current")
    value = current.get("value") if isinstance(current, dict) else None
    found = plain.texts(current, "value") if isinstance(value, list) else (value,) if isinstance(value, str) else ()
    if kind in ("query", "custom"):
        return tuple(one for one in found if one and not one.startswith("$__auto"))
    return found


def _label_values(text: str) -> tuple[str, str]:
    """Metric and label of `label_values(metric, label)`; "" for what is something else."""
    match = re.fullmatch(r"label_values\(\s*(?:(.+?)\s*,\s*)?([a-zA-Z_]\w*)\s*\)", text.strip(), re.ASCII | re.DOTALL)
    return (match[1] or "", match[2]) if match else ("", "")


def _custom(text: str) -> tuple[str, ...]:
    """`a, b, Word : value`."""
    return tuple(part.split(" : ")[-1].strip() for part in text.split(",") if part.strip())[:200]

"""Which events a dashboard shows besides its panels: Grafana's annotations, read. What happened: marks.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from watchstack.console.dashboards import plain
from watchstack.console.dashboards.look import COLOUR
from watchstack.console.dashboards.times import length_of

_BREAK = re.compile(r"<br */?>", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """One kind of events. at_value: the value is the event's time in milliseconds, else it lasts while there is one."""

    name: str
    expr: str
    title: str
    text: str
    colour: str
    tags: tuple[str, ...] = ()
    step: float = 0.0
    at_value: bool = False
    on: bool = True


def kinds(document: dict[str, Any]) -> tuple[Kind, ...]:
    """Of a dashboard: those that Prometheus is asked for."""
    found = []
    for one in plain.objects(plain.table(document, "annotations"), "list")[:20]:
        colour = plain.text(one, "iconColor")
        if plain.text(plain.table(one, "datasource"), "type") == "prometheus" and plain.text(one, "expr"):
            found.append(
                Kind(
                    name=plain.text(one, "name")[:100],
                    expr=plain.text(one, "expr"),
                    title=plain.text(one, "titleFormat"),
                    text=_BREAK.split(plain.text(one, "textFormat"))[0],
                    colour=colour if COLOUR.fullmatch(colour) else "blue",
                    tags=tuple(tag.strip() for tag in plain.text(one, "tagKeys").split(",") if tag.strip()),
                    step=length_of(plain.text(one, "step")),
                    at_value=plain.flag(one, "useValueForTime"),
                    on=plain.flag(one, "enable", True),
                )
            )
    return tuple(found)

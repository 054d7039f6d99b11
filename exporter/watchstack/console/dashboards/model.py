"""A dashboard as the console knows it, read from Grafana's classic JSON. Files: files.py; how values look: look.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from watchstack.console.dashboards import plain
from watchstack.console.dashboards.declared import Variable, declared
from watchstack.console.dashboards.events import Kind, kinds
from watchstack.console.dashboards.fields import unknown
from watchstack.console.dashboards.links import Link, dashboard_links, data_links
from watchstack.console.dashboards.look import Look, look, properties
from watchstack.console.dashboards.times import length_of

# As stackgen.render.dashboards.panels has it: in a panel's description, then the reason why it may be empty.
EMPTY_IS_FINE = "Empty is fine:"
KINDS = ("stat", "timeseries", "gauge", "bargauge", "table", "logs", "text")
TRANSFORMATIONS = ("merge", "organize")
SOURCES = ("prometheus", "loki")
COLUMNS = 24
PANELS, TARGETS = 300, 26  # more are not read
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class NoDashboard(ValueError):
    """The JSON is no dashboard that can be drawn; the message says why."""


@dataclass(frozen=True)
class Target:
    """A question. source: one of SOURCES. instant: at the end of the range. step: seconds, at least."""

    ref: str
    expr: str
    source: str
    legend: str = ""
    instant: bool = False
    step: float = 0.0


@dataclass(frozen=True)
class Panel:
    """One place of the grid. kind: one of KINDS or "row"; why: why only Grafana draws it, "" for those drawn here.

    options: the panel's own, as they stand. overrides: (matcher, its option, properties).
    """

    number: int
    kind: str
    title: str
    slug: str
    description: str
    place: tuple[int, int, int, int]  # x, y, width, height
    targets: tuple[Target, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    organise: tuple[Mapping[str, Any], ...] = ()
    merged: bool = False
    links: tuple[Link, ...] = ()
    points: int = 0
    why: str = ""

    @property
    def empty_reason(self) -> str:
        """Why it is fine that there is nothing; "" where it is not."""
        _, declared, reason = self.description.partition(EMPTY_IS_FINE)
        return reason.strip() if declared else ""

    def look(self, name: str = "", ref: str = "") -> Look:
        """How a field of this name and target looks."""
        own = dict(self.defaults)
        for matcher, option, changed in self.overrides:
            if _matches(matcher, option, name, ref):
                own.update(changed)
        return look(own)


@dataclass(frozen=True)
class Dashboard:
    """source: the file, below its folder. usual: the time range at first. refresh: seconds, 0 for never.

    strange: fields whose meaning only Grafana knows.
    """

    uid: str
    title: str
    tags: tuple[str, ...]
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    links: tuple[Link, ...]
    kinds: tuple[Kind, ...]
    usual: tuple[str, str]
    refresh: int
    source: str
    custom: bool = False
    strange: tuple[str, ...] = ()

    def panel(self, number: int) -> Panel | None:
        return next((panel for panel in self.panels if panel.number == number), None)


def slug(title: str) -> str:
    """As alerts name a panel: `dashboard: watchstack-overview/cpu`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _matches(matcher: str, option: str, name: str, ref: str) -> bool:
    if matcher == "byName":
        return option == name
    if matcher == "byFrameRefID":
        return bool(ref) and option == ref
    if matcher == "byRegexp":
        try:
            return re.search(option.strip("/"), name[:200]) is not None
        except re.error:
            return False
    return False


def read(document: Any, source: str, own_address: str = "") -> Dashboard:
    """Raises NoDashboard. source: what the file is called."""
    if not isinstance(document, dict):
        raise NoDashboard("is no JSON object")
    if "elements" in document or "spec" in document:
        raise NoDashboard("is Grafana's v2 format: ./stack dashboard import takes it")
    uid, title = plain.text(document, "uid"), plain.text(document, "title").strip()
    if not UID.fullmatch(uid):
        raise NoDashboard("has no uid of letters, digits, - and _")
    if not title:
        raise NoDashboard("has no title")
    if not isinstance(document.get("panels"), list):
        raise NoDashboard("has no list of panels")
    time = plain.table(document, "time")
    return Dashboard(
        uid=uid,
        title=title[:200],
        tags=plain.texts(document, "tags")[:20],
        panels=tuple(_panels(document)),
        variables=declared(document),
        links=dashboard_links(plain.objects(document, "links"), own_address),
        kinds=kinds(document),
        usual=(plain.text(time, "from"), plain.text(time, "to")),
        refresh=_seconds(plain.text(document, "refresh")),
        source=source,
        custom=source.startswith("custom/"),
        strange=tuple(unknown(document)[:50]),
    )


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,5})([sm])", text)
    return max(5, int(match[1]) * (60 if match[2] == "m" else 1)) if match else 0


def _panels(document: dict[str, Any]) -> list[Panel]:
    """From above; those of a row that Grafana shows folded follow it, wherever they stood when it was."""
    shown = [(_panel(one), plain.objects(one, "panels")) for one in plain.objects(document, "panels")]
    found: list[Panel] = []
    for panel, folded in sorted(shown, key=lambda one: _from_above(one[0])):
        inside = [_panel(one) for one in folded] if panel.kind == "row" else []
        found += [panel, *sorted(inside, key=_from_above)]
    by_number: dict[int, Panel] = {}
    for panel in found[:PANELS]:
        by_number.setdefault(panel.number, panel)
    return list(by_number.values())


def _from_above(panel: Panel) -> tuple[int, int]:
    return panel.place[1], panel.place[0]


def _panel(document: dict[str, Any]) -> Panel:
    kind, title = plain.text(document, "type"), plain.text(document, "title")[:200]
    config = plain.table(document, "fieldConfig")
    changes = plain.objects(document, "transformations")
    targets = tuple(_targets(document))
    return Panel(
        number=plain.whole(document, "id", 0, 10**9, 0),
        kind=kind,
        title=title,
        slug=slug(title),
        description=plain.text(document, "description"),
        place=_place(plain.table(document, "gridPos")),
        targets=targets,
        options=plain.table(document, "options"),
        defaults=properties(plain.table(config, "defaults")),
        overrides=tuple(_override(one) for one in plain.objects(config, "overrides")[:50]),
        organise=tuple(plain.table(one, "options") for one in changes if plain.text(one, "id") == "organize"),
        merged=any(plain.text(one, "id") == "merge" for one in changes),
        links=data_links(plain.objects(document, "links")),
        points=plain.whole(document, "maxDataPoints", 0, 10_000, 0),
        why=_why(document, kind, targets),
    )


def _place(grid: dict[str, Any]) -> tuple[int, int, int, int]:
    x = plain.whole(grid, "x", 0, COLUMNS - 1, 0)
    width = plain.whole(grid, "w", 1, COLUMNS, 12)
    return x, plain.whole(grid, "y", 0, 10_000, 0), min(width, COLUMNS - x), plain.whole(grid, "h", 1, 60, 8)


def _override(document: dict[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    matcher = plain.table(document, "matcher")
    changed = {plain.text(one, "id"): one.get("value") for one in plain.objects(document, "properties")}
    return plain.text(matcher, "id"), plain.text(matcher, "options"), changed


def _source_of(document: dict[str, Any]) -> str:
    """Which part of the stack a datasource means: its type decides, addresses come from console.json alone."""
    source = document.get("datasource")
    if source is None:
        return ""
    return plain.text(source, "type") if isinstance(source, dict) else "?"


def _targets(document: dict[str, Any]) -> list[Target]:
    usual = _source_of(document) or "prometheus"
    step = plain.text(document, "interval")
    found = []
    for number, one in enumerate(plain.objects(document, "targets")[:TARGETS]):
        if plain.flag(one, "hide"):
            continue
        kind = plain.text(one, "queryType")
        found.append(
            Target(
                ref=plain.text(one, "refId") or chr(65 + number),
                expr=plain.text(one, "expr"),
                source=_source_of(one) or usual,
                legend=plain.text(one, "legendFormat"),
                instant=kind == "instant" or (plain.flag(one, "instant") and not plain.flag(one, "range")),
                step=length_of(plain.text(one, "interval") or plain.text(one, "step") or step),
            )
        )
    return found


def _why(document: dict[str, Any], kind: str, targets: tuple[Target, ...]) -> str:
    """Why only Grafana draws this panel; "" where it is drawn here."""
    if kind in ("row", "text"):
        return ""
    changes = [plain.text(one, "id") for one in plain.objects(document, "transformations")]
    unknown = [name for name in changes if name not in TRANSFORMATIONS]
    strange = [target.source for target in targets if target.source not in SOURCES]
    reasons = (
        (kind not in KINDS, f"panels of the type {kind or 'without a name'} are drawn by Grafana only"),
        (unknown, f"the transformation {', '.join(unknown)} is done by Grafana only"),
        (plain.text(document, "repeat"), "panels that are repeated for a variable are drawn by Grafana only"),
        (strange, f"its data comes from {', '.join(strange)}, which only Grafana asks"),
        (not any(target.expr for target in targets), "it asks for nothing"),
    )
    return next((words for holds, words in reasons if holds), "")

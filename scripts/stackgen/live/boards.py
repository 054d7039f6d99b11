"""Dashboards as files, and what each asks: the targets of its panels, its annotations, its variables.

Classic JSON, as Grafana's file provisioning takes it. Values for variables are found in `variables`; nothing is asked
here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import yaml

from stackgen.live.variables import NAMED, SCRAPE, Values, expand
from stackgen.model.values import seconds
from stackgen.render.dashboards.panels import EMPTY_IS_FINE
from stackgen.render.grafana import ALERTMANAGER_UID, DASHBOARDS, DATASOURCES, LOKI_UID, PROMETHEUS_UID

CUSTOM = f"{DASHBOARDS}/custom"  # dashboards that people saved; nothing is generated there
NAMES = {PROMETHEUS_UID: "Prometheus", LOKI_UID: "Loki", ALERTMANAGER_UID: "Alertmanager"}  # by the datasource's uid
UIDS = {name: uid for uid, name in NAMES.items()}
EXPRESSION = "__expr__"  # Grafana's own arithmetic over other queries
GRAFANAS_OWN = ("-- Grafana --", "-- Dashboard --", "grafana", EXPRESSION)  # what no datasource is asked
MIXED = "-- Mixed --"
FOREIGN = {"spec", "elements", "dashboard"}  # what the forms have in which Grafana gives a dashboard away
SELDOM = "annotations mark what happens seldom"


@dataclass(frozen=True)
class Board:
    """One dashboard. file: relative to the tree it lies in. fault: why it cannot be asked, "" when it can.

    scrape: seconds between two samples, as Grafana is told.
    """

    file: str
    content: Mapping[str, Any] = field(hash=False)
    fault: str = ""
    scrape: int = SCRAPE

    @property
    def uid(self) -> str:
        return str(self.content.get("uid") or "")

    @property
    def title(self) -> str:
        return str(self.content.get("title") or self.file)

    @property
    def custom(self) -> bool:
        """Whether a person saved it."""
        return self.file.startswith(f"{CUSTOM}/")

    @property
    def variables(self) -> list[Mapping[str, Any]]:
        return _mappings(self.content.get("templating"))

    def panels(self) -> Iterator[Mapping[str, Any]]:
        """Those inside of collapsed rows too."""
        for panel in self.content.get("panels", ()):
            yield panel
            yield from panel.get("panels") or ()


@dataclass(frozen=True)
class Question:
    """One query. place: the panel's title, or the words for a variable or an annotation.

    expr: with values for every variable. declared: the reason for which it may be empty, "" when it must return data.
    lines: log lines are wanted, over the whole time range of the dashboard.
    """

    board: Board
    place: str
    ref: str
    datasource: str
    expr: str
    target: Mapping[str, Any] = field(hash=False)
    declared: str = ""
    instant: bool = False
    lines: bool = False


def read(folder: Path, custom: Path | None = None) -> list[Board]:
    """Every dashboard of a tree that the renderer wrote. custom: the checkout where those that people saved lie, when
    it is another folder. Files are told relative to the folder.
    """
    found = {path.relative_to(folder).as_posix(): path for path in sorted((folder / DASHBOARDS).rglob("*.json"))}
    if custom:
        found |= {path.relative_to(custom).as_posix(): path for path in sorted((custom / CUSTOM).rglob("*.json"))}
    scrape = _scrape(folder)
    return [replace(_read(file, path), scrape=scrape) for file, path in sorted(found.items())]


def _scrape(folder: Path) -> int:
    """What the generated provisioning tells Grafana; SCRAPE where there is none."""
    try:
        datasources = yaml.safe_load((folder / DATASOURCES).read_bytes())["datasources"]
        told = next(one["jsonData"]["timeInterval"] for one in datasources if one["uid"] == PROMETHEUS_UID)
        return max(1, round(seconds(told) or SCRAPE))
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, StopIteration):
        return SCRAPE


def boards(files: Mapping[str, bytes]) -> list[Board]:
    """The dashboards of these files; one that cannot be read says so itself."""
    return [_board(file, content) for file, content in sorted(files.items())]


def _read(file: str, path: Path) -> Board:
    try:
        content = path.read_bytes()
    except OSError as error:
        return Board(file, {}, f"cannot be read: {error.strerror}")
    return _board(file, content)


def _board(file: str, content: bytes) -> Board:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        return Board(file, {}, f"is no JSON: {error}")
    if not isinstance(found, dict):
        return Board(file, {}, "is no dashboard: it holds no object")
    if "panels" in found:
        return Board(file, found)
    hint = "; ./stack dashboard import FILE takes other forms" if FOREIGN & found.keys() else ""
    return Board(file, found, f"is no dashboard that Grafana's provisioning takes: it has no panels{hint}")


@dataclass(frozen=True)
class Opened:
    """A dashboard with a value for each of its variables.

    absent: the variables that have no value, and the reasons for which they may have none; what uses one of them may be
    empty for that reason.
    """

    board: Board
    values: Values = field(default_factory=dict, hash=False)
    absent: Mapping[str, str] = field(default_factory=dict, hash=False)

    def questions(self) -> Iterator[Question]:
        """What the panels and annotations ask; what is hidden, or asked of Grafana itself, is left out."""
        for panel in self.board.panels():
            declared = reason(str(panel.get("description") or ""))
            place = str(panel.get("title") or f"panel {panel.get('id')}")
            for number, target in enumerate(panel.get("targets") or ()):
                datasource = datasource_of(target.get("datasource"), panel.get("datasource"), self.values)
                if not target.get("hide") and datasource not in GRAFANAS_OWN:
                    yield self._question(place, target, datasource, declared, ascii_uppercase[number % 26])
        for one in _mappings(self.board.content.get("annotations")):
            datasource = datasource_of(one.get("datasource"), None, self.values)
            target = {**(one.get("target") or {}), **({"expr": one["expr"]} if one.get("expr") else {})}
            shown = one.get("enable", True) and not one.get("builtIn")
            if shown and datasource not in GRAFANAS_OWN and target.get("expr"):
                yield self._question(f"annotation {one.get('name')}", target, datasource, SELDOM, "A")

    def _question(self, place: str, target: Mapping[str, Any], datasource: str, declared: str, letter: str) -> Question:
        expr = str(target.get("expr") or "")
        used = {match[1] or match[3] or match[4] for match in NAMED.finditer(expr)}
        excuses = (why for name, why in self.absent.items() if name in used)
        filled = expand(expr, self.values)
        now = bool(target.get("instant")) and not target.get("range")
        return Question(
            board=self.board,
            place=place,
            ref=str(target.get("refId") or letter),
            datasource=datasource,
            expr=filled,
            target=target,
            declared=declared or next(excuses, ""),
            instant=target.get("queryType") == "instant" if datasource == LOKI_UID else now,
            lines=datasource == LOKI_UID and filled.lstrip().startswith("{"),
        )


def reason(description: str) -> str:
    """Why the panel or variable with this description may be empty, "" when it must not be."""
    return description.partition(EMPTY_IS_FINE)[2].strip()


def datasource_of(own: Any, panels: Any, values: Values) -> str:
    """The uid that a query goes to: its own datasource, else the panel's, else the default one."""
    for given in (own, panels):
        named = given.get("uid") or given.get("type") if isinstance(given, Mapping) else given
        if named and named != MIXED:
            uid = expand(str(named), values)
            return UIDS.get(uid, PROMETHEUS_UID if uid == "default" else uid)
    return PROMETHEUS_UID


def _mappings(section: Any) -> list[Mapping[str, Any]]:
    found: Sequence[Any] = section.get("list") or () if isinstance(section, Mapping) else ()
    return [one for one in found if isinstance(one, Mapping)]

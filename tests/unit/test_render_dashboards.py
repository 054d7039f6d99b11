"""Generated dashboards: what Grafana does not check, and what the console can draw."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from stackgen.render.dashboards.panels import EMPTY_IS_FINE
from trees import TREES, load_text, model, tree

DATASOURCES = ("prometheus", "loki")
DRAWN = {"stat", "timeseries", "gauge", "bargauge", "table", "logs", "text"}  # what the console draws too


def dashboards(sources: str = "shipped", placed: str = "compose") -> dict[str, Any]:
    files = tree(sources, placed)
    return {path: json.loads(files[path]) for path in files if path.startswith("grafana/dashboards/")}


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


EVERY = [
    pytest.param(
        content, {one["uid"] for one in dashboards(*which).values()}, id=f"{'-'.join(which)}-{Path(path).stem}"
    )
    for which in TREES
    for path, content in dashboards(*which).items()
]


def flaws(board: dict[str, Any], uids: set[str]) -> Iterator[str]:
    """What Grafana would not refuse, and people would stumble over. uids: of all dashboards."""
    if not re.fullmatch(r"watchstack-[a-z-]{2,29}", board["uid"]) or "id" in board or board["schemaVersion"] != 42:
        yield "identity"
    for key, name in (("id", "panel ids"), ("title", "panel titles")):
        found = [slug(str(panel[key])) for panel in board["panels"]]
        if len(set(found)) != len(found):
            yield f"{name} repeat"
    yield from _grid(board["panels"])
    for address in _addresses(board):
        match = re.match(r"/d/([^/?]+)", address)
        if (match and match[1] not in uids) or not (match or address.startswith(("/explore?", "http"))):
            yield f"{address} leads nowhere"
    for link in board["links"]:
        known = {"watchstack", *board["tags"]}
        if link["type"] == "dashboards" and not (link["tags"] and set(link["tags"]) <= known and link["keepTime"]):
            yield f"{link['title']} lists no dashboards, or other times"
    for annotation in board["annotations"].get("list", ()):
        if annotation["datasource"]["uid"] not in DATASOURCES or not annotation["expr"].strip():
            yield f"annotation {annotation['name']}"
    for panel in board["panels"]:
        yield from (f"{panel['title']}: {flaw}" for flaw in _of_panel(panel))


def _grid(panels: list[dict[str, Any]]) -> Iterator[str]:
    """Within 24 columns, nothing over another panel, no hole."""
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken or not 0 <= x < 24:
                    yield f"{panel['title']} at {x},{y}: {taken.get((x, y), 'outside')}"
                    return
                taken[x, y] = panel["title"]
    if len(taken) != 24 * (max(y for _, y in taken) + 1):
        yield "the grid has holes"


def _addresses(board: dict[str, Any]) -> Iterator[str]:
    yield from (link["url"] for link in board["links"] if link["type"] == "link")
    for panel in board["panels"]:
        fields = panel.get("fieldConfig", {})
        yield from (link["url"] for link in fields.get("defaults", {}).get("links", []))
        chosen = [one for override in fields.get("overrides", ()) for one in override["properties"]]
        yield from (link["url"] for one in chosen if one["id"] == "links" for link in one["value"])
    for annotation in board["annotations"].get("list", ()):
        yield from re.findall(r'href="([^"]+)"', annotation.get("textFormat", ""))


def _of_panel(panel: dict[str, Any]) -> Iterator[str]:
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    references = [target["refId"] for target in panel["targets"]]
    if panel["type"] not in DRAWN:
        yield f"{panel['type']} is not drawn by the console"
    if len(panel["description"]) <= 20:
        yield "no description"
    if panel["datasource"]["uid"] not in DATASOURCES:
        yield "unknown datasource"
    if len(set(references)) != len(references) or bool(references) == (panel["type"] == "text"):
        yield "refIds"
    for target in panel["targets"]:
        if (
            target["datasource"] != panel["datasource"]
            or target["expr"].strip() != target["expr"]
            or not target["expr"]
        ):
            yield f"target {target['refId']}"
    if panel["type"] in ("stat", "timeseries", "gauge", "bargauge") and not defaults.get("unit"):
        yield "no unit"
    if panel["type"] == "table":
        columns = ["Value"] if len(references) == 1 else [f"Value #{ref}" for ref in references]
        (organised,) = [one["options"] for one in panel["transformations"] if one["id"] == "organize"]
        if not all(column in organised["renameByName"] or column in organised["excludeByName"] for column in columns):
            yield "a number whose column does not say what it is"


@pytest.mark.parametrize(("board", "uids"), EVERY)
def test_a_dashboard_is_whole(board: dict[str, Any], uids: set[str]) -> None:
    """refIds, ids, titles, kinds, units, descriptions, datasources, links, grid; the console can draw all of it."""
    assert list(flaws(board, uids)) == []


@pytest.mark.parametrize(
    ("edit", "flaw"),
    [
        (lambda board: board.update(uid="mine"), "identity"),
        (lambda board: board["panels"][1].update(id=board["panels"][0]["id"]), "panel ids repeat"),
        (lambda board: board["panels"][1].update(title=board["panels"][0]["title"].upper()), "panel titles repeat"),
        (lambda board: board["panels"][0]["gridPos"].update(w=25), "at 24,0: outside"),
        (lambda board: board["panels"][1]["gridPos"].update(x=0), "at 0,0: "),
        (lambda board: board["panels"].pop(0), "holes"),
        (lambda board: board["links"][0].update(url="/d/watchstack-nowhere?x=1"), "leads nowhere"),
        (lambda board: board["links"][0].update(url="watchstack-host"), "leads nowhere"),
        (lambda board: [link.update(tags=["other"]) for link in board["links"]], "lists no dashboards"),
        (lambda board: board["panels"][0].update(type="piechart"), "piechart is not drawn"),
        (lambda board: board["panels"][0].update(description=""), "no description"),
        (lambda board: board["panels"][0]["datasource"].update(uid="mysql"), "unknown datasource"),
        (lambda board: board["panels"][0]["targets"].append(board["panels"][0]["targets"][0]), "refIds"),
        (lambda board: board["panels"][0]["targets"][0].update(expr=" up"), "target A"),
        (lambda board: board["panels"][0]["fieldConfig"]["defaults"].pop("unit"), "no unit"),
        (lambda board: _table(board)["options"].update(renameByName={}), "column does not say"),
    ],
)
def test_every_flaw_is_seen(edit: Callable[[dict[str, Any]], object], flaw: str) -> None:
    found = dashboards()
    board = copy.deepcopy(found["grafana/dashboards/service.json"])
    edit(board)
    assert flaw in "\n".join(flaws(board, {one["uid"] for one in found.values()}))


def _table(board: dict[str, Any]) -> dict[str, Any]:
    (table,) = [panel for panel in board["panels"] if panel["type"] == "table"]
    (organised,) = [one for one in table["transformations"] if one["id"] == "organize"]
    return dict(organised)


def test_the_panel_that_a_rule_names_exists() -> None:
    known = {
        f"{dashboard['uid']}/{slug(panel['title'])}"
        for dashboard in dashboards().values()
        for panel in dashboard["panels"]
    }
    named = {
        rule.dashboard
        for file in model("shipped").rule_files
        for group in file.groups
        for rule in group.rules
        if rule.dashboard
    }
    assert named
    assert named <= known


def test_thresholds_are_the_stacks(tmp_path: Path) -> None:
    stack = "thresholds: {cpu_warning: 55, cpu_critical: 66.5}\nwatchdog: {silence: 3m}\n"
    content = json.loads(render(load_text(tmp_path, stack), COMPOSE)["grafana/dashboards/overview.json"])
    panels = {panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"] for panel in content["panels"]
              if "thresholds" in panel.get("fieldConfig", {}).get("defaults", {})}  # fmt: skip
    assert [step["value"] for step in panels["CPU"]] == [None, 55, 66.5]
    assert [step["value"] for step in panels["Watchdog seen"]] == [None, 180]


def test_uid_and_title_never_change() -> None:
    content = dashboards()["grafana/dashboards/overview.json"]
    assert (content["uid"], content["title"]) == ("watchstack-overview", "Watchstack overview")
    assert content["editable"] is False


@pytest.mark.parametrize(("sources", "placed"), TREES)
def test_what_may_be_empty_says_for_which_reason(sources: str, placed: str) -> None:
    """Descriptions are sentences; the words that the live tests go by are followed by a reason."""
    declared = 0
    for path, dashboard in dashboards(sources, placed).items():
        for panel in dashboard["panels"]:
            said = panel["description"]
            assert said.endswith("."), f"{path}: {panel['title']}"
            if "mpty is fine" in said:
                _, reason = said.split(f" {EMPTY_IS_FINE} ")
                assert len(reason) > 10, f"{path}: {panel['title']}"
                declared += 1
    assert declared > 20

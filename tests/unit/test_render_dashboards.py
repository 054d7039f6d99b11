"""Generated dashboards: what Grafana does not check, and what the console can draw."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from stackgen.render.dashboards.panels import EMPTY_IS_FINE
from trees import TREES, load_text, model, tree

DRAWN = {"stat", "timeseries", "gauge", "bargauge", "table", "logs", "text"}  # what the console draws too


def dashboards(sources: str = "shipped", placed: str = "compose") -> dict[str, Any]:
    files = tree(sources, placed)
    return {path: json.loads(files[path]) for path in files if path.startswith("grafana/dashboards/")}


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


@pytest.mark.parametrize(("sources", "placed"), TREES)
def test_panels_are_whole(sources: str, placed: str) -> None:
    for path, dashboard in dashboards(sources, placed).items():
        assert dashboard["uid"], path
        assert dashboard["schemaVersion"] == 42
        assert "id" not in dashboard
        identities = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(identities)) == len(identities)
        titles = [slug(panel["title"]) for panel in dashboard["panels"]]
        assert len(set(titles)) == len(titles)
        for panel in dashboard["panels"]:
            assert panel["type"] in DRAWN, panel["title"]
            assert len(panel["description"]) > 20, panel["title"]
            assert panel["datasource"]["uid"] in ("prometheus", "loki")
            assert panel["targets"], panel["title"]
            references = [target["refId"] for target in panel["targets"]]
            assert len(set(references)) == len(references), panel["title"]
            for target in panel["targets"]:
                assert target["datasource"] == panel["datasource"]
                assert target["expr"].strip() == target["expr"] != ""
            if panel["type"] in ("stat", "timeseries", "gauge", "bargauge"):
                assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_panels_do_not_overlap_and_fill_the_grid() -> None:
    for path, dashboard in dashboards().items():
        taken: dict[tuple[int, int], str] = {}
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert (x, y) not in taken, f"{path}: {panel['title']} over {taken.get((x, y))}"
                    taken[x, y] = panel["title"]
        height = max(y for _, y in taken) + 1
        assert len(taken) == 24 * height, f"{path} has holes"


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

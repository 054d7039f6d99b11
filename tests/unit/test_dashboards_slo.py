"""The dashboard of promises: its lines are the numbers of stack.yml, and it is there before the first promise.

That the panels show what is reckoned by hand is shown by tests/tools/test_dashboards_slo.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from stackgen.render.dashboards.slo import ALERTS, SHORT
from stackgen.render.slo import BURNS
from support import ROOT
from trees import load_text, tree

STACK = """\
environment: test
services:
  - {name: shop, targets: [shop:80], slo: {availability: 99.9 %, latency: {under: 500ms, for: 99 %}}}
  - {name: web, targets: [web:80], slo: {availability: 99.5 %, over: 7d}}
"""


def panels(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    content = json.loads(files["grafana/dashboards/slo.json"])
    return {panel["title"]: panel for panel in content["panels"]}


def lines(panel: dict[str, Any]) -> list[float | None]:
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


@pytest.fixture
def promised(tmp_path: Path) -> dict[str, dict[str, Any]]:
    return panels(render(load_text(tmp_path, STACK), COMPOSE))


def test_lines_stand_at_what_was_promised(promised: dict[str, dict[str, Any]]) -> None:  # N-10
    assert lines(promised["Availability: good requests"]) == [None, 0.995, 0.999]
    assert lines(promised["Latency: good requests"]) == [None, 0.99]


def test_lines_stand_where_the_alerts_fire(promised: dict[str, dict[str, Any]]) -> None:  # D-60, N-10
    """14.4, 6, 3 and 1 times the budget over 30 days; over 7 days as much less as the period is shorter."""
    burns = {window: lines(promised[f"Latency: burn rate {window}"]) for window, _, _ in BURNS}
    assert burns == {"1h": [None, 14.4], "6h": [None, 6], "1d": [None, 3], "3d": [None, 1]}
    assert lines(promised["Availability: burn rate 1h"]) == [None, 3.36, 14.4]


def test_the_budget_turns_red_where_its_alert_fires(promised: dict[str, dict[str, Any]]) -> None:
    for kind in ("Availability", "Latency"):
        gauge = promised[f"{kind}: budget left"]
        assert gauge["type"] == "gauge"
        steps = gauge["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [(step["value"], step["color"]) for step in steps] == [(None, "red"), (0, "orange"), (0.25, "green")]


def test_each_windows_panel_is_about_its_alert() -> None:
    """Both windows of each alert are drawn, and those are the alert's own."""
    rules = yaml.safe_load((ROOT / "rules/slo.yml").read_text())["groups"]
    alerts = {rule["alert"]: rule["expr"] for group in rules for rule in group["rules"] if "alert" in rule}
    found = panels(dict(tree("shipped", "compose")))
    for window, _, _ in BURNS:
        panel = found[f"Latency: burn rate {window}"]
        assert ALERTS[window] in panel["description"]
        *drawn, limit = panel["targets"]
        assert f'window="{window}"' in limit["expr"]
        for target, span in zip(drawn, (window, SHORT[window]), strict=True):
            assert f"slo:error_ratio:rate{span}{{" in target["expr"]
            assert f"slo:error_ratio:rate{span} >" in alerts[ALERTS[window]]


def test_availability_and_latency_are_told_apart() -> None:
    for title, panel in panels(dict(tree("shipped", "compose"))).items():
        if title != "Promises":
            kind, _, _ = title.partition(":")
            other = {"Availability": "latency", "Latency": "availability"}[kind]
            for target in panel["targets"]:
                assert f'slo="{kind.lower()}"' in target["expr"]
                assert f'slo="{other}"' not in target["expr"]


def test_it_is_there_before_the_first_promise_and_says_why_it_is_empty() -> None:
    found = panels(dict(tree("shipped", "compose")))
    assert len(found) == 21
    for panel in found.values():
        assert "Empty is fine: no" in panel["description"]
    assert lines(found["Availability: burn rate 1h"]) == [None, 14.4]
    assert lines(found["Availability: good requests"]) == [None]


def test_the_alerts_about_promises_lead_here() -> None:
    rules = yaml.safe_load((ROOT / "rules/slo.yml").read_text())["groups"]
    led = {rule["dashboard"] for group in rules for rule in group["rules"] if "alert" in rule}
    assert led == {"watchstack-slo/promises"}

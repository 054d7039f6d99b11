"""Marks over the panels: they say what happened to the services that a dashboard shows, and read few points."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from stackgen.checks.known import known
from stackgen.checks.promql import parse
from stackgen.checks.tree import Selector, walk
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from trees import TREES, load_text, model, tree

NAMES = ["Alerts", "Deployments", "Restarts"]


def boards(sources: str = "shipped", placed: str = "compose") -> list[dict[str, Any]]:
    files = tree(sources, placed)
    return [json.loads(files[path]) for path in files if path.startswith("grafana/dashboards/")]


def marks(uid: str) -> dict[str, dict[str, Any]]:
    (found,) = [one for one in boards("rich") if one["uid"] == uid]
    return {one["name"]: one for one in found["annotations"]["list"]}


def selectors(expr: str) -> list[Selector]:
    root = parse(expr.replace("$service", "shop")).root
    assert root is not None, expr
    return [node for node in walk(root) if isinstance(node, Selector)]


@pytest.mark.parametrize(("sources", "placed"), TREES)
def test_every_dashboard_has_the_three_and_a_switch_for_each(sources: str, placed: str) -> None:  # J-13
    for dashboard in boards(sources, placed):
        found = dashboard["annotations"]["list"]
        assert [one["name"] for one in found] == NAMES, dashboard["uid"]
        for one in found:
            assert one["datasource"] == {"type": "prometheus", "uid": "prometheus"}
            assert one["hide"] is False  # hidden is the switch, not the mark
            assert "placement" not in one
            assert one["titleFormat"]
            assert one["textFormat"]
            assert one["tagKeys"]


def test_what_they_ask_is_promql_over_known_series() -> None:
    shipped = {rule.name for file in model("shipped").rule_files for group in file.groups for rule in group.rules}
    labels = {"alertname", "severity", "service", "team", "subject", "version", "environment"}
    for dashboard in boards("rich"):
        for one in dashboard["annotations"]["list"]:
            names = {selector.name for selector in selectors(one["expr"])}
            assert names
            assert names <= known().keys() | shipped
            used = re.findall(r"{{(\w+)}}", one["titleFormat"] + one["textFormat"]) + one["tagKeys"].split(",")
            assert set(used) <= labels


def test_they_are_narrowed_to_what_the_dashboard_shows() -> None:
    chosen = 'preset="iot",service=~"$service"'
    for one in marks("watchstack-iot").values():
        assert chosen in one["expr"]
    for uid in ("watchstack-service", "watchstack-slo"):
        for one in marks(uid).values():
            assert 'service=~"$service"' in one["expr"]
    for uid, about in (("host", "Host"), ("containers", "Container"), ("postgres", "Postgres"), ("redis", "Redis")):
        assert f'alertname=~"{about}.*"' in marks(f"watchstack-{uid}")["Alerts"]["expr"]
    assert "$" not in "".join(one["expr"] for one in marks("watchstack-overview").values())


def test_the_alerts_about_a_subject_are_called_after_it() -> None:
    """The marks of a dashboard about no service go by the beginning of the alerts' names."""
    for name, about in (("host", "Host"), ("containers", "Container"), ("postgres", "Postgres"), ("redis", "Redis")):
        (file,) = [one for one in model("shipped").rule_files if one.path == f"rules/{name}.yml"]
        found = [rule.name for group in file.groups for rule in group.rules if rule.kind == "alert"]
        assert found
        assert all(alert.startswith(about) for alert in found)


def test_they_stay_small_when_much_happens() -> None:
    """At most fifty alerts at a moment, deployments of the last hour alone, no instance's series of its own."""
    for dashboard in boards():
        found = {one["name"]: one["expr"] for one in dashboard["annotations"]["list"]}
        assert found["Alerts"].startswith("topk(50, max by (alertname, severity, service, team, subject) (ALERTS{")
        for name in ("Deployments", "Restarts"):
            assert found[name].startswith("1000 * (service:")
            assert found[name].endswith(" > time() - 3600)")


def test_restarts_are_off_where_all_services_are_shown() -> None:
    assert [one["enable"] for one in marks("watchstack-overview").values()] == [True, True, False]
    assert [one["enable"] for one in marks("watchstack-service").values()] == [True, True, True]


def test_the_text_leads_to_the_console(tmp_path: Path) -> None:
    files = render(load_text(tmp_path, "address: https://watch.example/\n"), COMPOSE)
    (alerts, *_) = json.loads(files["grafana/dashboards/overview.json"])["annotations"]["list"]
    assert '<a href="https://watch.example/alerts">' in alerts["textFormat"]
    assert '<a href="/d/watchstack-service?var-service={{service}}">' in alerts["textFormat"]

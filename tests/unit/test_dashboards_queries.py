"""What the dashboards ask: every expression is PromQL, every metric in it is one that somebody exports or records."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

import pytest
from stackgen.checks.known import known
from stackgen.checks.promql import parse
from stackgen.checks.tree import Selector, walk
from stackgen.model.slo import RECORDED
from trees import TREES, model, tree

VARIABLES = {"service": "shop", "search": "timeout"}  # what the dashboards may ask for; the console puts in the same


class Asked(NamedTuple):
    """One target of one panel. expr: with a value for every variable."""

    dashboard: str
    panel: dict[str, Any]
    target: dict[str, Any]
    expr: str

    def __str__(self) -> str:
        return f"{self.dashboard} / {self.panel['title']}: {self.expr}"


def filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(f"${name}", value)
    return expr


@cache
def asked(sources: str, datasource: str) -> tuple[Asked, ...]:
    files = tree(sources, "compose")
    return tuple(
        Asked(dashboard["title"], panel, target, filled(target["expr"]))
        for path in files
        if path.startswith("grafana/dashboards/")
        for dashboard in [json.loads(files[path])]
        for panel in dashboard["panels"]
        for target in panel["targets"]
        if target["datasource"]["uid"] == datasource
    )


def selectors(expr: str) -> list[Selector]:
    """Every selector of an expression."""
    root = parse(expr).root
    assert root is not None, expr
    return [node for node in walk(root) if isinstance(node, Selector)]


@cache
def recorded() -> frozenset[str]:
    """By the shipped rules, of which the rich sources have none, and for the promises of services."""
    shipped = {rule.name for file in model("shipped").rule_files for group in file.groups for rule in group.rules}
    return frozenset(shipped | set(RECORDED))


@pytest.mark.parametrize("sources", ["shipped", "rich"])
def test_every_expression_is_promql(sources: str) -> None:
    found = asked(sources, "prometheus")
    assert len(found) > 150
    for one in found:
        parsed = parse(one.expr)
        assert parsed.root is not None, f"{one}: {parsed.fault}"
        assert selectors(one.expr), f"{one} asks for nothing"


@pytest.mark.parametrize("sources", ["shipped", "rich"])
def test_every_metric_is_exported_or_recorded(sources: str) -> None:
    names = {selector.name for one in asked(sources, "prometheus") for selector in selectors(one.expr)}
    assert "" not in names
    assert len(names) > 60
    assert names - known().keys() - recorded() == set()


def test_a_metric_that_nobody_exports_is_seen() -> None:
    (misspelt,) = selectors("sum(rate(http_request_total[5m]))")
    assert misspelt.name not in known().keys() | recorded()


@pytest.mark.parametrize("sources", ["shipped", "rich"])
def test_metrics_of_a_preset_are_asked_of_that_preset(sources: str) -> None:
    """A metric that one preset alone exports stands on no dashboard of another."""
    seen = set()
    for one in asked(sources, "prometheus"):
        for selector in selectors(one.expr):
            metric = known().get(selector.name)
            if metric is None or not metric.presets:
                continue
            chosen = {matcher.value for matcher in selector.matchers if matcher.label == "preset"}
            assert chosen, f"{one} names no preset"
            assert chosen <= metric.presets, str(one)
            seen |= chosen
    assert {"framework", "ai"} <= seen


def test_windows_are_those_of_the_recording_rules() -> None:  # N-09
    """Five minutes everywhere, another time where the panel says so: lines of one dashboard can be compared."""
    words = {3600: "hour", 86400: "day", 604800: "week"}
    for one in asked("rich", "prometheus"):
        for selector in selectors(one.expr):
            if selector.window not in (None, 300):
                assert selector.window in words, str(one)
                assert words[selector.window] in one.panel["title"] + one.panel["description"], str(one)


def test_no_panel_draws_a_raw_series_of_many_labels() -> None:  # N-09, P-08
    """What has a series for each route, status or bucket is drawn from what the recording rules made of it."""
    many = (
        "_bucket",
        "http_requests_total",
        "http_request_duration_seconds_sum",
        "http_request_duration_seconds_count",
    )
    seen = 0
    for one in asked("rich", "prometheus"):
        for selector in selectors(one.expr):
            if selector.name.endswith(many):
                assert "sum" in one.expr, str(one)
                seen += 1
            if selector.name.startswith("http_request"):
                assert one.target["instant"] or selector.name == "http_requests_in_progress", str(one)
    assert seen


def test_logs_are_asked_by_labels_that_every_line_has() -> None:
    found = asked("shipped", "loki")
    assert len(found) >= 11
    known = ('{environment=~".+"}', '{level=~"error|critical"}', '{level=~"warning|error|critical"}')
    for one in found:
        assert any(selector in one.expr for selector in known), str(one)


def test_only_the_variables_that_a_dashboard_declares_are_used() -> None:
    for sources, placed in TREES:
        files = tree(sources, placed)
        for path in files:
            if not path.startswith("grafana/dashboards/"):
                continue
            dashboard = json.loads(files[path])
            declared = {variable["name"] for variable in dashboard["templating"].get("list", [])}
            assert declared <= VARIABLES.keys(), path
            used = {
                name
                for panel in dashboard["panels"]
                for target in panel["targets"]
                for name in VARIABLES
                if f"${name}" in target["expr"]
            }
            assert used == declared, path
            for panel in dashboard["panels"]:
                for target in panel["targets"]:
                    assert "$" not in filled(target["expr"]), f"{path}: {panel['title']}"

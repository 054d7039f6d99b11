"""Promises of services: what stack.yml says, what is recorded of it, and the numbers of the burn-rate alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.engines.docker_placement import COMPOSE
from stackgen.model.slo import LATENCY_BOUNDS, RECORDED, Latency, Slo
from stackgen.render import render
from stackgen.render.slo import BURNS, RULES, TESTS, limits
from support import ROOT
from trees import load_text
from watchstack.catalogue_data import DURATION_BUCKETS

STACK = """\
environment: test
services:
  - name: shop.eu
    preset: iot
    targets: [shop:80]
    slo: {availability: 99.9 %, latency: {under: 500ms, for: 99 %}}
  - {name: plain, targets: [plain:80]}
  - {name: web, targets: [web:80], slo: {latency: {under: 1s, for: 95}, over: 7d}}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """The generated files by path, with the shipped rules that turn the recorded series into alerts."""
    shipped = {name: (ROOT / f"rules/{name}.yml").read_text() for name in ("slo", "recording-services")}
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    model = load_text(tmp_path, STACK, **shipped)
    assert [service.slo for service in model.stack.services] == [
        Slo(99.9, Latency(0.5, 99.0), 30 * 86400.0),
        None,
        Slo(None, Latency(1.0, 95.0), 7 * 86400.0),
    ]
    tree = render(model, COMPOSE)
    return {path: yaml.safe_load(tree[path]) for path in (RULES, TESTS)}


def group(files: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (found,) = (one for one in files[RULES]["groups"] if one["name"] == name)
    return list(found["rules"])


def test_a_promise_becomes_recorded_series(files: dict[str, Any]) -> None:  # D-60, N-10, P-08
    rules = group(files, "slo-shop.eu")
    assert {rule["record"] for rule in rules} == set(RECORDED)
    first = {rule["record"]: rule for rule in reversed(rules) if rule.get("labels", {}).get("slo") != "latency"}
    assert first["slo:errors:rate5m"] == {
        "record": "slo:errors:rate5m",
        "expr": 'service:http_errors:rate5m{service="shop.eu"}',
        "labels": {"service": "shop.eu", "slo": "availability"},
    }
    assert first["slo:objective:ratio"]["expr"] == "vector(0.999)"
    budget = [rule["expr"] for rule in rules if rule["record"] == "slo:error_budget_remaining:ratio"]
    chosen = 'service="shop.eu", slo="availability"'
    assert budget[0] == (
        f"1 - sum_over_time(slo:errors:rate5m{{{chosen}}}[30d])"
        f" / (sum_over_time(slo:requests:rate5m{{{chosen}}}[30d]) > 0) / 0.001"
    )
    assert 'slo="latency"' in budget[1]
    assert budget[1].endswith("/ 0.01")


def test_slow_requests_are_those_over_the_bound(files: dict[str, Any]) -> None:
    slow = [r["expr"] for name in ("slo-shop.eu", "slo-web") for r in group(files, name) if "le=~" in r["expr"]]
    assert [expr.partition("le=~")[2].rstrip("})") for expr in slow] == ['"0\\\\.5"', '"1(\\\\.0)?"']


def test_limits_are_those_of_the_workbook() -> None:
    """14.4, 6, 3 and 1 times the budget over 30 days; a shorter promise burns slower at the same share, but what it
    allows is never too fast."""
    month = limits(99.9, 30 * 86400.0)
    assert month == pytest.approx({"1h": 0.0144, "6h": 0.006, "1d": 0.003, "3d": 0.001})
    week = limits(99.9, 7 * 86400.0)
    assert week == pytest.approx({"1h": 0.00336, "6h": 0.0014, "1d": 0.001, "3d": 0.001})
    assert min(limits(99.9, 28 * 86400.0).values()) == 0.001
    assert [share for _, _, share in BURNS] == [0.02, 0.05, 0.10, 0.10]


def test_every_window_has_its_limit(files: dict[str, Any]) -> None:
    found = {
        (rule["labels"]["slo"], rule["labels"]["window"]): float(rule["expr"][7:-1])
        for rule in group(files, "slo-shop.eu")
        if rule["record"] == "slo:error_limit:ratio"
    }
    assert len(found) == 8
    assert found["availability", "1h"] == 0.0144
    assert found["latency", "3d"] == 0.01


def test_the_tests_lead_from_requests_to_the_alert(files: dict[str, Any]) -> None:
    tests = files[TESTS]["tests"]
    assert files[TESTS]["rule_files"] == [f"../rules/{name}.yml" for name in ("stack-slo", "slo", "recording-services")]
    assert [test["name"] for test in tests] == [
        f"SloBurnFast: {name}: {words} the limit"
        for name in ("shop.eu, availability", "shop.eu, latency", "web, latency")
        for words in ("fires just over", "quiet just under")
    ]
    assert [bool(test["promql_expr_test"][0]["exp_samples"]) for test in tests] == [True, False] * 3


def test_without_a_promise_nothing_is_generated(tmp_path: Path) -> None:
    tree = render(load_text(tmp_path), COMPOSE)
    assert RULES not in tree
    assert TESTS not in tree


def test_the_bounds_are_those_that_the_library_counts_with() -> None:
    assert LATENCY_BOUNDS == DURATION_BUCKETS

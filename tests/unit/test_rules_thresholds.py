"""Thresholds by name: of the stack, of one service, words for a statistic, cooldowns. One rule becomes several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stackgen.diagnostic import SourceError
from stackgen.load import load
from stackgen.model import Rule
from stackgen.model.defaults import THRESHOLDS, is_percentage, is_statistic
from trees import load_text

RULES = """\
groups:
  - name: shop
    rules:
      - alert: Slow
        expr: >-
          took{preset="iot", statistic="${threshold.iot_response_time_statistic}"}
          > ${threshold.iot_response_time_seconds}
        for: 5m
        keep_firing_for: ${threshold.flask_cooldown_minutes}m
        labels: {severity: warning}
        annotations: {summary: s, description: 'over ${threshold.iot_response_time_seconds} s'}
        tests:
          - name: about a service that has its own numbers
            series: {'took{service="a.b", preset="iot"}': '2x5'}
            at: 5m
            fires: []
          - name: about all
            series: {'took{service="other", statistic="${threshold.iot_response_time_statistic}"}': '1x5'}
            at: 5m
            fires: []
      - alert: Host
        expr: memory{job="exporter"} > ${threshold.memory_warning}
        labels: {severity: warning}
"""
SERVICE = "  - {{name: {}, preset: {}, targets: ['{}:80'], thresholds: {{{}}}}}\n"
Read = Callable[..., list[Rule]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def rules(*services: tuple[str, str, str], more: str = "") -> list[Rule]:
        written = "".join(SERVICE.format(name, preset, name, own) for name, preset, own in services)
        stack = f"environment: test\n{more}" + (f"services:\n{written}" if services else "")
        model = load_text(tmp_path, stack, rules_of_mine=RULES)
        return [rule for file in model.rule_files for group in file.groups for rule in group.rules]

    return rules


def exprs(rules: list[Rule]) -> list[str]:
    return [rule.expr for rule in rules if rule.name == "Slow"]


def test_without_numbers_of_its_own_a_service_shares_the_rule(read: Read) -> None:  # D-58, X-12
    rules = read(("a", "iot", ""))
    assert exprs(rules) == ['took{preset="iot", statistic="p95"} > 1']
    assert rules[0].body["keep_firing_for"] == "5m"
    assert len(rules[0].tests) == 2
    assert list(rules[0].tests[1].series) == ['took{service="other", statistic="p95"}']


def test_a_service_with_numbers_of_its_own_has_its_own_rule(read: Read) -> None:  # D-58, P-04
    rules = read(("a.b", "iot", "iot_response_time_seconds: 2.5"), ("c", "iot", ""))
    assert exprs(rules) == [
        'took{preset="iot", service!~"a\\\\.b", statistic="p95"} > 1',
        'took{preset="iot", service="a.b", statistic="p95"} > 2.5',
    ]
    assert [rule.body["labels"].get("service") for rule in rules[:2]] == [None, "a.b"]
    assert [rule.body["annotations"]["description"] for rule in rules[:2]] == ["over 1 s", "over 2.5 s"]
    assert [[test.name for test in rule.tests] for rule in rules[:2]] == [["about all"], []]


def test_each_service_has_a_rule_with_its_numbers(read: Read) -> None:
    rules = read(
        ("a", "iot", "iot_response_time_seconds: 2, iot_response_time_statistic: avg"),
        ("b", "iot", "iot_response_time_statistic: avg, iot_response_time_seconds: 2"),
        ("c", "iot", "flask_cooldown_minutes: 20"),
    )
    assert exprs(rules) == [
        'took{preset="iot", service!~"a|b|c", statistic="p95"} > 1',
        'took{preset="iot", service="a", statistic="avg"} > 2',
        'took{preset="iot", service="b", statistic="avg"} > 2',
        'took{preset="iot", service="c", statistic="p95"} > 1',
    ]
    assert [rule.body["keep_firing_for"] for rule in rules[:4]] == ["5m", "5m", "5m", "20m"]


def test_the_same_number_and_other_presets_change_nothing(read: Read) -> None:
    rules = read(("a", "iot", "iot_response_time_seconds: 1"), ("b", "api", "iot_response_time_seconds: 9"))
    assert exprs(rules) == ['took{preset="iot", statistic="p95"} > 1']


def test_an_override_holds_for_all_and_a_service_knows_better(read: Read) -> None:
    more = "overrides: {Slow: {threshold: 3, cooldown: 10m, for: 1m}}\n"
    rules = read(("a", "iot", "iot_response_time_seconds: 2"), more=more)
    assert [expr.rpartition("> ")[2] for expr in exprs(rules)] == ["3", "2"]
    assert [(rule.body["for"], rule.body["keep_firing_for"]) for rule in rules[:2]] == [("1m", "10m")] * 2


@pytest.mark.parametrize("minutes", ["2.5", "-1"])
def test_numbers_of_a_service_that_make_no_duration_are_a_finding(minutes: str, read: Read) -> None:
    """Prometheus would refuse the whole file, and not start with it."""
    with pytest.raises(SourceError) as refused:
        read(("a", "iot", f"flask_cooldown_minutes: {minutes}"))
    (found,) = [one for one in refused.value.diagnostics if "is no duration" in one.message]
    assert found.message == (
        f"'keep_firing_for' of alert Slow with the thresholds of service a: '{minutes}m' is no duration"
    )
    assert found.where.file == "stack.yml"


def test_overriding_a_switched_off_alert_leaves_no_rule_of_a_service(read: Read) -> None:
    rules = read(("a", "iot", "iot_response_time_seconds: 2"), more="overrides: {Slow: {disabled: true}}\n")
    assert [rule.name for rule in rules] == ["Host"]


@pytest.mark.parametrize(
    ("own", "message", "hint"),
    [
        ("iot_respons_time_seconds: 2", "no threshold 'iot_respons_time_seconds'", "did you mean 'iot_response_time"),
        ("iot_response_time_statistic: median", "cannot be 'median'", "known: avg, p50, p95, p99, single"),
        ("iot_response_time_seconds: soon", "'soon' is no number", ""),
    ],
)
def test_bad_thresholds_of_a_service_are_findings(
    own: str, message: str, hint: str, read: Read, tmp_path: Path
) -> None:
    with pytest.raises(SourceError):
        read(("a", "iot", own))
    try:
        load(tmp_path)
    except SourceError as error:
        found = [one for one in error.diagnostics if message in one.message]
    assert len(found) == 1
    assert hint in found[0].hint
    assert found[0].where.file == "stack.yml"


def test_every_shipped_threshold_has_a_sort_of_its_own() -> None:
    """Percentages, words, and numbers over 0: the checks of settings go by the name."""
    for name, value in THRESHOLDS.items():
        assert isinstance(value, str) == is_statistic(name)
        if not isinstance(value, str):
            assert 0 < value <= (100 if is_percentage(name) else 100_000)

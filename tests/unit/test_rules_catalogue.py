"""The shipped rules against the rows of the requirements: names, severities, durations, numbers, files, pages."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from stackgen.model import Rule
from stackgen.model.defaults import THRESHOLDS
from support import ROOT
from trees import model, tree

# Name, severity, `for`, the number in the expression (as the row gives it); None where the row gives none.
IOT = [
    ("HighErrorRate", "critical", "5m", "5"),  # D-01
    ("SlowResponseTime", "warning", "5m", "1"),  # D-02
    ("HighRequestRate", "info", "5m", "1000"),  # D-03
    ("DatabaseConnectionFailure", "critical", "2m", "0"),  # D-04
    ("HighDatabaseQueryDuration", "warning", "5m", "5"),  # D-05
    ("HighActiveDatabaseConnections", "warning", "5m", "80"),  # D-06
    ("DatabaseQueryErrors", "warning", "5m", "1"),  # D-07
    ("HighMemoryUsage", "warning", "5m", "80"),  # D-08
    ("CriticalMemoryUsage", "critical", "2m", "90"),  # D-09
    ("LowDiskSpace", "warning", "5m", "85"),  # D-10
    ("CriticalDiskSpace", "critical", "2m", "95"),  # D-11
    ("HighCPUUsage", "warning", "10m", "80"),  # D-12
    ("NoDataIngestion", "warning", "1h", "0"),  # D-13
    ("HighTelemetryValidationErrors", "warning", "5m", "10"),  # D-14
    ("BackupFailure", "critical", None, "0"),  # D-15
    ("BackupNotRunning", "warning", None, "86400"),  # D-16
    ("HighChunkCount", "info", "30m", "1000"),  # D-17
    ("LowCompressionRatio", "info", "1h", "2"),  # D-18
    ("HighAnomalyRate", "warning", "30m", "10"),  # D-19
    ("SlowDiagnosticAnalysis", "warning", "10m", "60"),  # D-20
    ("InstanceDown", "critical", "1m", "0"),
    ("MixedVersions", "info", "30m", "1"),
]
OTHERS = [
    ("ApiHighErrorRate", "10"),  # D-22
    ("ApiSlowResponseTime", "2"),  # D-23
    ("ApiHighMemoryUsage", "85"),  # D-24
    ("ApiHighCPUUsage", "80"),  # D-25
    ("FrameworkHighErrorRate", "5"),  # D-27
    ("FrameworkSlowResponseTime", "1"),  # D-28
    ("FrameworkHighMemoryUsage", "85"),  # D-29
    ("FrameworkDatabaseFailure", "0"),  # D-30
    ("FrameworkSlowQueries", "1"),  # D-30, Y-17
    ("FrameworkFailedLoginSpike", "20"),  # D-31, Y-17
    ("FrameworkLowDiskSpace", "85"),  # D-32, X-13
    ("FlaskCriticalMemoryUsage", "90"),  # D-33
    ("FlaskHighMemoryUsage", "80"),  # D-34
    ("FlaskCriticalCPUUsage", "90"),  # D-35
    ("FlaskHighCPUUsage", "80"),  # D-36
    ("FlaskCriticalDiskSpace", "95"),  # D-37
    ("FlaskLowDiskSpace", "85"),  # D-38
    ("FlaskSlowResponseTime", "5"),  # D-39
    ("FlaskHighPoolUse", "80"),  # D-42
    ("FlaskSlowDatabase", "1"),  # D-43, X-14
    ("RedisHighMemory", "80"),  # D-44
    ("FlaskSlowRedis", "0.5"),  # D-45
    ("FlaskSlowExternalApi", "3"),  # D-46
    ("AiHighErrorRate", "5"),  # D-52
    ("AiSlowResponseTime", "5"),  # D-53
    ("AiHighProcessMemory", "80"),  # D-54
    ("AiHighProcessCPU", "90"),  # D-54, Y-21
    ("AiOpenAIDailyCost", "50"),  # D-56, Y-17
    ("AiOpenAIFailing", "25"),  # D-57
    ("AiHighDatabaseConnections", "8"),  # D-55
]
STATISTICS = {"Flask": "single", "Api": "avg", "Framework": "avg", "": "p95", "Ai": "p95"}


def alerts() -> dict[str, Rule]:
    rules = (rule for file in model("shipped").rule_files for group in file.groups for rule in group.rules)
    found = [rule for rule in rules if rule.kind == "alert"]
    names = Counter(rule.name for rule in found)
    assert not [name for name, count in names.items() if count > 1]  # a name says which alert it is
    return {rule.name: rule for rule in found}


ALERTS = alerts()


def of(path: str) -> list[Rule]:
    (file,) = (one for one in model("shipped").rule_files if one.path == path)
    return [rule for group in file.groups for rule in group.rules]


def test_the_iot_platform_has_its_22_rules_in_its_file() -> None:  # D-21, X-21, X-22
    rules = of("rules/prometheus_rules.yml")
    assert [rule.name for rule in rules] == [name for name, *_ in IOT]
    severities = Counter(rule.body["labels"]["severity"] for rule in rules)
    assert severities == {"critical": 6, "warning": 12, "info": 4}
    assert "prometheus/rules/prometheus_rules.yml" in tree("shipped", "compose")


@pytest.mark.parametrize(("name", "severity", "lasts", "number"), IOT, ids=[row[0] for row in IOT])
def test_rules_of_the_iot_platform(name: str, severity: str, lasts: str | None, number: str) -> None:
    body = ALERTS[name].body
    assert (body["labels"]["severity"], body.get("for")) == (severity, lasts)
    assert re.search(rf"[<>=] {number}$", body["expr"])
    assert 'preset="iot"' in body["expr"]


@pytest.mark.parametrize(("name", "number"), OTHERS, ids=[row[0] for row in OTHERS])
def test_numbers_of_the_other_presets(name: str, number: str) -> None:
    assert re.search(rf"[<>]=? {re.escape(number)}$", str(ALERTS[name].body["expr"]))


def test_the_api_package_has_its_five_rules_in_its_file() -> None:  # D-22..D-26, X-22
    assert len(of("rules/alert_rules.yml")) == 5
    assert "prometheus/rules/alert_rules.yml" in tree("shipped", "compose")
    body = ALERTS["ApiDatabaseConnectivity"].body["expr"]
    assert "service:db_connection_errors:rate5m" in body
    assert 'component="database"} == 0' in body


def test_each_preset_has_its_statistic_of_response_times() -> None:  # X-12, D-59
    for preset, statistic in STATISTICS.items():
        assert f'statistic="{statistic}"' in ALERTS[f"{preset}SlowResponseTime"].expr


def test_failures_of_health_checks_count_as_the_component_asks() -> None:  # D-40, D-47, D-48, D-49..D-51
    lasts = {name: ALERTS[name].body.get("for") for name in ALERTS if ALERTS[name].runbook == "component-failing"}
    assert lasts == {
        "FlaskCriticalComponentFailing": None,
        "FlaskHealthCheckFailing": "3m",
        "FlaskExternalApiFailing": "2m",
        "AiSystemCritical": None,
        "AiServiceDown": None,
        "AiSystemDegraded": "1m",
    }
    severity = {name: ALERTS[name].body["labels"]["severity"] for name in lasts}
    assert severity["FlaskHealthCheckFailing"] == "critical"
    assert (severity["AiSystemCritical"], severity["AiServiceDown"]) == ("critical", "error")
    assert severity["AiSystemDegraded"] == "warning"


@pytest.mark.parametrize(("preset", "cooldown"), [("flask", "5m"), ("framework", "10m"), ("ai", "15m")])
def test_cooldowns_are_those_of_the_preset(preset: str, cooldown: str) -> None:  # X-24, E-16..E-18
    kept = [rule.body.get("keep_firing_for") for rule in of(f"rules/{preset}.yml")]
    assert set(kept) - {None} == {cooldown}
    assert kept.count(None) <= 1


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS)
def test_every_alert_is_told_whole(rule: Rule) -> None:
    """A summary, a description with the value, a severity, a subject to inhibit by, a page that names the alert."""
    body = rule.body
    assert body["annotations"]["summary"]
    if rule.name != "Watchdog":
        assert "$value" in body["annotations"]["description"]
        assert body["labels"]["subject"]
    assert body["labels"]["severity"] in ("critical", "error", "warning", "info")
    assert rule.runbook
    page = (ROOT / f"docs/runbooks/{rule.runbook}.md").read_text(encoding="utf-8")
    assert f"`{rule.name}`" in page.split("## What it means")[0]
    assert rule.dashboard


@pytest.mark.parametrize("page", sorted((ROOT / "docs/runbooks").glob("*.md")), ids=lambda page: page.stem)
def test_every_runbook_page_belongs_to_alerts_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)`", text.split("## What it means")[0])
    assert named
    assert {name for name in named if ALERTS.get(name) is None or ALERTS[name].runbook != page.stem} == set()


def test_a_rise_of_costs_is_told_over_a_floor() -> None:  # D-56
    expr = ALERTS["AiOpenAICostSpike"].expr
    assert "> 3 * service:holisticos_openai_cost_dollars:increase1d" in expr
    assert expr.endswith("> 1")


def test_a_process_may_be_reckoned_by_its_cores() -> None:  # Y-21
    assert "/ 1\n" in ALERTS["AiHighProcessCPU"].expr or "/ 1 >" in ALERTS["AiHighProcessCPU"].expr
    assert THRESHOLDS["ai_process_cpu_cores"] == 1


def test_what_grows_slowly_is_told_before_a_limit() -> None:  # D-62
    assert "predict_linear" in ALERTS["HostDiskFilling"].expr
    assert "[6h] offset 30m" in ALERTS["ServiceSlowerThanBefore"].expr


def test_every_shipped_threshold_is_used() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.yml"))
    assert {name for name in THRESHOLDS if f"${{threshold.{name}}}" not in sources} == set()


@pytest.mark.parametrize("tier", ["1m", "5m"])
def test_each_tier_is_recorded_at_its_resolution(tier: str) -> None:  # N-12, N-13, X-15
    (file,) = (one for one in model("shipped").rule_files if one.path == "rules/recording-resolutions.yml")
    (group,) = (one for one in file.groups if one.name == f"resolution-{tier}")
    assert group.options["interval"] == tier
    names = [rule.name for rule in group.rules]
    assert len(names) >= 7
    assert all(name.endswith(f"avg{tier}") for name in names)
    assert all(rule.tests for rule in group.rules)


def test_raw_series_have_a_point_every_fifteen_seconds() -> None:  # N-11, X-25
    assert model("shipped").stack.intervals.scrape == 15.0

"""Rules, their tests, routes, inhibition and receivers as they are generated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.engines.docker_placement import COMPOSE
from stackgen.model import Model
from stackgen.render import render
from support import ROOT
from trees import load_text, model, tree

RULES = """
groups:
  - name: g
    interval: 1m
    rules:
      - record: a:b:sum
        expr: sum(b)
        tests:
          - {name: sum, series: {'b{x="1"}': 1x5, 'b{x="2"}': 2x5}, at: 2m, values: [{value: 3}]}
      - alert: High
        expr: a:b:sum > ${threshold.memory_warning}
        for: 5m
        team: web
        labels: {severity: warning, subject: b}
        annotations: {summary: s, description: d}
        runbook: high
        dashboard: watchstack-overview/cpu
        tests:
          - {name: fires, series: {b: 90x10}, at: 7m, fires: [{subject: b, team: web}, {subject: b}]}
          - {name: quiet, series: {b: '1x10'}, at: 7m, fires: []}
"""
STACK = "teams: {web: {critical: [inbox]}, ops: {critical: [inbox]}}\n"


def parsed(content: Model, path: str) -> Any:
    return yaml.safe_load(render(content, COMPOSE)[path])


def test_a_rule_gets_links_and_team_and_none_of_our_keys(tmp_path: Path) -> None:
    group = parsed(load_text(tmp_path, STACK, own=RULES), "prometheus/rules/own.yml")["groups"][0]
    assert (group["name"], group["interval"]) == ("g", "1m")
    assert group["rules"][0] == {"record": "a:b:sum", "expr": "sum(b)"}
    assert group["rules"][1] == {
        "alert": "High",
        "expr": "a:b:sum > 80",
        "for": "5m",
        "labels": {"severity": "warning", "subject": "b", "team": "web"},
        "annotations": {
            "summary": "s",
            "description": "d",
            "runbook_url": "http://127.0.0.1:9099/runbooks/high",
            "dashboard_url": "http://127.0.0.1:9099/dashboards/watchstack-overview/cpu",
        },
    }


def test_overrides(tmp_path: Path) -> None:
    changed = "overrides: {High: {for: 10m, threshold: 90, severity: critical, team: ops}}\n"
    content = load_text(tmp_path, STACK + changed, own=RULES)
    rule = parsed(content, "prometheus/rules/own.yml")["groups"][0]["rules"][1]
    assert (rule["for"], rule["expr"]) == ("10m", "a:b:sum > 90")
    assert rule["labels"] == {"severity": "critical", "subject": "b", "team": "ops"}
    assert list(rule) == ["alert", "expr", "for", "labels", "annotations"]
    names = [case["name"] for case in parsed(content, "prometheus/tests/own.yml")["tests"]]
    assert names == ["a:b:sum: sum"]
    content = load_text(tmp_path, STACK + "overrides: {High: {disabled: true}}\n", own=RULES)
    assert [rule.get("alert") for rule in parsed(content, "prometheus/rules/own.yml")["groups"][0]["rules"]] == [None]


def test_tests_are_put_into_promtools_words(tmp_path: Path) -> None:
    content = parsed(load_text(tmp_path, STACK, own=RULES), "prometheus/tests/own.yml")
    assert content["rule_files"] == ["../rules/own.yml"]
    assert content["evaluation_interval"] == "15s"
    values, fires, quiet = content["tests"]
    assert values["input_series"] == [
        {"series": 'b{x="1"}', "values": "1x5"},
        {"series": 'b{x="2"}', "values": "2x5"},
    ]
    assert values["promql_expr_test"] == [
        {"expr": "round(a:b:sum, 0.000001)", "eval_time": "2m", "exp_samples": [{"labels": "{}", "value": 3}]}
    ]
    alerts = 'ALERTS{alertname="High",alertstate="firing"'
    assert fires["promql_expr_test"] == [
        {"expr": f"count({alerts}}})", "eval_time": "7m", "exp_samples": [{"labels": "{}", "value": 2}]},
        {
            "expr": f'count({alerts},subject="b",team="web"}}) > 0',
            "eval_time": "7m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        },
        {
            "expr": f'count({alerts},subject="b"}}) > 0',
            "eval_time": "7m",
            "exp_samples": [{"labels": "{}", "value": 2}],
        },
    ]
    assert quiet["promql_expr_test"] == [{"expr": f"count({alerts}}})", "eval_time": "7m", "exp_samples": []}]


def test_a_test_loads_the_file_whose_recorded_series_it_needs(tmp_path: Path) -> None:
    user = """
groups:
  - name: user
    rules:
      - alert: Uses
        expr: a:b:sum > 1
        labels: {severity: info}
        tests: [{name: fires, series: {b: 5x5}, at: 2m, fires: [{}]}]
"""
    content = parsed(load_text(tmp_path, STACK, own=RULES, user=user), "prometheus/tests/user.yml")
    assert content["rule_files"] == ["../rules/user.yml", "../rules/own.yml"]


def test_rules_from_elsewhere_pass_through(tmp_path: Path) -> None:
    foreign = (ROOT / "tests/golden/rich/rules/custom/foreign.yaml").read_text()
    (tmp_path / "rules/custom/deep").mkdir(parents=True)
    (tmp_path / "rules/custom/deep/foreign.yaml").write_text(foreign)
    content = load_text(tmp_path)
    assert parsed(content, "prometheus/rules/custom-deep-foreign.yml") == yaml.safe_load(foreign)
    assert "prometheus/tests/custom-deep-foreign.yml" not in render(content, COMPOSE)


def test_two_files_never_share_a_name(tmp_path: Path) -> None:
    group = "groups: [{name: %s, rules: [{record: 'a:%s:c', expr: '1'}]}]\n"
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "rules/custom/x.yml").write_text(group % ("one", "one"))
    (tmp_path / "rules/custom-x.yml").write_text(group % ("two", "two"))
    files = render(load_text(tmp_path), COMPOSE)
    found = [path for path in files if path.startswith("prometheus/rules/custom")]
    assert len(found) == 2
    assert {yaml.safe_load(files[path])["groups"][0]["name"] for path in found} == {"one", "two"}


def test_rules_for_loki_go_to_its_ruler() -> None:
    files = tree("rich", "compose")
    assert "prometheus/rules/custom-loki.yml" not in files
    assert (
        yaml.safe_load(files["loki/rules/fake/custom-loki.yml"])["groups"][0]["rules"][0]["alert"] == "ManyErrorLines"
    )


def alertmanager(sources: str = "rich") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(tree(sources, "compose")["alertmanager/alertmanager.yml"])
    return content


def test_without_receivers_everything_goes_to_the_inbox() -> None:
    config = alertmanager("shipped")
    assert config["route"]["receiver"] == "inbox"
    assert [route["receiver"] for route in config["route"]["routes"]] == ["watchdog", "inbox", "inbox"]
    assert [one["name"] for one in config["receivers"]] == ["inbox", "watchdog"]
    hook = config["receivers"][0]["webhook_configs"][0]
    assert hook["url"] == "http://console:9099/api/v1/inbox"
    assert hook["http_config"]["authorization"]["credentials_file"] == "/run/watchstack-secrets/inbox-token"


def test_the_watchdog_goes_its_own_way() -> None:
    route = alertmanager()["route"]["routes"][0]
    assert route == {
        "receiver": "watchdog",
        "matchers": ['alertname="Watchdog"'],
        "group_wait": "0s",
        "group_interval": "30s",
        "repeat_interval": "15s",
    }


def test_grouping_is_as_the_stack_says() -> None:
    route = alertmanager()["route"]
    assert route["group_by"] == ["alertname", "service", "environment"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("5s", "2m", "1h")


def test_every_route_leads_to_a_receiver_that_exists_and_the_inbox_has_it_already() -> None:
    config = alertmanager()
    names = {one["name"] for one in config["receivers"]}
    routes = config["route"]["routes"]
    assert {route["receiver"] for route in routes} <= names
    told = [route for route in routes if route["receiver"] == "inbox"]
    assert told == [routes[1], {"receiver": "inbox", "continue": True}]
    assert routes[1]["matchers"] == ['alertname="NotificationTest"']


def test_inhibition_asks_for_a_subject_on_both_sides() -> None:
    rules = alertmanager()["inhibit_rules"]
    for rule in rules[:3]:
        assert rule["source_matchers"][1] == rule["target_matchers"][1] == 'subject=~".+"'
        assert rule["equal"] == ["subject", "service", "instance"]
    assert [(rule["source_matchers"][0], rule["target_matchers"][0]) for rule in rules] == [
        ('severity="critical"', 'severity=~"error|warning|info"'),
        ('severity="error"', 'severity=~"warning|info"'),
        ('severity="warning"', 'severity="info"'),
        ('inhibits="instance"', 'instance=~".+"'),
    ]
    assert rules[3]["equal"] == ["service", "instance"]


SECRETS = {
    "slack-web": ("slack_configs", "api_url_file", "slack-web"),
    "mail-data": ("email_configs", "auth_password_file", "smtp-password"),
    "pager": ("pagerduty_configs", "routing_key_file", "pager"),
    "ops": ("opsgenie_configs", "api_key_file", "opsgenie"),
    "teams-web": ("msteamsv2_configs", "webhook_url_file", "teams"),
    "phone": ("telegram_configs", "bot_token_file", "telegram"),
    "discord-data": ("discord_configs", "webhook_url_file", "discord"),
}


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_secrets_come_by_file_alone(name: str) -> None:  # M-08
    section, key, file = SECRETS[name]
    found = {one["name"]: one for one in alertmanager()["receivers"]}[name][section][0]
    assert found[key] == f"/run/watchstack-secrets/{file}"
    assert found["send_resolved"] is True


def test_a_receiver_that_wants_no_resolved_gets_none() -> None:
    found = {one["name"]: one for one in alertmanager()["receivers"]}["hook"]["webhook_configs"][0]
    assert found == {"send_resolved": False, "url": "https://hooks.example.com/a?b=c", "max_alerts": 10}


def test_a_webhook_that_wants_our_json_is_reached_through_the_console() -> None:
    """Alertmanager gets the console's address and token, the console the webhook's."""
    found = {one["name"]: one for one in alertmanager()["receivers"]}["hook-secret"]["webhook_configs"]
    token = "/run/watchstack-secrets/inbox-token"
    assert found == [
        {
            "send_resolved": True,
            "url": "http://console:9099/api/v1/relay/hook-secret",
            "http_config": {"authorization": {"type": "Bearer", "credentials_file": token}},
        }
    ]
    told = json.loads(tree("rich", "compose")["console/console.json"])["webhooks"]
    assert told == {"hook-secret": {"url_file": "hook-url", "bearer_token_file": "hook-token"}}


def test_every_shipped_alert_is_whole() -> None:
    """Summary, a description with value and threshold, runbook, dashboard panel, subject, firing and quiet tests."""
    alerts = [
        rule
        for file in model("shipped").rule_files
        for group in file.groups
        for rule in group.rules
        if rule.kind == "alert" and not file.custom
    ]
    assert len(alerts) >= 20
    for rule in alerts:
        labels, annotations = rule.body["labels"], rule.body["annotations"]
        assert labels["severity"] in ("critical", "error", "warning", "info"), rule.name
        assert annotations["summary"], rule.name
        assert rule.runbook, rule.name
        assert rule.dashboard, rule.name
        assert any(test.fires for test in rule.tests), rule.name
        if rule.name == "Watchdog":
            continue
        assert labels["subject"], rule.name
        assert "$value" in annotations["description"], rule.name
        assert any(test.fires == () for test in rule.tests), rule.name


def test_every_recording_rule_has_a_value_test() -> None:
    records = [
        rule
        for file in model("shipped").rule_files
        for group in file.groups
        for rule in group.rules
        if rule.kind == "record" and not file.custom
    ]
    assert records
    for rule in records:
        assert any(test.values for test in rule.tests), rule.name


HEADINGS = ("## What it means", "## First looks", "## Usual causes", "## Mending", "## How to silence it")


def test_every_runbook_is_an_alerts_and_says_all() -> None:
    pages = {page.stem: page.read_text() for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    alerts = {
        rule.runbook: rule.name
        for file in model("shipped").rule_files
        for group in file.groups
        for rule in group.rules
        if rule.kind == "alert"
    }
    assert set(alerts) <= set(pages)
    for name, alert in alerts.items():
        assert name is not None
        positions = [pages[name].index(heading) for heading in HEADINGS]
        assert positions == sorted(positions)
        assert f"`{alert}`" in pages[name]
        assert "```promql" in pages[name]

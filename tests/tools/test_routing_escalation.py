"""Escalation: Prometheus makes the second alert out of the first, Alertmanager tells others, a silence stops both."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from alertmanager_kit import files, model, place, recording, running
from stackgen.render import render
from trees import put
from waiting import until

pytestmark = pytest.mark.tools

STACK = """
intervals: {group_wait: 200ms, group_interval: 1s}
teams:
  web: {critical: [first], warning: [first], escalation: {15m: [lead], 1h: [boss]}}
  ops: {critical: [first], escalation: {30m: [boss]}}
  quiet: {critical: [first]}
default_team: web
overrides: {Changed: {severity: critical, for: 5m}, Gone: {disabled: true}}
receivers:
  first: {webhook: {url: "HTTP/first", format: alertmanager}}
  lead: {webhook: {url: "HTTP/lead", format: alertmanager}}
  boss: {webhook: {url: "HTTP/boss", format: alertmanager}}
"""
RULES = """
groups:
  - name: g
    rules:
      - {alert: Down, expr: up == 0, for: 2m, labels: {severity: critical, subject: s}}
      - {alert: Slow, expr: up == 0, labels: {severity: warning}}
      - {alert: Mine, expr: up == 0, labels: {severity: error, team: quiet}}
      - {alert: Changed, expr: up == 0, labels: {severity: info}}
      - {alert: Gone, expr: up == 0, labels: {severity: critical}}
"""


def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules" / "custom").mkdir(parents=True)
    (tmp_path / "rules/custom/own.yml").write_text(RULES)
    return tmp_path


def escalated(moment: str, *alerts: str) -> dict[str, Any]:
    """Which escalated alerts fire at a moment: "NAME TEAM STEP"."""
    expr = 'count by (alertname, team, escalated) (ALERTS{alertstate="firing", escalated!=""})'
    samples = []
    for one in alerts:
        name, team, step = one.split()
        whose = f', team="{team}"' if team != "-" else ""
        samples.append({"labels": f'{{alertname="{name}", escalated="{step}"{whose}}}', "value": 1})
    return {"expr": expr, "eval_time": moment, "exp_samples": samples}


FIRST = ("Down web 1", "Down - 1")
SECOND = (*FIRST, "Changed web 1", "Changed - 1")
THIRD = (*SECOND, "Down ops 1")
FOURTH = (*THIRD, "Changed ops 1")
FIFTH = (*FOURTH, "Down web 2", "Down - 2")
SIXTH = (*FIFTH, "Changed web 2", "Changed - 2")
MOMENTS = [
    escalated("17m"), escalated("18m", *FIRST), escalated("20m", *FIRST), escalated("21m", *SECOND),
    escalated("32m", *SECOND), escalated("33m", *THIRD), escalated("36m", *FOURTH), escalated("62m", *FOURTH),
    escalated("63m", *FIFTH), escalated("66m", *SIXTH), escalated("130m", *SIXTH), escalated("133m"),
]  # fmt: skip


@pytest.mark.parametrize("which", ["pin", "floor"])
def test_an_alert_that_lasts_fires_once_more(
    which: str, tmp_path: Path, program: Callable[..., Path]
) -> None:  # E-21 Y-20
    """`for` counts apart: a step's time begins with the first message. Warnings and other teams stay as they are."""
    put(tmp_path, render(model(folder(tmp_path), STACK.replace("HTTP", "http://127.0.0.1:1")), place(tmp_path)))
    series = [
        {"series": f'up{{team="{team}", instance="{team}"}}', "values": "0x130 1x20"}
        for team in ("web", "ops", "quiet")
    ]
    series.append({"series": 'up{instance="nobody\'s"}', "values": "0x130 1x20"})
    rules = [str(tmp_path / "prometheus/rules" / name) for name in ("custom-own.yml", "stack-escalation.yml")]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": MOMENTS}
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": rules, "tests": [case]}))
    command = [str(program("promtool", which)), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def silence(**matchers: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in matchers.items()],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "somebody",
        "comment": "I look at it",
    }


def test_a_silence_takes_up_both_and_others_are_told_of_the_rest(tmp_path: Path, program: Callable[..., Path]) -> None:
    """The silence is what a message's link makes: of the name and the service."""
    with recording() as recorder:
        stack = STACK.replace("HTTP", recorder.http)
        path = files(folder(tmp_path), stack, {}, console=recorder.http.removeprefix("http://"))
        with running(program("alertmanager"), path) as alertmanager:
            alertmanager.ask("/api/v2/silences", silence(alertname="Down", service="taken"))
            for service in ("taken", "open"):
                labels = {"alertname": "Down", "service": service, "team": "web", "severity": "critical"}
                alertmanager.send({"labels": labels})
                alertmanager.send({"labels": {**labels, "escalated": "1"}}, {"labels": {**labels, "escalated": "2"}})
            until(lambda: all(recorder.of(path) for path in ("/first", "/lead", "/boss")), why="everybody is told")
            states = {
                (one["labels"]["service"], one["labels"].get("escalated", "")): one["status"]["state"]
                for one in alertmanager.alerts()
            }
        assert states == {
            **{("taken", step): "suppressed" for step in ("", "1", "2")},
            **{("open", step): "active" for step in ("", "1", "2")},
        }
        assert all(b"taken" not in request.body for request in recorder.requests)
        for path_, step in (("/lead", b'"escalated":"1"'), ("/boss", b'"escalated":"2"')):
            assert all(step in request.body for request in recorder.of(path_))
        assert all(b"escalated" not in request.body for request in recorder.of("/first"))

"""The rules that the project ships are held to everything that `check` knows, and each is tested by a person."""

from __future__ import annotations

from collections.abc import Iterator

from stackgen import report
from stackgen.checks.rules import WATCHDOG
from stackgen.load import load
from stackgen.model import Rule
from support import ROOT


def shipped(kind: str) -> Iterator[Rule]:
    """Rules as a person wrote them: what stands apart for a service with numbers of its own has no tests."""
    seen = set()
    for file in load(ROOT)[0].rule_files:
        for group in file.groups:
            for rule in group.rules:
                if rule.kind == kind and group.type == "prometheus" and rule.where not in seen:
                    seen.add(rule.where)
                    yield rule


def test_nothing_is_found_in_what_is_shipped() -> None:
    findings = load(ROOT)[1]
    assert not findings, report.text(findings, ROOT)


def test_every_alert_has_a_firing_and_a_quiet_test() -> None:
    alerts = list(shipped("alert"))
    assert len(alerts) >= 18
    for rule in alerts:
        fires = {bool(test.fires) for test in rule.tests}
        assert True in fires, f"{rule.name} is never shown firing"
        assert False in fires or rule.name == WATCHDOG, f"{rule.name} is never shown quiet"


def test_every_recording_rule_has_a_test_of_its_values() -> None:
    recorded = list(shipped("record"))
    assert len(recorded) >= 5
    for rule in recorded:
        assert any(test.values for test in rule.tests), f"nobody looks at the values of {rule.name}"


def test_every_alert_says_what_it_should() -> None:
    for rule in shipped("alert"):
        texts, labels = rule.body.get("annotations", {}), rule.body.get("labels", {})
        assert texts.get("summary"), rule.name
        assert texts.get("description"), rule.name
        assert labels.get("severity"), rule.name
        assert rule.runbook, rule.name
        assert rule.dashboard, rule.name

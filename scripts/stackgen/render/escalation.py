"""prometheus/rules/stack-escalation.yml: an alert that has fired for a step's time fires once more, with a label
`escalated`, which other people are told of. A silence of the alert silences both: the name and the labels are the same.
There is no other memory of who has been told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stackgen.model import Rule, Team
from stackgen.model.values import seconds, spell
from stackgen.promql import quoted
from stackgen.render.common import STACK, Source, links
from stackgen.render.dump import header, to_yaml
from stackgen.render.routes import ESCALATED

PATH = "prometheus/rules/stack-escalation.yml"
SEVERITIES = ("critical", "error")  # that are escalated
EXEMPT = ("Watchdog",)


def render(source: Source) -> dict[str, bytes]:
    """The file by its path; nothing when no team escalates."""
    rules = list(_rules(source))
    if not rules:
        return {}
    content = {"groups": [{"name": "stack-escalation", "rules": rules}]}
    return {PATH: to_yaml(content, header(PATH, f"{STACK} and rules/"))}


def _rules(source: Source) -> Iterator[dict[str, Any]]:
    """One rule an alert and step; teams that wait equally long share it."""
    steps: dict[tuple[int, float], list[Team]] = {}
    for team in source.stack.teams.values():
        for number, step in enumerate(team.escalation, 1):
            steps.setdefault((number, step.after), []).append(team)
    if steps:
        for name, rules in _alerts(source).items():
            for (number, after), teams in steps.items():
                told = [team for team in teams if any(_may_be(source, rule, team) for rule in rules)]
                if told:
                    waits = after + max(_pending(source, rule) for rule in rules)
                    expr = _expression(name, round(waits), _whose(source, told))
                    yield _rule(name, expr, str(number), spell(after), links(source, rules[0]))


def _alerts(source: Source) -> Mapping[str, list[Rule]]:
    """Alerts of Prometheus that can be grave, by name: Loki's ruler keeps its own time of firing."""
    found: dict[str, list[Rule]] = {}
    for file in source.model.rule_files:
        for group in file.groups:
            for rule in group.rules if group.type == "prometheus" else ():
                override = source.stack.overrides.get(rule.name)
                severity = (override and override.severity) or _label(rule, "severity")
                grave = severity in SEVERITIES or "{{" in severity
                if rule.kind == "alert" and grave and rule.name not in EXEMPT and not (override and override.disabled):
                    found.setdefault(rule.name, []).append(rule)
    return found


def _label(rule: Rule, name: str) -> str:
    return str((rule.body.get("labels") or {}).get(name, ""))


def _may_be(source: Source, rule: Rule, team: Team) -> bool:
    """Whether the rule's alerts can be this team's; what comes with the series is any team's."""
    override = source.stack.overrides.get(rule.name)
    named = (override and override.team) or rule.team or _label(rule, "team")
    return not named or "{{" in named or named == team.name


def _rule(name: str, expr: str, step: str, wait: str, links: Mapping[str, str]) -> dict[str, Any]:
    where = "{{ with $labels.instance }} on {{ . }}{{ end }}"
    return {
        "alert": name,
        "expr": expr,
        "labels": {ESCALATED: step},
        "annotations": {
            "summary": f"Nobody has taken up {name}{where} for {wait}",
            "description": f"It began {{{{ $value | humanizeDuration }}}} ago, and {wait} without a silence are over. "
            "A silence says that somebody works on it.",
            **links,
        },
    }


def _expression(name: str, waits: int, whose: str) -> str:
    """Alerts of that name that began over `waits` seconds ago and fire: the value is how long ago."""
    same = f'alertname={quoted(name)},{ESCALATED}=""'
    since = f'ALERTS_FOR_STATE{{{same},severity=~"{"|".join(SEVERITIES)}",team=~{whose}}}'
    return f'time() - {since} > {waits} and ignoring (alertstate) ALERTS{{{same},alertstate="firing"}}'


def _whose(source: Source, teams: list[Team]) -> str:
    names = [re.escape(team.name) for team in teams]
    if any(team.name == source.stack.default_team for team in teams):
        names.append("")
    return quoted("|".join(names))


def _pending(source: Source, rule: Rule) -> float:
    """Seconds from the beginning, which is what Prometheus remembers, to firing."""
    override = source.stack.overrides.get(rule.name)
    given = (override and override.for_) or rule.body.get("for") or "0"
    return seconds(str(given)) or 0.0

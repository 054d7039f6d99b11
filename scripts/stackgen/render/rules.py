"""Rule files for Prometheus and for Loki's ruler, and the promtool test files that prove them.

A rule's body is passed on as it was written; what is added are links, the team and what `overrides:` says. The tests
are a person's (`rule.tests`): here they are only put into promtool's words. `stack_config_info` is added by `tree`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from stackgen.model import Group, Override, Rule, RuleFile, RuleTest
from stackgen.promql import quoted
from stackgen.render.common import STACK, Source, links
from stackgen.render.dump import header, to_yaml

PROMETHEUS = "prometheus/rules"
TESTS = "prometheus/tests"
LOKI = "loki/rules/fake"
TEST_INTERVAL = "15s"  # the moments of the hand-written tests are reckoned with it, whatever stack.yml says
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def render(source: Source) -> dict[str, bytes]:
    """Every rule file and test file by its path."""
    files: dict[str, bytes] = {}
    names = file_names(source.model.rule_files)
    recorded = _recorded(source.model.rule_files, names)
    for rule_file, name in zip(source.model.rule_files, names, strict=True):
        sources = f"{rule_file.path} and {STACK}"
        for kind, folder in (("prometheus", PROMETHEUS), ("loki", LOKI)):
            groups = [_group(source, group) for group in rule_file.groups if group.type == kind]
            groups = [group for group in groups if group["rules"]]
            if groups:
                path = f"{folder}/{name}"
                files[path] = to_yaml({"groups": groups}, header(path, sources))
        tests = list(_tests(source, rule_file))
        if tests:
            path = f"{TESTS}/{name}"
            content = {
                "rule_files": _needed(rule_file, name, recorded),
                "evaluation_interval": TEST_INTERVAL,
                "tests": tests,
            }
            files[path] = to_yaml(content, header(path, sources))
    return files


def info_rule(digest: str) -> dict[str, Any]:
    """The group by which a running part tells which configuration it has."""
    rule = {"record": "stack_config_info", "expr": "vector(1)", "labels": {"sha256": digest}}
    return {"groups": [{"name": "stack-config", "rules": [rule]}]}


def file_names(rule_files: Iterable[RuleFile]) -> list[str]:
    """One flat name a rule file: rules/custom/shop.yml is custom-shop.yml; a name already taken gets a number."""
    names: list[str] = []
    for rule_file in rule_files:
        inside = PurePosixPath(rule_file.path).with_suffix("").parts[1:]
        name = base = "-".join(inside)
        number = 2
        while f"{name}.yml" in names:
            name, number = f"{base}-{number}", number + 1
        names.append(f"{name}.yml")
    return names


def _group(source: Source, group: Group) -> dict[str, Any]:
    rules = [_rule(source, rule) for rule in group.rules if not override(source, rule).disabled]
    return {"name": group.name, **group.options, "rules": rules}


def override(source: Source, rule: Rule) -> Override:
    """What stack.yml changes about an alert; an empty override when it says nothing."""
    found = source.stack.overrides.get(rule.name) if rule.kind == "alert" else None
    return found or Override(alert=rule.name, where=rule.where)


def _rule(source: Source, rule: Rule) -> Mapping[str, Any]:
    if rule.kind != "alert":
        return rule.body
    changes = override(source, rule)
    body = dict(rule.body)
    if changes.for_ is not None:
        body["for"] = changes.for_
    changed = {"severity": changes.severity, "team": changes.team or rule.team}
    labels = {**(body.get("labels") or {}), **{key: value for key, value in changed.items() if value}}
    if labels:
        body["labels"] = labels
    annotations = {**(body.get("annotations") or {}), **links(source, rule)}
    if annotations:
        body["annotations"] = annotations
    return body


def _tests(source: Source, rule_file: RuleFile) -> Iterator[dict[str, Any]]:
    """promtool's tests of one file. An override changes what a shipped test proves: that alert's tests are left out."""
    for group in rule_file.groups:
        if group.type != "prometheus":
            continue
        for rule in group.rules:
            if rule.kind == "alert" and rule.name in source.stack.overrides:
                continue
            for test in rule.tests:
                yield _test(rule, test)


def _test(rule: Rule, test: RuleTest) -> dict[str, Any]:
    return {
        "name": f"{rule.name}: {test.name}",
        "interval": test.interval,
        "input_series": [{"series": series, "values": values} for series, values in test.series.items()],
        "promql_expr_test": [*_firing(rule, test), *_values(rule, test)],
    }


def _firing(rule: Rule, test: RuleTest) -> Iterator[dict[str, Any]]:
    """Which alerts fire, asked of `ALERTS`: a case names the labels that matter, promtool's own form wants all."""
    if test.fires is None:
        return
    alerts = f'ALERTS{{alertname="{rule.name}",alertstate="firing"'
    yield _sample(f"count({alerts}}})", test.at, "{}", len(test.fires))
    for labels in test.fires:
        chosen = "".join(f",{name}={quoted(str(value))}" for name, value in labels.items())
        yield _sample(f"count({alerts}{chosen}}}) > 0", test.at, "{}", _alike(labels, test.fires))


def _alike(labels: Mapping[str, str], fires: Iterable[Mapping[str, str]]) -> int:
    """How many of the expected alerts carry these labels: a shorter set of labels covers the longer ones too."""
    return sum(all(other.get(name) == value for name, value in labels.items()) for other in fires)


def _values(rule: Rule, test: RuleTest) -> Iterator[dict[str, Any]]:
    if test.values is None:
        return
    samples = []
    for expected in test.values:
        labels = ", ".join(f"{name}={quoted(str(value))}" for name, value in expected.items() if name != "value")
        samples.append({"labels": f"{{{labels}}}", "value": expected["value"]})
    # A quantile of 7.5 comes out as 7.4999999999999964: a person writes 7.5.
    yield {"expr": f"round({rule.name}, 0.000001)", "eval_time": test.at, "exp_samples": samples}


def _sample(expr: str, at: str, labels: str, value: int) -> dict[str, Any]:
    samples = [{"labels": labels, "value": value}] if value else []
    return {"expr": expr, "eval_time": at, "exp_samples": samples}


def _recorded(rule_files: Iterable[RuleFile], names: Iterable[str]) -> dict[str, str]:
    """Recording rule name to the name of the file that holds it."""
    return {
        rule.name: name
        for rule_file, name in zip(rule_files, names, strict=True)
        for group in rule_file.groups
        if group.type == "prometheus"
        for rule in group.rules
        if rule.kind == "record"
    }


def _needed(rule_file: RuleFile, name: str, recorded: Mapping[str, str]) -> list[str]:
    """The rule files that a test must load: its own, and those whose recorded series its rules read."""
    used = {word for group in rule_file.groups for rule in group.rules for word in NAME.findall(rule.expr)}
    others = {recorded[word] for word in used if word in recorded} - {name}
    return [f"../rules/{needed}" for needed in (name, *sorted(others))]

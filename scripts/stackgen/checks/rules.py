"""Rules as such: names, labels, severities, what stands beside a shipped rule. Expressions have their own module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stackgen.checks.folding import folded
from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.problems import nearest
from stackgen.model.read_rules import ReadRule
from stackgen.model.stack import SEVERITIES

WATCHDOG = "Watchdog"  # it always fires, and is routed by its name
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_USUAL = {"page": "critical", "high": "error", "major": "error", "minor": "warning", "low": "info", "none": "info"}
_USUAL |= {"warn": "warning", "information": "info", "notice": "info", "emergency": "critical", "crit": "critical"}


def alerts(subject: Subject, *, custom: bool | None = None) -> Iterator[ReadRule]:
    """Every alert, or only those that are foreign or are not."""
    for read in subject.rules:
        if read.rule.kind == "alert" and custom in (None, read.custom):
            yield read


@check("ignored-file", Severity.WARNING)
def ignored_file(subject: Subject) -> Iterator[Words]:
    for path in subject.strays:
        message = "nobody reads this file: rule files end in .yml or .yaml"
        yield Words(Position(path, 1, 1), message, "rename it, or move it out of rules/")


@check("duplicate-group")
def duplicate_group(subject: Subject) -> Iterator[Words]:
    first: dict[tuple[str, str], Position] = {}
    for path, name, node in subject.groups:
        if (path, name) in first:
            message = f"a second group of this file is called '{name}', which Prometheus refuses"
            yield Words(node.where, message, "give it another name, or join the two", first[path, name])
        first.setdefault((path, name), node.where)


@check("duplicate-rule")
def duplicate_rule(subject: Subject) -> Iterator[Words]:
    """Two rules that write the same series, or two alerts that nobody can tell apart."""
    first: dict[Any, ReadRule] = {}
    for read in subject.rules:
        labels = read.rule.body.get("labels", {})
        key = (read.rule.kind, read.rule.name, read.engine, tuple(sorted(labels.items())))
        earlier = first.setdefault(key, read)
        if earlier is read:
            continue
        what = "alert" if read.rule.kind == "alert" else "recording rule"
        message = f"a second {what} '{read.rule.name}' has the same labels as the first"
        severity = Severity.WARNING if read.custom or earlier.custom else None
        hint = "give it another name, or a label that tells them apart"
        yield Words(read.rule.where, message, hint, earlier.rule.where, severity)


@check("record-name")
def record_name(subject: Subject) -> Iterator[Words]:
    for read in subject.rules:
        name = read.rule.name
        if read.rule.kind != "record" or _METRIC.fullmatch(name):
            continue
        if not read.custom or any(character in "{}" for character in name) or name.strip() != name:
            hint = "write only the name; labels go to 'labels:'" if "{" in name else "letters, digits, '_' and ':' only"
            yield Words(read.rule.where, f"'{name}' cannot be the name of a series", hint)


@check("record-field")
def record_field(subject: Subject) -> Iterator[Words]:
    for read in subject.rules:
        if read.rule.kind != "record":
            continue
        for key in ("for", "keep_firing_for", "annotations", "runbook"):
            if key in read.node.entries:
                where = read.node.entries[key].key.where
                yield Words(
                    where, f"'{key}' has no meaning in a recording rule", "remove it, or make the rule an alert"
                )


@check("missing-severity")
def missing_severity(subject: Subject) -> Iterator[Words]:
    hint = f"write labels: {{severity: warning}}, or one of {', '.join(SEVERITIES)}"
    yield from folded(
        (read, Words(read.rule.where, f"alert '{read.rule.name}' has no severity, so that no team is told", hint))
        for read in alerts(subject)
        if read.scalar("labels", "severity") is None and read.rule.name != WATCHDOG
        if "severity" not in subject.group_options(read).get("labels", {})
    )


@check("unknown-severity")
def unknown_severity(subject: Subject) -> Iterator[Words]:
    odd: dict[tuple[str, str], list[ReadRule]] = {}
    for read in alerts(subject):
        label = read.scalar("labels", "severity")
        if label and "{{" not in label.text and label.text not in SEVERITIES and read.rule.name != WATCHDOG:
            odd.setdefault((read.node.source.path, label.text), []).append(read)
    for (_, value), reads in odd.items():
        usual = _USUAL.get(value.lower())
        hint = f"'{usual}' comes nearest" if usual else nearest(value, SEVERITIES)
        for read in reads[: 1 if reads[0].custom else None]:
            label = read.scalar("labels", "severity")
            assert label is not None
            severity = Severity.WARNING if read.custom else None
            message = f"no team is told of severity '{value}'{_more(reads, read)}"
            yield Words(label.where, message, hint, severity=severity)


def _more(reads: list[ReadRule], read: ReadRule) -> str:
    """One line stands for all alike in somebody else's file."""
    return f" (and {len(reads) - 1} more in this file)" if read.custom and len(reads) > 1 else ""

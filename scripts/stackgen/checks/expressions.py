"""Expressions of rules, as far as their outer shape goes, with the exact column."""

from __future__ import annotations

from collections.abc import Iterator

from stackgen.checks.promql import selected
from stackgen.checks.subject import Subject
from stackgen.diagnostic import Severity
from stackgen.findings import Words, check
from stackgen.model.values import seconds, spell


@check("empty-expression")
def empty_expression(subject: Subject) -> Iterator[Words]:
    for read, node, shape in subject.expressions:
        if not shape.faults and not shape.bare.strip() and not node.text.strip().startswith(('"', "'", "`")):
            what = "alert" if read.rule.kind == "alert" else "recording rule"
            hint = "write the condition under which it fires" if what == "alert" else "write what it computes"
            yield Words(node.where, f"{what} '{read.rule.name}' has an empty expression", hint)


@check("unbalanced-expression")
def unbalanced_expression(subject: Subject) -> Iterator[Words]:
    for _, node, shape in subject.expressions:
        for fault in shape.faults:
            yield Words(node.at(fault.offset, fault.length), fault.message, fault.hint)


@check("short-range")
def short_range(subject: Subject) -> Iterator[Words]:
    """Since Prometheus 3 a range is open on its left side: under two scrapes it holds one sample, or none."""
    slow = {service.name: service.interval for service in subject.stack.services if service.interval}
    for read, node, shape in subject.expressions:
        if read.engine != "prometheus" or not shape.ranges:
            continue
        for found in shape.ranges:
            asked = [slow[name] for name in selected(found.matchers) if name in slow]
            interval = max(asked, default=subject.stack.intervals.scrape)
            window = seconds(found.window)
            if window is not None and window < 2 * interval:
                message = (
                    f"[{found.window}] is shorter than two scrape intervals ({spell(interval)} each): "
                    "a rate over it returns nothing"
                )
                severity = Severity.WARNING if read.custom else None
                hint = f"write at least [{spell(2 * interval)}], [{spell(4 * interval)}] survives a failed scrape"
                yield Words(node.at(found.offset, found.length), message, hint, severity=severity)

"""Whether expressions of rules can be read at all, with the exact column. What they mean is looked at in `meaning`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackgen.checks.promql import Parsed, masked
from stackgen.checks.promtool import reworded
from stackgen.checks.shape import selected
from stackgen.checks.subject import Subject
from stackgen.checks.tree import Aggregate, Call, Node, walk
from stackgen.diagnostic import Severity
from stackgen.findings import Words, check
from stackgen.model.values import seconds, spell
from stackgen.source.nodes import Scalar


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


_MISTAKES = (  # what no PromQL has, and what was meant
    (re.compile(r"&&"), "PromQL has no '&&'", "write 'and'"),
    (re.compile(r"\|\|"), "PromQL has no '||'", "write 'or'"),
    (re.compile(r"=[<>]"), "PromQL has no '{}'", "turn it round: '>=' or '<='"),
    (re.compile(r"(?<![=!<>])=(?![=~<>])"), "'=' compares nothing outside of braces", "write '=='"),
    (re.compile(r"(?<=\d)\s*%\s*$"), "a number has no '%'", "write the plain number, as in > 80 or > 0.8"),
)
_FLAGGED = (  # what the pinned promtool calls experimental or not enabled
    "info", "histogram_quantiles", "mad_over_time", "sort_by_label", "sort_by_label_desc", "max_of", "min_of",
    "double_exponential_smoothing", "first_over_time", "limitk", "limit_ratio", "ts_of_first_over_time",
    "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time",
)  # fmt: skip
_SURE = re.compile(  # said by the parser here of what no version of Prometheus takes
    r"expected type|wrong number of arguments|binary expression must|set operator|ranges only allowed"
    r"|bool modifier|non-empty matcher"
)


@check("invalid-expression")
def invalid_expression(subject: Subject) -> Iterator[Words]:
    """What is surely wrong is an error; of what the parser here does not understand promtool has the last word."""
    doubtful: list[tuple[Scalar, Parsed]] = []
    for _, node, parsed in subject.parsed:
        mistake = _mistake(node, parsed) if parsed.root is None else None
        if mistake:
            yield mistake
        elif parsed.root is None or _experimental(parsed.root):
            doubtful.append((node, parsed))
    verdicts = subject.judge([parsed.text for _, parsed in doubtful]) if doubtful and subject.judge else None
    for (node, parsed), fault in zip(doubtful, verdicts or [None] * len(doubtful), strict=True):
        if verdicts is None:
            yield from _doubt(node, parsed)
        elif fault is not None:
            message, hint = reworded(fault.message)
            yield Words(node.at(fault.offset, _word(parsed.text, fault.offset)), message, hint)


def _mistake(node: Scalar, parsed: Parsed) -> Words | None:
    clean = masked(parsed.text)
    for pattern, message, hint in _MISTAKES:
        match = pattern.search(clean)
        if match:
            return Words(node.at(match.start(), len(match[0])), message.format(match[0]), hint)
    return None


def _experimental(root: Node) -> Call | Aggregate | None:
    """The first function or aggregation that Prometheus takes only with a feature flag."""
    for node in walk(root):
        if isinstance(node, Call) and node.name in _FLAGGED:
            return node
        if isinstance(node, Aggregate) and node.op in _FLAGGED:
            return node
    return None


def _doubt(node: Scalar, parsed: Parsed) -> Iterator[Words]:
    """promtool is not here: what may be newer than the parser, or be enabled by a flag, is only a warning."""
    if parsed.root is not None and (flagged := _experimental(parsed.root)):
        name = flagged.name if isinstance(flagged, Call) else flagged.op
        where = node.at(flagged.place.offset, flagged.place.length)
        message = (
            f"{name}() is experimental: Prometheus refuses it without a feature flag, which the stack does not set"
        )
        yield Words(where, message, "promtool judges it before anything is applied", severity=Severity.WARNING)
        return
    message, hint = reworded(parsed.fault) if parsed.fault else ("", "")
    called = re.search(r"'(\w+)'|^(\w+)\(\)", message)
    name = (called[1] or called[2]) if called else ""
    at = parsed.text.find(name) if name else -1
    where = node.at(at, len(name)) if at >= 0 else node.at(0, len(parsed.text.split("\n", maxsplit=1)[0]))
    if _SURE.search(parsed.fault) or (parsed.fault.startswith("unknown function") and hint.startswith("did you")):
        yield Words(where, message, hint)
    elif parsed.fault:
        vague = parsed.fault == "invalid promql query"
        message = "this does not look like PromQL" if vague else message
        yield Words(where, message, "promtool judges it before anything is applied", severity=Severity.WARNING)


def _word(text: str, offset: int) -> int:
    match = re.compile(r"[\w:.]+").match(text, offset)
    return len(match[0]) if match else 1


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

"""Small wrong edits of one rule: the mutants that its tests should notice. Running them lives in `run`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stackgen.checks.promql import masked_strings, parse
from stackgen.checks.tree import COMPARISONS, Binary, Minus, Node, Number, Place, walk
from stackgen.model.thresholds import spell
from stackgen.model.values import seconds
from stackgen.model.values import spell as duration

_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "!=", "!=": "=="}
_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}
_BY = re.compile(r"\bby\s*\(([^()]*)\)", re.IGNORECASE)
_SHARE = 0.05  # a little: five percent, whole numbers by one at least


@dataclass(frozen=True)
class Mutant:
    """One rule with one wrong edit. kind: the sort of edit; words: what was done; body: the rule as it would go out."""

    kind: str
    words: str
    body: Mapping[str, Any]


def mutants(body: Mapping[str, Any]) -> Iterator[Mutant]:
    """Every mutant of a rule, in a fixed order. body: a rule as Prometheus gets it."""
    expr = str(body["expr"])
    root = parse(expr).root
    if root is not None:
        yield from _thresholds(body, expr, root)
        yield from _operators(body, expr, root)
    yield from _grouping(body, expr)
    last = seconds(str(body.get("for", "")))
    if last:
        twice = duration(2 * last)
        yield Mutant("for", f"for: {twice} instead of {body['for']}", {**body, "for": twice})
    for name in body.get("labels") or {}:
        kept = {label: value for label, value in body["labels"].items() if label != name}
        yield Mutant("label", f"without the label {name}", {**body, "labels": kept})


def _thresholds(body: Mapping[str, Any], expr: str, root: Node) -> Iterator[Mutant]:
    """Numbers that something is compared with, moved a little up and down; all numbers of a recording rule."""
    for number in _numbers(root, every="record" in body):
        for value in _moved(number.value):
            written = _piece(expr, number.place)
            words = f"{spell(value)} instead of {written}"
            yield Mutant("threshold", words, {**body, "expr": _with(expr, number.place, spell(value))})


def _numbers(root: Node, *, every: bool) -> Iterator[Number]:
    for node in walk(root):
        if every and isinstance(node, Number):
            yield node
        elif not every and isinstance(node, Binary) and node.op in COMPARISONS:
            for side in (node.left, node.right):
                bare = side.of if isinstance(side, Minus) else side
                if isinstance(bare, Number):
                    yield bare


def _moved(value: float) -> tuple[float, float]:
    if value == int(value):
        step = max(1.0, abs(round(value * _SHARE)))
        return value + step, value - step
    return round(value * (1 + _SHARE), 12), round(value * (1 - _SHARE), 12)


def _operators(body: Mapping[str, Any], expr: str, root: Node) -> Iterator[Mutant]:
    """Comparisons turned around; in a recording rule arithmetic too."""
    table = {**_TURNED, **(_INVERSE if "record" in body else {})}
    for node in walk(root):
        if isinstance(node, Binary) and node.op in table:
            turned = table[node.op]
            words = f"{turned} instead of {node.op}"
            yield Mutant("comparison", words, {**body, "expr": _with(expr, node.place, turned)})


def _grouping(body: Mapping[str, Any], expr: str) -> Iterator[Mutant]:
    """Labels dropped from each `by (…)`."""
    for match in _BY.finditer(masked_strings(expr)):
        names = [name.strip() for name in expr[match.start(1) : match.end(1)].split(",") if name.strip()]
        place = Place(match.start(1), match.end(1) - match.start(1))
        for name in names:
            kept = ", ".join(other for other in names if other != name)
            words = f"{name} taken out of by ({', '.join(names)})"
            yield Mutant("by", words, {**body, "expr": _with(expr, place, kept)})


def _piece(expr: str, place: Place) -> str:
    return expr[place.offset : place.offset + place.length]


def _with(expr: str, place: Place, text: str) -> str:
    """The expression with something else at a place."""
    return expr[: place.offset] + text + expr[place.offset + place.length :]

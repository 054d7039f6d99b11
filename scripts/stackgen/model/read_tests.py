"""From `tests` beside a rule to `RuleTest`s."""

from __future__ import annotations

from typing import Any

from stackgen.model import problems, values
from stackgen.model.keys import TEST_KEYS
from stackgen.model.rules import RuleTest
from stackgen.model.section import Section, entries
from stackgen.model.thresholds import Thresholds
from stackgen.model.values import Converter, Sink
from stackgen.source.nodes import Items, Mapping, Node, Scalar, find


def read_tests(rule: Section, kind: str, thresholds: Thresholds) -> tuple[RuleTest, ...]:
    """The cases of one rule, `fires` for an alert and `values` for a recording rule."""
    node = rule.node_of("tests")
    if node is None:
        return ()
    if not isinstance(node, Items):
        rule.tell(problems.wrong_type(node.where, f"'tests' of {rule.owner}", "a list of cases", values.kind_of(node)))
        return ()
    read = (_test(item, number, rule, kind, thresholds) for number, item in enumerate(node.items, 1))
    return tuple(test for test in read if test is not None)


def _test(node: Node, number: int, rule: Section, kind: str, thresholds: Thresholds) -> RuleTest | None:
    part = Section(node, f"test {number} of {rule.owner}", TEST_KEYS, rule.tell)
    if not isinstance(node, Mapping):
        return None
    wanted, other = ("fires", "values") if kind == "alert" else ("values", "fires")
    if part.node_of(other) is not None:
        place = part.entries[other].key.where
        rule.tell(problems.unknown_key(place, other, f"the test of {rule.owner}", (wanted,)))

    def filled(node: Node, what: str, tell: Sink) -> str | None:
        """Text with references to thresholds replaced, so that a test follows the numbers of stack.yml."""
        if isinstance(node, Scalar) and not node.empty:
            thresholds.check(node, tell)
            return thresholds.put_in(node.text)
        hint = "write promtool's notation, for example '81x10'" if isinstance(node, Items) else ""
        tell(problems.wrong_type(node.where, what, "text", values.kind_of(node), hint))
        return None

    name = part.need("name", values.text, "say in a few words what it shows")
    given = _texts(part.node_of("series"), f"'series' of {part.owner}", filled, part.tell)
    series = {thresholds.put_in(selector): notation for selector, notation in given.items()}
    at = part.need("at", values.duration, "write at: and the moment to look, for example 6m")
    samples = part.need(wanted, _label_sets(filled), f"write {wanted}: and a list, [] for none")
    interval = part.get("interval", values.lasting, "1m")
    if name is None or at is None or samples is None:
        return None
    where = (part.node_of("name") or node).where
    if kind == "alert":
        return RuleTest(name, where, series, at, fires=samples, interval=interval)
    return RuleTest(name, where, series, at, values=samples, interval=interval)


def _texts(node: Node | None, owner: str, convert: Converter[str], tell: Sink) -> dict[str, str]:
    """Names and texts of a mapping."""
    read = {name: convert(entry.value, f"'{name}'", tell) for name, entry in entries(node, owner, tell).items()}
    return {name: value for name, value in read.items() if value is not None}


def _label_sets(convert: Converter[str]) -> Converter[tuple[dict[str, Any], ...]]:
    """A list of label sets; the key `value` of a recording rule's sample is a number."""

    def read(node: Node, what: str, tell: Sink) -> tuple[dict[str, Any], ...] | None:
        if not isinstance(node, Items):
            tell(problems.wrong_type(node.where, f"'{what}'", "a list of label sets", values.kind_of(node)))
            return None
        sets: list[dict[str, Any]] = []
        for item in node.items:
            labels: dict[str, Any] = dict(_texts(item, f"an item of '{what}'", convert, tell))
            sample = find(item, ["value"])
            if what == "values" and sample is not None and "value" in labels:
                labels["value"] = _number(sample, labels["value"], tell)
            sets.append(labels)
        return tuple(sets)

    return read


def _number(node: Node, text: str, tell: Sink) -> float:
    """A sample's value, `NaN` and `Inf` too."""
    try:
        return float(text)
    except ValueError:
        tell(problems.invalid_number(node.where, "value", text, "write digits, as in 80 or 99.9"))
        return 0.0

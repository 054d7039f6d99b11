"""PromQL as a tree: what is read, where each piece stands, and what is left to promtool."""

from __future__ import annotations

import pytest
from stackgen.checks.promql import parse
from stackgen.checks.tree import Aggregate, Binary, Call, Node, Number, Selector, walk

PROMETHEUS_3 = [
    '{"http.requests", code=~"5.."}',
    'sum by ("k8s.pod", zone) ({"http.requests"})',
    "histogram_avg(rate(http_request_duration_seconds[5m]))",
    "histogram_fraction(0, 0.1, rate(x[5m]))",
    "histogram_quantile(0.9, sum(rate(x[10m])))",
    "rate(x[1h30m] offset -5m)",
    "rate(x[5m] @ end())",
    "x @ 1609746000",
    "max_over_time(rate(x[5m])[1h:1m])",
    "limitk(3, x) or limit_ratio(0.1, x)",
    "mad_over_time(x[5m])",
    'sort_by_label(info(x), "a")',
    "a / on (x) group_left (y) b",
    "0x1F + 1e3 + .5 + Inf + NaN + 5m",
    "`raw` # a comment",
    "x == bool -1",
    "a atan2 b",
]


@pytest.mark.parametrize("expr", PROMETHEUS_3)
def test_the_syntax_of_prometheus_3(expr: str) -> None:
    assert parse(expr).root is not None, parse(expr).fault


def pieces(expr: str, kind: type[Node]) -> list[str]:
    """What stands in the text at the places of all nodes of a kind."""
    root = parse(expr, (("some_threshold", 80.0),)).root
    assert root is not None
    found = (node.place for node in walk(root) if isinstance(node, kind) and hasattr(node, "place"))
    return [expr[place.offset : place.offset + place.length] for place in found]


def test_every_piece_is_found_in_the_text_again() -> None:
    expr = """sum by (up, b) (  # up > 1
      rate(up{job="up > 2", b='('}[5m] offset 5m)) / count(a) by (x)
      >= ${threshold.some_threshold} and on (c) {"up", x="y"} != -1.5e2"""
    assert pieces(expr, Selector) == ["up", "a", '"up"']
    assert pieces(expr, Call) == ["rate"]
    assert pieces(expr, Aggregate) == ["sum", "count"]
    assert pieces(expr, Binary) == ["and", ">=", "/", "!="]
    assert pieces(expr, Number) == ["${threshold.some_threshold}", "1.5e2"]
    assert pieces('{job="a"} > 5m', Selector) == ["{"]
    assert pieces("a > b > c <= d", Binary) == ["<=", ">", ">"]


def test_a_threshold_is_a_number_that_was_given() -> None:
    root = parse("a > ${threshold.x} + 1 - ${threshold.unknown}", (("x", 80.0),)).root
    assert root is not None
    assert [(one.value, one.given) for one in walk(root) if isinstance(one, Number)] == [
        (80, True),
        (1, False),
        (1, True),
    ]
    word = parse("a:${threshold.statistic} > 1", (("statistic", "p95"),)).root
    assert isinstance(word, Binary)
    assert isinstance(word.left, Selector)
    assert word.left.name == "a:p95"


def test_the_same_elsewhere_is_equal() -> None:
    one, other = parse("sum by (a) (x{b='c'}) > 1"), parse('(sum(x{b="c"}) by (a))   > 1 # one')
    assert one.root == other.root
    assert parse("sum by (a) (x) > 1").root != parse("sum by (b) (x) > 1").root
    assert parse("x offset 5m").root != parse("x").root


def test_vector_matching() -> None:
    root = parse("a * ignoring (b) group_right (c, d) e").root
    assert isinstance(root, Binary)
    assert (root.on, root.ignoring, root.many, root.extra) == (None, ("b",), "right", ("c", "d"))
    plain = parse("a and e").root
    assert isinstance(plain, Binary)
    assert (plain.on, plain.ignoring, plain.many, plain.extra) == (None, None, "", ())


@pytest.mark.parametrize("expr", ["(" * 5000 + "x" + ")" * 5000, "-" * 20000 + "x", "+".join("x" * 9000), "sum(" * 99])
def test_what_would_be_too_deep_is_not_even_tried(expr: str) -> None:
    parsed = parse(expr)
    assert parsed.root is None
    assert parsed.fault == ""


def test_what_the_parser_does_not_know_is_told_as_such() -> None:
    assert parse("rate(x[5m] smoothed)").fault
    assert parse("x[5m+1m]").fault
    assert parse("nothing_known(x)").fault == "unknown function with name 'nothing_known'"


def test_backslashes_between_backticks_are_themselves() -> None:
    found = parse(r'count by (b) (up{a=~`\d+"x"`}) > on (b) group_left () label_replace(up, "b", "$1", "a", `(\w)\.x`)')
    assert found.fault == ""
    assert found.root is not None

"""How the drill rewrites an expression. That the meaning stays is for promtool to say, in tests/tools."""

from __future__ import annotations

import pytest
from stackgen.drill.clock import Clock
from stackgen.drill.errors import CannotDrillError
from stackgen.drill.expression import TAG, rewrite

CLOCK = Clock(start=1000.0)


def bare(vector: str) -> str:
    """A vector whose label TAG is taken off."""
    return f'label_replace({vector}, "{TAG}", "", "{TAG}", ".*")'


def test_a_selector_asks_for_its_own_series_and_shows_nothing_of_it() -> None:
    assert rewrite('a{b="c"}', CLOCK, "7").text == bare(f'a{{b="c", {TAG}="7"}}')
    assert rewrite("a", CLOCK, None).text == "a"


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("a", f'{TAG}="7"'),
        ("a{}", f'a{{{TAG}="7"}}'),
        ('{__name__=~"a|b"}', f'{{__name__=~"a|b", {TAG}="7"}}'),
        ('{"a.b", "c.d"="e"}', f'{{__name__="a.b", "c.d"="e", {TAG}="7"}}'),
        ("a offset 5m", f'a{{{TAG}="7"}} offset 5s'),
        ("a offset -1h30m", f'a{{{TAG}="7"}} offset -90s'),
        ("a @ 600", f'a{{{TAG}="7"}} @ 1010.000'),
        ("a @ start()", f'a{{{TAG}="7"}} @ start()'),
        ("a[5m]", f'a{{{TAG}="7"}}[5s]'),
        ("a[90s] offset 1d", f'a{{{TAG}="7"}}[1500ms] offset 24m'),
        ("a[300]", f'a{{{TAG}="7"}}[5s]'),
    ],
)
def test_lengths_become_shorter_and_labels_more(expr: str, text: str) -> None:
    whole = expr if "[" not in expr else f"increase({expr})"
    assert text in rewrite(whole, CLOCK, "7").text


def test_a_function_over_a_range_gives_up_the_label_behind_it() -> None:
    assert rewrite("increase(a[5m])", CLOCK, "7").text == bare(f'increase(a{{{TAG}="7"}}[5s])')


@pytest.mark.parametrize("name", ["rate", "irate", "deriv"])
def test_what_is_reckoned_per_second_stays_per_second_of_the_test(name: str) -> None:
    found = rewrite(f"{name}(a[5m])", CLOCK, None)
    assert found.text == f"({name}(a[5s]) / 60)"
    assert list(found.changes) == ["[5m]", f"{name}() per second of the test"]


def test_increase_and_delta_are_no_rates() -> None:
    assert rewrite("increase(a[5m]) + delta(a[5m])", CLOCK, None).text == "increase(a[5s]) + delta(a[5s])"


def test_the_horizon_of_a_prediction_is_seconds() -> None:
    assert rewrite("predict_linear(a[1h], 4 * 3600)", CLOCK, None).text == "predict_linear(a[1m], (4 * 3600) / 60)"


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("time()", "((time() - 1000.000) * 60)"),
        ("hour()", "hour(vector(((time() - 1000.000) * 60)))"),
        ("hour(a)", "hour(a)"),
        ("timestamp((a))", "((timestamp(a) - 1000.000) * 60)"),
        ("timestamp(a + b)", "((timestamp(a + b) - 1000.000) * 60)"),
    ],
)
def test_what_tells_the_time_tells_the_tests(expr: str, text: str) -> None:
    assert rewrite(expr, CLOCK, None).text == text


def test_a_number_that_is_no_length_stays() -> None:
    """5m in a comparison is 300 seconds of the test's time, which is not faster."""
    assert rewrite("a > 5m", CLOCK, None).text == "a > 300"
    assert rewrite("quantile_over_time(0.9, a[5m]) > 0x10", CLOCK, None).text == "quantile_over_time(0.9, a[5s]) > 16"


def test_absence_keeps_the_labels_of_its_selector() -> None:
    """absent() makes its labels of the matchers it sees: the selector must stand there as it is."""
    assert rewrite('absent(a{b="c"})', CLOCK, "7").text == bare(f'absent(a{{b="c", {TAG}="7"}})')
    assert rewrite('absent_over_time(a{b="c"}[5m])', CLOCK, "7").text == bare(
        f'absent_over_time(a{{b="c", {TAG}="7"}}[5s])'
    )
    inner = bare(f'a{{{TAG}="7"}}')
    assert rewrite("absent(sum(a))", CLOCK, "7").text == f"absent(sum({inner}))"


def test_subqueries_shrink_in_range_step_and_offset() -> None:
    found = rewrite("max_over_time(sum(rate(a[5m]))[30m:2m] offset 1h)", CLOCK, None)
    assert found.text == "max_over_time((sum((rate(a[5s]) / 60)))[30s:2s] offset 1m)"
    assert rewrite("min_over_time(a[1h:])", CLOCK, None).text == "min_over_time((a)[1m:])"


def test_what_looks_like_a_length_in_a_string_or_comment_stays() -> None:
    text = 'a{x="rate(b[5m]) offset 1h", y=~"\\\\d[5m]"}'
    assert rewrite(f"{text} # [5m]\n", CLOCK, None).text == 'a{x="rate(b[5m]) offset 1h", y=~"\\\\d[5m]"}'
    assert (
        rewrite('label_replace(a, "b", "$1[5m]", "c", "(.*)")', CLOCK, None).text
        == 'label_replace(a, "b", "$1[5m]", "c", "(.*)")'
    )


def test_strings_keep_quotes_backslashes_and_newlines() -> None:
    assert rewrite("""a{b='x"y\\n\\\\'}""", CLOCK, None).text == 'a{b="x\\"y\\n\\\\"}'
    assert rewrite("a{b=`\\d+`}", CLOCK, 'ta"g').text == bare(f'a{{b="\\\\d+", {TAG}="ta\\"g"}}')


def test_names_that_are_words_of_the_language_are_no_matter() -> None:
    expr = "sum by (by, on, offset) (bool_value) / on (by) group_left (on) offset_bytes"
    assert rewrite(expr, CLOCK, None).text == expr
    assert rewrite("a unless ignoring (x) b", CLOCK, None).text == "a unless ignoring (x) b"
    assert rewrite("a == bool on () b", CLOCK, None).text == "a == bool on () b"


def test_the_order_of_operators_is_kept() -> None:
    assert rewrite("-a ^ b", CLOCK, None).text == "-(a ^ b)"
    assert rewrite("a - (b - c)", CLOCK, None).text == "a - (b - c)"
    assert rewrite("a - b - c", CLOCK, None).text == "(a - b) - c"
    assert rewrite("1 - -1", CLOCK, None).text == "1 - (-1)"
    assert rewrite("a ^ b ^ c", CLOCK, None).text == "a ^ (b ^ c)"
    assert rewrite("a or b and c", CLOCK, None).text == "a or (b and c)"


def test_how_far_it_looks_back() -> None:
    assert rewrite("a", CLOCK, None).span == 0
    assert rewrite("rate(a[5m] offset 1h)", CLOCK, None).span == 3900
    assert rewrite("max_over_time(rate(a[5m])[1h:] offset 1d)", CLOCK, None).span == 86400 + 3600 + 300
    assert rewrite("rate(a[5m]) > rate(a[1m])", CLOCK, None).shortest == 60


def test_what_it_reads_and_calls() -> None:
    found = rewrite('sum(rate(a[5m])) / {__name__="b"} unless absent(c)', CLOCK, None)
    assert found.names == {"a", "b", "c"}
    assert {"sum", "rate", "absent"} <= found.functions
    assert found.operators == {"/", "unless"}
    assert found.selects
    assert not rewrite("vector(1) > bool time()", CLOCK, None).selects


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        ("rate(a[10ms])", "under a millisecond"),
        ("sum(", "not understood"),
        ("rate(a)", "not understood"),
        ("info(a)", "keep apart"),
        ('a{b="c" or d="e"}', "between matchers"),
        ("a + fill(0) b", "experiment"),
        ("(" * 100 + "a" + ")" * 100, "too many brackets"),
    ],
)
def test_what_cannot_be_drilled_says_why(expr: str, why: str) -> None:
    with pytest.raises(CannotDrillError, match=why):
        rewrite(expr, CLOCK, "7")


def test_numbers_that_are_none() -> None:
    assert rewrite("a == NaN", CLOCK, None).text == "a == NaN"
    assert rewrite("a < Inf", CLOCK, None).text == "a < Inf"
    assert rewrite("a > 1e300", CLOCK, None).text == "a > 1e+300"
    assert rewrite("a > 0.1", CLOCK, None).text == "a > 0.1"

"""promtool's notation of series, played by the drill: values at any moment, the text that is scraped."""

from __future__ import annotations

import pytest
from stackgen.diagnostic import Position
from stackgen.drill.errors import CannotDrillError
from stackgen.drill.series import Series, expand, line, read
from stackgen.model import RuleTest

WHERE = Position("rules/a.yml", 1, 1)


def series(values: str, selector: str = "a", interval: str = "1m") -> Series:
    return read(RuleTest("test", WHERE, {selector: values}, "5m", fires=(), interval=interval))[0]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1+2x3", (1, 3, 5, 7)),
        ("7-2x2", (7, 5, 3)),
        ("-1-2x1", (-1, -3)),
        ("5x2", (5, 5, 5)),
        ("0x2 1", (0, 0, 0, 1)),
        ("1 _ 2", (1, None, 2)),
        ("_x3 1", (None, None, None, 1)),
        ("1 stale 2", (1, None, 2)),
        (".5+1e1x1 1e3", (0.5, 10.5, 1000)),
        ("-Inf", (float("-inf"),)),
    ],
)
def test_notation(text: str, values: tuple[float | None, ...]) -> None:
    assert expand(text)[0] == values


@pytest.mark.parametrize("text", ["", "x5", "1+2", "{{schema:1 count:3}}", "1..2", "a", "1x9999999999"])
def test_what_is_no_notation(text: str) -> None:
    with pytest.raises(CannotDrillError):
        expand(text)


def test_a_counter_is_a_straight_line_and_everything_else_a_stair() -> None:
    rising = series("0+60x2 500x2")
    assert [rising.value(moment, stays=False) for moment in (0, 30, 60, 119, 120, 121, 200)] == [
        0, 30, 60, 119, 120, 120, 500,
    ]  # fmt: skip
    assert rising.value(30, stays=False, smooth=False) == 0
    flag = series("1x1 0x2")
    assert [flag.value(moment, stays=False) for moment in (0, 119.9, 120, 200)] == [1, 1, 0, 0]


def test_the_end_of_a_series() -> None:
    one = series("5x2")
    assert one.end == 120
    assert one.value(179, stays=False) == 5
    assert one.value(180, stays=False) is None
    assert one.value(9999, stays=True) == 5
    assert series("5 stale").value(9999, stays=True) is None


def test_the_interval_of_the_test_counts() -> None:
    assert series("0+1x10", interval="15s").value(30, stays=False) == 2


def test_what_comes_after_a_tests_moment_is_left_out_when_it_is_news() -> None:
    assert series("0x9 1x80").until(585).values == (0.0,) * 10
    assert series("0+1x20").until(60).values == tuple(map(float, range(21))), "the run goes on"
    assert series("1x3 _x5 1").until(300).values[-1] is None


def test_selectors() -> None:
    one = series("1", 'up{job="a", instance="b:1", path="c \\"d\\" \\\\ e"}')
    assert (one.name, one.labels) == ("up", {"job": "a", "instance": "b:1", "path": 'c "d" \\ e'})
    assert series("1", '{__name__="a.b", c="d"}').name == "a.b"
    for wrong in ('a{b=~"c"}', "sum(a)", '{a="b"}'):
        with pytest.raises(CannotDrillError):
            series("1", wrong)


def test_lines_of_the_text_format() -> None:
    assert line("a", {}, 1.0) == "a 1.0\n"
    assert line("a", {"b": 'c "d"\n\\', "job": ""}, 0.5) == 'a{b="c \\"d\\"\\n\\\\",job=""} 0.5\n'
    assert line("a.b", {"c.d": "e"}, 2.0) == '{"a.b","c.d"="e"} 2.0\n'
    assert line("a", {}, float("nan")) == "a NaN\n"
    assert line("a", {}, float("-inf"), "12.500") == "a -Inf 12.500\n"

"""Values of variables in queries: none of them leaves the string it stands in, whatever it holds."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stackgen.checks.promql import parse
from stackgen.checks.tree import Selector, walk
from watchstack.console.dashboards.declared import Variable
from watchstack.console.dashboards.queries import built_in
from watchstack.console.dashboards.times import Span, length_of, span, step_of, valid
from watchstack.console.dashboards.variables import ALL, BadValue, Value, chosen, escaped, interpolate

HOSTILE = [
    'x"} or vector(1) or up{a="', "x'} or up{a='", "x`} or up{a=`", "\\", '\\"', "\\'", "a\\", '"', "'", "`", "\n",
    "# no",
    "${__from}", "$service", "$__all", "[[service]]", "{{x}}", "a|b", ".*", "(", "[", "a\x00b", "\u2028", "é𝄞",
    "}", ")",
    '"}[1h])) or absent(up{x="', "\\x22", '\\\\"', "\ud800", "|= `x` | json", "x` |~ `.*", "$1", "\\1",
]  # fmt: skip
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30), st.text(alphabet="\\\"'`$\n#{}()|", max_size=12))
CLEAN = {"__interval": "1m", "__range": "1m"}


def examples(number: int) -> settings:
    """The same ones in every run, however slow the machine is."""
    return settings(max_examples=number, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def value_of(values: list[str], multi: bool) -> Value:
    variable = Variable("service", "query" if multi else "textbox", multi=multi, all=multi, every=".*")
    return chosen(variable, values or ["x"])


def matcher(expr: str) -> tuple[str, str]:
    """Operator and value of the first matcher of `service`, and nothing else in the expression than there was."""
    parsed = parse(expr)
    assert parsed.root is not None, f"{expr!r}: {parsed.fault}"
    (selector,) = [node for node in walk(parsed.root) if isinstance(node, Selector)]
    assert selector.name == "up"
    by_label = {one.label: (str(one.op), one.value) for one in selector.matchers}
    assert by_label.keys() == {"service", "job"}
    assert by_label["job"] == ("=", "fixed")
    return by_label["service"]


@examples(300)
@given(st.lists(TEXT, min_size=1, max_size=3), st.sampled_from("\"'`"), st.booleans())
def test_a_value_stays_in_its_matcher(values: list[str], quote: str, multi: bool) -> None:
    """PromQL's own parser reads back exactly the value that was meant, in every kind of quotes."""
    own = value_of(values, multi)
    operator = "=~" if multi else "!="
    expr = f"sum(rate(up{{service{operator}{quote}-${{service}}-{quote},job={quote}fixed{quote}}}[5m]))"
    found = matcher(interpolate(expr, {"service": own}, CLEAN))
    wanted = [escaped(one) for one in own.chosen] if multi else list(own.chosen)
    wanted = [own.every] if own.every else wanted
    assert found == (operator, f"-({'|'.join(wanted)})-" if len(wanted) > 1 else f"-{wanted[0]}-")


@examples(200)
@given(TEXT)
def test_an_equal_matcher_gets_the_value_itself(value: str) -> None:
    own = value_of([value or "x"], True)
    assert matcher(interpolate('up{service="$service", job="fixed"}', {"service": own}, {})) == (
        "=",
        *(own.chosen or [own.every]),
    )


@examples(200)
@given(TEXT)
def test_an_escaped_value_matches_itself_alone(value: str) -> None:
    assert re.fullmatch(escaped(value), value, re.DOTALL)
    assert not re.fullmatch(escaped(value), value + "x", re.DOTALL)


@examples(300)
@given(TEXT)
def test_a_search_stays_in_its_raw_string(value: str) -> None:
    """LogQL has Go's strings: a raw one becomes a quoted one, which JSON's reader reads as Go does."""
    own = value_of([value], False)
    found = interpolate('{environment=~".+"} |~ `(?i)$search` | json', {"search": own}, {})
    before, after = '{environment=~".+"} |~ ', " | json"
    # every value is bounded before it comes here, so that nothing is cut out of an escape
    assert found.startswith(before)
    assert found.endswith(after)
    assert json.loads(found[len(before) : -len(after)], strict=False) == "(?i)" + own.chosen[0]


@examples(200)
@given(TEXT)
def test_outside_of_quotes_only_a_plain_word_stands(value: str) -> None:
    own = value_of([value], False)
    if re.fullmatch("[A-Za-z0-9_.:]+", own.chosen[0]):
        assert interpolate("topk($n, up)", {"n": own}, {}) == f"topk({own.chosen[0]}, up)"
    else:
        with pytest.raises(BadValue, match="plain word"):
            interpolate("topk($n, up)", {"n": own}, {})


def test_a_value_is_never_read_as_a_variable() -> None:
    values = {"a": Value(("$b ${b} $__range",)), "b": Value(("no",))}
    assert interpolate('up{x="$a"}', values, {"__range": "no"}) == 'up{x="$b ${b} $__range"}'


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ('up{a=~"$s"}', 'up{a=~"(x|y\\\\.z)"}'),
        ('up{a=~"${s}"}', 'up{a=~"(x|y\\\\.z)"}'),
        ('up{a=~"[[s]]"}', 'up{a=~"(x|y\\\\.z)"}'),
        ('up{a=~"${s:pipe}"}', 'up{a=~"x|y.z"}'),
        ('up{a=~"${s:regex}"}', 'up{a=~"(x|y\\\\.z)"}'),
        ('up{a="${s:csv}"}', 'up{a="x,y.z"}'),
        ("rate(up[$__rate_interval])", "rate(up[60s])"),
        ("rate(up[${__range}])", "rate(up[3600s])"),
        ("up / $__interval_ms", "up / 15000"),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        ('up{a="$unknown"}', 'up{a="$unknown"}'),
        ('up # "$s\n+ up', "up \n+ up"),
        ('up{a=~"[[:alpha:]]+"}', 'up{a=~"[[:alpha:]]+"}'),
    ],
)
def test_the_forms_of_a_variable(expr: str, wanted: str) -> None:
    over = Span(1000.0, 4600.0)
    assert interpolate(expr, {"s": Value(("x", "y.z"), "", True)}, built_in(over, 15)) == wanted


def test_a_rate_reaches_over_four_samples_however_seldom_they_are() -> None:
    assert built_in(Span(1000.0, 4600.0, scrape=60), 60)["__rate_interval"] == "240s"
    assert built_in(Span(1000.0, 4600.0, scrape=60), 300)["__rate_interval"] == "360s"


@pytest.mark.parametrize(
    ("more", "told", "options", "wanted"),
    [
        ({"all": True, "every": ".*", "multi": True}, [], (), Value((), ".*", True)),
        ({"all": True, "every": ".*", "multi": True}, [ALL], (), Value((), ".*", True)),
        ({"all": True, "multi": True}, [ALL], ("a", "b"), Value(("a", "b"), "", True)),
        ({"multi": True}, ["a", "b"], (), Value(("a", "b"), "", True)),
        ({}, ["a", "b"], (), Value(("a",))),
        ({}, [ALL], (), Value((ALL,))),  # a variable without all of them knows no such word
        ({"default": ("d",)}, [], (), Value(("d",))),
        ({"default": ("d",)}, [""], (), Value(("d",))),
        ({"kind": "constant", "default": ("d",)}, ["x"], (), Value(("d",))),
        ({"kind": "textbox", "default": ("d",)}, [""], (), Value(("",))),
        ({}, [], ("first", "second"), Value(("first",))),
    ],
)
def test_what_is_chosen(more: dict[str, Any], told: list[str], options: tuple[str, ...], wanted: Value) -> None:
    assert chosen(Variable(**{"name": "v", "kind": "query"} | more), told, options) == wanted


def test_values_are_bounded() -> None:
    found = chosen(Variable("v", "query", multi=True), ["x" * 10_000] * 1000)
    assert (len(found.chosen), len(found.chosen[0])) == (50, 300)


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        ("now-1h", "now", (6400.0, 10000.0)),
        ("", "", (10000.0 - 10800, 10000.0)),
        ("5000000", "9000000", (5000.0, 9000.0)),
        ("now-10s", "now", (9940.0, 10000.0)),
        ("now", "now-1h", (10000.0 - 10800, 10000.0)),
        ("now-1h", "999999999999999", (10000.0 - 10800, 10000.0)),
        ("now-9999y", "now", (10000.0 - 400 * 86400, 10000.0)),
        ("x" * 1000, "now-1h;drop", (10000.0 - 10800, 10000.0)),
    ],
)
def test_ranges(start: str, end: str, wanted: tuple[float, float]) -> None:
    found = span(start, end, 10_000.0)
    assert (found.start, found.end) == wanted


def test_steps_keep_every_range_within_a_thousand_points() -> None:
    for seconds in (60, 900, 3600, 10_800, 43_200, 86_400, 604_800, 30 * 86400, 400 * 86400):
        step = step_of(seconds)
        assert seconds / step <= 1000
        assert step == 15 or seconds / step > 200
    assert step_of(3600, at_least=60) == 60
    assert step_of(86400, points=100) == 900
    assert (length_of("30s"), length_of(">1m"), length_of("500ms"), length_of("x")) == (30, 60, 0.5, 0)
    assert [valid(text) for text in ("now", "now-3h", "17", "now-3", "-62135596800000", "")] == [True] * 3 + [False] * 3

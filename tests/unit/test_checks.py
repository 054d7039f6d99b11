"""Parts of checks that cases would show only clumsily, and sources that must not be found fault with."""

from __future__ import annotations

import pytest
from stackgen.checks.shape import scan, selected
from stackgen.checks.templates import actions
from stackgen.findings import CHECKS, KINDS, Words, check, problem


@pytest.mark.parametrize(
    "expr",
    [
        'up{job="a)b]c}"} == 0',
        "up{job='it\\'s'} # a comment with ( and \"\n == 0",
        "up{job=`a\\`}",
        'label_replace(up, "a", "${1}", "b", "(.*)")',
        '{"utf8.metric", "a b"="c"}[5m] offset 1m',
        'sum by (x) (count_over_time({job="x"} |= `"` | json | line_format "{{.msg}}" [5m]))',
        "rate(x[5m])[30m:1m] @ end()",
    ],
)
def test_whole_expressions(expr: str) -> None:
    assert scan(expr).faults == []


@pytest.mark.parametrize(
    ("expr", "place"),
    [("sum(up", 3), ("up)", 2), ("up{a='b}", 5), ("(up]", 3), ('up{a="b\n"}', 5), ("a[5m", 1), ("a{b=`c}", 4)],
)
def test_the_place_of_what_is_not_closed(expr: str, place: int) -> None:
    (fault,) = scan(expr).faults
    assert fault.offset == place


def test_ranges_and_their_selectors() -> None:
    found = scan('rate(a{job="shop"}[1m]) + rate(b [ 90s ]) + c{d="[5s]"} + max_over_time(e[5m:1m]) + f[5m:]').ranges
    assert [(one.window, one.matchers) for one in found] == [("1m", '{job="shop"}'), ("90s", "")]
    assert list(selected('{job="shop", x="y", service=`till`}')) == ["shop", "till"]
    assert list(selected('{job=~"shop", other_job="z"}')) == []


@pytest.mark.parametrize(
    "text",
    [
        "plain { } text",
        "{{ $value }}",
        '{{- if gt $value 1.0 -}} {{ "}}" }} {{ else if lt $value 0.5 }} b {{ end }}',
        "{{ with $x := `a}}b` }}{{ $x }}{{ end }}",
        "{{/* a comment with }} inside */}}text",
        '{{ range $i, $e := query "up" }}{{ . }}{{ else }}none{{ end }}',
    ],
)
def test_whole_templates(text: str) -> None:
    assert actions(text)[1] == []


def test_an_id_is_declared_once() -> None:
    known = dict(KINDS), list(CHECKS)
    with pytest.raises(ValueError, match="declared twice"):

        @problem("unknown-key")
        def again() -> Words:
            raise NotImplementedError

    with pytest.raises(ValueError, match="declared twice"):

        @check("unknown-receiver")
        def once_more(subject: object) -> list[Words]:
            raise NotImplementedError

    assert known == (dict(KINDS), list(CHECKS))

"""Whether a text is what its template says: holes, errors and other words are found, conditions and numbers allowed."""

from __future__ import annotations

import pytest
from stackgen.drill.wording import faults, plain

LABELS = {"instance": "a:1", "path": "/d (x)"}
GOOD = [
    ("Memory of {{ $labels.instance }} is at {{ $value | printf \"%.0f\" }} %", "Memory of a:1 is at 91 %"),
    ("{{ $value }} of {{ $labels.path }}", "1.5e+06 of /d (x)"),
    ("{{ $value | humanize }} left", "1.2k left"),
    ("{{ if gt $value 5.0 }}many{{ else }}few{{ end }} left", "few left"),
    ("{{ if gt $value 5.0 }}many {{ end }}left", "left"),
    ("by x{{ with $labels.nothing }} to {{ . }}{{ end }}", "by x"),
    ("by x{{ with $labels.path }} to {{ . }}{{ end }}", "by x to /d (x)"),
    ("a  {{- /* a remark }} */ -}}  b", "ab"),
    ("{{ $x := 5 }}a", "a"),
    ("{{ range $i, $v := query \"up\" }}{{ $v }},{{ end }}", "1,2,"),
    ("{{ \"}}\" }} x", "y x"),
]  # fmt: skip
BAD = [
    ("{{ $labels.gone }} is at {{ $value }}", " is at 5", "which the alert does not have"),
    ("of {{ $labels.instance }}", "of b:1", "not what its template says"),
    ("{{ $value | printf \"%.1f\" }} %", "NaN %", "not what its template says"),
    ("{{ $value | printf \"%.1f\" }} %", "91 %", "not what its template says"),
    ("{{ $value | humanize }} left", " left", "not what its template says"),
    ("x {{ $labels.instance }}", "x <no value>", "'<no value>'"),
    ("x {{ humanize \"a\" }}", "<error expanding template: x>", "'<error expanding template'"),
    ("x {{ printf \"%d\" $value }}", "x %!d(float64=1)", "'%!'"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "text"), GOOD)
def test_right(template: str, text: str) -> None:
    assert faults("summary", text, template, LABELS) == []


@pytest.mark.parametrize(("template", "text", "why"), BAD)
def test_wrong(template: str, text: str, why: str) -> None:
    found = faults("summary", text, template, LABELS)
    assert found
    assert why in found[0]


def test_a_text_that_did_not_come() -> None:
    assert faults("summary", None, "x", {}) == ["summary did not come"]


def test_markup_is_no_difference() -> None:
    assert plain("*Queue \\_a\\_ &lt;b&gt;*\n  c &amp;amp; d") == "Queue a <b> c & d"

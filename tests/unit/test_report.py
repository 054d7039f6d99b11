"""Findings as text, JSON and GitHub annotations."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

from stackgen import report
from stackgen.diagnostic import Diagnostic, Position, Severity

ROOT = Path("/nowhere")
LINE = "  web: {critical: [slack-wbe, pager], warning: [slack-web], info: [inbox]}"
FOUND = Diagnostic(
    "unknown-receiver",
    Severity.ERROR,
    Position("stack.yml", 13, 20, 9),
    "team web sends critical alerts to 'slack-wbe', which is no receiver",
    "did you mean 'slack-web'?",
    excerpt=LINE,
)


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def test_text_is_as_designed() -> None:
    assert report.text([FOUND], ROOT) == (
        "stack.yml:13:20 error unknown-receiver: team web sends critical alerts to 'slack-wbe', which is no receiver\n"
        "   13 |   web: {critical: [slack-wbe, pager], warning: [slack-web], info: [inbox]}\n"
        "      |                    ^^^^^^^^^ did you mean 'slack-web'?\n"
    )


def test_no_findings_no_text() -> None:
    assert report.text([], ROOT) == ""
    assert report.summary([]) == "no findings"


def test_related_line() -> None:
    found = replace(FOUND, related=Position("rules/a.yml", 1234, 3, 2), related_excerpt="  ab")
    assert report.text([found], ROOT).splitlines()[3:] == [
        "rules/a.yml:1234:3 see also",
        " 1234 |   ab",
        "      |   --",
    ]


def test_an_excerpt_is_read_where_none_came_along(tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text("a\nb: password: hunter2\n")
    found = replace(FOUND, where=Position("stack.yml", 2, 1, 1), excerpt="")
    assert "    2 | b: password: *******" in report.text([found], tmp_path)
    assert report.text([replace(FOUND, excerpt="", where=Position("gone.yml", 1, 1))], tmp_path).splitlines()[1] == (
        "      | did you mean 'slack-web'?"
    )


def test_wide_characters_and_tabs_align() -> None:
    line = "\t東京: {x: here}"
    found = replace(FOUND, excerpt=line, where=Position("stack.yml", 1, line.index("here") + 1, 4))
    shown, caret = report.text([found], ROOT).splitlines()[1:3]
    assert columns(shown[: shown.index("here")]) == caret.index("^")
    assert caret.count("^") == 4
    wide = replace(found, where=Position("stack.yml", 1, 2, 2))
    assert report.text([wide], ROOT).splitlines()[2].count("^") == 4


def test_combining_characters_take_no_room() -> None:
    line = "e\u0301: here"
    found = replace(FOUND, excerpt=line, where=Position("stack.yml", 1, line.index("here") + 1, 4))
    caret = report.text([found], ROOT).splitlines()[2]
    assert caret.index("^") == len("    1 | ") + len("e: ")


def test_long_lines_are_cut_around_the_caret() -> None:
    for column in (1, 100, 500, 990):
        line = "".join(str(number % 10) for number in range(1000))
        found = replace(FOUND, excerpt=line, where=Position("stack.yml", 1, column, 5))
        shown, caret = report.text([found], ROOT).splitlines()[1:3]
        assert len(shown) <= report.WIDTH + len("    1 | ")
        first = caret.index("^")
        assert shown[first : first + 5] == line[column - 1 : column + 4]
        assert caret.count("^") == 5


def test_a_caret_longer_than_the_line_is_cut() -> None:
    found = replace(FOUND, excerpt="x" * 500, where=Position("stack.yml", 1, 10, 480))
    caret = report.text([found], ROOT).splitlines()[2]
    assert caret.count("^") <= report.WIDTH


def test_nothing_in_a_source_moves_the_cursor() -> None:
    found = replace(FOUND, message="a\x1b[2Jb\u202e", excerpt="x\x1b[31m\u202ey", where=Position("stack.yml", 1, 1, 1))
    text = report.text([found], ROOT)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json() -> None:
    warning = replace(FOUND, severity=Severity.WARNING, related=Position("stack.yml", 1, 2, 3))
    document = json.loads(report.as_json([FOUND, warning]))
    assert (document["errors"], document["warnings"]) == (1, 1)
    assert document["findings"][0] == {
        "check": "unknown-receiver",
        "severity": "error",
        "file": "stack.yml",
        "line": 13,
        "column": 20,
        "length": 9,
        "message": FOUND.message,
        "hint": FOUND.hint,
        "related": None,
    }
    assert document["findings"][1]["related"] == {"file": "stack.yml", "line": 1, "column": 2, "length": 3}


def test_github() -> None:
    found = replace(FOUND, message="50 % of\nit", where=Position("a,b:c.yml", 1, 2, 3))
    assert report.github([found]) == (
        "::error file=a%2Cb%3Ac.yml,line=1,col=2,endColumn=5,title=unknown-receiver::"
        "50 %25 of%0Ait%0Adid you mean 'slack-web'?\n"
    )


def test_summary() -> None:
    warning = replace(FOUND, severity=Severity.WARNING)
    assert report.summary([FOUND, FOUND, warning]) == "2 errors, 1 warning"
    assert report.summary([warning]) == "1 warning"

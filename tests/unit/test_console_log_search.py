"""Searching the logs without a Loki: the shapes of lines, how a text is looked for, questions that cannot be."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from console_kit import NOBODY, opened
from watchstack.console.logs.loki import Search
from watchstack.console.logs.patterns import patterns, shape


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("user 17 paid 3.50 from 10.0.0.7:4711", "user <n> paid <n> from <address>"),
        ("2026-11-21T10:00:00.123Z GET /items/42 200 12ms", "<time> GET /items/<n> <n> <n>ms"),
        ("id=8f14e45f-ceea-467f-a1d2-f0a1c2d3e4f5 sha=deadbeef01 at 0x7ffe", "id=<id> sha=<id> at <id>"),
        ("mail to ada@example.org failed", "mail to <mail> failed"),
        ("from fe80:0:0:0:1:2:3:4 closed", "from <address> closed"),
        ("utf8 and sha256 stay, so does face", "utf8 and sha256 stay, so does face"),
        ("", ""),
    ],
)
def test_the_shape_of_a_line(line: str, wanted: str) -> None:
    assert shape(line) == wanted


def test_lines_are_grouped_by_their_shape() -> None:
    lines = [(float(n), "shop", "info", f"paid {n}") for n in range(5)]
    lines += [(9.0, "till", "error", "paid 9"), (2.0, "till", "", "refused")]
    first, second = patterns(lines, ("critical", "error", "info"))
    assert (first.shape, first.count, first.first, first.last) == ("paid <n>", 6, 0, 9)
    assert (first.example, first.level, first.sources) == ("paid 9", "error", ("shop", "till"))
    assert (second.shape, second.count) == ("refused", 1)


def test_shapes_of_endless_and_evil_lines_come_at_once() -> None:
    began = time.thread_time()
    for line in ("1" * 100_000, "a1:" * 30_000, "1." * 50_000, "a.@" * 30_000, "f0" * 50_000, "-" * 100_000):
        assert len(shape(line)) <= 300
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("text", '|= "a.b (c)"'), ("anycase", '|~ "(?i)a\\\\.b \\\\(c\\\\)"'), ("regex", '|~ "a.b (c)"')],
)
def test_how_a_text_is_looked_for(mode: str, wanted: str) -> None:
    search = Search("", "", "a.b (c)", 0, 1, mode, "error")
    assert search.query == (f'{{job=~".+"}} {wanted} | detected_level=~"error|err|ERROR" or level=~"error|err|ERROR"')


@pytest.mark.parametrize("query", ["mode=best", "level=loud", "view=tree"])
def test_a_search_of_no_known_kind_is_refused(tmp_path: Path, query: str) -> None:
    with opened(tmp_path, loki=NOBODY) as client:
        assert client.get(f"/logs?{query}").status_code == 400
        assert client.get(f"/api/logs?{query}").status_code == 400


@pytest.mark.parametrize(
    "query", ["", "at=1", "at=x&job=a", "at=1&nosuch=a", "at=" + "9" * 30 + "&job=a", "at=²&job=a"]
)
def test_a_line_is_named_by_time_and_stream(tmp_path: Path, query: str) -> None:
    with opened(tmp_path, loki=NOBODY) as client:
        assert client.get(f"/logs/context?{query}").status_code == 400

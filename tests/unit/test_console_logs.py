"""The log page over many lines and long ones: no line is lost between two pages, and no answer is too large."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from console_kit import START, FakeClock, console, signed_in
from flask.testing import FlaskClient
from standin import Reply, StandIn, standing_in
from watchstack.console import create_app
from watchstack.console.logs.loki import LARGEST, LIMIT, LONGEST_LINE, SAMPLE, Line
from watchstack.console.logs.pages import _older

NEWEST = int(START) * 10**9 - 10**9
OLDER = re.compile(r'href="([^"]*)">Older lines</a>')


@contextmanager
def opened(folder: Path, lines: dict[int, list[str]]) -> Iterator[tuple[FlaskClient, StandIn]]:
    """A console over a Loki that has these lines, by nanoseconds; its times are from the start to before the end."""

    def answer(_method: str, target: str) -> Reply:
        told = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        start, end = int(told["start"]), int(told["end"])
        if told["query"].startswith("sum"):
            result = []
        else:
            chosen = [(at, text) for at in sorted(lines, reverse=True) for text in lines[at] if start <= at < end]
            values = [[str(at), text] for at, text in chosen[: int(told["limit"])]]
            result = [{"stream": {"job": "a"}, "values": values}]
        return 200, {}, json.dumps({"data": {"resultType": "streams", "result": result}}).encode()

    with standing_in(answer) as loki:
        own = console(folder, FakeClock(), loki=loki.url)
        try:
            yield signed_in(create_app(own).test_client()), loki
        finally:
            own.store.close()


def test_no_line_is_lost_between_two_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty lines, three a moment, in pages of five: the moments are microseconds apart."""
    monkeypatch.setattr("watchstack.console.logs.pages.LIMIT", 5)
    lines = {NEWEST - 7000 * number: [f"line-{number}{letter}" for letter in "abc"] for number in range(10)}
    seen: list[str] = []
    with opened(tmp_path, lines) as (client, _):
        path = "/logs"
        for _ in range(40):
            page = client.get(path).get_data(as_text=True)
            seen += re.findall(r"line-\d[abc]", page)
            older = OLDER.search(page)
            if not older:
                break
            path = html.unescape(older[1])
        else:
            pytest.fail("the pages do not come to an end")
    assert set(seen) == {text for of_moment in lines.values() for text in of_moment}


def test_pages_come_to_an_end_where_one_moment_has_more_lines_than_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchstack.console.logs.pages.LIMIT", 5)
    lines = {NEWEST: [f"many-{number}" for number in range(9)], NEWEST - 10**9: ["the one before"]}
    with opened(tmp_path, lines) as (client, _):
        page = client.get("/logs").get_data(as_text=True)
        [address] = OLDER.findall(page)
        assert "the one before" in client.get(html.unescape(address)).get_data(as_text=True)


@pytest.mark.parametrize(
    ("newest", "oldest", "wanted"),
    [
        (1_790_000_000_500_000_000, 1_790_000_000_123_456_789, "2026-09-21T14:13:20.123457Z"),
        (1_790_000_000_500_000_000, 1_789_999_999_999_999_999, "2026-09-21T14:13:20Z"),
        (1_790_000_000_123_456_789, 1_790_000_000_123_456_001, "2026-09-21T14:13:20.123456Z"),
    ],
)
def test_where_the_next_page_ends(newest: int, oldest: int, wanted: str) -> None:
    assert _older([Line(at / 1e9, "a", "", "", str(at)) for at in (newest, oldest)]) == wanted


def test_nothing_is_older_than_no_line() -> None:
    assert _older([]) == ""


@pytest.mark.parametrize(("view", "limit"), [("lines", LIMIT), ("patterns", SAMPLE)])
def test_lines_are_cut_where_they_are_kept(tmp_path: Path, view: str, limit: int) -> None:
    """A page of lines of 256 KiB, which Loki keeps, would be larger than any answer that is read."""
    with opened(tmp_path, {NEWEST: ["x" * 9000, '{"a": "{{ 1 }}"}']}) as (client, loki):
        page = client.get(f"/logs?view={view}&q=x").get_data(as_text=True)
    [query] = [
        told["query"][0]
        for _, target in loki.asked
        for told in [parse_qs(urlsplit(target).query)]
        if not told["query"][0].startswith("sum")
    ]
    [most] = re.findall(r" \| line_format `\{\{ trunc (\d+) __line__ \}\}`$", query)
    assert int(most) * limit <= LARGEST
    assert "x" * LONGEST_LINE + "…" in page
    assert "x" * (LONGEST_LINE + 1) not in page
    assert "line_format" not in page  # it is no part of what the reader looks for


def test_times_that_loki_cannot_have_are_left_out(tmp_path: Path) -> None:
    with opened(tmp_path, {}) as (client, loki):
        values = [["9" * 30, "far away"], [str(NEWEST), "here"]]
        rows = [{"stream": {"job": "a"}, "metric": {"level": "info"}, "values": values}]
        loki.answer = lambda _method, target: (
            200, {}, json.dumps({"data": {"result": rows if "sum" not in target else [
                {"metric": {}, "values": [[1e18, "5"], [START - 30, "7"]]}]}}).encode(),
        )  # fmt: skip
        found = client.get("/api/logs").get_json()
    assert [line["line"] for line in found["lines"]] == ["here"]
    assert sum(sum(bar["counts"].values()) for bar in found["volume"]) == 7

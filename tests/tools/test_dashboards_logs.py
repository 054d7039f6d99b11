"""The shapes of log lines, as the panels of the dashboard ask the real Loki for them."""

from __future__ import annotations

import itertools
import json
import string
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from console_parts import LOKI, post_json, run_loki
from trees import tree
from waiting import until

pytestmark = pytest.mark.tools

UUIDS = ("0b1e7d4c-9a53-4f0e-8a63-5a1f1d6f2c11", "7f3a9c00-1111-4222-8333-944444444444")
# Lines of one shape each, and the shape.
SHAPES = {
    "2026-11-21 13:10:31,{n} ERROR shop.db: connection to 10.1.{n}.3:5432 refused, retry {n}": (
        "<time> ERROR shop.db: connection to <address> refused, retry <n>"
    ),
    'level=error msg="payment {n} failed" user="u{n}" took={n}.5ms': (
        "level=error payment <n> failed user=<text> took=<n>ms"
    ),
    '{{"level": "error", "message": "order {uuid} lost", "request_id": "{hex}"}}': (
        "{level: <text> order <id> lost, request_id: <text> "
    ),
    "KeyError: 'user-{n}' at 0x7f{hex}": "KeyError: <text> at <id>",
    "no number here, {uuid}, can't be had": "no number here, <id>, can't be had",
}
COUNTS = dict(zip(SHAPES, (9, 8, 7, 6, 5), strict=True))


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory, program: Callable[..., Path]) -> Iterator[str]:
    with run_loki(program, tmp_path_factory.mktemp("shapes") / "loki") as address:
        yield address


def lines(count: int, line: str) -> list[str]:
    return [line.format(n=7 + 13 * i, uuid=UUIDS[i % 2], hex=f"{i + 0xABCDEF12:x}") for i in range(count)]


def push(loki: str, level: str, service: str, found: list[str], ago: float = 1.0) -> None:
    """Lines a microsecond apart, so many seconds ago."""
    moment = time.time_ns() - int(ago * 1e9)
    labels = {"environment": "t", "level": level, "compose_service": service}
    values = [[str(moment + 1000 * number), line] for number, line in enumerate(found)]
    post_json(f"{loki}/loki/api/v1/push", {"streams": [{"stream": labels, "values": values}]})


def panel(title: str) -> str:
    """What the panel of the shipped dashboard asks."""
    content = json.loads(tree("shipped", "compose")["grafana/dashboards/logs.json"])
    (found,) = [one for one in content["panels"] if one["title"] == title]
    (target,) = found["targets"]
    assert (found["type"], target["queryType"]) == ("table", "instant")
    return str(target["expr"])


def ask(loki: str, title: str, service: str) -> list[tuple[str, int]]:
    """Shape and number of lines, in the order of the answer, of one service of this file's tests."""
    query = urllib.parse.urlencode({"query": panel(title), "time": time.time_ns()})
    with urllib.request.urlopen(f"{loki}/loki/api/v1/query?{query}", timeout=60) as answer:
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    mine = [one for one in result if one["metric"]["compose_service"] == service]
    return [(one["metric"]["shape"], int(one["value"][1])) for one in mine]


def worked(loki: str) -> float:
    """Seconds of a core that Loki has used."""
    with urllib.request.urlopen(f"{loki}/metrics", timeout=60) as answer:
        (line,) = [one for one in answer.read().decode().splitlines() if one.startswith("process_cpu_seconds_total ")]
    return float(line.split()[1])


def test_lines_that_differ_in_numbers_ids_and_texts_are_one_shape(loki: str) -> None:
    for line, count in COUNTS.items():
        push(loki, "error", "shapes", lines(count, line))
    wanted = [(SHAPES[line], count) for line, count in COUNTS.items()]
    until(lambda: ask(loki, "Errors by shape", "shapes") == wanted, why="the shapes, most frequent first")
    assert ask(loki, "Most frequent shapes", "shapes") == wanted


def test_errors_are_told_apart_from_the_rest(loki: str) -> None:
    push(loki, "info", "levels", lines(4, "request {n} done"))
    push(loki, "critical", "levels", lines(2, "disk {n} is full"))
    until(lambda: ask(loki, "Errors by shape", "levels") == [("disk <n> is full", 2)], why="errors alone")
    assert ask(loki, "Most frequent shapes", "levels") == [("request <n> done", 4), ("disk <n> is full", 2)]


def test_a_shape_is_new_when_the_hour_before_did_not_have_it(loki: str) -> None:
    """An hour and a quarter ago is long ago; a line of level info is never told as new."""
    push(loki, "error", "new", lines(3, "known {n}"), ago=1800)
    push(loki, "error", "new", lines(3, "long ago {n}"), ago=4800)
    for text in ("known {n}", "long ago {n}", "never seen {n}"):
        push(loki, "error", "new", lines(2, text))
    push(loki, "info", "new", lines(2, "fine {n}"))
    wanted = {("long ago <n>", 2), ("never seen <n>", 2)}
    until(lambda: set(ask(loki, "New shapes", "new")) == wanted, why="the two that are new")


def test_more_shapes_than_a_query_may_hold_by_default(loki: str) -> None:
    """Loki refuses over 500 series before the most frequent are chosen: the shipped limit is higher."""
    shipped = tree("shipped", "compose")["loki/loki.yml"].decode()
    assert "max_query_series: 5000" in shipped
    assert "max_query_series: 5000" in LOKI
    words = itertools.islice(itertools.product(string.ascii_lowercase, repeat=2), 600)
    push(loki, "error", "many", [f"word {''.join(word)} {word[0]}" for word in words])
    push(loki, "error", "many", lines(50, "often {n}"))
    until(lambda: ask(loki, "Errors by shape", "many")[:1] == [("often <n>", 50)], why="the most frequent of 601")


def test_a_minute_of_a_busy_service_is_answered_soon(loki: str) -> None:
    """20,000 lines: about 60 microseconds each of one core's work; five times that is allowed. What else the machine
    does is not counted.
    """
    shapes = partial(ask, loki, "Most frequent shapes", "busy")
    for _ in range(4):
        push(loki, "info", "busy", lines(5000, "2026-11-21T13:10:31Z GET /orders/{n} {uuid} 200 in {n} ms"))
    until(lambda: sum(count for _, count in shapes()) == 20_000, why="all lines are there")
    before = worked(loki)
    assert shapes() == [("<time> GET /orders/<n> <id> <n> in <n> ms", 20_000)]
    assert worked(loki) - before < 20_000 * 300e-6

"""The console's dashboards over a real Prometheus: every query is answered, bounded, and cannot be changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from console_kit import settings, signed_in
from dashboard_parts import DASHBOARDS, asked, numbers, run_prometheus, series_of
from flask.testing import FlaskClient
from watchstack.console import create_app
from watchstack.console.context import build

pytestmark = pytest.mark.native

LAST_HOUR = "from=now-1h&to=now"
MANY = 120  # series of one metric, more than a panel draws
HOSTILE = '"}) or vector(7) or sum(up{a="'


@pytest.fixture(scope="module")
def client(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A viewer of a console over the committed dashboards, Prometheus with an hour of numbers, and no Loki."""
    folder = tmp_path_factory.mktemp("boards")
    many: list[tuple[str, dict[str, str]]] = [
        ("system_cpu_usage_percent", {"job": "exporter", "instance": f"crowd-{number}"}) for number in range(MANY)
    ]
    with ExitStack() as stack:
        samples = numbers([*series_of(asked()), *many], time.time())
        address = stack.enter_context(run_prometheus(program, folder / "prometheus", samples))
        (folder / "console").mkdir()
        own = build(replace(settings(folder / "console", prometheus=address), dashboards=(DASHBOARDS,)))
        stack.callback(own.store.close)
        app = create_app(own)
        stack.callback(app.extensions["watchstack-asker"].close)
        yield signed_in(app.test_client(), "viewer")


def data(client: FlaskClient, uid: str, query: str) -> dict[str, Any]:
    got = client.get(f"/api/dashboards/{uid}/data?{query}")
    assert got.status_code == 200
    found: dict[str, Any] = got.get_json()
    return found


def test_every_query_of_every_panel_is_answered(client: FlaskClient) -> None:  # J-02, J-06, J-12, J-14
    shown = empty = 0
    for board in client.get("/api/dashboards").get_json()["dashboards"]:
        found = data(client, board["uid"], f"{LAST_HOUR}&options=1&marks=1")
        for number, panel in found["panels"].items():
            troubles = [words for words in panel["problems"] if words != "this stack has no Loki"]
            assert troubles == [], f"{board['title']}, panel {number}"
            content = panel.get("series") or panel.get("values") or panel.get("rows")
            shown += bool(content)
            empty += not content and not panel["problems"]
        assert [kind.get("problem") for kind in found["marks"] if kind.get("problem")] == []
        assert all("problem" not in one for one in found["options"].values())
    assert shown > 150
    assert empty < shown / 10


def test_a_crowd_is_cut_and_told(client: FlaskClient) -> None:
    panels = data(client, "watchstack-overview", LAST_HOUR)["panels"].values()
    crowded = [panel for panel in panels if panel["notes"]]
    assert any("Only 50 series are shown; there are more." in panel["notes"] for panel in crowded)
    assert max(len(panel.get("series", ())) for panel in panels) == 50


@pytest.mark.parametrize("value", [HOSTILE, "`", "\\", "a|b", ".*", "\n", "'", "\x00", "é"])
def test_a_value_of_a_variable_is_a_value_to_prometheus(client: FlaskClient, value: str) -> None:
    """Prometheus itself reads the query: it finds no such service, and nothing else either."""
    panels = client.get(
        "/api/dashboards/watchstack-service/data", query_string={"var-service": value, "from": "now-1h", "to": "now"}
    ).get_json()["panels"]
    assert all(panel["problems"] == [] for panel in panels.values())
    assert [number for number, panel in panels.items() if panel.get("values") or panel.get("series")] == []


@pytest.mark.parametrize(("start", "most"), [("now-15m", 61), ("now-12h", 1000), ("now-7d", 1000), ("now-400d", 1000)])
def test_no_range_gives_more_than_a_thousand_points(client: FlaskClient, start: str, most: int) -> None:
    for panel in data(client, "watchstack-host", f"from={start}&to=now")["panels"].values():
        if "points" in panel:
            assert panel["points"] <= most
            assert all(len(series["values"]) == panel["points"] for series in panel["series"])

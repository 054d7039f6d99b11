"""The addresses of the dashboards: what they show and refuse, and that no request chooses a query or an address."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from console_kit import NOBODY, START, FakeClock, console, settings, signed_in
from dashboards_kit import LOKI, Query, console_with, dashboard, panel, target, telling, variable, vector
from flask.testing import FlaskClient
from support import ROOT
from watchstack.console import create_app
from watchstack.console.context import build
from watchstack.console.dashboards import assets

HOSTILE = "</script><script>alert(1)</script>\"'`"


def service_board() -> dict[str, Any]:
    where = 'service=~"$service"'
    return dashboard(
        panel("stat", target(f"sum(up{{{where}}})", "up", instant=True, range=False), number=1),
        panel("timeseries", target(f"rate(x_total{{{where}}}[$__rate_interval])", "{{service}}"), number=2),
        panel("logs", target('{environment=~".+"} |~ `(?i)$search`', datasource=LOKI), number=3),
        panel("text", options={"content": "# Read *this*\n<script>alert(1)</script>"}, number=4),
        panel("piechart", target("up"), number=5),
        {"id": 6, "type": "row", "title": "More", "panels": [panel("stat", target("up"), number=7)]},
        templating={"list": [variable(), {"type": "textbox", "name": "search", "query": ""}]},
        annotations={"list": [{"name": "Alerts", "expr": f"ALERTS{{{where}}}", "datasource": {"type": "prometheus"}}]},
        links=[{"title": "All", "type": "dashboards", "tags": ["watchstack"]}],
        refresh="30s",
    )


def answer(path: str, query: Query) -> Any:
    if path.endswith("/values"):
        return {"data": ["till", "shop", HOSTILE]}
    if path == "/api/v1/query":
        return vector(({"service": HOSTILE}, "1.5"))
    if path.startswith("/loki"):
        line = [str(int(START * 1e9)), f"\x1b[31m{HOSTILE}\x1b[0m"]
        return {
            "data": {"resultType": "streams", "result": [{"stream": {"part": "a", "level": "warn"}, "values": [line]}]}
        }
    values = [[int(query["end"]), "2"]]
    return {"data": {"resultType": "matrix", "result": [{"metric": {"service": HOSTILE}, "values": values}]}}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FlaskClient, Any]]:
    """A signed-in viewer before a Prometheus and a Loki that keep what they are asked."""
    with telling(answer) as (url, told):
        own = console_with(tmp_path, service_board(), dashboard(uid="other", title="Other <b>", tags=["x"]),
                           prometheus=url, loki=url)  # fmt: skip
        app = create_app(own)
        yield signed_in(app.test_client(), "viewer"), told
        app.extensions["watchstack-asker"].close()
        own.store.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[FlaskClient]:
    """Over the committed dashboards, with nobody to ask."""
    made = replace(settings(tmp_path, prometheus=NOBODY, loki=NOBODY), dashboards=(ROOT / "grafana" / "dashboards",))
    own = build(made, FakeClock())
    app = create_app(own)
    yield signed_in(app.test_client(), "viewer")
    app.extensions["watchstack-asker"].close()
    own.store.close()


def data(client: FlaskClient, query: str = "", uid: str = "mine", status: int = 200) -> Any:
    got = client.get(f"/api/dashboards/{uid}/data{query}")
    assert got.status_code == status, got.get_data(as_text=True)
    return got.get_json()


def test_every_committed_dashboard_has_its_page_while_nobody_answers(alone: FlaskClient) -> None:  # J-12, J-14
    """Every panel says what is missing; the page comes all the same."""
    listed = alone.get("/api/dashboards").get_json()
    assert len(listed["dashboards"]) >= 19
    assert listed["left_out"] == []
    for one in listed["dashboards"]:
        assert alone.get(f"/dashboards/{one['uid']}").status_code == 200
        described = alone.get(f"/api/dashboards/{one['uid']}").get_json()
        assert [panel["title"] for panel in described["panels"] if panel["why"]] == []
        assert described["only_in_grafana"] == []
    found = data(alone, "?panels=1,2", "watchstack-overview")
    assert [panel["problems"] for panel in found["panels"].values()] == [
        [f"Prometheus is not reached at {NOBODY}: Connection refused"]
    ] * 2


def test_the_list_is_searched_by_words_and_tags(served: tuple[FlaskClient, Any]) -> None:
    client, _ = served
    for query, wanted in (("", ["mine", "other"]), ("?q=OTHER", ["other"]), ("?tag=x", ["other"]), ("?q=nothing", []),
                          ("?q=dashboard+watchstack", ["mine"])):  # fmt: skip
        assert [one["uid"] for one in client.get(f"/api/dashboards{query}").get_json()["dashboards"]] == wanted
        text = client.get(f"/dashboards/{query}").get_data(as_text=True)
        assert re.findall(r'href="/dashboards/(\w+)"', text) == wanted
        assert "<b>" not in text.replace("<b>Watchdog</b>", "").replace("<b>Prometheus</b>", "").replace(
            "<b>Loki</b>", ""
        )


def test_the_page_holds_its_panels_and_nothing_inline(served: tuple[FlaskClient, Any]) -> None:
    client, _ = served
    text = client.get(f"/dashboards/mine/panel-2?var-search={HOSTILE}").get_data(as_text=True)
    assert re.findall(r'id="panel-(\d+)"', text) == ["1", "2", "3", "4", "5", "7"] or "panel-7" in text
    assert "<script>" not in text
    assert " style=" not in text
    assert not re.search(r" on\w+=", text)
    assert '<section class="panel timeseries shown"' in text
    assert "panels of the type piechart are drawn by Grafana only" in text
    assert "<em>this</em>" in text
    assert "sum(up" not in text  # no query leaves the console
    assert client.get("/dashboards/mine/none").get_data(as_text=True).count("has no panel “none”") == 1


def test_an_unknown_dashboard_is_told_of(served: tuple[FlaskClient, Any]) -> None:
    client, _ = served
    got = client.get("/dashboards/%3Cb%3E/parts-and-more")
    assert got.status_code == 404
    assert "No dashboard &lt;b&gt;, parts and more" in got.get_data(as_text=True)
    data(client, uid="none", status=404)
    for path in ("/dashboards/..%2F..%2Fetc", "/dashboards/mine.json", "/api/dashboards/%00"):
        assert client.get(path).status_code == 404


def test_data_of_some_panels_over_a_time(served: tuple[FlaskClient, Any]) -> None:
    client, told = served
    found = data(client, "?panels=1,2,99,x,4,5&from=now-1h&to=now&var-service=shop&var-service=a.b")
    assert found["to"] - found["from"] == 3600
    assert list(found["panels"]) == ["1", "2"]
    assert found["panels"]["1"]["values"] == [{"colour": "", "name": "up", "value": 1.5}]
    assert found["panels"]["2"]["series"][0]["name"] == HOSTILE
    asked = [query["query"] for _, query in told.asked]
    assert sorted(asked) == ['rate(x_total{service=~"(shop|a\\\\.b)"}[60s])', 'sum(up{service=~"(shop|a\\\\.b)"})']


def test_all_services_are_asked_for_in_the_file_s_own_words(served: tuple[FlaskClient, Any]) -> None:
    client, told = served
    for query in ("?panels=1", "?panels=1&var-service=$__all"):
        data(client, query)
    assert [query["query"] for _, query in told.asked] == ['sum(up{service=~".*"})']


def test_a_variable_begins_with_the_first_of_its_values_and_uses_those_before_it(tmp_path: Path) -> None:
    """As Grafana does, where a file has chosen none: so are those that `./stack dashboard import` writes."""
    one = {"type": "query", "query": "label_values(up, job)", "name": "job", "current": {}}
    other = {**one, "query": 'label_values(up{job="$job"}, instance)', "name": "node", "current": {"value": ""}}
    often = {"type": "interval", "name": "often", "query": "1m,5m", "current": {"value": "$__auto_interval_often"}}
    foreign = {**one, "name": "stream", "datasource": LOKI}
    shown = panel("stat", target('up{job="$job", instance="$node"}[$often]', instant=True))
    board = dashboard(shown, templating={"list": [one, other, often, foreign]})

    def values(path: str, query: Query) -> Any:
        found = {"up": ["b", "a"], 'up{job="a"}': ["a:1"], 'up{job="b"}': ["b:2", "b:1"]}
        return {"data": found[query["match[]"]]} if path.endswith("/values") else answer(path, query)

    with telling(values) as (url, told):
        own = signed_in(create_app(console_with(tmp_path, board, prometheus=url, loki=url)).test_client())
        found = data(own, "?options=1")
        data(own, "?var-job=b&var-often=5m")
    assert [query["query"] for path, query in told.asked if path == "/api/v1/query"] == [
        'up{job="a", instance="a:1"}[1m]',
        'up{job="b", instance="b:1"}[5m]',
    ]
    assert found["options"]["node"] == {"values": ["a:1"]}
    assert found["options"]["stream"] == {"values": [], "problem": "Only Grafana finds the values of this variable."}


def test_options_and_events_come_when_asked_for(served: tuple[FlaskClient, Any]) -> None:
    client, told = served
    found = data(client, "?panels=0&options=1&marks=1&var-service=shop")
    assert found["panels"] == {}
    assert found["options"] == {"service": {"values": sorted(["till", "shop", HOSTILE])}}
    (marks,) = found["marks"]
    assert (marks["name"], len(marks["marks"])) == ("Alerts", 1)
    path, query = next(one for one in told.asked if one[0].endswith("/values"))
    assert (path, query["match[]"]) == ("/api/v1/label/service/values", 'up{job="a"}')


def test_log_lines_come_without_colours_and_markup(served: tuple[FlaskClient, Any]) -> None:
    client, told = served
    found = data(client, "?panels=3&var-search=refused`")
    (line,) = found["panels"]["3"]["lines"]
    assert (line["text"], line["level"], line["source"]) == (HOSTILE, "warning", "a")
    assert told.asked[0][1]["query"] == '{environment=~".+"} |~ "(?i)refused`"'


@pytest.mark.parametrize(
    "query",
    [
        "?panels=1&query=vector(1)&expr=vector(1)&url=http://else.test&source=http://else.test",
        "?panels=1&from=0&to=99999999999999&step=1",
        "?panels=1&from=now-1h&to=now-2h",
        "?panels=1&var-other=x&var-service=%22%7D)%20or%20vector(7)%20or%20sum(up%7Ba=%22",
        "?panels=" + "1," * 5000,
        "?panels=-1,%F0%9F%92%A9,1e9,0x1,٣",
        "?from=" + "9" * 4000,
        "?panels=1&var-service=" + "x" * 5000,
        "?panels=1" + "&var-service=x" * 200,
    ],
)
def test_a_request_chooses_no_query_and_no_address(served: tuple[FlaskClient, Any], query: str) -> None:
    client, told = served
    data(client, query)
    for path, asked in told.asked:
        assert path in ("/api/v1/query", "/api/v1/query_range", "/loki/api/v1/query_range")
        if path == "/api/v1/query":
            assert re.fullmatch(r'(sum\(up\{service=~"(\\.|[^"\\])*"\}\)|up)', asked["query"]), asked["query"]
        if "step" in asked:
            assert (int(asked["end"]) - int(asked["start"])) / int(asked["step"]) <= 1001


def test_answers_are_packed_for_whoever_takes_it(served: tuple[FlaskClient, Any]) -> None:
    client, _ = served
    plain = client.get("/api/dashboards/mine/data?panels=2")
    packed = client.get("/api/dashboards/mine/data?panels=2", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Cache-Control"] == "no-store"
    assert json.loads(gzip.decompress(packed.data)) == plain.get_json()
    assert len(packed.data) * 3 < len(plain.data)


def test_a_viewer_s_session_is_needed(tmp_path: Path) -> None:
    own = console(tmp_path)
    client = create_app(own).test_client()
    assert client.get("/api/dashboards/mine/data").status_code == 401
    assert client.get("/dashboards/mine").status_code == 303
    for path in ("/assets/chart.js", "/assets/chart.js.LICENSE"):
        assert client.get(path).status_code == 200
    own.store.close()


def test_grafana_is_led_to_where_it_runs(tmp_path: Path) -> None:
    made = replace(settings(tmp_path), grafana="http://127.0.0.1:3000", dashboards=(ROOT / "grafana" / "dashboards",))
    own = build(made, FakeClock())
    client = signed_in(create_app(own).test_client(), "viewer")
    for query, wanted in (
        ("", ""),
        ("?from=1789990000000&to=1790000000000", "?from=1789990000000&amp;to=1790000000000"),
        ("?from=now-6h&to=now", "?from=now-6h&amp;to=now"),
        ("?from=1789990000000&to=-62135596800000", "?from=1789990000000"),
        ("?from=1&to=%26x%3D1&orgId=7", "?from=1"),
        ("?var-service=a%26b&var-else=x", "?var-service=a%26b"),
    ):
        text = client.get(f"/dashboards/watchstack-service/requests{query}").get_data(as_text=True)
        assert f'href="http://127.0.0.1:3000/d/watchstack-service{wanted}"' in text
    own.store.close()


def test_chart_js_is_packed_and_kept_for_good_by_its_version(alone: FlaskClient) -> None:  # J-05, P-03
    page = alone.get("/dashboards/watchstack-overview").get_data(as_text=True)
    (address,) = re.findall(r'name="chart-js" content="([^"]+)"', page)
    got = alone.get(address, headers={"Accept-Encoding": "gzip"})
    assert got.headers["Cache-Control"] == assets.FOR_GOOD
    assert got.headers["Content-Encoding"] == "gzip"
    assert len(got.data) < 180_000
    assert b"Chart.js v4" in gzip.decompress(got.data)
    assert got.mimetype == "text/javascript"
    again = alone.get("/assets/chart.js", headers={"If-None-Match": alone.get("/assets/chart.js").headers["ETag"]})
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "no-cache")
    assert alone.get("/assets/chart.js?v=else").headers["Cache-Control"] == "no-cache"
    licence = alone.get("/assets/chart.js.LICENSE").get_data(as_text=True)
    assert "The MIT License" in licence
    assert licence.count("Permission is hereby granted") == 4


def test_without_dashboards_the_page_says_where_they_come_from(tmp_path: Path) -> None:
    own = console(tmp_path)
    client = signed_in(create_app(own).test_client(), "viewer")
    assert "CONSOLE_DASHBOARDS" in client.get("/dashboards/").get_data(as_text=True)
    own.store.close()


def test_a_broken_file_is_said_on_the_list(tmp_path: Path) -> None:
    own = console_with(tmp_path, dashboard())
    (tmp_path / "dashboards" / "bad.json").write_text("<b>")
    client = signed_in(create_app(own).test_client(), "viewer")
    text = client.get("/dashboards/").get_data(as_text=True)
    assert "A dashboard is left out. bad.json: is not JSON" in text
    assert "Dashboard mine" in text
    own.store.close()


def test_where_samples_are_seldom_steps_and_rates_are_longer(tmp_path: Path) -> None:
    with telling(answer) as (url, told):
        own = console_with(tmp_path, service_board(), prometheus=url, loki=url, scrape_seconds=60)
        app = create_app(own)
        data(signed_in(app.test_client(), "viewer"), "?panels=2&from=now-15m")
        app.extensions["watchstack-asker"].close()
        own.store.close()
    asked = [query for path, query in told.asked if path == "/api/v1/query_range"]
    assert [(one["step"], "[240s]" in one["query"]) for one in asked] == [("60", True)]

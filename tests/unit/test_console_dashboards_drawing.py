"""What each kind of panel shows for hand-made answers: values, colours, words, columns, and what is said when empty."""

from __future__ import annotations

import math
from typing import Any

import pytest
from dashboards_kit import LOKI, answered, dashboard, panel, target
from watchstack.console.dashboards.answers import LINES, Answer, Line, Question, read
from watchstack.console.dashboards.drawing import data, legend, spec
from watchstack.console.dashboards.links import dashboard_links, data_links
from watchstack.console.dashboards.marks import _events
from watchstack.console.dashboards.model import Panel, Target
from watchstack.console.dashboards.model import read as read_dashboard
from watchstack.console.dashboards.queries import questions
from watchstack.console.dashboards.reducers import reduced
from watchstack.console.dashboards.times import Span
from watchstack.console.dashboards.variables import BadValue
from watchstack.console.peers.ask import PeerError

OVER = Span(0.0, 900.0)
STEPS = {"mode": "absolute", "steps": [{"value": None, "color": "green"}, {"value": 80, "color": "orange"},
                                       {"value": 90, "color": "red"}]}  # fmt: skip
Labelled = tuple[dict[str, str], list[float]]


def own(document: dict[str, Any]) -> Panel:
    (found,) = read_dashboard(dashboard(document), "x").panels
    return found


def shown(document: dict[str, Any], *series: Labelled, **by_ref: list[Labelled]) -> dict[str, Any]:
    """The data of a panel: `series` answer target A, others by their letter."""
    found = own(document)
    asked = questions(found, OVER, {})
    told = {"A": list(series), **by_ref}
    answers = {ref: (one, answered(one, *told.get(ref, []))) for ref, one in asked.items() if isinstance(one, Question)}
    return data(found, answers)


def config(overrides: tuple[Any, ...] = (), **defaults: Any) -> dict[str, Any]:
    return {"defaults": defaults, "overrides": list(overrides)}


def override(matcher: str, option: str, **properties: Any) -> dict[str, Any]:
    named = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": matcher, "options": option}, "properties": named}


INSTANT: dict[str, Any] = {"instant": True, "range": False}


@pytest.mark.parametrize(("value", "colour"), [(79.9, "green"), (80, "orange"), (90, "red"), (-5, "green")])
def test_a_stat_has_the_colour_of_its_step(value: float, colour: str) -> None:
    document = panel("stat", target("up", "now", **INSTANT), fieldConfig=config(thresholds=STEPS, unit="percent"))
    assert shown(document, ({}, [value]))["values"] == [{"name": "now", "value": value, "colour": colour}]


@pytest.mark.parametrize(
    ("written", "colour"),
    [("rgba(245, 54, 54, 0.9)", "#f53636"), ("rgb(1,2,300)", "#0102ff"), ("rgb(1,2,3);x", ""), ("url(x)", "")],
)
def test_a_colour_by_its_parts_is_one_too(written: str, colour: str) -> None:
    """As dashboards of older Grafanas have it: without it all their thresholds are green."""
    steps = {"mode": "absolute", "steps": [{"value": None, "color": "green"}, {"value": 80, "color": written}]}
    document = panel("gauge", target("up", "now", **INSTANT), fieldConfig=config(thresholds=steps))
    assert shown(document, ({}, [90]))["values"][0]["colour"] == colour


def test_values_of_a_mapping_are_words_with_a_colour() -> None:
    mappings = [
        {"type": "value", "options": {"0": {"text": "down", "color": "red", "index": 0}}},
        {"type": "range", "options": {"from": 1, "to": 5, "result": {"text": "some", "color": "blue"}}},
    ]
    document = panel("stat", target("up", "{{a}}", **INSTANT), fieldConfig=config(mappings=mappings, thresholds=STEPS))
    found = shown(document, ({"a": "x"}, [0]), ({"a": "y"}, [3]), ({"a": "z"}, [7]))["values"]
    assert [(one["name"], one.get("text"), one["colour"]) for one in found] == [
        ("x", "down", "red"),
        ("y", "some", "blue"),
        ("z", None, "green"),
    ]


def test_percent_thresholds_and_limits_are_those_of_the_axis() -> None:
    steps = {"mode": "percentage", "steps": [{"value": None, "color": "green"}, {"value": 50, "color": "red"}]}
    style = {"thresholdsStyle": {"mode": "line"}}
    document = panel("timeseries", target("up"), fieldConfig=config(min=100, max=300, thresholds=steps, custom=style))
    assert spec(own(document))["look"]["steps"] == [{"value": 200.0, "colour": "red"}]
    gauge = panel("gauge", target("up", **INSTANT), fieldConfig=config(min=100, max=300, thresholds=steps))
    assert [shown(gauge, ({}, [value]))["values"][0]["colour"] for value in (199, 200)] == ["green", "red"]


def test_bars_and_gauges_show_a_value_a_series() -> None:
    for kind in ("bargauge", "gauge"):
        document = panel(kind, target("up", "{{mount}}", **INSTANT), fieldConfig=config(min=0, max=100, unit="percent"))
        found = shown(document, ({"mount": "/"}, [40]), ({"mount": "/data"}, [math.inf]), ({"mount": "/x"}, [math.nan]))
        assert [(one["name"], one["value"], one.get("text")) for one in found["values"]] == [
            ("/", 40, None),
            ("/data", None, "∞"),
        ]


def test_a_single_value_whose_name_nobody_wrote_is_called_as_the_panel_is() -> None:
    labelled = {"__name__": "up", "job": "a"}
    for words, name in (("", "Panel 1"), ("__auto", "Panel 1"), ("of {{job}}", "of a")):
        assert shown(panel("gauge", target("up", words, **INSTANT)), (labelled, [1]))["values"][0]["name"] == name
    called = panel("gauge", target("up", **INSTANT), fieldConfig=config(displayName="Well"))
    assert shown(called, (labelled, [1]))["values"][0]["name"] == "Well"
    several = shown(panel("gauge", target("up", **INSTANT)), (labelled, [1]), ({"job": "b"}, [1]))["values"]
    assert [one["name"] for one in several] == ['up{job="a"}', '{job="b"}']


@pytest.mark.parametrize(
    ("calculation", "wanted"),
    [("lastNotNull", 3), ("mean", 2), ("max", 4), ("min", 0), ("sum", 8), ("first", 1), ("count", 4), ("range", 4),
     ("diff", 2), ("none of them", None)],
)  # fmt: skip
def test_calculations_leave_out_what_is_not_there(calculation: str, wanted: float | None) -> None:
    assert reduced([math.nan, 1, 4, math.nan, 0, 3, math.nan], calculation) == wanted
    assert reduced([math.nan], calculation) is None


@pytest.mark.parametrize("calculation", ["mean", "sum", "stdDev", "range", "diff"])
@pytest.mark.parametrize("values", [[math.inf, -math.inf, math.inf], [1e308, -1e308, 1e308, 1e308, 1e308]])
def test_a_calculation_that_has_no_number_is_none(calculation: str, values: list[float]) -> None:
    """Both infinities stand in one series where a ratio changes its sign over nothing; no page fails at it."""
    found = reduced(values, calculation)
    assert found is None or not math.isnan(found)


def test_lines_stand_on_the_grid_of_the_question() -> None:
    document = panel("timeseries", target("up", "{{a}}"), target("down", "low", refId="B"))
    found = shown(document, ({"a": "x"}, [1, math.nan, 3]), B=[({}, [math.inf])])
    assert (found["start"], found["step"], found["points"]) == (0, 15, 61)
    assert [one["name"] for one in found["series"]] == ["x", "low"]
    assert found["series"][0]["values"][-3:] == [1, None, 3]
    assert found["series"][0]["values"][:-3] == [None] * 58
    assert found["series"][1]["values"][-1] is None  # JSON has no infinity


def test_targets_of_different_steps_share_the_first_one_s_grid() -> None:
    document = panel("timeseries", target("up"), target("slow", "slow", refId="B", interval="5m"),
                     target("now", "now", refId="C", **INSTANT))  # fmt: skip
    found = shown(document, ({}, [1]), B=[({}, [10, 20, 30, 40])], C=[({}, [7])])
    slow, now = found["series"][1]["values"], found["series"][2]["values"]
    assert (slow[0], slow[19], slow[20], slow[60]) == (10, 10, 20, 40)
    assert (now[59], now[60]) == (None, 7)


def test_overrides_change_the_series_they_name() -> None:
    changes = (
        override("byName", "errors", color={"mode": "fixed", "fixedColor": "red"}, unit="percent"),
        override("byRegexp", "/^warn/", displayName="all warnings", custom__fillOpacity=50),
        override("byFrameRefID", "B", custom__drawStyle="bars"),
        override("byRegexp", "((", unit="broken"),
    )
    document = panel("timeseries", target("a", "{{n}}"), target("b", "b", refId="B"), fieldConfig=config(changes))
    series = shown(document, ({"n": "errors"}, [1]), ({"n": "warnings"}, [1]), ({"n": "rest"}, [1]), B=[({}, [1])])
    looks = {one["name"]: one["look"] for one in series["series"]}
    assert looks["errors"] == {"unit": "percent", "colour": "red"}
    assert looks["all warnings"] == {"name": "all warnings", "fill": 50}
    assert looks["rest"] == {}
    assert looks["b"] == {"bars": True}


def test_a_legend_with_calculations() -> None:
    options = {"legend": {"displayMode": "table", "calcs": ["max", "mean"]}, "tooltip": {"mode": "single"}}
    document = panel("timeseries", target("up", "x"), options=options)
    assert spec(own(document))["legend"] == {"shown": True, "table": True, "calcs": [["max", "max"], ["mean", "mean"]]}
    assert shown(document, ({}, [1, 3]))["series"][0]["calcs"] == [3, 2]


@pytest.mark.parametrize(
    ("told", "labels", "name"),
    [
        ("{{ service }} {{x}}", {"service": "shop"}, "shop"),
        ("{{service}}-{{service}}", {"service": "<b>"}, "<b>-<b>"),
        ("", {"__name__": "up", "job": "a"}, 'up{job="a"}'),
        ("__auto", {"job": "a"}, '{job="a"}'),
        ("", {}, "sum(up)"),
        ("{{service}}", {"service": "{{x}}", "x": "no"}, "{{x}}"),
    ],
)
def test_names_of_series(told: str, labels: dict[str, str], name: str) -> None:
    assert legend(Target("A", "sum(up)", "prometheus", told), labels) == name


def test_rows_of_a_table_are_merged_and_organised() -> None:
    changes = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": {"Time": True, "secret": True},
            "renameByName": {"Value #A": "rate", "Value #B": "errors, %"},
            "indexByName": {"service": 2, "route": 1}}},
    ]  # fmt: skip
    document = panel("table", target("a", **INSTANT), target("b", refId="B", **INSTANT), transformations=changes)
    labels = {"service": "shop", "route": "/a", "secret": "s"}
    found = shown(document, (labels, [5]), ({**labels, "route": "/b"}, [6]), B=[({**labels, "route": "/b"}, [1])])
    assert [column["name"] for column in found["columns"]] == ["route", "service", "rate", "errors, %"]
    assert found["rows"] == [["/a", "shop", 5, None], ["/b", "shop", 6, 1]]
    document["transformations"][1]["options"]["excludeByName"]["secret"] = False
    assert "secret" in [column["name"] for column in shown(document, (labels, [5]))["columns"]]


def test_cells_of_a_table_have_units_words_and_colours() -> None:
    up = [{"type": "value", "options": {"1": {"text": "up", "color": "green"}, "0": {"text": "down"}}}]
    coloured = {"thresholds": STEPS, "color": {"mode": "thresholds"}}
    changes = (override("byName", "Value", mappings=up), override("byName", "part", unit="bytes", decimals=1))
    rename = [{"id": "organize", "options": {"renameByName": {"job": "part"}}}]
    document = panel("table", target("up", **INSTANT), fieldConfig=config(changes), transformations=rename)
    found = shown(document, ({"job": "a"}, [1]), ({"job": "b"}, [0]), ({"job": "c"}, [2]))
    assert found["columns"] == [{"name": "part", "unit": "bytes", "decimals": 1}, {"name": "Value"}]
    assert [row[1] for row in found["rows"]] == [
        {"value": 1, "text": "up", "colour": "green"},
        {"value": 0, "text": "down", "colour": ""},
        2,
    ]
    document["fieldConfig"] = config((override("byName", "Value", **coloured),))
    assert shown(document, ({"job": "a"}, [95]))["rows"][0][1] == {"value": 95, "text": "", "colour": "red"}


def test_without_merge_the_first_answer_with_rows_is_the_table() -> None:
    document = panel("table", target("a", **INSTANT), target("b", refId="B", **INSTANT))
    found = shown(document, B=[({"job": "b"}, [1])])
    assert found["rows"] == [["b", 1]]


def test_many_rows_are_merged_at_once() -> None:
    """A thousand rows from two targets find each other by their labels, not by trying all."""
    document = panel("table", target("a", **INSTANT), target("b", refId="B", **INSTANT),
                     transformations=[{"id": "merge"}])  # fmt: skip
    rows: list[Labelled] = [({"n": str(number), "m": "x"}, [float(number)]) for number in range(500)]
    found = shown(document, *rows, B=rows)
    assert len(found["rows"]) == 500
    assert found["rows"][7] == ["7", "x", 7, 7]


def test_log_lines_have_level_and_source() -> None:
    document = own(panel("logs", target("{a=~'.+'}", datasource=LOKI), options={"sortOrder": "Ascending"}))
    (asked,) = questions(document, OVER, {}).values()
    assert isinstance(asked, Question)
    assert asked.lines
    lines = tuple(Line(float(at), "error", f"<b>{at}", {"part": "exporter"}) for at in range(LINES))
    found = data(document, {"A": (asked, Answer(lines=lines, cut=True))})
    assert found["lines"][1] == {"time": 1.0, "level": "error", "source": "exporter", "text": "<b>1"}
    assert found["notes"] == ["Only 300 lines, the newest are shown; there are more."]
    assert spec(document)["ascending_lines"] is True


def test_an_empty_panel_says_why_or_that_there_is_no_data() -> None:
    document = panel("stat", target("up", **INSTANT))
    assert (shown(document)["empty"], shown(document)["declared"]) == ("no data", False)
    document["description"] = "What fires. Empty is fine: nothing is wrong then."
    assert (shown(document)["empty"], shown(document)["declared"]) == ("nothing is wrong then.", True)
    document = panel("stat", target("up", **INSTANT), fieldConfig=config(noValue="none yet"))
    assert shown(document)["empty"] == "none yet"


def test_what_is_not_reached_is_said_and_the_rest_is_drawn() -> None:
    document = own(panel("timeseries", target("a", "a"), target("b", "b", refId="B"), target("c", refId="C")))
    asked = questions(document, OVER, {})
    one, two = asked["A"], asked["B"]
    assert isinstance(one, Question)
    assert isinstance(two, Question)
    found = data(document, {"A": (one, answered(one, ({}, [1]))), "B": (two, PeerError("no Prometheus")),
                            "C": BadValue("not here")})  # fmt: skip
    assert found["problems"] == ["no Prometheus", "not here"]
    assert [series["name"] for series in found["series"]] == ["a"]
    assert "empty" not in found


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"data": {"resultType": "string", "result": [0, "x"]}}, "a string, of which nothing is drawn"),
        ({"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [["x", "y"]]}]}}, "in an unknown way"),
        ({"data": None}, "in an unknown way"),
        (None, "in an unknown way"),
        ([], "in an unknown way"),
        ({"data": {"resultType": "matrix", "result": [7]}}, "in an unknown way"),
    ],
)
def test_an_answer_of_another_form_is_said(told: Any, words: str) -> None:
    with pytest.raises(PeerError, match=words):
        read(Question("prometheus", "up", 0, 60, 15), told)


def test_an_answer_is_cut_to_what_is_drawn() -> None:
    result = [{"metric": {"n": str(n)}, "values": [[15, "1"], [99_999, "2"]]} for n in range(60)]
    found = read(Question("prometheus", "up", 0, 60, 15), {"data": {"resultType": "matrix", "result": result},
                 "warnings": ["results truncated due to limit", "something else"]})  # fmt: skip
    assert (len(found.series), found.cut, found.notes) == (50, True, ("something else",))
    assert found.series[0].values[1] == 1
    assert math.isnan(found.series[0].values[4])


def test_questions_are_bounded_and_aligned() -> None:
    document = own(panel("timeseries", target("rate(x[$__rate_interval])"), target("y", refId="B", **INSTANT)))
    one, two = questions(document, Span(1003.0, 11_803.0), {}).values()
    assert isinstance(one, Question)
    assert isinstance(two, Question)
    assert one.path() == (
        "/api/v1/query_range",
        [("query", "rate(x[60s])"), ("start", "990"), ("end", "11790"), ("step", "15"), ("limit", "51"),
         ("timeout", "8s")],
    )  # fmt: skip
    assert two.path()[1][1] == ("time", "11800")


def test_links_stay_in_the_console() -> None:
    panes = '{"a":{"queries":[{"expr":"{job=~\\"${service:pipe}\\"}"}],"range":{"from":"${__from}"}}}'
    found = dashboard_links(
        [
            {"title": "Overview", "type": "link", "url": "/d/watchstack-overview", "keepTime": True},
            {"title": "Logs", "type": "link", "url": f"/explore?schemaVersion=1&panes={panes}"},
            {"title": "All", "type": "dashboards", "tags": ["watchstack"]},
            {"title": "Console", "type": "link", "url": "http://me.test/"},
            {"title": "Away", "type": "link", "url": "https://else.test/a", "targetBlank": True},
            {"title": "Bad", "type": "link", "url": "javascript:alert(1)"},
            {"title": "Bad", "type": "link", "url": "//else.test/d/x"},
            {"title": "Bad", "type": "link", "url": "/d/../admin"},
            {"title": "Bad", "type": "link", "url": "/admin/users"},
            {"title": "Bad", "type": "link", "url": "http://[bad"},
        ],
        "http://me.test",
    )
    assert [link.plain() for link in found] == [
        {"kind": "dashboard", "title": "Overview", "uid": "watchstack-overview", "time": True},
        {"kind": "logs", "title": "Logs", "expr": '{job=~"${service:pipe}"}'},
        {"kind": "tags", "title": "All", "tags": ("watchstack",)},
        {"kind": "page", "title": "Console", "address": "/"},
        {"kind": "page", "title": "Away", "address": "https://else.test/a", "window": True},
    ]
    url = "/d/watchstack-service?${service:queryparam}&var-service=${__field.labels.service}&from=${__from}"
    (link,) = data_links([{"title": "Its requests", "url": url}])
    assert link.query == (("service", ""), ("var-service", "${__field.labels.service}"), ("from", "${__from}"))


def test_events_begin_and_end_or_name_their_time() -> None:
    kinds = read_dashboard(dashboard(annotations={"list": [
        {"name": "Alerts", "expr": "ALERTS", "titleFormat": "{{alertname}}", "textFormat": "{{a}}<br><a href='x'>y</a>",
         "tagKeys": "team, x", "iconColor": "red", "datasource": {"type": "prometheus"}},
        {"name": "Starts", "expr": "1000 * t", "useValueForTime": True, "enable": False, "iconColor": "url(x)",
         "datasource": {"type": "prometheus"}},
        {"name": "Grafana's own", "datasource": {"type": "grafana"}},
    ]}), "x").kinds  # fmt: skip
    assert [(kind.name, kind.on, kind.colour) for kind in kinds] == [("Alerts", True, "red"), ("Starts", False, "blue")]
    question = Question("prometheus", "x", 0, 90, 15)
    labels = {"alertname": "Down", "team": "web", "a": "<b>"}
    (series,) = answered(question, (labels, [1, 1, math.nan, 0, 1, 1])).series
    words = {"title": "Down", "text": "<b>", "tags": ["web"]}
    assert list(_events(kinds[0], question, series)) == [
        {"start": 15, "end": 30, **words},
        {"start": 75, "end": 90, **words},
    ]
    (series,) = answered(question, ({}, [30_000, 30_000, 60_000])).series
    assert [event["start"] for event in _events(kinds[1], question, series)] == [30, 60]

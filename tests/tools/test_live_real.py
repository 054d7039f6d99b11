"""`check --live` over a real Prometheus and a real Loki: each way in which a query can be wrong has its clear words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from console_parts import post_json, run_loki, run_prometheus, stream
from live_kit import board, lines, panel, variable, written
from stackgen.live import Direct, Outcome, Verdict, boards, examine
from stackgen.live.told import document
from stackgen.live.told import lines as told
from support import choose_ports
from waiting import until

pytestmark = pytest.mark.tools
Find = Callable[..., Path]

RULES = """
groups:
  - name: own
    rules:
      - {record: 'own:requests:rate1m', expr: 'sum(rate(prometheus_http_requests_total[1m]))'}
      - {alert: Fails, expr: 'up * on (job) group_left () prometheus_http_requests_total > 0'}
      - {alert: Never, expr: 'prometheus_http_request_total > 5'}
      - {alert: Gone, expr: 'absent(some_application_up)'}
      - {alert: Seldom, expr: 'pg_up == 0'}
"""
EMPTY = "Empty is fine: nothing of the kind is here."


@pytest.fixture(scope="module")
def addresses(program: Find, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("parts")
    with run_prometheus(program, folder / "p", RULES) as prometheus, run_loki(program, folder / "l") as loki:
        post_json(f"{loki}/loki/api/v1/push", {"streams": [stream({"part": "a"}, "one", "two")]})
        asker = Direct({"prometheus": prometheus})

        def recorded() -> Any:
            return asker.get("prometheus", "/api/v1/query", query="own:requests:rate1m")["data"]["result"]

        until(recorded, why="the recording rule gives something")
        yield {"prometheus": prometheus, "loki": loki}


def asked(addresses: dict[str, str], **dashboards: dict[str, Any]) -> Outcome:
    return examine(boards(written(**dashboards)), Direct(addresses))


def said(outcome: Outcome) -> str:
    return "\n".join(told(outcome))


def one(outcome: Outcome, place: str, ref: str = "A") -> Any:
    (found,) = [result for result in outcome.results if (result.place, result.ref) == (place, ref)]
    return found


def test_what_gives_data_is_ok(addresses: dict[str, str]) -> None:
    """Lines, a moment, log lines, a rate over logs, a row's panels, variables inside of variables, an annotation."""
    by_job = 'up{job=~"$job",instance=~"${instance:pipe}"}'
    outcome = asked(
        addresses,
        own=board(
            panel("Line", "up", "rate(prometheus_http_requests_total[$__rate_interval])"),
            panel("Moment", "up", target={"range": False, "instant": True}),
            panel("Chosen", by_job),
            lines("Lines", '{part="a"} |~ `(?i)$search`'),
            lines("Rate", 'sum(rate({part="a"}[5m]))'),
            {"type": "row", "title": "Row", "collapsed": True, "panels": [panel("Inside", "up")]},
            {"type": "text", "title": "Words"},
            panel("Through a variable", "up", datasource={"type": "prometheus", "uid": "${source}"}),
            panel("Grafana's own", "", datasource={"type": "datasource", "uid": "-- Dashboard --"}),
            panel("Hidden", "no_such_thing", target={"hide": True}),
            variables=[
                variable("job", "label_values(up, job)", allValue=""),
                variable("instance", 'label_values(up{job=~"$job"}, instance)', regex="/(127.*)/", allValue=""),
                {"name": "search", "type": "textbox", "query": "ON"},
                {"name": "source", "type": "datasource", "query": "prometheus", "current": {}},
            ],
            annotations=[
                {"name": "starts", "enable": True, "datasource": {"uid": "prometheus"}, "expr": "up == 2"},
                {"builtIn": 1, "name": "own", "datasource": {"uid": "-- Grafana --"}, "enable": True},
            ],
        ),
    )
    assert outcome.wrong == [result for result in outcome.rules if result.verdict is not Verdict.OK]
    shown = {(result.place, result.ref): result.verdict for result in outcome.results}
    assert shown == {
        ("variable job", "values"): Verdict.OK,
        ("variable instance", "values"): Verdict.OK,
        **{(place, "A"): Verdict.OK for place in ("Line", "Moment", "Chosen", "Lines", "Rate", "Inside")},
        ("Line", "B"): Verdict.OK,
        ("Through a variable", "A"): Verdict.OK,
        ("annotation starts", "A"): Verdict.DECLARED,
    }
    assert one(outcome, "Chosen").expr.startswith('up{job=~"own",instance=~"127')
    assert one(outcome, "Lines").rows == 1, "of the two lines one holds the text"


def test_a_renamed_metric_is_named_with_panel_and_query(addresses: dict[str, str]) -> None:
    """The recording rule was renamed, the panel was not."""
    outcome = asked(addresses, own=board(panel("Fine", "up"), panel("Requests", "up", "2 * own:requests:rate5m")))
    wrong = one(outcome, "Requests", "B")
    assert wrong.verdict is Verdict.EMPTY
    assert wrong.missing == (("own:requests:rate5m", "own:requests:rate1m"),)
    text = said(outcome)
    assert "grafana/dashboards/own.json: Requests, query B: empty\n    2 * own:requests:rate5m" in text
    assert "no series has own:requests:rate5m; did you mean own:requests:rate1m?" in text
    assert "Fine, query" not in text


def test_no_declaration_excuses_a_metric_that_can_never_come(addresses: dict[str, str]) -> None:
    """A known metric that nothing here exports may be declared; one that nothing exports anywhere may not."""
    known = panel("Database", "pg_up", description=EMPTY)
    never = panel("Requests", "own:requests:rate5m", description=EMPTY)
    outcome = asked(addresses, own=board(known, never), **{"custom/mine": board(never, uid="mine", title="Mine")})
    assert one(outcome, "Database").verdict is Verdict.DECLARED
    assert one(outcome, "Database").why == "nothing of the kind is here."
    saved, generated = (result for result in outcome.results if result.place == "Requests")
    assert (saved.file, saved.verdict) == ("grafana/dashboards/custom/mine.json", Verdict.DECLARED)
    assert generated.verdict is Verdict.EMPTY
    assert "no program of the stack exports it" in generated.why


def test_matchers_that_fit_nothing_are_named(addresses: dict[str, str]) -> None:
    outcome = asked(addresses, own=board(panel("Up", 'sum(up{job="own",preset="ioot"})')))
    assert one(outcome, "Up").why == 'up has series, but none with preset="ioot"'


def test_a_panel_over_a_variable_without_values_is_excused_by_its_declaration(addresses: dict[str, str]) -> None:
    """A preset's dashboard before the first service with that preset."""
    asks = panel("Requests", 'up{service=~"$service"}')
    declared = variable("service", 'label_values(up{preset="iot"}, service)', description=EMPTY, allValue=".+")
    outcome = asked(addresses, a=board(asks, variables=[declared]))
    assert [result.verdict for result in outcome.results] == [Verdict.DECLARED, Verdict.DECLARED]
    bare = asked(addresses, a=board(asks, variables=[{**declared, "description": ""}]))
    assert [result.verdict for result in bare.results] == [Verdict.EMPTY, Verdict.EMPTY]


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        (panel("P", "sum("), "parse error"),
        (panel("P", "up", datasource={"type": "prometheus", "uid": "PBFA97CFB590B2093"}), "no datasource has the uid"),
        (panel("P", "up", datasource={"type": "mysql", "uid": "mysql"}), "no datasource has the uid 'mysql'"),
        (panel("P", ""), "the query is empty"),
        (lines("P", '{part="a"'), "parse error"),
    ],
)
def test_what_fails_says_why(addresses: dict[str, str], asks: dict[str, Any], words: str) -> None:
    outcome = asked(addresses, own=board(asks))
    assert one(outcome, "P").verdict is Verdict.ERROR
    assert words in one(outcome, "P").why
    assert "own.json: P, query A: error" in said(outcome)


def test_a_dead_loki_is_told_once(addresses: dict[str, str]) -> None:
    dead = {**addresses, "loki": f"http://127.0.0.1:{choose_ports(1)[0]}"}
    outcome = asked(dead, own=board(panel("Fine", "up"), *(lines(f"L{n}", '{part="a"}') for n in range(5))))
    assert one(outcome, "Fine").verdict is Verdict.OK
    assert sum(result.verdict is Verdict.ERROR for result in outcome.results) == 6
    text = said(outcome)
    assert text.count("Loki does not answer") == 1
    assert "L0, query" not in text
    assert [found["place"] for found in document(outcome)["findings"] if not found["expr"]] == ["Loki"]


def test_a_dead_prometheus_ends_nothing(addresses: dict[str, str]) -> None:
    dead = {**addresses, "prometheus": f"http://127.0.0.1:{choose_ports(1)[0]}"}
    outcome = asked(dead, own=board(panel("P", "up"), lines("L", '{part="a"}'), variables=[variable("v", "up")]))
    assert one(outcome, "L").verdict is Verdict.OK
    assert one(outcome, "P").verdict is Verdict.ERROR
    assert outcome.rules_asked == 0


def test_files_that_are_no_dashboards_are_told(addresses: dict[str, str]) -> None:
    files = {
        "grafana/dashboards/a.json": b"{",
        "grafana/dashboards/b.json": b"[]",
        "grafana/dashboards/c.json": json.dumps({"elements": {}, "layout": {}}).encode(),
        "grafana/dashboards/d.json": json.dumps(board({"title": "odd", "targets": "none"})).encode(),
    }
    outcome = examine(boards(files), Direct(addresses))
    why = {result.file[-6:-5]: result.why for result in outcome.results}
    assert why["a"].startswith("is no JSON: Expecting property name")
    assert why["b"].startswith("is no dashboard")
    assert "./stack dashboard import FILE takes other forms" in why["c"]
    assert "cannot be understood" in why["d"]


def test_rules_that_fail_or_can_never_fire_are_told_and_what_rests_is_a_note(addresses: dict[str, str]) -> None:
    whole = lambda: outcome if len((outcome := asked(addresses)).rules) > 1 else None  # noqa: E731
    outcome = until(whole, why="the rules are evaluated for the first time")
    assert {(result.place, result.verdict) for result in outcome.rules} == {
        ("alert Fails", Verdict.ERROR),
        ("alert Never", Verdict.EMPTY),
    }
    (never,) = [result for result in outcome.rules if result.place == "alert Never"]
    assert never.missing == (("prometheus_http_request_total", "prometheus_http_requests_total"),)
    assert never.file == "prometheus/rules/own.yml"
    (note,) = outcome.notes
    assert "pg_up (Seldom)" in note
    assert "some_application_up (the rule asks for its absence)" in note


def test_the_time_is_bounded(addresses: dict[str, str]) -> None:
    outcome = examine(boards(written(own=board(panel("P", "up")))), Direct(addresses), within=-1)
    assert "time for the whole check was over" in one(outcome, "P").why


def test_the_table_counts_by_dashboard(addresses: dict[str, str]) -> None:
    outcome = asked(
        addresses,
        a=board(panel("P", "up", "nothing_at_all"), uid="a"),
        b=board(panel("Q", "sum("), panel("R", "pg_up", description=EMPTY), uid="b"),
    )
    rows = [line.split() for line in told(outcome)][:4]
    assert rows == [
        ["DASHBOARD", "OK", "DECLARED", "EMPTY", "ERROR"],
        ["grafana/dashboards/a.json", "1", "0", "1", "0"],
        ["grafana/dashboards/b.json", "0", "1", "0", "1"],
        ["all", "1", "1", "1", "1"],
    ]
    data = document(outcome)["dashboards"][1]
    assert data == {"file": "grafana/dashboards/b.json", "uid": "b", "title": "Own", "ok": 0, "declared": 1,
                    "empty": 0, "error": 1}  # fmt: skip

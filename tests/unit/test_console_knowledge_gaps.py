"""Pages of knowledge where something is missing, odd or very much: nothing is made up, cut in silence, or slow."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from console_kit import START, TOKEN, FakeClock, alert, body, console, signed_in
from flask.testing import FlaskClient
from standin import Reply, standing_in
from watchstack.console import Console, create_app
from watchstack.console.knowledge import exports, report, resources, rules, services
from watchstack.console.knowledge.common import Answers, Period, breakable, budget_words, since
from watchstack.console.knowledge.findings import Known, error_lines
from watchstack.console.knowledge.insights import FAILING, LOGS, judged
from watchstack.console.knowledge.targets import advice
from watchstack.console.knowledge.written import THRESHOLDS, Sources
from watchstack.console.peers import ask
from watchstack.console.peers.series import Sample

NOBODY = "http://127.0.0.1:1"
DAY = Period(START - 86400, START, "24h")
Samples = list[tuple[dict[str, str], float]]


def answers(found: Mapping[str, Samples]) -> Answers:
    return Answers({name: [Sample(labels, value) for labels, value in rows] for name, rows in found.items()})


def vector(*rows: tuple[dict[str, str], str]) -> dict[str, Any]:
    return {"resultType": "vector", "result": [{"metric": labels, "value": [START, value]} for labels, value in rows]}


@contextmanager
def opened(folder: Path, told: Callable[[str, str], Any], **peers: str) -> Iterator[FlaskClient]:
    """A console over a Prometheus that gives this `data` to a path and a query; with 503 for None."""

    def answer(_method: str, target: str) -> Reply:
        parts = urlsplit(target)
        data = told(parts.path, parse_qs(parts.query).get("query", [""])[0])
        if data is None:
            return 503, {}, b"busy"
        return 200, {"Content-Type": "application/json"}, json.dumps({"status": "success", "data": data}).encode()

    with standing_in(answer) as prometheus:
        own = console(folder, FakeClock(), prometheus=prometheus.url, **peers)
        try:
            yield signed_in(create_app(own).test_client())
        finally:
            own.store.close()


def text(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return html.unescape(answer.get_data(as_text=True))


# What is missing


def test_without_prometheus_no_page_says_that_there_is_nothing(tmp_path: Path) -> None:
    own = console(tmp_path, FakeClock(), prometheus=NOBODY)
    client = signed_in(create_app(own).test_client())
    assert "Nothing is known of services now." in text(client, "/services")
    assert "Name yours under" not in text(client, "/services")
    shown = text(client, "/resources")
    assert "Nothing is known of hosts now." in shown
    assert "Nothing is known of containers now." in shown
    shown = text(client, "/report")
    assert "Nothing is known of promises in this time." in shown
    assert "No service has an" not in shown
    shown = text(client, "/")
    assert shown.count("Nothing is known to fire") == 2
    assert "Nothing fires" not in shown
    own.store.close()


def test_a_report_makes_up_neither_failures_nor_the_time_away() -> None:
    """ "failed" and "away" without an answer are unknown; an answer without this service is 0 and unknown."""
    shop: Samples = [({"service": "shop"}, 10.0)]
    known = {"available": [({"service": "shop"}, 1.0)], "requests": shop}
    [row] = report._services(answers(known))
    assert (row["failed_percent"], row["away_seconds"], row["watched_seconds"]) == (None, None, None)
    [row] = report._services(answers({**known, "failed": [], "away": [({"service": "shop"}, 0.0)], "watched": shop}))
    assert (row["failed_percent"], row["away_seconds"], row["watched_seconds"]) == (0, 0, 10)


def test_log_lines_are_compared_only_with_what_was_counted() -> None:
    counted = {"logged before": [500.0], "failed": [5.0], "failing": [50.0]}
    assert error_lines(Answers(counted)) == (5, 50)
    assert error_lines(Answers({**counted, "failed": [0.0]})) == (0, 50)
    for name in counted:
        assert error_lines(Answers({key: value for key, value in counted.items() if key != name})) is None


def test_log_lines_alone_make_no_score() -> None:
    found = Answers({"logged before": [500.0], "failed": [0.0], "failing": [0.0]}, ["Prometheus is away"])
    told = judged(Known(found, THRESHOLDS, "24 h", "6 h"), DAY)
    assert told["health_score"] is None
    assert told["areas"]["logs"]["state"] == "known"


def test_the_words_of_log_lines_name_the_time_that_is_counted() -> None:
    found = Answers({"logged before": [500.0], "failed": [5.0], "failing": [50.0]})
    week = judged(Known(found, THRESHOLDS, "7 d", "6 h"), Period(START - 7 * 86400, START, "7d"))
    assert week["trends"]["error_lines"]["words"] == "Log lines of errors, 6 h"
    assert week["findings"][0]["message"].startswith("50 log lines within 6 h tell of errors")
    short = judged(Known(found, THRESHOLDS, "6 h", "6 h"), Period(START - LOGS, START, "6h"))
    assert short["trends"]["error_lines"]["words"] == "Log lines of errors"


def test_levels_of_log_lines_count_in_any_case() -> None:
    assert FAILING.count('=~"(?i)error|err|critical|fatal"') == 2
    assert FAILING.startswith('{job=~".+"} | ')


def test_a_rise_is_seen_past_a_value_that_is_none(tmp_path: Path) -> None:
    rising = [[START - 86400 + 3600 * n, "NaN" if n == 7 else str(60 + n / 2)] for n in range(24)]

    def told(path: str, query: str) -> Any:
        if path.endswith("query_range"):
            row = {"metric": {"instance": "a", "mount_point": "/"}, "values": rising}
            return {"resultType": "matrix", "result": [row] if "disk" in query else []}
        return vector()

    with opened(tmp_path, told) as client:
        messages = [one["message"] for one in client.get("/api/insights").get_json()["findings"]]
    assert messages == ["Disk / of a rises and reaches 95 % in about 1 d"]


def test_the_last_point_of_a_chart_stands_within_it(tmp_path: Path) -> None:
    """Prometheus tells times in milliseconds: a chart that ended between two lost its newest point."""
    clock = FakeClock()
    clock.advance(0.0006)
    matrix = {"resultType": "matrix", "result": [{"metric": {}, "values": [[START, "1"]]}]}
    asked: list[str] = []

    def answer(_method: str, target: str) -> Reply:
        asked.append(parse_qs(urlsplit(target).query)["end"][0])
        return 200, {}, json.dumps({"data": matrix}).encode()

    with standing_in(answer) as prometheus:
        own = console(tmp_path, clock, prometheus=prometheus.url)
        found = signed_in(create_app(own).test_client()).get("/api/resources/charts/series").get_json()
        own.store.close()
    assert (found["from"], found["to"], asked) == (START - 3600, START, [f"{START:.3f}"])
    assert found["low"] == 0  # an axis that begins below it would show bytes that nobody can receive


def test_words_of_budgets_and_long_names() -> None:
    assert [budget_words(left) for left in (None, 45, 0, -20.5)] == [
        "–",
        "45 % left",
        "0 % left",
        "overspent by 20.5 %",
    ]
    assert breakable("a_b<i>_") == "a_<wbr>b&lt;i&gt;_<wbr>"


# What is odd


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("server returned HTTP status 504 Gateway Timeout", "fails while it answers"),
        ("server returned HTTP status 401 Unauthorized", "asks for a login"),
        ('Get "https://a:1/metrics": tls: first record does not look like a TLS handshake', "speaks no HTTPS"),
        ('Get "https://a:1/metrics": http: server gave HTTP response to HTTPS client', "speaks no HTTPS"),
        ('Get "http://a:1/metrics": unable to read authorization credentials: open /x: no such file', "cannot read"),
        ('Get "http://a:1/metrics": context deadline exceeded', "within the scrape timeout"),
        ('Get "https://a:1/metrics": tls: failed to verify certificate: x509: expired', "certificate"),
    ],
)
def test_the_advice_fits_the_error(error: str, words: str) -> None:
    assert words in advice(error)[0]


def test_times_that_cannot_be_written_are_none() -> None:
    assert since("9999-12-31T23:59:59-12:00") is None
    assert since("2026-09-21T14:13:20Z") == START


def test_a_figure_too_large_for_a_number_is_an_odd_answer() -> None:
    rule = {"type": "recording", "name": "a", "query": "up", "evaluationTime": 10**400}
    told = {"data": {"groups": [{"name": "g", "file": "g.yml", "rules": [rule]}]}}
    found = rules.merged(Answers({"Prometheus": told}), Sources())
    assert (found.rules, found.troubles) == ((), ("Prometheus answered in an unknown way",))


def test_an_answer_that_is_too_large_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "LARGEST", 1 << 20)
    content = json.dumps(["x" * (2 << 20)]).encode()
    with (
        standing_in(lambda _method, _target: (200, {}, content)) as part,
        pytest.raises(ask.PeerError, match="Loki answered more than 1 MiB: ask for less") as error,
    ):
        ask.Peer("Loki", part.url).get("/")
    assert error.value.__cause__ is None  # the part is there: other questions are put


# What is very much


def test_thousands_of_services_are_judged_each_by_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer is sorted once, not once a service: a page of 1,500 services took eight seconds."""
    names = [f"s{number:04d}" for number in range(2000)]
    found = answers(
        {
            "up": [({"service": name, "job": "j", "team": "web"}, 1.0) for name in names],
            "checks": [({"service": name, "component": part}, float(part == "b")) for name in names for part in "ab"],
            "took": [({"service": name, "component": "b"}, 0.5) for name in names],
            "alerts": [({"service": name, "severity": "warning"}, 2.0) for name in names],
            "budgets": [({"service": name, "slo": "fast"}, 0.5) for name in names],
            "versions": [({"service": name, "job": "j", "version": name[1:]}, 1.0) for name in names],
        }
    )
    asked: list[str] = []
    by = Answers.by
    monkeypatch.setattr(Answers, "by", lambda self, name, *labels: asked.append(name) or by(self, name, *labels))
    told = services.judged(found, Sources())
    assert {name: asked.count(name) for name in ("checks", "took", "alerts", "budgets", "versions")} == dict.fromkeys(
        ("checks", "took", "alerts", "budgets", "versions"), 1
    )
    assert [one.name for one in told.services] == names
    last = told.services[-1]
    assert (last.state, last.why, last.team) == ("unhealthy", ("health checks fail: a", "2 lesser alerts fire"), "web")
    assert [(one.name, one.healthy, one.seconds) for one in last.checks] == [("a", False, None), ("b", True, 0.5)]
    assert (last.alerts, last.budgets, last.versions) == ({"warning": 2}, {"fast": 0.5}, ("1999",))


def test_containers_beyond_those_listed_are_counted(tmp_path: Path) -> None:
    names = [f"c{number:03d}" for number in range(resources.MOST + 30)]

    def told(path: str, query: str) -> Any:
        if path.endswith("/tsdb"):
            return {"seriesCountByMetricName": []}
        if "container_state" in query:
            return vector(*(({"name": name, "state": "running"}, "1") for name in names))
        if "container_memory_usage" in query:
            return vector(({"name": names[-1]}, "4096"))
        return vector()

    with opened(tmp_path, told) as client:
        found = client.get("/api/resources").get_json()
        assert (len(found["containers"]), found["left_out"]) == (resources.MOST, 30)
        assert found["containers"][0] | {"memory": 4096, "state": "running"} == found["containers"][0]
        shown = text(client, "/resources")
    assert "30 more are not shown" in shown
    assert "–/s" not in shown


def test_a_page_of_rules_behind_the_last_is_the_last(tmp_path: Path) -> None:
    many = [{"type": "recording", "name": f"r{number:03d}", "query": "up"} for number in range(rules.PAGE + 3)]
    groups = {"groups": [{"name": "g", "file": "g.yml", "rules": many}]}
    with opened(tmp_path, lambda _path, _query: groups) as client:
        for page in ("2", "7", "9" * 30):
            shown = text(client, f"/rules?page={page}")
            assert "3 of 103 are shown." in shown
            assert "r102" in shown
            assert ">Back</a>" in shown
        shown = text(client, "/rules?severity=grave&team=<b>")
    assert "<option selected>grave</option>" in shown  # a filter in force is seen, also one that nothing has
    assert shown.count("<option selected>") == 2


def test_a_filter_of_targets_by_service_is_seen_and_stays(tmp_path: Path) -> None:
    with opened(tmp_path, lambda path, _query: vector() if path.endswith("query") else {"activeTargets": []}) as client:
        shown = text(client, "/targets?service=shop&health=down")
        assert '<input type="hidden" name="service" value="shop">' in shown
        assert '<a href="/targets?health=down">Of every service</a>' in shown
        assert "Of every service" not in text(client, "/targets")


def test_an_export_finds_old_messages_behind_many_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST", 4)
    monkeypatch.setattr(exports, "PAGE", 2)
    clock = FakeClock()
    own: Console = console(tmp_path, clock)
    client = create_app(own).test_client()
    for number in range(9):
        sent = body(alert(fingerprint=f"{number:02x}", alertname=f"A{number}"))
        answer = client.post("/api/v1/inbox", json=sent, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        clock.advance(3600)
    with create_app(own).app_context():
        old = exports.everything(own, Period(START, START + 3 * 3600 - 1))
        all_of_it = exports.everything(own, Period(START, START + 9 * 3600))
    assert [one["alertname"] for one in old["history"]] == ["A2", "A1", "A0"]
    assert not any("only the newest" in one for one in old["missing"])
    assert [one["alertname"] for one in all_of_it["history"]] == ["A8", "A7", "A6", "A5"]
    assert "only the newest 4 messages of this time are in it" in all_of_it["missing"]
    signed_in(client)
    refused = client.get("/api/export/alerts.csv?period=24h")
    assert (refused.status_code, refused.get_json()["error"].split(" since ")[0]) == (400, "more than 4 alerts")
    monkeypatch.setattr(exports, "MOST", 9)
    whole = client.get("/api/export/alerts.csv?period=24h").get_data(as_text=True)
    assert len(whole.splitlines()) == 1 + 9
    own.store.close()

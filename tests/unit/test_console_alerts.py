"""/alerts: what is active and why it is quiet, the history, the statistics, and their JSON twins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from console_kit import START, TOKEN, FakeClock, alert, body, console, signed_in, when
from flask.testing import FlaskClient
from front_fakes import Answers, answering
from jsonschema import validate
from watchstack.console import Console
from watchstack.console.schemas import SCHEMAS

DAY = 86400.0
HOSTILE = '<script>alert(1)</script>"\x1b[31m\u202e' + "x" * 10_000


@pytest.fixture
def answers() -> Iterator[Answers]:
    with answering() as found:
        yield found


@pytest.fixture
def own(tmp_path: Path, clock: FakeClock, answers: Answers) -> Iterator[Console]:
    made = console(tmp_path, clock, prometheus=answers.address, alertmanager=answers.address)
    yield made
    made.store.close()


def told(client: FlaskClient, path: str, status: int = 200) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == status
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


def text(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def post(client: FlaskClient, *alerts: dict[str, Any]) -> None:
    answer = client.post("/api/v1/inbox", json=body(*alerts), headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


def every_state(answers: Answers) -> None:
    """One alert of each state, told in the worst order."""
    answers.alerts = [
        answers.alert("Night", START - 60, severity="critical", state="suppressed", mutedBy=["nights"]),
        answers.alert("Lesser", START - 60, severity="warning", state="suppressed", inhibitedBy=["grave-"]),
        answers.alert("Quiet", START - 60, severity="critical", state="suppressed", silencedBy=["s-1"]),
        answers.alert("Taken", START - 60, severity="error", state="suppressed", silencedBy=["s-2"], team="web"),
        answers.alert("Grave", START - 60, severity="critical", service="shop", team="web"),
        answers.alert("Old", START - 600, severity="warning", service="shop"),
        answers.alert("New", START - 6, severity="warning", service="shop"),
        answers.alert("Watchdog", START - 9000),
    ]
    answers.silences = [
        answers.silence("s-1", "deploying", alertname="Quiet"),
        answers.silence("s-2", "Acknowledged: rolling back", alertname="Taken"),
    ]
    answers.rules = [
        {"state": "pending", "activeAt": when(START - 30), "labels": {"alertname": "Soon", "severity": "error"},
         "annotations": {}, "value": "3"},
        {"state": "firing", "activeAt": when(START - 60), "labels": {"alertname": "Grave"},
         "annotations": {}, "value": "1"},
    ]  # fmt: skip


def test_each_alert_tells_its_state_and_what_mutes_it(client: FlaskClient, answers: Answers) -> None:  # J-04
    every_state(answers)
    found = told(client, "/api/alerts")
    assert [(one["alertname"], one["state"]) for one in found["alerts"]] == [
        ("Grave", "firing"), ("Soon", "pending"), ("New", "firing"), ("Old", "firing"),
        ("Quiet", "silenced"), ("Night", "muted"), ("Taken", "acknowledged"), ("Lesser", "inhibited"),
    ]  # fmt: skip
    by_name = {one["alertname"]: one for one in found["alerts"]}
    assert by_name["Lesser"]["inhibitedBy"] == ["Grave on shop"]
    assert by_name["Night"]["mutedBy"] == ["nights"]
    assert by_name["Quiet"]["silencedBy"][0]["why"] == "deploying"
    assert by_name["Taken"]["acknowledged"]["note"] == "rolling back"
    assert found["firing"] == {"critical": 1, "error": 0, "warning": 2, "info": 0, "other": 0}
    page = text(client, "/alerts")
    assert "<b>Muted</b> while Grave on shop fires" in page
    assert "<b>Silenced by Ada</b>: deploying" in page
    assert "<b>Acknowledged by Ada</b> 1 min ago: rolling back" in page
    assert "in the time window nights" in page
    assert "Watchdog</h3>" not in page


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("severity=error", ["Soon", "Taken"]),
        ("team=web&state=firing", ["Grave"]),
        ("service=shop", ["Grave", "New", "Old"]),
        ("q=NEW+it", ["New"]),
        ("state=pending", ["Soon"]),
        ("service=nobody", []),
        ("limit=1", ["Grave"]),
    ],
)
def test_filters(client: FlaskClient, answers: Answers, query: str, wanted: list[str]) -> None:
    every_state(answers)
    assert [one["alertname"] for one in told(client, f"/api/alerts?{query}")["alerts"]] == wanted
    page = text(client, f"/alerts?{query}")
    if wanted and "limit" not in query:
        assert re.findall(r"<h3>(?:<a [^>]*>)?(\w+)<", page) == wanted
    elif not wanted:
        assert "No active alert matches." in page


def test_groups_stand_in_the_order_of_their_worst_alert(client: FlaskClient, answers: Answers) -> None:
    every_state(answers)
    page = text(client, "/alerts?group=team")
    assert re.findall(r'<h2 class="group">([\w ]+) <span', page) == ["web", "no team"]
    assert text(client, "/alerts?group=nothing").count('class="group"') == 0


def test_an_escalated_alert_is_one_alert_that_says_so(client: FlaskClient, answers: Answers) -> None:
    answers.alerts = [
        answers.alert("Grave", START, fingerprint="a", service="shop"),
        answers.alert("Grave", START, fingerprint="b", service="shop", escalated="1"),
        answers.alert("Grave", START, fingerprint="c", service="shop", escalated="2"),
        answers.alert("Left", START, fingerprint="d", service="till", escalated="1"),
    ]
    found = told(client, "/api/alerts")["alerts"]
    assert [(one["alertname"], one["escalated"], one["fingerprint"]) for one in found] == [
        ("Grave", "2", "a"), ("Left", "1", "d")
    ]  # fmt: skip
    assert "<b>Escalated</b>, step 2" in text(client, "/alerts")


def test_without_alertmanager_prometheus_tells_and_without_both_the_inbox(
    client: FlaskClient, answers: Answers
) -> None:
    every_state(answers)
    post(client, alert("Kept", fingerprint="9"))
    answers.broken.add("/api/v2/alerts")
    found = told(client, "/api/alerts")
    assert (found["source"], [one["alertname"] for one in found["alerts"]]) == ("prometheus", ["Soon", "Grave"])
    assert found["troubles"] == ["Alertmanager answered 500: broken"]
    assert "what is silenced or inhibited is not known now" in text(client, "/alerts")
    answers.broken.add("/api/v1/alerts")
    found = told(client, "/api/alerts")
    assert (found["source"], [one["alertname"] for one in found["alerts"]]) == ("inbox", ["Kept"])
    assert "told by the inbox" in text(client, "/alerts")


def test_hostile_labels_are_only_text(client: FlaskClient, answers: Answers) -> None:
    answers.alerts = [answers.alert("Bad", START, severity=HOSTILE, service=HOSTILE, team=HOSTILE, instance=HOSTILE)]
    one = alert("Bad", severity=HOSTILE, service=HOSTILE, team=HOSTILE, instance=HOSTILE)
    post(client, one)
    for path in ("/", "/alerts", "/alerts?group=team", "/alerts/history", "/alerts/statistics", "/inbox", "/entries/1"):
        page = text(client, path)
        assert "<script>alert" not in page
        assert "\x1b" not in page or "&lt;script&gt;" in page
    assert told(client, "/api/alerts")["alerts"][0]["service"] == HOSTILE


def days(client: FlaskClient, clock: FakeClock) -> None:
    """Ten days of alerts: one that ends after 10 and 30 min, one that fires still, one of the week before."""
    clock.advance(20 * DAY)
    now = clock.wall
    history = [
        ("Long", now - 19 * DAY, 9 * DAY, {"severity": "info"}),  # ends within the week before, and began before it
        ("Before", now - 9 * DAY, 600.0, {"severity": "info"}),
        ("Often", now - 3 * DAY, 600.0, {"severity": "warning", "team": "web", "service": "shop"}),
        ("Often", now - 2 * DAY, 1800.0, {"severity": "warning", "team": "web", "service": "shop"}),
        ("Still", now - 3600, None, {"severity": "critical", "team": "ops"}),
        ("Watchdog", now - 3600, None, {}),
        ("Still", now - 1800, None, {"severity": "critical", "team": "ops", "escalated": "1"}),
    ]
    for name, began, lasted, labels in history:
        post(client, alert(name, start=began, fingerprint=f"{crc32((name + str(labels)).encode()):x}", **labels))
        if lasted is not None:
            ended = alert(
                name, "resolved", start=began, fingerprint=f"{crc32((name + str(labels)).encode()):x}", **labels
            )
            post(client, ended | {"endsAt": when(began + lasted)})
    signed_in(client)  # no session lasts so long


def test_the_history_runs_from_beginning_to_end(client: FlaskClient, clock: FakeClock) -> None:
    days(client, clock)
    found = told(client, "/api/alerts/history?limit=100")
    rows = [(one["alertname"], one["status"], one["durationSeconds"]) for one in found["history"]]
    assert rows == [
        ("Still", "firing", 3600), ("Often", "resolved", 1800), ("Often", "resolved", 600), ("Before", "resolved", 600),
        ("Long", "resolved", 9 * DAY),
    ]  # fmt: skip
    assert [one["alertname"] for one in told(client, "/api/alerts/history?team=ops")["history"]] == ["Still"]
    assert len(told(client, "/api/alerts/history?limit=2")["history"]) == 2
    older = found["history"][1]["id"]
    assert len(told(client, f"/api/alerts/history?before={older}")["history"]) == 3
    page = text(client, "/alerts/history")
    assert "<b>1 h</b> so far" in page
    assert "<b>30 min</b>, began" in page
    for bad in ("limit=0", "limit=x", "limit=1001", "before=-1"):
        assert "whole number" in told(client, f"/api/alerts/history?{bad}", 400)["error"]


def test_an_alert_that_fires_anew_without_an_end_had_ended_by_then(client: FlaskClient) -> None:
    post(client, alert(fingerprint="1", start=START))
    post(client, alert(fingerprint="1", start=START + 500))
    first, second = reversed(told(client, "/api/alerts/history")["history"])
    assert (first["durationSeconds"], second["status"]) == (500, "firing")


def test_statistics_count_compare_and_time(client: FlaskClient, clock: FakeClock, answers: Answers) -> None:  # J-07
    assert "as many</span> as in the 1 day before" in text(client, "/alerts/statistics?days=1")
    days(client, clock)
    found = told(client, "/api/alerts/stats?days=7")
    assert (found["total"], found["before"], found["firing"]) == (3, 1, 1)
    assert found["resolve"] == {
        "count": 2, "mean_seconds": 1200.0, "median_seconds": 1200.0, "longest_seconds": 1800.0
    }  # fmt: skip
    assert found["resolve_before"]["mean_seconds"] == 600.0
    assert {row["severity"]: (row["count"], row["before"]) for row in found["severities"]} == {
        "warning": (2, 0), "critical": (1, 0), "info": (0, 1)
    }  # fmt: skip
    assert [(row["alertname"], row["count"], row["fired_seconds"]) for row in found["alerts"]] == [
        ("Often", 2, 2400.0), ("Still", 1, 3600.0)
    ]  # fmt: skip
    assert len(found["by_day"]) == 8
    assert [row["total"] for row in found["by_day"]] == [0, 0, 0, 0, 1, 1, 0, 1]
    page = text(client, "/alerts/statistics?days=7")
    assert page.count('<rect class="warning"') == 2
    assert "20 min" in page
    assert "▲ 2 more</span> than in the 7 days before" in page
    assert client.get("/alerts/statistics?days=8").status_code == 404
    assert told(client, "/api/alerts/stats?days=91", 400)["error"].startswith("days")


def test_statistics_say_what_the_inbox_has_dropped(
    own: Console, client: FlaskClient, clock: FakeClock, monkeypatch: Any
) -> None:
    """A trend against days of which half was dropped would be one of the inbox, not of the alerts."""
    for number in range(8):  # one in two days
        for status in ("firing", "resolved"):
            post(client, alert(f"A{number}", status, fingerprint=f"{number}", start=clock.time()))
        clock.advance(2 * DAY)
    signed_in(client)
    assert told(client, "/api/alerts/stats?days=7")["complete"] is True
    monkeypatch.setattr(own.inbox, "_entries", 10)
    own.inbox.prune()
    found = told(client, "/api/alerts/stats?days=7")
    assert (found["total"], found["before"], found["complete"]) == (3, 2, False)
    assert "does not hold all alerts" in text(client, "/alerts/statistics?days=7")
    assert told(client, "/api/report?period=7d")["alerts"]["complete"] is False
    assert told(client, "/api/alerts/stats?days=1")["complete"] is True
    monkeypatch.setattr(own.inbox, "_entries", 100)
    assert told(client, "/api/alerts/stats?days=90")["complete"] is False  # 180 days are more than it keeps


def test_statistics_of_prometheus_stand_beside_those_of_the_inbox(client: FlaskClient, answers: Answers) -> None:
    counted = [{"metric": {"alertname": "Muted", "severity": "info"}, "value": [START, "42"]}]
    query = (
        "2 * topk(10, sum by (alertname, severity) (count_over_time("
        'ALERTS{alertstate="firing",alertname!="Watchdog",escalated=""}'
        "[7d:2m])))"
    )
    answers.queries[query] = counted
    found = told(client, "/api/alerts/stats")
    assert found["firing_minutes"] == [{"alertname": "Muted", "severity": "info", "minutes": 42, "days": 7}]
    answers.broken.add("/api/v1/query")
    found = told(client, "/api/alerts/stats")
    assert (found["firing_minutes"], found["troubles"]) == ([], ["Prometheus answered 500: broken"])
    assert "Prometheus answered 500" in text(client, "/alerts/statistics")


def test_a_large_history_is_counted_whole_and_shown_in_part(client: FlaskClient) -> None:
    for start in range(0, 5000, 500):
        post(
            client, *(alert(f"A{n % 40}", start=START - n * 60, fingerprint=str(n)) for n in range(start, start + 500))
        )
    found = told(client, "/api/alerts/stats?days=90")
    assert (found["total"], found["firing"], len(found["alerts"])) == (5000, 5000, 10)
    assert len(told(client, "/api/alerts/history?limit=1000")["history"]) == 1000


def test_answers_are_what_the_description_says(client: FlaskClient, clock: FakeClock, answers: Answers) -> None:
    days(client, clock)
    every_state(answers)
    answers.alerts.append(
        answers.alert("Grave", START, fingerprint="e", escalated="1", severity="critical", service="shop", team="web")
    )
    described = {
        "/alerts": "alerts",
        "/alerts/history": "history",
        "/alerts/stats": "statistics",
        "/overview": "overview",
    }
    for end, name in (described | {"/overview": "overview"}).items():
        validate(told(client, "/api" + end), {**SCHEMAS[name], "components": {"schemas": SCHEMAS}})

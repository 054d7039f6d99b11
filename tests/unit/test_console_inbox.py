"""What the inbox takes, refuses, keeps and gives out again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from console_kit import START, TOKEN, FakeClock, alert, body, console, signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.inbox.payload import LARGEST_BODY


def post(client: FlaskClient, payload: Any, token: str | None = TOKEN, path: str = "/api/v1/inbox") -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    data = payload if isinstance(payload, bytes) else json.dumps(payload)
    return client.post(path, data=data, headers=headers, content_type="application/json")


def listing(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/inbox{query}")
    assert answer.status_code == 200
    assert isinstance(answer.json, list)
    return answer.json


def test_one_entry_for_each_instance_and_change_of_status(client: FlaskClient, clock: FakeClock) -> None:
    assert post(client, body(alert(service="shop"), alert(fingerprint="01", service="other"))).json == {
        "received": 2,
        "new": 2,
    }
    clock.advance(240)
    assert post(client, body(alert(service="shop"))).json == {"received": 1, "new": 0}
    clock.advance(60)
    assert post(client, body(alert(status="resolved", service="shop"))).json == {"received": 1, "new": 1}
    found = listing(client)
    assert [(entry["status"], entry["service"], entry["times"]) for entry in found] == [
        ("resolved", "shop", 1),
        ("firing", "other", 1),
        ("firing", "shop", 2),
    ]
    ids = [entry["id"] for entry in found]
    assert ids == sorted(set(ids), reverse=True)
    assert found[0] == {
        "id": ids[0],
        "fingerprint": "00ff",
        "status": "resolved",
        "alertname": "HighMemoryUsage",
        "severity": "warning",
        "service": "shop",
        "instance": "",
        "team": "",
        "labels": {"alertname": "HighMemoryUsage", "service": "shop", "severity": "warning"},
        "annotations": {"description": "value 91 %, threshold 80 %", "summary": "HighMemoryUsage it is"},
        "startsAt": "2026-09-21T14:13:20.000Z",
        "endsAt": "2026-09-21T14:18:20.000Z",
        "receivedAt": "2026-09-21T14:18:20.000Z",
        "repeatedAt": "2026-09-21T14:18:20.000Z",
        "times": 1,
        "receiver": "inbox",
        "groupKey": '{}:{alertname="HighMemoryUsage"}',
        "generatorURL": "http://prometheus.test/graph?g0.expr=up",
        "externalURL": "http://alertmanager.test",
    }
    assert found[2]["repeatedAt"] > found[2]["receivedAt"]


def test_the_list_can_be_narrowed_and_paged(client: FlaskClient) -> None:
    for number in range(5):
        post(client, body(alert(f"A{number % 2}", fingerprint=f"{number}")))
    post(client, body(alert("A0", "resolved", fingerprint="0")))
    assert [entry["id"] for entry in listing(client, "?limit=2")] == [6, 5]
    assert [entry["id"] for entry in listing(client, "?limit=2&before=5")] == [4, 3]
    assert [entry["id"] for entry in listing(client, "?alertname=A1")] == [4, 2]
    assert [entry["id"] for entry in listing(client, "?status=resolved")] == [6]
    for query in ("?limit=0", "?limit=x", "?limit=1001", "?status=odd", "?before=-1", "?before=x", "?limit=%C2%B2"):
        assert client.get(f"/api/v1/inbox{query}").status_code == 400, query


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"severity": "error"}, ["b"]),
        ({"team": "web", "service": "shop"}, ["a"]),
        ({"team": "web", "service": "till"}, []),
        ({"q": "SHOP"}, ["a"]),  # A-Z in any case
        ({"q": "50%"}, ["b"]),  # no pattern: the sign itself
        ({"q": "5%a"}, []),
        ({"q": "a_b"}, ["b"]),
        ({"q": 'say "no"'}, ["c"]),
        ({"q": "back\\slash"}, ["c"]),
        ({"q": "zwölf"}, ["c"]),
        ({"q": "x" * 5000}, []),
        ({"q": "shop", "status": "resolved"}, []),
    ],
)
def test_the_list_and_the_page_are_searched_alike(
    client: FlaskClient, query: dict[str, str], wanted: list[str]
) -> None:
    texts = {"a": "plain axb", "b": "50% of a_b", "c": 'they say "no" to back\\slash, zwölf'}
    labels = {"a": {"service": "shop", "team": "web"}, "b": {"severity": "error"}, "c": {"service": "till"}}
    for name, text in texts.items():
        one = alert(name, fingerprint=name, **labels[name])
        post(client, body(one | {"annotations": {"summary": text}}))
    assert [entry["alertname"] for entry in listing(client, "?" + urlencode(query))] == wanted
    page = client.get("/inbox", query_string=query).get_data(as_text=True)
    assert re.findall(r'class="name" data-open [^>]*>(\w)<', page) == wanted


def test_what_fires_now_follows_from_the_newest_word_of_each_instance(own: Console, client: FlaskClient) -> None:
    post(client, body(alert("Old", start=START - 900, fingerprint="a"), alert("Still", fingerprint="b")))
    post(client, body(alert("Old", "resolved", start=START - 900, fingerprint="a")))
    post(client, body(alert("Again", fingerprint="a", severity="critical")))
    assert [entry.alertname for entry in own.inbox.firing()] == ["Again", "Still"]
    assert own.inbox.firing_count() == 2
    # an end that was never told is settled by the next firing's end
    post(client, body(alert("Again", "resolved", fingerprint="a"), alert("Still", "resolved", fingerprint="b")))
    assert own.inbox.firing() == []


def test_what_fires_again_with_the_same_beginning_is_shown_again(own: Console, client: FlaskClient) -> None:
    """Alertmanager lost sight of Prometheus, said "resolved", and hears of the same alert again."""
    for status in ("firing", "resolved", "firing"):
        assert post(client, body(alert(status=status))).json["new"] == 1
    assert own.inbox.firing_count() == 1
    assert [entry.status for entry in own.inbox.newest(limit=9)] == ["firing", "resolved", "firing"]


def test_a_beginning_that_moves_does_not_leave_an_alert_open(own: Console, client: FlaskClient) -> None:
    post(client, body(alert(start=START)))
    assert post(client, body(alert(start=START - 60))).json["new"] == 0  # two senders' words were merged
    assert own.inbox.newest(limit=9)[0].starts_at == START - 60
    assert post(client, body(alert(start=START + 60))).json["new"] == 1  # its end was never told
    assert own.inbox.firing_count() == 1
    post(client, body(alert(status="resolved", start=START - 60)))
    assert own.inbox.firing_count() == 0


def test_all_alerts_of_a_call_are_kept_or_none(own: Console, client: FlaskClient) -> None:
    bad = alert(fingerprint="02") | {"startsAt": "yesterday"}
    answer = post(client, body(alert(), bad))
    assert answer.status_code == 400
    assert answer.json == {"error": "alerts[1].startsAt: must be a time such as 2026-11-21T01:38:00Z"}
    assert own.inbox.count() == 0


# The token.


@pytest.mark.parametrize("path", ["/api/v1/inbox", "/api/v1/watchdog"])
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], "ü", "\udc80"])
def test_without_the_token_nothing_is_taken(own: Console, client: FlaskClient, path: str, token: str | None) -> None:
    if token == "\udc80":
        answer = client.post(
            path, data=json.dumps(body(alert())), headers={"Authorization": b"Bearer \x80".decode("latin-1")}
        )
    else:
        answer = post(client, body(alert("Watchdog")), token, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert own.inbox.count() == 0
    assert own.watchdog.state.last_seen is None


def test_another_scheme_with_the_right_token_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/v1/inbox", data=json.dumps(body(alert())), headers={"Authorization": f"Basic {TOKEN}"})
    assert answer.status_code == 401


def test_the_token_is_read_again_when_its_file_changes(own: Console, client: FlaskClient) -> None:
    assert post(client, body(alert())).status_code == 200
    own.token.path.write_text("another-and-longer-token")
    assert post(client, body(alert())).status_code == 401
    assert post(client, body(alert()), "another-and-longer-token").status_code == 200
    own.token.path.unlink()
    answer = post(client, body(alert()), "another-and-longer-token")
    assert answer.status_code == 503  # Alertmanager tries again
    assert answer.headers["Retry-After"] == "10"
    assert any("nobody can send" in problem for problem in own.problems())
    own.token.path.write_text(" \n")
    assert post(client, body(alert()), "").status_code == 503
    own.token.path.write_text(TOKEN)
    assert post(client, body(alert())).status_code == 200


# What is no notification.

REFUSED = {
    "nothing": b"",
    "broken JSON": b'{"version": "4", "alerts": [',
    "no UTF-8": b'{"version": "4", "alerts": ["\xff\xfe"]}',
    "deep nesting": b"[" * 200_000,
    "a list": [],
    "another version": body(alert(), version="3"),
    "a number for the version": body(alert(), version=4),
    "no alerts": body() | {"alerts": None},
    "an alert that is none": body() | {"alerts": ["x"]},
    "an unknown status": body(alert() | {"status": "pending"}),
    "no fingerprint": body(alert() | {"fingerprint": ""}),
    "a fingerprint that is a path": body(alert() | {"fingerprint": "../../etc"}),
    "labels that are no strings": body(alert() | {"labels": {"alertname": ["x"]}}),
    "labels that are a list": body(alert() | {"labels": ["alertname"]}),
    "no alertname": body(alert() | {"labels": {"a": "b"}}),
    "too many labels": body(alert() | {"labels": {"alertname": "x"} | {f"l{n}": "" for n in range(300)}}),
    "a time out of range": body(alert() | {"startsAt": "2026-13-41T25:61:00Z"}),
    "a resolved one without its end": body(alert(status="resolved") | {"endsAt": ""}),
    "a source that is no string": body(alert() | {"generatorURL": {"a": 1}}),
    "a receiver that is no string": body(alert(), receiver=7),
    "too many alerts": body() | {"alerts": [1] * 10_001},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_notification_is_refused_with_a_reason(own: Console, client: FlaskClient, case: str) -> None:
    answer = post(client, REFUSED[case])
    assert answer.status_code == 400
    assert answer.json["error"]
    assert len(answer.json["error"]) < 300
    assert own.inbox.count() == 0


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert post(client, b" " * (LARGEST_BODY + 1)).status_code == 413


HOSTILE = "<script>alert(1)</script>\n\"'&{{ 7*7 }}{% raw %}\x00\t" + "💥" * 50 + "\ud800" + "W" * 10_000


def test_hostile_values_are_kept_and_shown_harmlessly(own: Console, client: FlaskClient) -> None:
    labels = dict.fromkeys(("severity", "service", "instance", "team"), HOSTILE) | {
        "alertname": HOSTILE,
        "x" * 900: HOSTILE,
    }
    annotations = {
        "summary": HOSTILE,
        "description": HOSTILE,
        "runbook_url": "javascript:alert(1)",
        "dashboard_url": "https://ok.test/\"onmouseover='alert(1)'<script>",
    }
    one = alert() | {"labels": labels, "annotations": annotations, "generatorURL": "data:text/html,x"}
    # json.dumps writes the lone surrogate as \ud800, as a sender of JSON may
    assert post(client, body(one)).status_code == 200
    assert listing(client)[0]["labels"]["service"].startswith("<script>alert(1)</script>\n")
    for path in ("/", "/entries/1", "/?alertname=" + "%3Cscript%3E"):
        page = client.get(path)
        assert page.status_code == 200
        html = page.get_data(as_text=True)
        assert "<script>alert" not in html
        assert "{{ 7*7 }}" in html or path.startswith("/?")
        assert "49{%" not in html
        assert 'href="javascript:' not in html
        assert 'href="data:' not in html
        assert "onmouseover='" not in html


def test_a_value_beyond_the_bound_is_cut_and_not_refused(client: FlaskClient) -> None:
    assert post(client, body(alert(team="x" * 100_000))).status_code == 200
    kept = listing(client)[0]["team"]
    assert len(kept) == 16 * 1024
    assert kept.endswith("…")


def test_the_text_of_an_alert_is_bounded_as_a_whole(client: FlaskClient) -> None:
    assert post(client, body(alert(**{f"l{number:03}": "x" * 16_000 for number in range(150)}))).status_code == 200
    kept = listing(client)[0]["labels"]
    assert len(kept) == 152
    assert sum(map(len, kept.values())) < 66_000
    assert kept["alertname"] == "HighMemoryUsage"


# Retention.


def test_the_inbox_is_bounded_by_count_and_what_fires_stays(tmp_path: Path) -> None:
    own = console(tmp_path)
    own.inbox._entries = 10
    client = signed_in(create_app(own).test_client())
    post(client, body(alert("Firing", fingerprint="f")))
    for number in range(30):
        post(client, body(alert("Ended", "resolved", fingerprint=f"{number:x}a")))
    assert own.inbox.count() == 10
    assert [entry.alertname for entry in own.inbox.firing()] == ["Firing"]
    post(client, body(*(alert("Many", fingerprint=f"{number:x}b") for number in range(30))))
    assert own.inbox.count() == 10
    own.store.close()


def test_the_inbox_is_bounded_by_age_and_what_fires_stays(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    post(client, body(alert("Firing", fingerprint="f"), alert("Ended", fingerprint="e")))
    post(client, body(alert("Ended", "resolved", fingerprint="e")))
    clock.advance(89 * 86400)
    assert own.inbox.prune() == 0
    clock.advance(2 * 86400)
    assert own.inbox.prune() == 2
    assert [entry.alertname for entry in own.inbox.newest(limit=9)] == ["Firing"]


# Metrics.


def test_metrics_count_by_status_and_refusals_by_reason(client: FlaskClient) -> None:
    post(client, body(alert(), alert(fingerprint="01")))
    post(client, body(alert(status="resolved")))
    post(client, b"{")
    post(client, body(alert()), "wrong")
    text = client.get("/metrics").get_data(as_text=True)
    lines = set(text.splitlines())
    assert {
        'inbox_notifications_total{status="firing"} 2.0',
        'inbox_notifications_total{status="resolved"} 1.0',
        'inbox_rejected_total{reason="payload"} 1.0',
        'inbox_rejected_total{reason="token"} 1.0',
        "inbox_entries 3.0",
        "inbox_firing 1.0",
        "watchdog_alarm 0.0",
        "watchdog_last_seen_timestamp_seconds 0.0",
        "console_watchdog_notify_failures_total 0.0",
        "console_store_healthy 1.0",
    } <= lines

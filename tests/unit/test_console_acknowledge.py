"""Acknowledging and taking it back, by form and by JSON; and alerts that end while nobody is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_kit import START, TOKEN, FakeClock, alert, bearer, body, console, signed_in, when
from flask.testing import FlaskClient
from front_fakes import Answers, answering
from jsonschema import validate
from watchstack.console import Console, create_app
from watchstack.console.inbox.endings import LOUD_GRACE, MUTED_GRACE, Endings
from watchstack.console.schemas import SCHEMAS

LABELS = {"severity": "critical", "service": "shop", "instance": "a:1", "environment": "test"}
FORM = {"note": " rolling back ", "who": "Ada", "duration": "3600", "scope": "one", "next": "/inbox"}


@pytest.fixture
def answers() -> Iterator[Answers]:
    with answering() as found:
        found.alerts = [found.alert("Grave", START, fingerprint="f1", escalated="1", **LABELS)]
        yield found


@pytest.fixture
def own(tmp_path: Path, clock: FakeClock, answers: Answers) -> Iterator[Console]:
    made = console(tmp_path, clock, alertmanager=answers.address)
    yield made
    made.store.close()


def matchers(content: dict[str, Any]) -> dict[str, str]:
    assert all(row["isEqual"] and not row["isRegex"] for row in content["matchers"])
    return {row["name"]: row["value"] for row in content["matchers"]}


def test_acknowledging_is_a_silence_of_this_alert_and_of_its_escalation(client: FlaskClient, answers: Answers) -> None:
    answer = client.post("/acknowledge/f1", data=FORM)
    assert (answer.status_code, answer.location) == (303, "/inbox")
    [(path, content)] = answers.posted
    assert path == "/api/v2/silences"
    assert matchers(content) == {"alertname": "Grave", **LABELS}  # without `escalated`: both are quiet
    assert (content["createdBy"], content["comment"]) == ("Ada", "Acknowledged: rolling back")
    assert (content["startsAt"], content["endsAt"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T15:13:20.000Z")


def test_all_of_the_name_and_service_at_once(client: FlaskClient, answers: Answers) -> None:
    assert client.post("/acknowledge/f1", data=FORM | {"scope": "alike"}).status_code == 303
    assert matchers(answers.posted[0][1]) == {"alertname": "Grave", "service": "shop", "environment": "test"}


def test_who_is_the_account_unless_said_and_all_is_in_the_audit_log(
    own: Console, client: FlaskClient, answers: Answers
) -> None:
    client.post("/acknowledge/f1", data=FORM | {"who": "", "note": ""})
    assert (answers.posted[0][1]["createdBy"], answers.posted[0][1]["comment"]) == ("admin", "Acknowledged")
    note = own.audit.newest(limit=1, action="acknowledge")[0]
    assert (note.user, note.target, note.facts["silence"]) == ("admin", "Grave on a:1", "new-1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration": "7"}, "Choose for how long"),
        ({"scope": "world"}, "scope"),
        ({"note": "x" * 1001}, "No more than 1000 characters for note"),
        ({"who": "x" * 201}, "No more than 200 characters for who"),
    ],
)
def test_a_form_that_cannot_be_comes_back_with_the_reason(
    client: FlaskClient, answers: Answers, change: dict[str, str], words: str
) -> None:
    answer = client.post("/acknowledge/f1", data=FORM | change)
    assert answer.status_code == 400
    assert words in answer.get_data(as_text=True)
    assert answers.posted == []


@pytest.mark.parametrize("where", ["//evil.test/", "https://evil.test", "/\\evil.test", "javascript:alert(1)"])
def test_it_leads_nowhere_else(client: FlaskClient, where: str) -> None:
    assert client.post("/acknowledge/f1", data=FORM | {"next": where}).location == "/"


def test_an_alert_that_is_not_there_and_a_part_that_is_not(client: FlaskClient, answers: Answers) -> None:
    assert client.post("/acknowledge/none", data=FORM).status_code == 404
    assert client.get("/acknowledge/none").status_code == 404
    assert client.post("/acknowledge/none/undo").status_code == 404
    assert client.delete("/api/alerts/none/acknowledgement").status_code == 404
    answers.broken.add("/api/v2/silences")
    answer = client.post("/acknowledge/f1", data=FORM)
    assert answer.status_code == 503
    page = answer.get_data(as_text=True)
    assert "Alertmanager answered 500" in page
    assert 'value="rolling back"' in page  # nothing has to be typed again


def test_the_inbox_knows_the_labels_when_alertmanager_has_lost_the_alert(client: FlaskClient, answers: Answers) -> None:
    answers.alerts = []
    one = alert("Kept", fingerprint="f9", service="till")
    client.post("/api/v1/inbox", json=body(one), headers={"Authorization": f"Bearer {TOKEN}"})
    client.post("/acknowledge/f9", data=FORM)
    assert matchers(answers.posted[0][1]) == {"alertname": "Kept", "service": "till", "severity": "warning"}


def test_taking_it_back_ends_its_acknowledgements_and_no_other_silence(client: FlaskClient, answers: Answers) -> None:
    answers.silences = [
        answers.silence("mine", "Acknowledged: on it", alertname="Grave", service="shop"),
        answers.silence("plain", "deploying", alertname="Grave"),
        answers.silence("other", "Acknowledged", alertname="Grave", service="till"),
    ]
    assert client.post("/acknowledge/f1/undo", data={"next": "/alerts"}).location == "/alerts"
    assert answers.posted == [("/api/v2/silence/mine", None)]
    told = client.delete("/api/alerts/f1/acknowledgement").get_json()
    assert told == {"ended": ["mine"]}
    validate(told, SCHEMAS["unacknowledged"])


def test_programs_acknowledge_by_json(own: Console, answers: Answers) -> None:
    client = create_app(own).test_client()
    url = "/api/alerts/f1/acknowledgement"
    answer = client.post(url, json={"note": "on it", "seconds": 600}, headers=bearer())
    assert (answer.status_code, answer.get_json()) == (201, {"silence": "new-1", "until": "2026-09-21T14:23:20.000Z"})
    assert answers.posted[0][1]["createdBy"] == "admin"
    for bad in ([], {"seconds": True}, {"seconds": 5}, {"note": 7}, {"scope": "x"}, {"seconds": 10**9}):
        assert client.post(url, json=bad, headers=bearer()).status_code == 400, bad
    assert client.post(url, data="{", headers=bearer()).status_code == 400
    assert client.post(url, json={}, headers=bearer("viewer")).status_code == 403
    assert client.post(url, json={}).status_code == 401
    assert len(answers.posted) == 1


def test_viewers_see_who_is_on_it_and_no_button(own: Console, answers: Answers) -> None:
    answers.alerts = [
        answers.alert("Grave", START, fingerprint="f1", state="suppressed", silencedBy=["s"], **LABELS),
        answers.alert("Open", START, fingerprint="f2", **LABELS),
    ]
    answers.silences = [answers.silence("s", "Acknowledged: on it", alertname="Grave")]
    pages = {}
    for role in ("viewer", "admin"):
        client = signed_in(create_app(own).test_client(), role)
        pages[role] = client.get("/alerts").get_data(as_text=True)
        assert "Acknowledged by Ada" in pages[role]
    assert "Undo acknowledgement" in pages["admin"]
    assert "/acknowledge/f2" in pages["admin"]
    assert "/acknowledge/" not in pages["viewer"]


# Alerts that end while they are muted


class Told:
    """Alertmanager's alerts as a test sets them; None while it is away."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] | None = []

    def __call__(self) -> list[dict[str, Any]]:
        if self.alerts is None:
            raise OSError("away")
        return self.alerts


def kept(own: Console, client: FlaskClient) -> tuple[Told, Endings]:
    """An entry that fires, and muted at Alertmanager."""
    client.post(
        "/api/v1/inbox", json=body(alert("Grave", fingerprint="f1")), headers={"Authorization": f"Bearer {TOKEN}"}
    )
    told = Told()
    told.alerts = [{"fingerprint": "f1", "status": {"state": "suppressed"}}]
    endings = Endings(own.store, own.inbox, own.clock, told)
    endings.tick()
    return told, endings


def test_a_muted_alert_that_is_gone_has_ended(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    told, endings = kept(own, client)
    clock.advance(15)
    told.alerts = []
    endings.tick()
    assert own.inbox.firing_count() == 1  # Alertmanager may only have begun anew
    clock.advance(MUTED_GRACE)
    endings.tick()
    assert own.inbox.firing_count() == 0
    newest = own.inbox.newest(limit=1)[0]
    assert (newest.status, newest.ends_at) == ("resolved", START)  # when it was last seen


def test_one_that_comes_back_goes_on(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    told, endings = kept(own, client)
    there = told.alerts
    for told.alerts in ([], there, []):
        clock.advance(MUTED_GRACE - 1)
        endings.tick()
    assert own.inbox.firing_count() == 1


def test_of_one_that_was_not_muted_alertmanager_may_tell_first(
    own: Console, client: FlaskClient, clock: FakeClock
) -> None:
    told, endings = kept(own, client)
    told.alerts = [{"fingerprint": "f1", "status": {"state": "active"}}]  # the silence is over
    endings.tick()
    told.alerts = []
    for _ in range(4):
        clock.advance(LOUD_GRACE / 4 - 1)
        endings.tick()
    assert own.inbox.firing_count() == 1
    clock.advance(5)
    endings.tick()
    assert own.inbox.firing_count() == 0
    last_word = alert("Grave", "resolved", fingerprint="f1")  # that comes late, and changes nothing
    client.post("/api/v1/inbox", json=body(last_word), headers={"Authorization": f"Bearer {TOKEN}"})
    assert own.inbox.count() == 2


def test_what_alertmanager_never_had_is_none_of_its_endings(
    own: Console, client: FlaskClient, clock: FakeClock
) -> None:
    told, endings = kept(own, client)
    content = body(alert("Other", fingerprint="0e"))
    client.post("/api/v1/inbox", json=content, headers={"Authorization": f"Bearer {TOKEN}"})
    told.alerts = []
    for _ in range(9):
        clock.advance(LOUD_GRACE)
        endings.tick()
    assert [entry.alertname for entry in own.inbox.firing()] == ["Other"]


def test_while_alertmanager_is_away_nothing_has_ended(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    told, endings = kept(own, client)
    told.alerts = None
    for _ in range(5):
        clock.advance(MUTED_GRACE)
        endings.tick()
    assert own.inbox.firing_count() == 1
    told.alerts = [{"nothing": "known"}]
    endings.tick()
    assert own.inbox.firing_count() == 1


def test_a_restart_of_the_console_forgets_no_muted_alert(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    told, _ = kept(own, client)
    told.alerts = []
    anew = Endings(own.store, own.inbox, own.clock, told)
    anew.tick()
    clock.advance(MUTED_GRACE)
    anew.tick()
    assert own.inbox.firing_count() == 0
    assert when(START) in str(own.inbox.newest(limit=1)[0].as_json()).replace(".000Z", "Z")

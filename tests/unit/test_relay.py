"""Alertmanager's notification becomes the project's JSON at a webhook; the webhook's answer becomes Alertmanager's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from console_kit import START, TOKEN, HttpRecorder, alert, body, console, recording
from flask.testing import FlaskClient
from waiting import until
from watchstack.console.app import create_app
from watchstack.console.notify import relay
from watchstack.console.notify.relay import MOST_AT_ONCE
from watchstack.init import _notified

KEYS = ("title", "message", "severity", "component", "error_type", "timestamp", "environment")


def post(client: FlaskClient, document: dict[str, Any], name: str = "hook", token: str = TOKEN) -> Any:
    return client.post(f"/api/v1/relay/{name}", json=document, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def relayed(tmp_path: Path) -> Any:
    """A console's client, and the recorder that its webhook `hook` leads to."""
    with recording() as recorder:
        options = {"url": recorder.url + "/in?x=1", "bearer_token_file": "hook-token"}
        own = console(tmp_path, webhooks={"hook": options, "empty": {"url_file": "nothing"}})
        (tmp_path / "secrets" / "hook-token").write_text("t0ken\n")
        yield create_app(own).test_client(), recorder
        own.store.close()


def test_one_alert_is_seven_texts(relayed: tuple[FlaskClient, HttpRecorder]) -> None:  # E-02 E-03 X-33
    client, recorder = relayed
    answer = post(client, body(alert(service="shop", environment="production", severity="critical")))
    assert (answer.status_code, answer.json) == (200, {"relayed": True})
    path, headers, content = recorder.requests[0]
    assert (path, headers["Authorization"]) == ("/in?x=1", "Bearer t0ken")
    one = {
        "title": "HighMemoryUsage it is",
        "message": "value 91 %, threshold 80 %",
        "severity": "critical",
        "component": "shop",
        "error_type": "HighMemoryUsage",
        "timestamp": "2026-09-21T14:13:20.000Z",
        "environment": "production",
        "status": "firing",
    }
    assert json.loads(content) == {**one, "alerts": [one]}


def test_the_end_is_told_with_its_time(relayed: tuple[FlaskClient, HttpRecorder]) -> None:  # E-23
    client, recorder = relayed
    post(client, body(alert(status="resolved")))
    sent = json.loads(recorder.requests[0][2])
    assert (sent["status"], sent["timestamp"]) == ("resolved", "2026-09-21T14:18:20.000Z")


def test_many_alerts_are_one_message(relayed: tuple[FlaskClient, HttpRecorder]) -> None:
    client, recorder = relayed
    alerts = [
        alert(start=START + n, fingerprint=f"{n:04x}", service="shop", severity="info" if n else "error")
        for n in range(150)
    ]
    alerts[1] = alert(status="resolved", fingerprint="ffff", service="shop", start=START - 100)
    assert post(client, body(*alerts)).status_code == 200
    sent = json.loads(recorder.requests[0][2])
    assert len(recorder.requests) == 1
    assert sent["title"] == "HighMemoryUsage: 149 firing, 1 resolved"
    assert sent["severity"] == "error"
    assert sent["component"] == "shop"
    assert sent["timestamp"] == "2026-09-21T14:13:20.000Z"
    assert sent["message"].splitlines() == ["HighMemoryUsage it is"] * 10 + ["and 140 more"]
    assert len(sent["alerts"]) == 100
    assert all(isinstance(one[key], str) for one in (sent, *sent["alerts"]) for key in KEYS)


def test_hostile_values_stay_values_and_short(relayed: tuple[FlaskClient, HttpRecorder]) -> None:
    client, recorder = relayed
    long = "\"quo'te\\\n<script> 🚨" * 1000
    found = alert(service=long, environment=long)
    found["annotations"] = {"summary": long, "description": long}
    post(client, body(found))
    sent = json.loads(recorder.requests[0][2])
    assert sent["title"] == long[:999] + "…"
    assert len(recorder.requests[0][2]) < 20_000


@pytest.mark.parametrize(
    ("status", "answered"), [(500, 502), (503, 502), (429, 502), (400, 422), (404, 422), (302, 502)]
)
def test_a_refusal_is_alertmanagers_to_hear(
    relayed: tuple[FlaskClient, HttpRecorder], status: int, answered: int
) -> None:
    """Alertmanager tries again after a 5xx alone."""
    client, recorder = relayed
    recorder.status = status
    answer = post(client, body(alert()))
    assert answer.status_code == answered
    assert answer.json == {"error": f"the webhook was not told: answered {status}"}


def test_what_cannot_be_relayed(relayed: tuple[FlaskClient, HttpRecorder]) -> None:
    client, recorder = relayed
    assert post(client, body(alert()), token="wrong").status_code == 401
    assert post(client, body(alert()), name="other").status_code == 404
    assert post(client, {"version": "3"}).status_code == 400
    answer = post(client, body(alert()), name="empty")
    assert (answer.status_code, "url_file" in answer.json["error"]) == (503, True)
    assert recorder.requests == []


def test_the_console_gets_the_secrets_of_the_webhooks(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    path.write_text(
        json.dumps(
            {
                "watchdog": {"notify": {"options": {"routing_key_file": "pager"}}},
                "webhooks": {"hook": {"url_file": "hook", "bearer_token_file": "token"}, "open": {"url": "http://x/"}},
            }
        )
    )
    assert sorted(_notified(path)) == ["hook", "pager", "token"]


def test_a_webhook_that_hangs_leaves_room_for_others(relayed: tuple[FlaskClient, HttpRecorder]) -> None:
    client, recorder = relayed
    app = client.application
    recorder.delay.clear()
    with ThreadPoolExecutor() as pool:
        hanging = [pool.submit(post, app.test_client(), body(alert())) for _ in range(MOST_AT_ONCE)]
        until(lambda: not relay._room._value, why="all four are on their way")
        answer = post(client, body(alert()))
        assert answer.status_code == 503
        assert answer.json == {"error": "the webhook was not told: 4 others are being told"}
        recorder.delay.set()
        assert [one.result().status_code for one in hanging] == [200] * MOST_AT_ONCE
    assert post(client, body(alert())).status_code == 200

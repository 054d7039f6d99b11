"""What each kind of receiver is sent by the console itself, byte for byte, and how failures are met."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from console_kit import FakeClock, HttpRecorder, SmtpRecorder, console, recording, recording_mail
from support import ROOT
from watchstack.console import Console
from watchstack.console.config import KINDS
from watchstack.console.notify.messages import CALLS

TEXT = (
    "Prometheus or Alertmanager no longer reaches the console:"
    " no watchdog heartbeat has ever come, and 90 s are allowed."
)
KEY = "watchstack-test-539716d5d6c94d2c"
SECRET = "s3cret-value"


def prepared(folder: Path, kind: str, options: dict[str, Any], clock: FakeClock | None = None) -> Console:
    """A console whose notify receiver is of this kind; the file `secret` holds SECRET."""
    own = console(
        folder,
        clock,
        watchdog={"silence_seconds": 90, "notify": {"name": "told", "kind": kind, "options": options}},
    )
    (folder / "secrets" / "secret").write_text(SECRET + "\n")
    return own


def silence(own: Console) -> None:
    clock = own.clock
    assert isinstance(clock, FakeClock)
    clock.advance(90)
    own.watchdog.tick()
    own.notifier.tick()


def recover(own: Console) -> None:
    clock = own.clock
    assert isinstance(clock, FakeClock)
    clock.advance(600)
    own.watchdog.heartbeat()
    own.notifier.tick()


BODIES = ROOT / "tests" / "cases" / "notify"  # KIND.json: the body of the firing message and a line feed
PATHS = {
    "webhook": "/",
    "slack": "/",
    "pagerduty": "/v2/enqueue",
    "opsgenie": "/v2/alerts",
    "teams": "/",
    "telegram": f"/bot{SECRET}/sendMessage",
    "discord": "/",
}


def options(kind: str, recorder: HttpRecorder, folder: Path) -> dict[str, Any]:
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "address").write_text(recorder.url + "/\n")
    return {
        "webhook": {"url": recorder.url + "/"},
        "slack": {"webhook_url_file": "address", "channel": "#alerts"},
        "pagerduty": {"routing_key_file": "secret", "url": recorder.url + "/v2/enqueue"},
        "opsgenie": {"api_key_file": "secret", "api_url": recorder.url + "/"},
        "teams": {"webhook_url_file": "address"},
        "telegram": {"bot_token_file": "secret", "chat_id": -42, "api_url": recorder.url},
        "discord": {"webhook_url_file": "address"},
    }[kind]


@pytest.mark.parametrize("kind", sorted(PATHS))
def test_each_kind_gets_exactly_these_bytes(tmp_path: Path, kind: str) -> None:
    with recording() as recorder:
        own = prepared(tmp_path, kind, options(kind, recorder, tmp_path))
        silence(own)
        path, headers, content = recorder.requests[0]
        assert path == PATHS[kind]
        assert content + b"\n" == (BODIES / f"{kind}.json").read_bytes()
        assert headers["Content-Type"] == "application/json"
        assert headers.get("Authorization", "") == (f"GenieKey {SECRET}" if kind == "opsgenie" else "")
        own.notifier.tick()
        assert len(recorder.requests) == 1  # told once
        recover(own)
        assert len(recorder.requests) == 2
        own.store.close()


def test_every_kind_is_known_and_tested() -> None:
    assert set(KINDS) == set(CALLS) | {"email"} == set(PATHS) | {"email"}


RESOLVED: dict[str, dict[str, Any]] = {
    "webhook": {"status": "resolved", "severity": "info", "timestamp": "2026-09-21T14:24:50.000Z"},
    "slack": {"text": "✅ Watchstack Alert"},
    "pagerduty": {"event_action": "resolve", "dedup_key": KEY},
    "opsgenie": {"source": "Watchstack", "note": "The watchdog heartbeat is back."},
    "discord": {"content": ""},
}


@pytest.mark.parametrize("kind", sorted(RESOLVED))
def test_the_return_of_the_heartbeat_is_told_too(tmp_path: Path, kind: str) -> None:
    with recording() as recorder:
        own = prepared(tmp_path, kind, options(kind, recorder, tmp_path))
        silence(own)
        recover(own)
        sent = recorder.json()
        assert {key: sent[key] for key in RESOLVED[kind]} == RESOLVED[kind]
        assert "The watchdog heartbeat is back." in recorder.requests[1][2].decode()
        if kind == "opsgenie":
            assert recorder.requests[1][0] == f"/v2/alerts/{KEY}/close?identifierType=alias"
        own.store.close()


@pytest.mark.parametrize("option", ["bearer_token_file", "token_file"])
def test_a_webhooks_token_goes_along(tmp_path: Path, option: str) -> None:
    with recording() as recorder:
        own = prepared(tmp_path, "webhook", {"url": recorder.url, option: "secret"})
        silence(own)
        assert recorder.requests[0][1]["Authorization"] == f"Bearer {SECRET}"
        own.store.close()


def test_mail(tmp_path: Path) -> None:
    with recording_mail() as recorder:
        own = prepared(
            tmp_path,
            "email",
            {
                "to": "ops@a.test, b@b.test",
                "from": "Watchstack <w@a.test>",
                "smarthost": recorder.address,
                "require_tls": False,
                "auth_username": "user",
                "auth_password_file": "secret",
            },
        )
        silence(own)
        recover(own)
        own.store.close()
    sender, receivers, letter = recorder.letters[0]
    assert (sender, receivers) == ("w@a.test", ["ops@a.test", "b@b.test"])
    assert recorder.logins == ["AUTH PLAIN AHVzZXIAczNjcmV0LXZhbHVl"] * 2
    assert letter["Subject"] == "[CRITICAL] Alerting is silent (test)"
    assert letter["Date"] == "Mon, 21 Sep 2026 14:14:50 +0000"
    assert letter.get_content().replace("\r\n", "\n") == f"{TEXT}\n\nEnvironment: test\nhttp://console.test/\n"
    assert recorder.letters[1][2]["Subject"] == "[RESOLVED] Alerting is silent (test)"


def test_mail_asks_for_tls_unless_told_otherwise(tmp_path: Path) -> None:
    with recording_mail() as recorder:
        own = prepared(tmp_path, "email", {"to": "a@a.test", "from": "w@a.test", "smarthost": recorder.address})
        silence(own)
        assert recorder.letters == []
        assert own.notifier.problem is not None
        assert own.notifier.problem.startswith("receiver told (email) could not be told: ")
        own.store.close()


def test_failures_are_tried_again_with_back_off_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "watchstack.console.notify")
    clock = FakeClock()
    with recording() as recorder:
        recorder.status = 500
        own = prepared(tmp_path, "webhook", {"url": recorder.url}, clock)
        silence(own)
        moments: list[float] = [clock.running]
        for _ in range(1300):
            clock.advance(1)
            before = len(recorder.requests)
            own.notifier.tick()
            moments += [clock.running] * (len(recorder.requests) - before)
        waits = [after - before for before, after in itertools.pairwise(moments)]
        assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
        assert own.metrics.registry.get_sample_value("console_watchdog_notify_failures_total") == 10
        assert "receiver told (webhook) could not be told: answered 500" in own.problems()
        recorder.status = 204
        clock.advance(300)
        own.notifier.tick()
        assert own.notifier.problem is None
        assert own.watchdog.state.told == "firing"
        own.store.close()
    assert caplog.records[-1].getMessage() == "receiver told (webhook) was told: alerting is firing"


def test_news_does_not_wait_for_the_back_off_of_the_old(tmp_path: Path) -> None:
    with recording() as recorder:
        own = prepared(tmp_path, "webhook", {"url": recorder.url})
        silence(own)
        recorder.status = 500
        recover(own)
        assert own.watchdog.state.told == "firing"
        recorder.status = 200
        silence(own)  # it fires again: what was told last is true again
        assert [json.loads(content)["status"] for _, _, content in recorder.requests] == ["firing", "resolved"]
        recover(own)
        assert own.watchdog.state.told == "resolved"
        own.store.close()


def test_an_alarm_that_nobody_was_told_of_is_not_resolved_to_anybody(tmp_path: Path) -> None:
    with recording() as recorder:
        recorder.status = 503
        own = prepared(tmp_path, "webhook", {"url": recorder.url})
        silence(own)
        recorder.status = 200
        recover(own)
        assert [json.loads(content)["status"] for _, _, content in recorder.requests] == ["firing"]
        assert own.notifier.problem is None
        own.store.close()


def test_a_restart_neither_forgets_nor_repeats(tmp_path: Path) -> None:
    with recording() as recorder:
        recorder.status = 500
        first = prepared(tmp_path, "webhook", {"url": recorder.url})
        silence(first)
        first.store.close()
        recorder.status = 200
        for _ in range(2):
            later = prepared(tmp_path, "webhook", {"url": recorder.url})
            later.notifier.tick()
            later.store.close()
        assert len(recorder.requests) == 2  # the one refused, and one more


def test_a_redirect_is_a_failure(tmp_path: Path) -> None:
    with recording() as recorder:
        recorder.status, recorder.location = 302, recorder.url + "/elsewhere"
        own = prepared(tmp_path, "webhook", {"url": recorder.url})
        silence(own)
        assert own.watchdog.state.told == "resolved"
        assert len(recorder.requests) == 1
        own.store.close()


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("webhook", {"url": f"file:///{SECRET}"}, "the address must start with http:// or https://"),
        ("webhook", {"url": f"http://127.0.0.1:1/{SECRET}"}, "not reached: Connection refused"),
        ("webhook", {"url": f"http://127.0.0.1:1/{SECRET}\nHost: x"}, "the address or answer is not valid"),
        ("webhook", {"url": f"http://[{SECRET}"}, "the address or answer is not valid"),
        ("webhook", {}, "option url or url_file is missing"),
        (
            "slack",
            {"webhook_url_file": "absent"},
            "the file that webhook_url_file names cannot be read: FileNotFoundError",
        ),
        ("slack", {"webhook_url_file": "secret"}, "the address must start with http:// or https://"),
        ("pagerduty", {"url": "http://127.0.0.1:1"}, "option routing_key or routing_key_file is missing"),
        ("telegram", {"bot_token_file": "empty", "chat_id": 1}, "the file that bot_token_file names is empty"),
        ("email", {"from": "a@b.test", "smarthost": "127.0.0.1:1"}, "option to is missing"),
        ("email", {"to": "a\nb", "from": "a@b.test", "smarthost": "127.0.0.1:1"}, "options from and to must be"),
        ("email", {"to": "a@b.test", "from": "a@b.test", "smarthost": "nowhere"}, "not valid"),
    ],
)
def test_a_receiver_that_cannot_work_says_why_and_tells_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, given: dict[str, Any], why: str
) -> None:
    own = prepared(tmp_path, kind, given)
    (tmp_path / "secrets" / "empty").write_text("\n")
    silence(own)
    assert own.notifier.problem is not None
    assert why in own.notifier.problem
    assert all(SECRET not in record.getMessage() for record in caplog.records)
    assert SECRET not in json.dumps(own.problems())
    own.store.close()


def test_a_mail_server_that_refuses_is_tried_again(tmp_path: Path) -> None:
    recorder: SmtpRecorder
    with recording_mail() as recorder:
        recorder.refuse_data = True
        own = prepared(
            tmp_path,
            "email",
            {"to": "a@a.test", "from": "w@a.test", "smarthost": recorder.address, "require_tls": False},
        )
        silence(own)
        assert own.notifier.problem is not None
        assert own.notifier.problem.endswith("the mail server answered 451")
        recorder.refuse_data = False
        assert isinstance(own.clock, FakeClock)
        own.clock.advance(5)
        own.notifier.tick()
        assert len(recorder.letters) == 1
        own.store.close()


def test_a_receiver_that_hangs_holds_up_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.console.notify.notifier.TIMEOUT", 0.2)
    with recording() as recorder:
        recorder.delay.clear()
        own = prepared(tmp_path, "webhook", {"url": recorder.url})
        silence(own)
        assert own.notifier.problem == "receiver told (webhook) could not be told: not reached: TimeoutError"
        own.store.close()


def test_without_a_receiver_nothing_is_sent_and_nothing_is_wrong(tmp_path: Path) -> None:
    own = console(tmp_path)
    silence(own)
    assert own.notifier.problem is None
    assert own.watchdog.alarm
    own.store.close()

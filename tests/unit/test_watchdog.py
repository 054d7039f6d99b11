"""The alarm over the watchdog heartbeat: when it is raised, when it ends, what outlives a restart."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from console_kit import START, TOKEN, FakeClock, alert, body, console, signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.inbox.entries import Entry


def told(own: Console) -> list[tuple[str, str]]:
    """Entries of the inbox, oldest first, as (alertname, status)."""
    return [(entry.alertname, entry.status) for entry in reversed(own.inbox.newest(limit=100))]


def beat(client: FlaskClient, *alerts: object) -> bool:
    answer = client.post("/api/v1/watchdog", json=body(*alerts), headers={"Authorization": f"Bearer {TOKEN}"})  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.json is not None
    return bool(answer.json["heartbeat"])


def pass_time(own: Console, clock: FakeClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        own.watchdog.tick()


def test_the_alarm_is_raised_after_the_silence_and_ends_with_the_heartbeat(
    own: Console, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchstack.console.watchdog")
    client = signed_in(create_app(own).test_client())
    assert beat(client, alert("Watchdog"))
    pass_time(own, clock, 89)
    assert not own.watchdog.alarm
    pass_time(own, clock, 1)
    assert own.watchdog.alarm
    assert told(own) == [("AlertingSilent", "firing")]
    pass_time(own, clock, 600)
    assert told(own) == [("AlertingSilent", "firing")]  # once
    assert beat(client, alert("Watchdog"))
    assert not own.watchdog.alarm
    assert told(own) == [("AlertingSilent", "firing"), ("AlertingSilent", "resolved")]
    assert own.inbox.firing() == []
    pass_time(own, clock, 90)
    assert told(own)[-1] == ("AlertingSilent", "firing")
    assert [record.getMessage() for record in caplog.records] == [
        "alerting is silent: the last watchdog heartbeat came on 21 Sep 2026, 14:13:20 UTC,"
        " and 90 s of silence are allowed",
        "alerting is heard again after 10 min of silence",
        "alerting is silent: the last watchdog heartbeat came on 21 Sep 2026, 14:24:50 UTC,"
        " and 90 s of silence are allowed",
    ]


def test_the_entry_says_what_is_wrong_since_when_and_what_to_do(own: Console, clock: FakeClock) -> None:
    pass_time(own, clock, 90)
    entry: Entry = own.inbox.newest(limit=1)[0]
    assert entry.starts_at == START + 90
    assert entry.labels == {
        "alertname": "AlertingSilent",
        "severity": "critical",
        "subject": "alerting",
        "service": "watchstack",
        "environment": "test",
    }
    assert entry.annotations == {
        "summary": "Alerting is silent",
        "description": "Prometheus or Alertmanager no longer reaches the console: no watchdog heartbeat has ever come,"
        " and 90 s are allowed.",
        "runbook_url": "http://console.test/runbooks/watchdog",
    }


def test_silence_counts_from_the_start_not_from_the_last_heartbeat_before_it(tmp_path: Path, clock: FakeClock) -> None:
    first = console(tmp_path, clock)
    first.watchdog.heartbeat()
    first.store.close()
    clock.advance(3600)  # the console itself was away
    second = console(tmp_path, clock)
    pass_time(second, clock, 89)
    assert not second.watchdog.alarm
    assert second.watchdog.state.last_seen == START
    pass_time(second, clock, 1)
    assert second.watchdog.alarm
    second.store.close()


def test_an_alarm_outlives_a_restart_and_is_told_once(tmp_path: Path, clock: FakeClock) -> None:
    first = console(tmp_path, clock)
    pass_time(first, clock, 90)
    first.store.close()
    clock.advance(10)
    second = console(tmp_path, clock)
    assert second.watchdog.alarm
    pass_time(second, clock, 200)
    assert told(second) == [("AlertingSilent", "firing")]
    second.watchdog.heartbeat()
    assert told(second) == [("AlertingSilent", "firing"), ("AlertingSilent", "resolved")]
    second.store.close()


def test_a_resolved_watchdog_is_no_heartbeat(own: Console, clock: FakeClock) -> None:
    """Alertmanager says "resolved" when Prometheus no longer sends the alert: that is the fault, not a sign of life."""
    client = signed_in(create_app(own).test_client())
    assert beat(client, alert("Watchdog"))
    pass_time(own, clock, 60)
    assert not beat(client, alert("Watchdog", "resolved"))
    pass_time(own, clock, 30)
    assert own.watchdog.alarm


def test_a_jump_of_the_clock_raises_nothing(own: Console, clock: FakeClock) -> None:
    own.watchdog.heartbeat()
    clock.wall += 86400
    own.watchdog.tick()
    assert not own.watchdog.alarm
    clock.wall -= 2 * 86400
    own.watchdog.tick()
    assert not own.watchdog.alarm


def test_without_a_disk_the_alarm_works_and_its_entries_follow(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "data").write_text("in the way")
    own = console(tmp_path, clock)
    pass_time(own, clock, 90)
    assert own.watchdog.alarm
    clock.advance(5)
    own.watchdog.heartbeat()
    assert not own.watchdog.alarm
    (tmp_path / "data").unlink()
    pass_time(own, clock, 1)
    assert told(own) == [("AlertingSilent", "firing"), ("AlertingSilent", "resolved")]
    assert own.store.note("watchdog") is not None
    own.store.close()


def test_what_was_remembered_may_be_unreadable(tmp_path: Path, clock: FakeClock) -> None:
    first = console(tmp_path, clock)
    first.store.remember("watchdog", '{"unknown": 1}')
    first.store.close()
    second = console(tmp_path, clock)
    assert second.watchdog.state.last_seen is None
    second.store.close()


def test_a_changed_silence_is_obeyed_at_once(own: Console, tmp_path: Path, clock: FakeClock) -> None:
    own.watchdog.heartbeat()
    (tmp_path / "config" / "console.json").write_text('{"watchdog": {"silence_seconds": 5}, "address": "http://c"}')
    own.config.refresh()
    pass_time(own, clock, 5)
    assert own.watchdog.alarm


def test_metrics_of_the_watchdog(own: Console, clock: FakeClock) -> None:
    value = own.metrics.registry.get_sample_value
    assert (value("watchdog_last_seen_timestamp_seconds"), value("watchdog_alarm")) == (0, 0)
    beat(signed_in(create_app(own).test_client()), alert("Watchdog"))
    assert (value("watchdog_last_seen_timestamp_seconds"), value("watchdog_alarm")) == (START, 0)
    pass_time(own, clock, 90)
    assert (value("watchdog_last_seen_timestamp_seconds"), value("watchdog_alarm")) == (START, 1)

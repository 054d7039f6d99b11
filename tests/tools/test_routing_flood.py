"""A thousand alerts at once through a running Alertmanager: few messages, none of the alerts lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alertmanager_kit import Recorder, files, recording, running
from waiting import until

pytestmark = pytest.mark.tools

SERVICES, INSTANCES = 20, 10
FIRST_WAVE = 100  # messages at most: five alerts of each service, told once
SECOND_WAVE = 140  # what ends and what was muted by it: each group once more, and those that are new
STACK = """
intervals: {group_wait: 5s, group_interval: 2s, repeat: 1h}
teams: {web: {critical: [web], warning: [web], info: [web]}}
receivers: {web: {webhook: {url: "HTTP/web", format: alertmanager}}}
"""


def alert(name: str, service: int, instance: int, severity: str, subject: str, **more: str) -> dict[str, Any]:
    labels = {"alertname": name, "service": f"s{service}", "instance": f"s{service}-{instance}:80", "team": "web"}
    return {"labels": {**labels, "severity": severity, "subject": subject, **more}}


def flood() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Alerts that are told, those that mute others among them, and those that are muted."""
    told, causes, muted = [], [], []
    for service in range(SERVICES):
        for instance in range(INSTANCES):
            where = (service, instance)
            critical = alert("MemoryCritical", *where, "critical", "memory")
            warning = alert("MemoryWarning", *where, "warning", "memory")
            others = [alert("Disk", *where, "error", "disk"), alert("Cpu", *where, "warning", "cpu")]
            if instance % 2:  # an instance that is down mutes all that hangs on it
                causes.append(alert("Down", *where, "error", "instance", inhibits="instance"))
                muted += [critical, alert("Requests", *where, "warning", "requests"), *others]
            else:  # the graver mutes the lesser
                causes.append(critical)
                told += [*others, alert("Slow", *where, "info", "latency")]
                muted.append(warning)
    return told + causes, causes, muted


Key = tuple[str, str]


def keys(alerts: Iterable[dict[str, Any]]) -> set[Key]:
    return {(one["labels"]["alertname"], one["labels"]["instance"]) for one in alerts}


def seen(recorder: Recorder, path: str, status: str = "firing") -> set[Key]:
    messages = [json.loads(request.body)["alerts"] for request in recorder.of(path)]
    return keys(one for alerts in messages for one in alerts if one["status"] == status)


def test_a_thousand_alerts(  # E-19 E-20 E-35 N-08
    tmp_path: Path, program: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    told, causes, muted = flood()
    assert len(told) + len(muted) == 1000
    with recording() as recorder:
        path = files(tmp_path, STACK.replace("HTTP", recorder.http), {}, recorder.http.removeprefix("http://"))
        with running(program("alertmanager"), path) as alertmanager:
            began = time.monotonic()
            alertmanager.send(*told, *muted)
            until(lambda: seen(recorder, "/web") >= keys(told), why="every alert that is not muted is told")
            took = time.monotonic() - began
            until(lambda: seen(recorder, "/api/v1/inbox") >= keys(told), why="the inbox has them as well")
            first = len(recorder.of("/web"))
            assert seen(recorder, "/web") == seen(recorder, "/api/v1/inbox") == keys(told)
            ended = datetime.now(UTC).isoformat()
            alertmanager.send(*({**one, "endsAt": ended} for one in causes))
            until(
                lambda: seen(recorder, "/web") == keys(told) | keys(muted),
                why="what was muted is told",
            )
            until(lambda: seen(recorder, "/web", "resolved") == keys(causes), why="recovery is told")
            until(lambda: seen(recorder, "/api/v1/inbox") == keys(told) | keys(muted), why="the inbox has everything")
            second = len(recorder.of("/web")) - first
    with capsys.disabled():
        print(f"\n1,000 alerts: {len(told)} told in {first} messages within {took:.1f} s, {len(muted)} muted;")
        print(f"when {len(causes)} of them had ended, {second} messages told that and the muted ones; none was lost")
    assert first <= FIRST_WAVE
    assert second <= SECOND_WAVE

"""Who is told of what, when: the table of the rich stack, held against amtool and a running Alertmanager.

tests/cases/routing/table.txt has a line for every team, severity and moment; UPDATE_CASES=1 writes it.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from alertmanager_kit import files, recording, running
from stackgen.cli.reported import difference
from stackgen.model.stack import SEVERITIES
from stackgen.routing import open_windows, walk
from support import ROOT
from trees import RICH, put, tree
from waiting import until

pytestmark = pytest.mark.tools

TABLE = ROOT / "tests" / "cases" / "routing" / "table.txt"
TEAMS = ("web", "data", "ops.night", "", "nobody")
MOMENTS = {  # in UTC; Berlin is an hour ahead in winter, two in summer
    "office": "2026-11-23T10:00+00:00",
    "office's lunch": "2026-11-23T11:30+00:00",
    "office's last minute": "2026-11-23T16:59+00:00",
    "after office": "2026-11-23T17:00+00:00",
    "summer morning": "2026-07-06T06:30+00:00",
    "saturday": "2026-11-21T10:00+00:00",
    "patchday": "2026-11-22T22:00+00:00",
    "patchday's monday": "2026-11-23T03:59+00:00",
    "patchday over": "2026-11-23T04:00+00:00",
    "before freeze": "2030-12-24T17:59+00:00",
    "freeze": "2030-12-24T18:00+00:00",
    "new year": "2031-01-01T12:00+00:00",
    "freeze's last minute": "2031-01-02T06:29+00:00",
    "freeze over": "2031-01-02T06:30+00:00",
}
OTHERS = (
    {"team": "web", "severity": "critical", "service": "shop"},
    {"team": "web", "severity": "critical", "escalated": "1"},
    {"team": "web", "severity": "error", "escalated": "2"},
    {"team": "ops.night", "severity": "critical", "escalated": "1", "service": "shop"},
    {"team": "web", "severity": "critical", "environment": "testing"},
    {"team": "web", "severity": "critical", "alertname": "HostDown"},
    {"team": "web", "severity": "critical", "alertname": "HostDown", "instance": "lab:9100"},
    {"team": "web", "severity": "critical", "service": 'quiet "one"'},
    {"alertname": "Watchdog", "severity": "info"},
    {"alertname": "NotificationTest", "told": "pager", "severity": "info"},
    {"alertname": "NotificationTest", "told": "inbox", "severity": "info"},
)
ALERTS = [
    *({"alertname": "A", "severity": severity, **({"team": team} if team else {})}
      for team, severity in itertools.product(TEAMS, SEVERITIES)),
    *({"alertname": "A", **one} for one in OTHERS),
]  # fmt: skip


def config(sources: str = "rich") -> Mapping[str, Any]:
    return yaml.safe_load(tree(sources, "compose")["alertmanager/alertmanager.yml"])  # type: ignore[no-any-return]


def row(labels: Mapping[str, str], at: str, whole: Mapping[str, Any]) -> str:
    hits = walk(whole, labels, open_windows(whole, datetime.fromisoformat(at)))
    return ", ".join(f"({hit.receiver})" if hit.silent else hit.receiver for hit in hits)


def table() -> str:
    whole, lines = config(), []
    for labels in ALERTS:
        lines.append(" ".join(f"{name}={value}" for name, value in labels.items()))
        for name, at in MOMENTS.items():
            lines.append(f"  {name:<22}{row(labels, at, whole)}")
    return "\n".join(lines) + "\n"


def test_the_table_of_every_team_severity_and_window() -> None:  # E-20 E-21 E-30 E-33 X-10
    if os.environ.get("UPDATE_CASES"):
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(table(), encoding="utf-8")
    assert table() == TABLE.read_text(encoding="utf-8")
    assert len(ALERTS) * len(MOMENTS) == 434


def asked(program: Path, path: Path, labels: Mapping[str, str]) -> list[str]:
    """Receivers that amtool names; it knows no times."""
    words = [f'{name}="{value}"' if '"' not in value else f"{name}='{value}'" for name, value in labels.items()]
    command = [str(program), "config", "routes", "test", f"--config.file={path}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()[-1].split(",")


@pytest.mark.parametrize("which", ["pin", "floor"])
def test_amtool_says_the_same(which: str, tmp_path: Path, program: Callable[..., Path]) -> None:
    """Every alert of the table, and as many of chance."""
    path = put(tmp_path, tree("rich", "compose")) / "alertmanager/alertmanager.yml"
    amtool, whole, chance = program("amtool", which), config(), random.Random(1)
    values = {
        "team": ["web", "data", "ops.night", ""], "severity": [*SEVERITIES, "page"], "service": ["shop", "search", ""],
        "environment": ["testing", "production"], "alertname": ["HostDown", "A"], "escalated": ["", "1", "2", "3"],
        "instance": ["lab:9100", "a"],
    }  # fmt: skip
    drawn = [{name: chance.choice(choices) for name, choices in values.items()} for _ in range(40)]
    alerts = [alert for alert in ALERTS if '"' not in alert.get("service", "")]
    for labels in [*alerts, *({name: value for name, value in one.items() if value} for one in drawn)]:
        ours = [hit.receiver for hit in walk(whole, labels, frozenset())]
        assert ours == asked(amtool, path, labels), labels


STACK = """
intervals: {{group_wait: 200ms, group_interval: 1s}}
windows:
  now: {{days: {day}, hours: ["{now}"], timezone: Asia/Kolkata}}
  later: {{days: {day}, hours: ["{later}"], timezone: Asia/Kolkata}}
  today: {{from: "{start}", to: "{stop}"}}
teams:
  web: {{critical: [open during now, shut during later, outside outside now, in-day during today]}}
services: [{{name: kept, targets: [host.docker.internal:1], maintenance: [now]}}]
receivers:
  open: {{webhook: {{url: "HTTP/open", format: alertmanager}}}}
  shut: {{webhook: {{url: "HTTP/shut", format: alertmanager}}}}
  outside: {{webhook: {{url: "HTTP/outside", format: alertmanager}}}}
  in-day: {{webhook: {{url: "HTTP/in-day", format: alertmanager}}}}
"""


def around(now: datetime) -> str:
    """A stack whose windows are open or shut for an hour from now on, in a zone five and a half hours ahead."""
    there = now + timedelta(hours=5, minutes=30)
    first, last, then = there - timedelta(minutes=60), there + timedelta(minutes=60), there + timedelta(minutes=120)
    clock = "%H:%M"
    return STACK.format(
        day="mon-sun",
        now=f"{first.strftime(clock)}-{last.strftime(clock)}",
        later=f"{last.strftime(clock)}-{then.strftime(clock)}",
        start=(now - timedelta(days=40)).strftime("%Y-%m-%d %H:%M"),
        stop=(now + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M"),
    )


def test_a_running_alertmanager_keeps_to_the_windows(tmp_path: Path, program: Callable[..., Path]) -> None:
    with recording() as recorder:
        stack = around(datetime.now(UTC)).replace("HTTP", recorder.http)
        path = files(tmp_path, stack, {}, console=recorder.http.removeprefix("http://"))
        whole = yaml.safe_load(path.read_text())
        common = {"alertname": "A", "team": "web", "severity": "critical"}
        said = walk(whole, common, open_windows(whole, datetime.now(UTC)))
        assert [hit.receiver for hit in said if not hit.silent] == ["inbox", "open", "in-day"]
        kept = walk(whole, {**common, "service": "kept"}, open_windows(whole, datetime.now(UTC)))
        assert [hit.receiver for hit in kept if not hit.silent] == ["inbox"]
        with running(program("alertmanager"), path) as alertmanager:
            alertmanager.send({"labels": common}, {"labels": {**common, "service": "kept"}})
            until(lambda: recorder.of("/open") and recorder.of("/in-day") and len(recorder.of("/api")) >= 2)
            log = alertmanager.log
        told = {request.path for request in recorder.requests}
        assert told == {"/api/v1/inbox", "/open", "/in-day"}, log.read_text()
        assert all(b"kept" not in request.body for request in recorder.of("/open"))


@pytest.mark.parametrize("which", ["pin", "floor"])
def test_apply_knows_its_routes_and_windows_again(which: str, tmp_path: Path, program: Callable[..., Path]) -> None:
    """Alertmanager reports months as numbers and much else its own way; a window that was changed is seen."""
    stack = (RICH / "stack.yml").read_text()
    shutil.copytree(RICH / "rules", tmp_path / "rules")
    path = files(tmp_path, stack, {})
    with running(program("alertmanager", which), path) as alertmanager:
        reported = alertmanager.ask("/api/v2/status")["config"]["original"]
    written = path.read_bytes()
    assert difference("alertmanager", written, reported) == ""
    for old, new in (
        (b"'12:00'", b"'12:30'"),
        (b"monday:friday", b"monday:thursday"),
        (b"[freeze, office]", b"[freeze]"),
    ):
        assert old in written
        assert difference("alertmanager", written.replace(old, new), reported), old

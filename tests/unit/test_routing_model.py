"""Windows, recipients, routes and escalation of stack.yml: as they are read, and as Alertmanager gets them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from stackgen.checks.windows import MESSAGES
from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.model.routing import Match, Tell
from stackgen.render import render
from stackgen.render.receivers import KINDS
from stackgen.render.windows import time_interval
from stackgen.routing import inhibited_by, inhibits, open_windows, walk
from stackgen.routing.intervals import contains
from stackgen.routing.picture import picture
from stackgen.routing.walk import matches
from support import ROOT
from trees import load_text, model

RECEIVER = "receivers: {a: {webhook: {url: 'http://a.internal/'}}, b: {webhook: {url: 'http://b.internal/'}}}\n"


def window(folder: Path, text: str) -> list[dict[str, Any]]:
    stack = load_text(folder, f"windows: {{w: {text}}}\nmaintenance: [w]\n").stack
    found: list[dict[str, Any]] = time_interval(stack.windows["w"])["time_intervals"]
    return found


@pytest.mark.parametrize(
    ("text", "intervals"),
    [
        ("{days: mon-fri}", [{"weekdays": ["monday:friday"]}]),
        ("{days: 'sat, Sunday'}", [{"weekdays": ["sunday", "saturday"]}]),
        ("{days: fri-mon}", [{"weekdays": ["sunday:monday", "friday:saturday"]}]),
        ("{days: [mon, wed-thu]}", [{"weekdays": ["monday", "wednesday:thursday"]}]),
        ("{days: mon-sun, timezone: Asia/Tokyo}", [{"location": "Asia/Tokyo"}]),
        ("{hours: 8:00-18:30}", [{"times": [{"start_time": "08:00", "end_time": "18:30"}]}]),
        ("{hours: 00:00-24:00}", [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]),
        ("{hours: 22:00-00:00}", [{"times": [{"start_time": "22:00", "end_time": "24:00"}]}]),
        (
            "{days: sat-sun, hours: 22:00-04:00}",
            [
                {"times": [{"start_time": "22:00", "end_time": "24:00"}], "weekdays": ["sunday", "saturday"]},
                {"times": [{"start_time": "00:00", "end_time": "04:00"}], "weekdays": ["sunday:monday"]},
            ],
        ),
    ],
)
def test_windows_in_alertmanagers_words(tmp_path: Path, text: str, intervals: list[dict[str, Any]]) -> None:
    assert window(tmp_path, text) == intervals


def test_a_stretch_of_time_is_open_from_its_first_minute_to_its_last(tmp_path: Path) -> None:
    """Every minute around both ends, and every hour between them, over the end of a year."""
    zone = ZoneInfo("Europe/Berlin")
    begin, end = datetime(2030, 11, 28, 18, 15, tzinfo=zone), datetime(2031, 2, 2, 6, 30, tzinfo=zone)
    text = '{from: "2030-11-28 18:15", to: "2031-02-02 06:30", timezone: Europe/Berlin}'
    intervals = window(tmp_path, text)
    assert len(intervals) <= 8
    moments = [edge + timedelta(minutes=minute) for edge in (begin, end) for minute in range(-90, 90)]
    moments += [begin + timedelta(hours=hour) for hour in range(-48, 1800)]
    for moment in moments:
        assert any(contains(one, moment) for one in intervals) == (begin <= moment < end), moment


def test_a_night_is_open_until_the_next_morning(tmp_path: Path) -> None:
    intervals = window(tmp_path, "{days: fri, hours: 22:30-06:00}")
    friday = datetime(2026, 11, 20, tzinfo=UTC)
    found = [m for m in range(0, 72 * 60, 30) if any(contains(one, friday + timedelta(minutes=m)) for one in intervals)]
    assert found == list(range(22 * 60 + 30, 30 * 60, 30))


def test_recipients_routes_and_steps_as_they_are_read(tmp_path: Path) -> None:
    stack = load_text(
        tmp_path,
        RECEIVER
        + """
windows: {w: {days: mon}}
teams:
  web: {critical: [a, b during w, b outside w], escalation: {1h: [b], 5m: [a]}, repeat: {critical: 5m}, group_by: [...]}
routes:
  - {when: {team: web, severity: [critical, "a.b"], p: "~a.*", q: "!n", r: "!~n|m"}, tell: [a], also: true}
services: [{name: s, targets: ["h:1"], environment: testing, maintenance: [w]}]
""",
    ).stack
    team = stack.teams["web"]
    assert team.tells("error") == (Tell("a"), Tell("b", "w"), Tell("b", "w", outside=True))
    assert [tell.words for tell in team.tells("critical")] == ["a", "b during w", "b outside w"]
    assert team.told("critical") == ("a", "b")
    assert [(step.after, step.tell) for step in team.escalation] == [(300, (Tell("a"),)), (3600, (Tell("b"),))]
    assert (team.repeats("error"), team.repeats("info"), team.group_by) == (300, None, ("...",))
    (route,) = stack.routes
    assert route.also
    assert route.when == (
        Match("team", "=", "web"),
        Match("severity", "=~", r"critical|a\.b"),
        Match("p", "=~", "a.*"),
        Match("q", "!=", "n"),
        Match("r", "!~", "n|m"),
    )
    assert stack.services[0].environment == "testing"


@pytest.mark.parametrize(
    ("matcher", "labels", "result"),
    [
        ('a="b"', {"a": "b"}, True),
        ('a="b"', {}, False),
        ('a=""', {}, True),
        ('a!="b"', {}, True),
        ('a=~"b|"', {}, True),
        ('a=~"b.*"', {"a": "xb"}, False),
        ('a=~"b.*"', {"a": "b\nc"}, True),
        ('a!~"b.*"', {"a": "bc"}, False),
        (r'a="q\"\\n\\"', {"a": 'q"\\n\\'}, True),
        (r'a="x\ny"', {"a": "x\ny"}, True),
    ],
)
def test_matchers(matcher: str, labels: dict[str, str], result: bool) -> None:
    assert matches(matcher, labels) is result


def test_a_text_that_is_no_matcher_is_refused() -> None:
    with pytest.raises(ValueError, match="no matcher"):
        matches("severity", {})


def rich() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(render(model("rich"), COMPOSE)["alertmanager/alertmanager.yml"])
    return found


def test_what_an_alert_mutes_and_what_mutes_it() -> None:
    labels = {"severity": "error", "subject": "x", "instance": "i"}
    assert [targets[0] for targets, _ in inhibits(rich(), labels)] == ['severity=~"warning|info"']
    assert [sources[0] for sources, _ in inhibited_by(rich(), labels)] == ['severity="critical"', 'inhibits="instance"']
    assert list(inhibits(rich(), {"severity": "error"})) == []


def test_the_way_names_every_matcher_and_how_it_repeats() -> None:
    whole = rich()
    labels = {"team": "ops.night", "severity": "critical", "service": "shop", "alertname": "A"}
    hit = walk(whole, labels, open_windows(whole, datetime(2026, 11, 22, 23, tzinfo=UTC)))[1]
    assert hit.receiver == "hook"
    assert hit.matchers == ('service="shop"', 'team="ops.night"', 'severity="critical"')
    assert hit.silent == "patchday is open"
    assert (hit.options["repeat_interval"], hit.options["group_wait"]) == ("10m", "5s")


def test_the_picture_of_the_rich_stack() -> None:
    lines = picture(model("rich").stack).splitlines()
    assert lines[:3] == [
        "every alert                                      inbox",
        "nobody else is told during freeze",
        "nobody else is told of shop during patchday",
    ]
    assert "  warning                                        slack-web during office" in lines
    assert "  not taken up for 1h                            ops, phone during office" in lines
    assert max(map(len, lines)) <= 130


def test_the_templates_that_messages_are_made_of_are_all_known() -> None:
    """The check for a missing template looks for what the receivers call."""
    calls = set()
    for _, write in KINDS.values():
        text = repr(write({"to": "a"}))
        calls |= {part.split('"')[0] for part in text.split('template "watchstack.')[1:]}
    assert calls == set(MESSAGES)
    defined = "".join(path.read_text() for path in (ROOT / "alertmanager/templates").glob("*.tmpl"))
    assert all(f'define "watchstack.{name}"' in defined for name in MESSAGES)


def test_the_examples_of_the_page_on_notifications_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs/notifications.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    names = ("slack-web", "pager", "boss", "slack-staging")
    missing = {
        "receivers:": "receivers: {"
        + ", ".join(f"{name}: {{teams: {{webhook_url_file: x}}}}" for name in names)
        + "}\n",
        "windows:": "windows: {office: {days: mon-fri}}\n",
        "teams:": "teams: {web: {critical: [pager]}}\n",
    }
    for number, block in enumerate(blocks):
        rest = "".join(line for key, line in missing.items() if key not in block)
        assert load_text(tmp_path / str(number), block + rest).stack.teams


def test_the_receivers_of_the_page_on_notifications_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs/notifications.md").read_text(encoding="utf-8")
    found = re.findall(r"`(\w[\w-]*: \{(\w+): \{.*?\}\})`", text)
    assert {kind for _, kind in found} == set(KINDS)
    for number, (receiver, _) in enumerate(found):
        name = receiver.partition(":")[0]
        stack = load_text(
            tmp_path / str(number), f"receivers: {{{receiver}}}\nteams: {{a: {{critical: [{name}]}}}}\n"
        ).stack
        assert list(stack.receivers) == [name]


def test_mail_receivers_share_what_stands_once(tmp_path: Path) -> None:  # E-12 E-34
    stack = """
mail: {from: alerts@example.com, smarthost: smtp.gmail.com:587, username: alerts@example.com, password_file: mail}
receivers:
  one: {email: {to: [a@example.com]}}
  two: {email: {to: [b@example.com], from: Two <two@example.com>, password_file: other}}
teams: {web: {critical: [one, two]}}
watchdog: {notify: one}
"""
    files = render(load_text(tmp_path, stack), COMPOSE)
    found = {one["name"]: one for one in yaml.safe_load(files["alertmanager/alertmanager.yml"])["receivers"]}
    one, two = (found[name]["email_configs"][0] for name in ("one", "two"))
    assert (one["from"], one["smarthost"], one["auth_username"]) == (
        "alerts@example.com", "smtp.gmail.com:587", "alerts@example.com")  # fmt: skip
    assert one["auth_password_file"] == "/run/watchstack-secrets/mail"
    assert (two["from"], two["auth_password_file"]) == ("Two <two@example.com>", "/run/watchstack-secrets/other")
    assert "require_tls" not in one  # Alertmanager's default is to insist on it
    notify = json.loads(files["console/console.json"])["watchdog"]["notify"]["options"]
    assert notify["smarthost"] == "smtp.gmail.com:587"


def test_messages_that_would_leave_as_plain_text_are_told(tmp_path: Path) -> None:  # M-09
    """Services are called over https, webhooks and mail as it is written: what could be read on its way is told."""
    (tmp_path / "stack.yml").write_text(
        "receivers: {a: {webhook: {url: 'http://a.example.com/'}}, b: {webhook: {url: 'https://b.example.com/'}}}\n"
        "teams: {web: {critical: [a, b]}}\naddress: https://watch.example.com\n"
    )
    found = [one for one in load(tmp_path)[1] if one.check == "unencrypted-receiver"]
    assert [(one.where.line, one.message) for one in found] == [
        (1, "messages to 'a' go to a.example.com as plain text")
    ]

"""Every receiver's message as a real Alertmanager sends it, byte for byte: tests/cases/messages/CASE/KIND.txt.

UPDATE_CASES=1 writes them; read the difference before it is kept. The relay's bytes are in tests/unit/test_relay.py.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from alertmanager_kit import Recorder, files, recording, running
from support import ROOT
from waiting import until

pytestmark = pytest.mark.tools

GOLDEN = ROOT / "tests" / "cases" / "messages"
STACK = """
environment: production
address: https://watch.example.com
intervals: {group_wait: 300ms, group_interval: 1s, repeat: 1h}
teams: {web: {critical: [slack, mail, hook, pagerduty, opsgenie, teams, telegram, discord]}}
receivers:
  slack: {slack: {webhook_url_file: slack, channel: "#alerts", username: watch}}
  mail: {email: {to: [a@example.com, b@example.com], from: Watch <w@example.com>, smarthost: SMTP, require_tls: false}}
  hook: {webhook: {url_file: hook, bearer_token_file: hook-token, format: alertmanager}}
  pagerduty: {pagerduty: {routing_key_file: pagerduty, url: "HTTP/pagerduty"}}
  opsgenie: {opsgenie: {api_key_file: opsgenie, api_url: "HTTP/opsgenie/"}}
  teams: {teams: {webhook_url_file: teams}}
  telegram: {telegram: {bot_token_file: telegram, chat_id: -100123, api_url: HTTP}}
  discord: {discord: {webhook_url_file: discord, username: watch}}
"""
PATHS = {
    "slack": "/slack",
    "hook": "/hook",
    "pagerduty": "/pagerduty",
    "opsgenie": "/opsgenie/",
    "teams": "/teams",
    "telegram": "/bot123:abc/",
    "discord": "/discord",
}
KINDS = (*PATHS, "mail")
LIKE_PIN = ("slack", "opsgenie", "teams", "telegram", "discord", "mail")  # whose bytes are the floor's too
HOSTILE = (
    "\"quo'te\\ \n\r\t<script>alert(1)</script> </a> & &amp; *b* _i_ `c` [l](http://x) @everyone <@U1> {{ .x }} 🚨 ünï "
)


def alert(name: str, **changes: Any) -> dict[str, Any]:
    number = changes.pop("number", 1)
    labels = {"alertname": name, "severity": "critical", "team": "web", "service": "shop", "environment": "production"}
    runbook = "https://watch.example.com/runbooks/high-memory-usage"
    return {
        "labels": {**labels, "job": "shop", "instance": f"shop-{number}:8000", **changes.pop("labels", {})},
        "annotations": {
            "summary": f"Memory of shop-{number} is at 91 %",
            "description": "91.0 % of the host's memory <is> in use, over the threshold of 80 % for 5 minutes.",
            "runbook_url": runbook,
            "dashboard_url": "https://watch.example.com/dashboards/watchstack-overview/memory",
            **changes.pop("annotations", {}),
        },
        "startsAt": "2026-11-20T10:00:00Z",
        "generatorURL": "http://prometheus.test/graph?g0.expr=x&g0.tab=1",
        **changes,
    }


def hostile() -> dict[str, Any]:
    """Every value holds what could break a message, and ten thousand bytes more."""
    long = HOSTILE + "<&\"'*[🚨" * 1000
    labels = {"service": long, "job": long, "instance": long, "cost": HOSTILE}
    texts = {"summary": long, "description": long, "runbook_url": "javascript:alert(1)//" + HOSTILE}
    return alert("Hostile", labels=labels, annotations={**texts, "dashboard_url": 'https://x/>|)"' + long})


CASES: dict[str, list[dict[str, Any]]] = {
    "firing": [alert("Firing")],
    "resolved": [alert("Resolved")],
    "some": [alert("Some", number=number) for number in range(1, 6)],
    "many": [alert("Many", number=number) for number in range(1, 51)],
    "partly": [alert("Partly", number=number) for number in (1, 2)],
    "hostile": [hostile()],
    "hostile-many": [{**hostile(), "labels": {**hostile()["labels"], "alertname": "HostileMany", "n": str(n)}}
                     for n in range(12)],
    "foreign": [{"labels": {"alertname": "Foreign", "severity": "critical", "team": "web"},
                 "startsAt": "2026-11-20T10:00:00Z"}],
}  # fmt: skip


@dataclass(frozen=True)
class Captured:
    """What one kind got in one case; for mail a text that leaves out what differs each time."""

    path: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def golden(self) -> bytes:
        """Why it was sent depends on whether a group's first alerts went out before the last had come."""
        return self.path.encode() + b"\n" + re.sub(rb'("notification_reason":)"[^"]*"', rb'\1"-"', self.body)


Messages = dict[tuple[str, str], Captured]


def printed(message: EmailMessage) -> bytes:
    heads = [f"{name}: {message[name]}" for name in ("From", "To", "Subject")]
    parts = [
        f"--- {part.get_content_type()}\n{part.get_content()}" for part in message.walk() if not part.is_multipart()
    ]
    return "\n".join([*heads, *parts]).replace("\r\n", "\n").encode()


def name_of(content: str) -> str:
    """The case of a message, by the alert's name in it."""
    names = {case.title().replace("-", ""): case for case in CASES}
    found = re.search(r"\b(" + "|".join(sorted(names, key=len, reverse=True)) + r")\b", content)
    assert found, content[:500]
    return names[found[1]]


def collected(recorder: Recorder) -> list[tuple[str, Captured]]:
    found = []
    for kind, path in PATHS.items():
        found += [(kind, Captured(one.path, one.body)) for one in recorder.of(path)]
    return found + [("mail", Captured("", printed(mail))) for mail in list(recorder.mails)]


def capture(folder: Path, program: Path) -> Messages:
    """Sends every case through one Alertmanager; the last message of each kind and case."""
    with recording() as recorder:
        stack = STACK.replace("HTTP", recorder.http).replace("SMTP", recorder.smtp)
        hooks = {
            name: recorder.http + path for name, path in PATHS.items() if name in ("slack", "hook", "teams", "discord")
        }
        secrets = {**hooks, "hook-token": "t0ken", "pagerduty": "r0uting", "opsgenie": "k3y", "telegram": "123:abc"}
        config = files(folder, stack, secrets, console=recorder.http.removeprefix("http://"))
        with running(program, config) as alertmanager:
            for alerts in CASES.values():
                alertmanager.send(*alerts)
            sizes = {case: len(alerts) for case, alerts in CASES.items()}
            until(lambda: whole(latest(recorder), sizes), why="a message of each kind in each case")
            ended = {"endsAt": "2026-11-20T10:30:00Z"}
            alertmanager.send({**CASES["resolved"][0], **ended}, {**CASES["partly"][1], **ended})
            until(lambda: over(latest(recorder)), why="what is over is told")
            messages = latest(recorder)
            auth = (
                recorder.of("/hook")[0].headers["Authorization"],
                recorder.of("/opsgenie")[0].headers["Authorization"],
            )
            assert auth == ("Bearer t0ken", "GenieKey k3y")
    return messages


def latest(recorder: Recorder) -> Messages:
    """The last message of each kind in each case. Opsgenie's closing message names no alert: one case is closed."""
    return {
        (kind, "resolved" if "/close" in one.path else name_of(one.golden().decode())): one
        for kind, one in collected(recorder)
    }


def whole(messages: Messages, sizes: dict[str, int]) -> bool:
    """An alert that began long ago is told at once: the first message of a group can be of some of its alerts alone."""
    if set(messages) != {(kind, case) for kind in KINDS for case in CASES}:
        return False
    grouped = [(kind, case) for kind, case in messages if sizes[case] > 1]
    return all(counted(kind, messages[kind, case], f"{sizes[case]} firing") for kind, case in grouped)


def counted(kind: str, message: Captured, words: str) -> bool:
    if kind == "hook":
        firing = [one for one in message.json["alerts"] if one["status"] == "firing"]
        return len(firing) == int(words.partition(" ")[0])
    return f": {words}" in message.golden().decode()


def over(messages: Messages) -> bool:
    words = {"hook": '"status":"resolved"', "opsgenie": "/close"}
    ended = all(words.get(kind, "RESOLVED") in messages[kind, "resolved"].golden().decode() for kind in KINDS)
    return ended and all(counted(kind, messages[kind, "partly"], "1 firing") for kind in KINDS)


@pytest.fixture(scope="module", params=("pin", "floor"))
def captured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
             program: Callable[..., Path]) -> tuple[str, Messages]:  # fmt: skip
    return request.param, capture(tmp_path_factory.mktemp("receivers"), program("alertmanager", request.param))


def test_each_message_is_exactly_this(
    captured: tuple[str, Messages],
) -> None:  # E-05 E-09 E-12 E-14 E-15 E-23 E-33 P-01 P-05
    which, messages = captured
    for (kind, case), found in sorted(messages.items()):
        golden = GOLDEN / case / f"{kind}.txt"
        if kind == "hook" and case.startswith("hostile"):
            sent = [one["labels"] for one in CASES[case]]
            assert [one["labels"] for one in found.json["alerts"]] == sorted(sent, key=lambda one: str(one.get("n")))
            continue  # Alertmanager's own JSON, a megabyte of it
        if os.environ.get("UPDATE_CASES") and which == "pin":
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_bytes(found.golden())
        if which == "pin" or kind in LIKE_PIN:
            assert found.golden().decode() == golden.read_bytes().decode(), (kind, case)
    assert {case for _, case in messages} == {path.name for path in GOLDEN.iterdir()} == set(CASES)


def visible(kind: str, message: Captured) -> dict[str, str]:
    """The texts of a message that the service bounds, by name."""
    if kind == "mail":
        return {"subject": re.search(r"^Subject: (.*)$", message.body.decode(), re.MULTILINE)[1]}  # type: ignore[index]
    if "/close" in message.path:
        return {}
    found = message.json
    if kind == "slack":
        attachment = found["attachments"][0]
        return {"text": attachment["text"], "title": attachment["title"]}
    if kind == "discord":
        return {"title": found["embeds"][0]["title"], "description": found["embeds"][0]["description"]}
    if kind == "teams":
        return {"body": message.body.decode()}
    return {
        "pagerduty": lambda: {"summary": found["payload"]["summary"]},
        "opsgenie": lambda: {"message": found["message"], "description": found["description"]},
        "telegram": lambda: {"text": found["text"]},
    }[kind]()


LIMITS = {
    ("slack", "text"): 3000,
    ("slack", "title"): 1024,
    ("discord", "title"): 256,
    ("discord", "description"): 4096,
    ("teams", "body"): 28 * 1024,
    ("telegram", "text"): 4096,
    ("pagerduty", "summary"): 1024,
    ("opsgenie", "message"): 130,
    ("opsgenie", "description"): 15_000,
    ("mail", "subject"): 255,
}


def test_no_message_is_longer_than_its_service_takes(captured: tuple[str, Messages]) -> None:
    seen = set()
    for (kind, case), message in captured[1].items():
        for name, text in visible(kind, message).items() if kind != "hook" else ():
            size = len(text.encode()) if kind == "teams" else len(text)
            assert size <= LIMITS[kind, name], (kind, case, name, size)
            assert "could not be sent" not in text
            seen.add((kind, name))
    assert seen == set(LIMITS)


def test_many_alerts_stay_readable_and_none_is_left_out_of_the_count(captured: tuple[str, Messages]) -> None:  # E-20
    for kind, name, shown in (
        ("slack", "text", "Memory of"),
        ("discord", "description", "Memory of"),
        ("telegram", "text", "Memory of"),
        ("opsgenie", "description", "Memory of"),
    ):
        text = visible(kind, captured[1][kind, "many"])[name]
        rest = re.search(r"and (\d+) more", text)
        count = text.count(shown)
        assert count + (int(rest[1]) if rest else 0) == 50, kind
        assert count >= 5
    mail = captured[1]["mail", "many"].body.decode()
    assert "and 40 more" in mail


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in ("br", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("case", ["hostile", "hostile-many"])
def test_a_value_stays_a_value(captured: tuple[str, Messages], case: str) -> None:
    """No markup, mention or link comes out of a label, and no link leads elsewhere than to the console."""
    messages = captured[1]
    telegram, html = Tags(), Tags()
    telegram.feed(visible("telegram", messages["telegram", case])["text"])
    html.feed(messages["mail", case].body.decode().partition("--- text/html\n")[2])
    assert telegram.seen == {"b", "a"}
    assert html.seen == {"html", "body", "h2", "p", "b", "br", "small", "a"}
    assert telegram.open == html.open == []
    assert {link.split("?")[0] for link in (*telegram.links, *html.links)} == {
        "https://watch.example.com/logs", "https://watch.example.com/silences/new"}  # fmt: skip
    slack = visible("slack", messages["slack", case])["text"]
    assert (
        len(re.findall(r"<https://watch\.example\.com/[^<>|]*\|\w+>", slack))
        == slack.count("<")
        == slack.count(">")
        == 2
    )
    assert "<@U1>" not in slack
    discord = visible("discord", messages["discord", case])["description"]
    assert len(re.findall(r"(?<!\\)\]\(https://watch", discord)) == len(re.findall(r"(?<!\\)\]\(", discord)) == 2
    assert "\\@everyone" in discord


def test_pagerduty_keeps_the_text_a_text(captured: tuple[str, Messages]) -> None:
    for case in set(CASES) - {"resolved"}:
        details = captured[1]["pagerduty", case].json["payload"]["custom_details"]
        assert details["text"].startswith("\t["), case
        assert str(details["num_firing"]) == str(1 if case == "partly" else len(CASES[case]))

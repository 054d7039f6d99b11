"""What is right and wrong about an alert's way: receivers that should not know, messages that say something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stackgen.drill.cases import case
from stackgen.drill.ears import Message
from stackgen.drill.messages import fingerprint
from stackgen.drill.receivers import TWIN, Ear
from stackgen.drill.rendered import catalogue
from stackgen.drill.watch import News, Watch
from stackgen.render import render
from trees import PLACEMENTS, load_text

STACK = """environment: test
teams: {web: {critical: [pager], warning: [chat]}}
receivers:
  chat: {slack: {webhook_url_file: c}}
  pager: {pagerduty: {routing_key_file: p}}
"""
RULES = """groups:
  - name: g
    rules:
      - alert: A
        expr: b > 4
        for: 5m
        labels: {severity: warning}
        annotations: {summary: 'Queue {{ $labels.c }} holds {{ $value }}'}
        tests:
          - {name: fires, series: {'b{c="d"}': 5x20}, at: 7m, fires: [{c: d}]}
"""
CHAT, PAGER, TOLD = Ear("chat", "slack_configs"), Ear("pager", "pagerduty_configs"), Ear("chat", TWIN)
LABELS = {"alertname": "A", "c": "d", "severity": "warning"}
SUMMARY = "Queue d holds 5"


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    (tmp_path / "rules" / "custom").mkdir(parents=True)
    (tmp_path / "rules" / "custom" / "a.yml").write_text(RULES)
    model = load_text(tmp_path, STACK)
    known = catalogue(render(model, PLACEMENTS["compose"]), model)
    return Watch(case(known.alerts[0], known, "0"), model.stack, {"environment": "test"})


def look(watch: Watch, state: str = "firing", since: str = "1970-01-01T00:00:10.25Z", **labels: str) -> None:
    one = {"labels": {**LABELS, **labels}, "annotations": {"summary": SUMMARY}, "state": state, "activeAt": since}
    watch.looked({"alerts": [one]})


def tell(watch: Watch, receiver: str, moment: float, status: str = "firing", **labels: str) -> None:
    everything = fingerprint({**LABELS, "environment": "test", **labels})
    watch.heard(everything, status, receiver, News(moment, {"summary": SUMMARY}))


def chat(text: str, moment: float = 15.5) -> Message:
    return Message(CHAT, moment, "", json.dumps({"attachments": [{"text": text}]}).encode())


def test_it_has_arrived_when_the_last_of_its_receivers_knows(watch: Watch) -> None:
    look(watch, "pending")
    tell(watch, "inbox", 15.0)
    assert watch.arrived("firing") is None, "it does not fire yet"
    look(watch)
    assert watch.arrived("firing") is None, "chat does not know"
    tell(watch, "chat", 16.0)
    tell(watch, "chat", 99.0)
    assert watch.arrived("firing") == 16.0
    assert watch.began() == 10.25
    assert watch.where() == ("chat", "inbox")
    assert watch.strayed() == []


def test_a_second_firing_is_no_part_of_the_drill(watch: Watch) -> None:
    look(watch)
    look(watch, "pending", "1970-01-01T00:01:10Z")
    look(watch, "firing", "1970-01-01T00:01:10Z")
    assert watch.began() == 10.25


def test_a_receiver_that_nobody_asked_for(watch: Watch) -> None:
    look(watch)
    for name in ("inbox", "chat", "pager"):
        tell(watch, name, 15.0)
    assert watch.strayed() == ["it reached pager too, which nobody asked for"]


@pytest.mark.parametrize(
    ("state", "why"),
    [("", "do not make the expression true"), ("pending", "it stayed pending"), ("firing", "it reached nobody")],
)
def test_why_it_did_not_arrive(watch: Watch, state: str, why: str) -> None:
    if state:
        look(watch, state)
    assert why in watch.absent("firing")[0]


def test_an_error_of_the_rule_comes_first(watch: Watch) -> None:
    watch.looked({"alerts": [], "lastError": "many-to-many matching not allowed"})
    assert watch.absent("firing") == ["the rule cannot be evaluated: many-to-many matching not allowed"]


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ([chat("*Queue d holds 5*\nsince ten")], []),
        ([], ["chat got no firing slack message with 'Queue d holds 5' in it"]),
        ([chat("Queue e holds 5")], ["chat got no firing slack message with 'Queue d holds 5' in it"]),
        ([chat("Queue d holds 5", moment=3.0)], ["chat got no firing slack message with 'Queue d holds 5' in it"]),
        ([chat("Queue d holds 5 <no value>")], ["the slack message to chat has '<no value>' in it"]),
        ([Message(PAGER, 15.5, "", b'{"summary": "Queue d holds 5"}')],
         ["chat got no firing slack message with 'Queue d holds 5' in it"]),
    ],
)  # fmt: skip
def test_what_a_message_must_say(watch: Watch, messages: list[Message], wrong: list[str]) -> None:
    look(watch)
    tell(watch, "inbox", 15.0)
    tell(watch, "chat", 15.0)
    assert watch.carried(messages, [CHAT, PAGER, TOLD], resolved=False) == wrong


def test_a_recovery_must_be_said_too(watch: Watch) -> None:
    look(watch)
    for status, moment in (("firing", 15.0), ("resolved", 25.0)):
        tell(watch, "inbox", moment, status)
        tell(watch, "chat", moment, status)
    firing: list[Any] = [chat(SUMMARY)]
    assert watch.carried(firing, [CHAT], resolved=True) == [
        "chat got no resolved slack message with 'Queue d holds 5' in it"
    ]
    assert watch.carried([*firing, chat(SUMMARY, 25.5)], [CHAT], resolved=True) == []
    quiet = Ear("chat", "slack_configs", resolved=False)
    assert watch.carried([Message(quiet, 15.5, "", firing[0].body)], [quiet], resolved=True) == []


def test_labels_are_texts_too(watch: Watch) -> None:
    look(watch)
    assert watch.worded() == []
    look(watch, severity="none")
    assert watch.worded() == ["label severity is 'none', which is not what its template says: 'warning'"]

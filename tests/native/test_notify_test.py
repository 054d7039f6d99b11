"""`./stack notify-test` and `route` on a running stack: whom it reaches, what it says, how it exits."""

from __future__ import annotations

import json

import pytest
from alertmanager_kit import recording
from running import RunningStack

pytestmark = pytest.mark.native

STACK = """
environment: test
teams: {{web: {{critical: [fine, ours, refuses]}}}}
receivers:
  fine: {{slack: {{webhook_url_file: fine}}}}
  ours: {{webhook: {{url: "{http}/ours", bearer_token_file: token}}}}
  refuses: {{webhook: {{url: "{http}/refuses"}}}}
"""


def test_each_receiver_is_tried(stack: RunningStack) -> None:  # E-03 M-08 P-05
    with recording() as recorder:
        recorder.answer = lambda path: 403 if path == "/refuses" else 200
        (stack.root / "stack.yml").write_text(STACK.format(http=recorder.http))
        (stack.root / "secrets").mkdir(exist_ok=True)
        for name, value in {"fine": recorder.http + "/fine", "token": "t0ken"}.items():
            (stack.root / "secrets" / name).write_text(value + "\n")
        down = stack.command("notify-test", "fine", check=False)
        assert down.returncode == 4
        assert "the stack does not run, so that nothing can be sent" in down.stderr
        stack.up()
        done = stack.command("notify-test", "inbox", "fine", "ours")
        lines = done.stdout.splitlines()
        assert [line.partition(" (")[0] for line in lines[1::2]] == [
            "inbox: arrived",
            "fine: accepted",
            "ours: accepted",
        ]
        assert len(recorder.of("/fine")) >= 1
        sent = recorder.of("/ours")[0]
        assert sent.headers["Authorization"] == "Bearer t0ken"
        body = json.loads(sent.body)
        assert (body["title"], body["error_type"]) == ("A test: nothing is wrong", "NotificationTest")
        assert (body["component"], body["environment"], body["severity"]) == ("watchstack", "test", "info")
        all_ = stack.command("notify-test", "--all", "--json", check=False)
        assert all_.returncode == 1
        found = {one["receiver"]: one for one in json.loads(all_.stdout)}
        assert {name: one["accepted"] for name, one in found.items()} == {
            "inbox": True, "fine": True, "ours": True, "refuses": False}  # fmt: skip
        assert "the webhook was not told: answered 403" in found["refuses"]["words"]
        assert found["refuses"]["attempts"] == 1
        wrong = stack.command("notify-test", "fin", check=False)
        assert wrong.returncode == 2
        assert "stack.yml has no receiver 'fin'; did you mean 'fine'?" in wrong.stderr
        assert stack.command("notify-test", check=False).returncode == 2
        told = stack.command("route", "severity=critical", "team=web", "service=shop").stdout
        assert [line.split()[0] for line in told.splitlines() if "is told" in line] == [
            "inbox",
            "fine",
            "ours",
            "refuses",
        ]

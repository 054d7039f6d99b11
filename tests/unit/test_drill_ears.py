"""The drill's own servers, called as Prometheus and Alertmanager call them, and what is read in a message."""

from __future__ import annotations

import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from stackgen.drill.ears import Message, Site
from stackgen.drill.messages import alerts, words
from stackgen.drill.receivers import Ear
from waiting import DEADLINE

EARS = {
    "0-0": Ear("pager", "pagerduty_configs"),
    "1-1": Ear("phone", "telegram_configs"),
    "2-2": Ear("letters", "email_configs"),
}


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(lambda: b"a 1.0\n", lambda path: path == "/target/0/0") as one:
        one.ears = EARS
        one.start()
        yield one


def ask(site: Site, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://{site.web}{path}", body)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_series_and_targets(site: Site) -> None:
    assert ask(site, "/series") == (200, b"a 1.0\n")
    assert ask(site, "/target/0/0") == (200, b"")
    assert ask(site, "/target/0/1") == (500, b"")
    assert site.asked == {"/series": 1, "/target/0/0": 1, "/target/0/1": 1}


def test_each_integration_hears_what_it_wants_to(site: Site) -> None:
    assert ask(site, "/to/0-0", b"{}")[0] == 202
    status, answer = ask(site, "/to/1-1/bot1:drill/sendMessage", b'{"text": "x"}')
    assert (status, json.loads(answer)["ok"]) == (200, True)
    assert ask(site, "/to/9-9", b"{}")[0] == 404
    first, second = site.messages()
    assert (first.ear.receiver, second.path, second.body) == ("pager", "bot1:drill/sendMessage", b'{"text": "x"}')
    assert site.messages(1) == [second]


def test_mail_with_dots_and_umlauts(site: Site) -> None:
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = "Speicher für „a“", "a@b.example", "c@d.example"
    letter.set_content("a line\n.a dot in front\n<b>größer</b>\n")
    letter.add_alternative("<p>Queue &lt;a&gt;</p>", subtype="html")
    host, port = site.mail.split(":")
    with smtplib.SMTP(host, int(port), local_hostname="2-2", timeout=DEADLINE) as client:
        client.send_message(letter)
    (message,) = site.messages()
    text = words(message)
    assert message.ear.receiver == "letters"
    assert "Speicher für „a“" in text
    assert " .a dot in front" in text
    assert "größer" in text
    assert "Queue <a>" in text


def message(kind: str, body: bytes) -> Message:
    return Message(Ear("x", kind), 0.0, "", body)


def test_words_of_json_and_forms() -> None:
    nested = {"attachments": [{"title": "A *b*", "fields": [{"value": "c \\_d\\_"}], "short": True}]}
    assert words(message("slack_configs", json.dumps(nested).encode())) == "A b c d"
    assert words(message("other", b"payload=x%20%26+y")) == "x & y"


def test_alerts_of_a_webhook() -> None:
    body = {"alerts": [{"labels": {"a": "b"}, "status": "firing", "annotations": {"summary": "s"}}]}
    assert alerts(message("webhook_configs", json.dumps(body).encode())) == [
        (frozenset({("a", "b")}), "firing", {"summary": "s"})
    ]
    assert alerts(message("webhook_configs", b"no json")) == []

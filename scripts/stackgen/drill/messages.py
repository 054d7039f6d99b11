"""What arrived at a receiver, read: which alerts a webhook names, and the words of every other kind of message."""

from __future__ import annotations

import email
import email.policy
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from stackgen.drill.ears import Message
from stackgen.drill.wording import plain

Print = frozenset[tuple[str, str]]  # an alert's labels, by which it is told from all others


def fingerprint(labels: Mapping[str, str]) -> Print:
    return frozenset(labels.items())


def alerts(message: Message) -> list[tuple[Print, str, Mapping[str, str]]]:
    """Labels, status ("firing", "resolved") and annotations of each alert that a webhook of Alertmanager's names."""
    content = _json(message.body)
    if not isinstance(content, dict):
        return []
    return [(fingerprint(one["labels"]), str(one["status"]), one["annotations"]) for one in content.get("alerts", ())]


def words(message: Message) -> str:
    """Everything that can be read in a message, without markup."""
    if message.ear.kind == "email_configs":
        return plain(" ".join(_mail(message.body)))
    content = _json(message.body)
    if content is None:
        content = urllib.parse.parse_qs(message.body.decode(errors="replace"))
    return plain(" ".join(_strings(content)))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for item in content.values():
            yield from _strings(item)
    elif isinstance(content, list):
        for item in content:
            yield from _strings(item)


def _mail(body: bytes) -> Iterator[str]:
    letter = email.message_from_bytes(body, policy=email.policy.default)
    yield str(letter["subject"] or "")
    for part in letter.walk():
        if part.get_content_maintype() == "text":
            yield str(part.get_content())

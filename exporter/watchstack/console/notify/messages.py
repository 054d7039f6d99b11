"""One message of the console in the form that each kind of receiver takes: request or mail, without sending it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from watchstack.console.clock import datetime_of, iso
from watchstack.console.inbox.entries import FIRING

PRODUCT = "Watchstack"
SECRET_LIMIT = 64 * 1024  # bytes read of a secret's file


class MessageError(Exception):
    """The receiver's options or secrets do not do; the message names the option, never its value."""


@dataclass(frozen=True)
class Message:
    """What is to be told. at: Unix seconds of the change; link: the page about it; key: the same for both statuses."""

    status: str
    title: str
    text: str
    at: float
    environment: str
    link: str
    key: str

    @property
    def severity(self) -> str:
        return "critical" if self.status == FIRING else "info"

    @property
    def headline(self) -> str:
        return f"[{'CRITICAL' if self.status == FIRING else 'RESOLVED'}] {self.title}"


@dataclass(frozen=True)
class Call:
    """An HTTP POST of JSON."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Options:
    """A receiver's options; `name_file` is read from the secrets folder when `name` itself is not given."""

    def __init__(self, options: Mapping[str, Any], secrets: Path) -> None:
        self._options = options
        self._secrets = secrets

    def get(self, *names: str, default: str | None = None) -> str:
        """The first of the names that is there. Raises MessageError when none is and there is no default."""
        for name in names:
            if self._options.get(name) not in (None, ""):
                return str(self._options[name])
            if self._options.get(f"{name}_file"):
                return self._secret(name)
        if default is None:
            raise MessageError(f"option {names[0]} or {names[0]}_file is missing")
        return default

    def list(self, name: str) -> list[str]:
        value = self._options.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def flag(self, name: str, default: bool) -> bool:
        value = self._options.get(name)
        return value if isinstance(value, bool) else default

    def _secret(self, name: str) -> str:
        try:
            with (self._secrets / str(self._options[f"{name}_file"])).open("rb") as file:
                text = file.read(SECRET_LIMIT).decode().strip()
        except (OSError, ValueError) as error:
            raise MessageError(f"the file that {name}_file names cannot be read: {type(error).__name__}") from error
        if not text:
            raise MessageError(f"the file that {name}_file names is empty")
        return text


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def webhook(message: Message, options: Options) -> Call:
    body = {
        "title": message.title,
        "message": message.text,
        "severity": message.severity,
        "component": "alerting",
        "error_type": "watchdog_silent",
        "timestamp": iso(message.at),
        "environment": message.environment,
        "status": message.status,
    }
    token = options.get("bearer_token", "token", default="")
    return Call(options.get("url"), _json(body), {"Authorization": f"Bearer {token}"} if token else {})


def slack(message: Message, options: Options) -> Call:
    firing = message.status == FIRING
    attachment = {
        "color": "#990000" if firing else "#36a64f",
        "title": message.headline,
        "title_link": message.link,
        "fields": [
            {"title": "What", "value": message.text, "short": False},
            {"title": "Environment", "value": message.environment, "short": True},
        ],
        "footer": f"{PRODUCT} Monitoring",
        "ts": int(message.at),
    }
    body: dict[str, Any] = {"text": f"{'🚨' if firing else '✅'} {PRODUCT} Alert", "attachments": [attachment]}
    if channel := options.get("channel", default=""):
        body["channel"] = channel
    return Call(options.get("webhook_url", "api_url", "url"), _json(body))


def pagerduty(message: Message, options: Options) -> Call:
    firing = message.status == FIRING
    body: dict[str, Any] = {
        "routing_key": options.get("routing_key"),
        "event_action": "trigger" if firing else "resolve",
        "dedup_key": message.key,
        "payload": {
            "summary": f"{message.title}: {message.text}"[:1024],
            "source": message.environment or "watchstack",
            "severity": message.severity,
            "timestamp": iso(message.at),
            "component": "alerting",
        },
        "client": PRODUCT,
        "client_url": message.link,
    }
    return Call(options.get("url", default="https://events.pagerduty.com/v2/enqueue"), _json(body))


def opsgenie(message: Message, options: Options) -> Call:
    base = options.get("api_url", default="https://api.opsgenie.com/").rstrip("/") + "/v2/alerts"
    headers = {"Authorization": f"GenieKey {options.get('api_key')}"}
    if message.status != FIRING:
        note = {"source": PRODUCT, "note": message.text}
        return Call(f"{base}/{quote(message.key, safe='')}/close?identifierType=alias", _json(note), headers)
    body = {
        "message": message.title[:130],
        "alias": message.key,
        "description": message.text,
        "source": PRODUCT,
        "priority": options.get("priority", default="P1"),
        "details": {"environment": message.environment, "link": message.link},
    }
    return Call(base, _json(body), headers)


def teams(message: Message, options: Options) -> Call:
    heading = {"type": "TextBlock", "text": message.headline, "weight": "Bolder", "size": "Medium", "wrap": True}
    colour = "attention" if message.status == FIRING else "good"
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [
            heading | {"style": "heading", "color": colour},
            {"type": "TextBlock", "text": f"{message.text} ({message.environment})", "wrap": True},
            {"type": "TextBlock", "text": f"[{message.link}]({message.link})", "wrap": True},
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return Call(options.get("webhook_url", "url"), _json({"type": "message", "attachments": [attachment]}))


def telegram(message: Message, options: Options) -> Call:
    base = options.get("api_url", default="https://api.telegram.org").rstrip("/")
    chat = options.get("chat_id")
    body = {
        "chat_id": int(chat) if chat.lstrip("-").isdigit() else chat,
        "text": f"{message.headline}\n{message.text}\n{message.environment}\n{message.link}"[:4096],
        "disable_web_page_preview": True,
    }
    return Call(f"{base}/bot{options.get('bot_token', 'token')}/sendMessage", _json(body))


def discord(message: Message, options: Options) -> Call:
    embed = {
        "title": message.headline[:256],
        "url": message.link,
        "description": f"{message.text}\n{message.environment}"[:2048],
        "color": 0x992D22 if message.status == FIRING else 0x2ECC71,
    }
    return Call(options.get("webhook_url", "url"), _json({"content": "", "embeds": [embed]}))


CALLS: Mapping[str, Callable[[Message, Options], Call]] = MappingProxyType(
    {
        "webhook": webhook,
        "slack": slack,
        "pagerduty": pagerduty,
        "opsgenie": opsgenie,
        "teams": teams,
        "telegram": telegram,
        "discord": discord,
    }
)


def mail(message: Message, options: Options) -> EmailMessage:
    """The mail for `to`, from `from`. Raises MessageError."""
    receivers = options.list("to")
    if not receivers:
        raise MessageError("option to is missing")
    letter = EmailMessage()
    try:
        letter["From"] = options.get("from")
        letter["To"] = ", ".join(receivers)
        letter["Subject"] = f"{message.headline} ({message.environment})"
    except ValueError as error:
        raise MessageError("options from and to must be addresses on one line") from error
    letter["Date"] = format_datetime(datetime_of(message.at))
    letter["Message-ID"] = make_msgid(domain="watchstack.invalid")
    letter.set_content(f"{message.text}\n\nEnvironment: {message.environment}\n{message.link}\n")
    return letter

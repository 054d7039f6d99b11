"""What each kind of receiver can be told: option, type, and which are needed. Reading them is `read_receivers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Option:
    """type: text, sender (a mail address), secret (name of a file in secrets/), url, address (host:port), addresses (of
    mail), boolean, integer or format (of a webhook's JSON).

    needed: the receiver cannot work without it. instead: the option that may stand in its place.
    """

    type: str
    needed: bool = False
    instead: str = ""


_RESOLVED = {"send_resolved": Option("boolean")}
FORMATS = ("watchstack", "alertmanager")
_HOOK = {"webhook_url_file": Option("secret", needed=True)}

MAIL = ("from", "smarthost", "username", "password_file", "require_tls")  # that all mail receivers can share

OPTIONS: Mapping[str, Mapping[str, Option]] = MappingProxyType(
    {
        "slack": {**_HOOK, "channel": Option("text"), "username": Option("text"), **_RESOLVED},
        "email": {
            "to": Option("addresses", needed=True),
            "from": Option("sender", needed=True),
            "smarthost": Option("address", needed=True),
            "username": Option("text"),
            "password_file": Option("secret"),
            "require_tls": Option("boolean"),
            **_RESOLVED,
        },
        "webhook": {
            "url": Option("url", needed=True, instead="url_file"),
            "url_file": Option("secret"),
            "bearer_token_file": Option("secret"),
            "format": Option("format"),
            "max_alerts": Option("integer"),
            **_RESOLVED,
        },
        "pagerduty": {
            "routing_key_file": Option("secret", needed=True),
            "url": Option("url"),
            **_RESOLVED,
        },
        "opsgenie": {
            "api_key_file": Option("secret", needed=True),
            "api_url": Option("url"),
            **_RESOLVED,
        },
        "teams": {**_HOOK, **_RESOLVED},
        "telegram": {
            "bot_token_file": Option("secret", needed=True),
            "chat_id": Option("integer", needed=True),
            "api_url": Option("url"),
            **_RESOLVED,
        },
        "discord": {**_HOOK, "username": Option("text"), **_RESOLVED},
    }
)

"""console/console.json: what the console must know about the stack it belongs to."""

from __future__ import annotations

from typing import Any

from stackgen.model import Receiver
from stackgen.model.stack import INBOX
from stackgen.render.common import STACK, Source
from stackgen.render.dump import header, to_json
from stackgen.render.receivers import relayed

PATH = "console/console.json"


def render(source: Source) -> dict[str, bytes]:
    """The file by its path."""
    return {PATH: to_json({"description": header(PATH, STACK), **_config(source)})}


def _config(source: Source) -> dict[str, Any]:
    stack = source.stack
    return {
        "environment": stack.environment,
        "address": stack.address,
        "watchdog": {"silence_seconds": stack.watchdog.silence, "notify": _notify(source)},
        "webhooks": {one.name: _options(one) for one in stack.receivers.values() if relayed(one)},
        "outside_receivers": [name for name in stack.receivers if name != INBOX],
        **{part: _url(source, part) for part in ("prometheus", "alertmanager", "loki", "grafana")},
    }


def _notify(source: Source) -> dict[str, Any] | None:
    """The receiver that the console itself calls when the watchdog falls silent; None for nobody."""
    name = source.stack.watchdog.notify
    if name is None or name == INBOX:
        return None
    receiver = source.stack.receivers[name]
    return {"name": receiver.name, "kind": receiver.kind, "options": dict(receiver.options)}


def _options(receiver: Receiver) -> dict[str, Any]:
    """Where the console passes a message on to; the rest is Alertmanager's."""
    return {key: value for key, value in receiver.options.items() if key in ("url", "url_file", "bearer_token_file")}


def _url(source: Source, part: str) -> str:
    return source.placement[part].url if part in source.placement.places else ""

"""Passes Alertmanager's notifications on to webhooks that want the project's own JSON; the answer is the webhook's.

Alertmanager takes a 5xx for a reason to try again and everything else that is not 2xx for the end.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, request

from watchstack.console.clock import iso
from watchstack.console.config import Receiver
from watchstack.console.context import Console
from watchstack.console.inbox.api import takes_notices
from watchstack.console.inbox.entries import FIRING, RESOLVED, Notice
from watchstack.console.notify.messages import Call, MessageError, Options
from watchstack.console.notify.notifier import SendError, post

SEVERITIES = ("critical", "error", "warning", "info")
MOST_ALERTS = 100  # that are written out in one message
LINES = 10  # of alerts in the text of one message
LONGEST = 1000  # characters of one value
MOST_AT_ONCE = 4  # a webhook that hangs must leave threads for the inbox and the watchdog's beats
blueprint = Blueprint("relay", __name__, url_prefix="/api/v1/relay")
_log = logging.getLogger("watchstack.console.relay")
_room = threading.BoundedSemaphore(MOST_AT_ONCE)


@blueprint.post("/<name>")
@takes_notices
def relay(own: Console, notices: list[Notice]) -> Response:
    """One notification to the webhook of that name in console.json."""
    name = str((request.view_args or {})["name"])
    receiver = own.config.current.webhooks.get(name)
    if receiver is None:
        return _answer(404, "console.json has no webhook of this name")
    if not notices:
        return _answer(200, "")
    if not _room.acquire(blocking=False):
        return _failed(name, 503, f"{MOST_AT_ONCE} others are being told")
    try:
        post(call(receiver, notices, own.settings.secrets))
    except MessageError as error:
        return _failed(name, 503, str(error))
    except SendError as error:
        final = 400 <= error.status < 500 and error.status not in (408, 429)
        return _failed(name, 422 if final else 502, str(error))
    finally:
        _room.release()
    return _answer(200, "")


def _failed(name: str, status: int, reason: str) -> Response:
    _log.warning("the webhook %s was not told: %s", name, reason)
    return _answer(status, f"the webhook was not told: {reason}")


def _answer(status: int, error: str) -> Response:
    answer = jsonify(error=error) if error else jsonify(relayed=True)
    answer.status_code = status
    return answer


def call(receiver: Receiver, notices: Sequence[Notice], secrets: Path) -> Call:
    """The request for one notification. Raises MessageError."""
    options = Options(receiver.options, secrets)
    token = options.get("bearer_token", default="")
    body = json.dumps(document(notices), ensure_ascii=False, separators=(",", ":")).encode()
    return Call(options.get("url"), body, {"Authorization": f"Bearer {token}"} if token else {})


def document(notices: Sequence[Notice]) -> dict[str, Any]:
    """Seven keys that are always there and always text, about all alerts of the notification; then each by itself, what
    still fires first: the rest may be left out."""
    notices = sorted(notices, key=lambda notice: notice.status != FIRING)
    firing = [notice for notice in notices if notice.status == FIRING]
    about = firing or notices
    whole = _one(min(about, key=_rank))
    if len(notices) > 1:
        counts = f"{len(firing)} firing, {len(notices) - len(firing)} resolved"
        alike = {notice.labels["alertname"] for notice in notices}
        what = min(alike) if len(alike) == 1 else f"{len(notices)} alerts"
        whole |= {"title": f"{_cut(what)}: {counts}", "message": _lines(notices)}
        for key, label in (("component", "service"), ("environment", "environment")):
            values = {notice.labels.get(label, "") for notice in notices}
            whole[key] = _cut(values.pop()) if len(values) == 1 else ""
    whole["timestamp"] = iso(min(_moment(notice) for notice in about))
    return {
        **whole,
        "status": FIRING if firing else RESOLVED,
        "alerts": [{**_one(notice), "status": notice.status} for notice in notices[:MOST_ALERTS]],
    }


def _one(notice: Notice) -> dict[str, str]:
    labels, annotations = notice.labels, notice.annotations
    summary = annotations.get("summary") or labels["alertname"]
    return {
        "title": _cut(summary),
        "message": _cut(annotations.get("description") or summary),
        "severity": _cut(labels.get("severity", "")) or "error",
        "component": _cut(labels.get("service") or labels.get("job", "")),
        "error_type": _cut(labels["alertname"]),
        "timestamp": iso(_moment(notice)),
        "environment": _cut(labels.get("environment", "")),
    }


def _lines(notices: Sequence[Notice]) -> str:
    lines = [_line(notice) for notice in notices[:LINES]]
    rest = len(notices) - len(lines)
    return "\n".join([*lines, *([f"and {rest} more"] if rest else [])])


def _line(notice: Notice) -> str:
    prefix = "Resolved: " if notice.status == RESOLVED else ""
    words: Iterable[str] = (notice.annotations.get("summary") or notice.labels["alertname"]).split()
    return _cut(prefix + " ".join(words), 200)


def _moment(notice: Notice) -> float:
    """When the alert became what it is."""
    return notice.starts_at if notice.ends_at is None else notice.ends_at


def _rank(notice: Notice) -> int:
    severity = notice.labels.get("severity", "")
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"

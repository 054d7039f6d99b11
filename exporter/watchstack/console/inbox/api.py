"""The inbox's API: Alertmanager's notifications in, the list of entries out. What is kept: `entries`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from watchstack.console import access
from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import FIRING, RESOLVED, Notice
from watchstack.console.inbox.payload import PayloadError, parse
from watchstack.console.refusal import refusal
from watchstack.console.store import StoreError

LARGEST_PAGE = 1000
LONGEST = 300  # characters of a filter
blueprint = Blueprint("inbox", __name__, url_prefix="/api/v1")
_log = logging.getLogger("watchstack.console.inbox")


def takes_notices(handle: Callable[[Console, list[Notice]], Response]) -> Callable[..., Response]:
    """A view that gets the notices of a webhook call: token checked, body bounded and validated."""

    @access.inbox_token
    @wraps(handle)
    def view(**_path: str) -> Response:
        own = console()
        admitted = own.token.admits(request.headers.get("Authorization", ""))
        if admitted is None:
            return _refuse(own, 503, "no-token", "the console has no inbox token yet")
        if not admitted:
            return _refuse(own, 401, "token", "show the inbox token as a bearer token")
        try:
            return handle(own, parse(request.get_data(cache=False)))
        except RequestEntityTooLarge:
            return _refuse(
                own, 413, "size", f"the body is larger than {current_app.config['MAX_CONTENT_LENGTH']} bytes"
            )
        except PayloadError as error:
            return _refuse(own, 400, "payload", str(error))
        except StoreError as error:
            return _refuse(own, 503, "store", str(error))

    return view


def _refuse(own: Console, status: int, reason: str, message: str) -> Response:
    own.metrics.rejected.labels(reason).inc()
    _log.warning("%s from %s refused: %s", request.path, request.remote_addr, message)
    answer = refusal(status, message)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        answer.headers["Retry-After"] = "10"
    return answer


@blueprint.post("/inbox")
@takes_notices
def receive(own: Console, notices: list[Notice]) -> Response:
    new = own.inbox.add(notices)
    for notice in notices:
        own.metrics.notifications.labels(notice.status).inc()
    return jsonify(received=len(notices), new=new)


@blueprint.post("/watchdog")
@takes_notices
def heartbeat(own: Console, notices: list[Notice]) -> Response:
    """Only a firing alert is a heartbeat: "resolved" means that the sender no longer sees the watchdog alert."""
    alive = any(notice.status == FIRING for notice in notices)
    if alive:
        own.watchdog.heartbeat()
    return jsonify(heartbeat=alive)


@blueprint.get("/inbox")
def listing() -> Response:
    """Newest first. ?limit= (1 to 1000, default 100), ?before= (an id, for the next page).

    Which: ?status=, ?alertname=, ?severity=, ?team=, ?service=, and ?q=, a text in labels or annotations.
    """
    status = request.args.get("status", "")
    limit, before = _whole("limit", 100, LARGEST_PAGE), _whole("before", None, 2**62)
    if limit is None or before == 0 or status not in ("", FIRING, RESOLVED):
        return refusal(400, "limit: 1 to 1000; status: firing or resolved; before: the id of an entry")
    chosen = {name: request.args.get(name, "")[:LONGEST] for name in ("alertname", "severity", "team", "service", "q")}
    try:
        found = console().inbox.newest(limit=limit, status=status, before=before, **chosen)
    except StoreError as error:
        return refusal(503, str(error))
    return jsonify([entry.as_json() for entry in found])


def _whole(name: str, default: int | None, high: int) -> int | None:
    """A query argument from 1 to `high`; the default when absent. A bad one is told by None for limit, 0 otherwise."""
    value = request.args.get(name)
    if value is None:
        return default
    good = value.isascii() and value.isdigit() and len(value) < 20 and 1 <= int(value) <= high
    return int(value) if good else (0 if default is None else None)

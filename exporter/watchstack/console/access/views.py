"""Signing in and out, and the page of the audit log."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, g, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console import access
from watchstack.console.access import guard, origin
from watchstack.console.access.accounts import FILES
from watchstack.console.access.audit import FAILED, LOGIN, LOGOUT, NOBODY, REFUSED, Note
from watchstack.console.access.limits import guesser
from watchstack.console.access.sessions import ABSOLUTE
from watchstack.console.context import Console, console
from watchstack.console.pages import frame
from watchstack.console.refusal import refusal
from watchstack.console.store import StoreError

PAGE = 100
LARGEST_PAGE = 1000
LARGEST_LOGIN = 16 << 10  # bytes
LONGEST = 500  # characters of a name or password
blueprint = Blueprint("access", __name__)


@blueprint.get("/login")
@access.open
def login() -> str:
    """?next=: a path of this console to go to afterwards."""
    return _form(guard.own_path(request.args.get("next", "/")))


@blueprint.post("/login")
@access.open
def enter() -> ResponseReturnValue:
    """Begins a new session, whatever cookie came along, and leads to `next`."""
    own = console()
    request.max_content_length = LARGEST_LOGIN
    name, password = request.form.get("user", "").strip(), request.form.get("password", "").strip()
    wanted = guard.own_path(request.form.get("next", "/"))
    if words := origin.trouble(own, request):
        own.audit.refuse(REFUSED, request.path, NOBODY, why=words)
        return _form(wanted, words, name), 403
    account = name if name in FILES else "unknown"
    wait, user = (0.0, None)
    if len(name) <= LONGEST and len(password) <= LONGEST:
        limits, address = own.access.limits, guesser(request.remote_addr or "")
        check = lambda: own.access.accounts.knows(name, password)  # noqa: E731
        wait, user = limits.guesses.attempt(address, account, password, check)
    if wait:
        answer = guard.too_many(wait)
        words = f"Too many wrong passwords: try again in {answer.headers['Retry-After']} s."
        answer.set_data(_form(wanted, words, name))
        return answer
    if user is None:
        own.audit.refuse(FAILED, account, NOBODY)
        return _form(wanted, "This name and password do not belong together.", name), 401
    if g.session:
        own.access.sessions.end(g.session)
    g.user = user
    number = own.access.sessions.begin(user.name)
    own.audit.note(LOGIN, user.name)
    answer = make_response(redirect(wanted, 303))
    answer.set_cookie(
        guard.cookie_name(own),
        number,
        max_age=int(ABSOLUTE),
        path="/",
        secure=guard.is_secure(own),
        httponly=True,
        samesite="Lax",
    )
    return answer


@blueprint.post("/logout")
@access.viewer
def leave() -> ResponseReturnValue:
    own = console()
    if g.session:
        own.access.sessions.end(g.session)
    own.audit.note(LOGOUT, g.user.name)
    answer = make_response(redirect("/login", 303))
    answer.delete_cookie(guard.cookie_name(own), path="/", secure=guard.is_secure(own), httponly=True, samesite="Lax")
    return answer


@blueprint.get("/audit")
@access.admin
def audit() -> ResponseReturnValue:
    """?user=, ?action=, ?before=: which part of the log."""
    own = console()
    chosen = _chosen()
    try:
        found = _found(own, PAGE + 1, chosen)
        actions = own.audit.actions()
    except (StoreError, ValueError) as error:
        trouble = str(error)
        status = 503 if isinstance(error, StoreError) else 400
        return render_template(
            "audit.html", **frame(own), found=[], more=None, chosen=chosen, actions=[], trouble=trouble
        ), status
    more = None
    if len(found) > PAGE:
        found = found[:PAGE]
        kept = {name: chosen[name] for name in ("user", "action") if chosen[name]}
        more = "?" + urlencode(kept | {"before": found[-1].id})
    return render_template(
        "audit.html", **frame(own), found=found, more=more, chosen=chosen, actions=actions, trouble=""
    )


@blueprint.get("/api/audit")
@access.admin
def audit_json() -> ResponseReturnValue:
    """Newest first. ?limit= (1 to 1000, default 100), ?user=, ?action=, ?before= (an id, for the next page)."""
    try:
        limit = _whole(request.args.get("limit", "100"), LARGEST_PAGE)
        return jsonify([note.as_json() for note in _found(console(), limit, _chosen())])
    except ValueError:
        return refusal(400, f"limit: 1 to {LARGEST_PAGE}; before: the id of a note")
    except StoreError as error:
        return refusal(503, str(error))


def _chosen() -> dict[str, str]:
    return {name: request.args.get(name, "")[:LONGEST] for name in ("user", "action", "before")}


def _found(own: Console, limit: int, chosen: dict[str, str]) -> list[Note]:
    """Raises StoreError, and ValueError for a `before` that is no id."""
    before = _whole(chosen["before"], 2**62) if chosen["before"] else None
    return own.audit.newest(limit=limit, user=chosen["user"], action=chosen["action"], before=before)


def _whole(text: str, high: int) -> int:
    """A number from 1 to `high`. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= high):
        raise ValueError("before: the id of a note")
    return int(text)


def _form(wanted: str, trouble: str = "", name: str = "") -> str:
    environment = console().config.current.environment
    return render_template("login.html", next=wanted, trouble=trouble, name=name[:LONGEST], environment=environment)

"""The one guard before every request: who asks, may they, how often, and was it really them. Its rule: `marks`."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, make_response, redirect, render_template, request, url_for
from markupsafe import Markup

from watchstack.console.access import marks, origin
from watchstack.console.access.accounts import User
from watchstack.console.access.audit import LOGIN, NOBODY, READ, REFUSED
from watchstack.console.access.limits import guesser
from watchstack.console.access.marks import Need
from watchstack.console.access.sessions import csrf_of, key_of
from watchstack.console.context import Console, console

COOKIE, SECURE_COOKIE = "watchstack-session", "__Host-watchstack-session"
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
LARGEST_FORM = 64 << 10  # bytes of a body that changes something, where a view says nothing else
LONGEST_NEXT = 2000  # characters
READING = ("GET", "HEAD")
STATIC = "static"
TITLES = {403: "Not allowed", 429: "Slower, please"}


@dataclass(frozen=True)
class Caller:
    """Who asks. session: the id from the cookie, "" for a program. refused: what is wrong with a bearer token.

    wait: seconds that a guesser is held up.
    """

    user: User | None = None
    session: str = ""
    refused: str = ""
    wait: float = 0.0


def install(app: Flask) -> None:
    """Puts the guard before every request of the application and tells the templates who asks."""
    app.before_request(admit)
    app.after_request(note_change)
    app.context_processor(for_templates)


def admit() -> Response | None:
    """The answer that refuses the request; None lets it through."""
    own, need = console(), _need()
    g.user, g.session = None, ""
    if need is Need.TOKEN or request.endpoint == STATIC:
        return None
    caller = with_session(own) if need is Need.OPEN else identify(own)
    g.user, g.session = caller.user, caller.session
    if wait := caller.wait or _too_often(own, caller):
        return too_many(wait)
    if caller.refused:
        own.audit.refuse(REFUSED, request.path, NOBODY, method=request.method, why=caller.refused)
        return refuse(401, caller.refused)
    if need is Need.OPEN:
        return None
    if caller.user is None:
        return _to_login()
    if not caller.session:
        _note_program(own, caller.user)
    return _misplaced(own, caller, need)


def identify(own: Console) -> Caller:
    """From the bearer token where one is shown, else from the cookie."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        shown = shown.strip()
        wait, user = own.access.limits.guesses.attempt(
            guesser(request.remote_addr or ""), "bearer", shown, lambda: own.access.accounts.bearer(shown)
        )
        return Caller(user, wait=wait, refused="" if user else "this bearer token is no account's password")
    return with_session(own)


def with_session(own: Console) -> Caller:
    """From the cookie alone: what is open compares no password, so that nobody can guess there."""
    number = request.cookies.get(cookie_name(own), "")
    session = own.access.sessions.find(number) if number else None
    return Caller(User(session.account, session.account), number) if session else Caller()


def is_private() -> bool:
    """Whether the answer is for whoever asked alone, and no copy of it may stay in a browser."""
    return request.endpoint != STATIC and _need() is not Need.OPEN


def _need() -> Need:
    """What is asked of the caller; an address that does not exist asks as much as one that does."""
    return marks.of(current_app.view_functions.get(request.endpoint or ""))


def _too_often(own: Console, caller: Caller) -> float:
    """Seconds until the next request of this session, program or address may pass; 0 for at once."""
    limits, address = own.access.limits, guesser(request.remote_addr or "")
    if caller.session:
        return limits.signed_in.take(key_of(caller.session))
    if caller.user:
        return limits.signed_in.take(f"{caller.user.name} {address}")
    return limits.strangers.take(address)


def _note_program(own: Console, user: User) -> None:
    """A bearer token comes with every request: an hour of one address is one sign-in."""
    if not own.access.limits.programs.take(f"{user.name} {guesser(request.remote_addr or '')}"):
        own.audit.note(LOGIN, user.name, by="bearer token")
        g.noted = False  # what the request does is a note of its own


def _misplaced(own: Console, caller: Caller, need: Need) -> Response | None:
    """Refuses a role that is too small, and a change that no page of this console sent."""
    user = caller.user
    assert user is not None
    changes = request.method not in READING
    if not user.may_change and (need is Need.ADMIN or (changes and need is not Need.VIEWER)):
        own.audit.refuse(REFUSED, request.path, user.name, method=request.method, why="needs the role admin")
        return refuse(403, "this needs the role admin")
    if not changes:
        return None
    request.max_content_length = LARGEST_FORM
    words = origin.trouble(own, request) if caller.session else ""
    if not words and caller.session and not _shows_csrf(caller.session):
        words = "this form is an old one, or was not sent by this console: open the page again"
    if words:
        own.audit.refuse(REFUSED, request.path, user.name, method=request.method, why=words)
        return refuse(403, words)
    return None


def _shows_csrf(session: str) -> bool:
    """Raises RequestEntityTooLarge."""
    shown = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
    return hmac.compare_digest(shown.encode("utf-8", "replace"), csrf_of(session).encode())


def note_change(answer: Response) -> Response:
    """Every change and every look at a page for admins stands in the audit log, once: a view may have said more."""
    user = g.get("user")
    if user is None or g.get("noted") or g.get("refused"):
        return answer
    need, endpoint = _need(), request.endpoint or "unknown"
    changes = request.method not in (*READING, "OPTIONS") and need is not Need.OPEN
    if changes:
        console().audit.note(endpoint, request.path, method=request.method, status=answer.status_code)
    elif need is Need.ADMIN:
        console().audit.note(READ, request.path, status=answer.status_code)
    return answer


# Answers


def wants_json() -> bool:
    """Whether a program asks, as far as the address tells."""
    bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    return bearer or request.path == "/api" or request.path.startswith("/api/")


def refuse(status: int, words: str) -> Response:
    """JSON for programs, a page for people."""
    g.refused = True
    if wants_json():
        answer = jsonify(error=words)
    else:
        changes = request.method not in READING
        here = "/" if changes else own_path(request.full_path)
        title = TITLES.get(status, "Not signed in")
        page = render_template("refused.html", status=status, title=title, words=words, here=here, changes=changes)
        answer = make_response(page)
    answer.status_code = status
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="watchstack"'
    return answer


def too_many(wait: float) -> Response:
    """429 with the whole seconds to wait. wait: seconds."""
    seconds = max(1, math.ceil(wait))
    own, user = console(), g.get("user")
    own.audit.refuse(REFUSED, request.path, user.name if user else NOBODY, method=request.method, why="too often")
    answer = refuse(429, f"too many tries or requests: try again in {seconds} s")
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _to_login() -> Response:
    if wants_json():
        return refuse(401, "sign in, or show the password of an account as a bearer token")
    g.refused = True
    wanted = own_path(request.full_path) if request.method in READING else "/"
    answer = redirect(url_for("access.login", next=None if wanted == "/" else wanted), 303)
    assert isinstance(answer, Response)
    return answer


def own_path(text: str) -> str:
    """The text when it is a path of this console, as a browser understands it, else "/"."""
    text = text.removesuffix("?")
    plain = len(text) <= LONGEST_NEXT and text.isprintable() and "\\" not in text and " " not in text
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    inside = not parts.scheme and not parts.netloc and parts.path not in ("/login", "/logout")
    return text if inside else "/"


# The cookie


def is_secure(own: Console) -> bool:
    """Whether the browser came by https: to the `address:` of stack.yml, behind which something ends TLS."""
    address = urlsplit(own.config.current.address)
    return request.is_secure or (address.scheme == "https" and request.host == address.netloc)


def cookie_name(own: Console) -> str:
    """With https a name that a browser takes from this very host over https alone."""
    return SECURE_COOKIE if is_secure(own) else COOKIE


# What templates know


def for_templates() -> dict[str, object]:
    user: User | None = g.get("user")
    session: str = g.get("session", "")
    token = csrf_of(session) if session else ""
    field = Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token) if token else Markup("")
    return {
        "user": user,
        "may_change": user is not None and user.may_change,
        "csrf_token": lambda: token,
        "csrf_field": lambda: field,
    }

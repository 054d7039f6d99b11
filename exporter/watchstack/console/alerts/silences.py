"""Silences: the form that a message links to, and what Alertmanager then knows. Acknowledging is such a silence.

Nothing is kept here: Alertmanager has the silences, through its API v2. Who may post: origin.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from watchstack.console.access import origin
from watchstack.console.clock import iso
from watchstack.console.context import Console, console
from watchstack.console.pages import frame
from watchstack.console.peers.ask import Peer, PeerError

ALERTMANAGER, API = "Alertmanager", "/api/v2"
MARK = "Acknowledged"  # how the comment of a silence begins that is an acknowledgement
LARGEST_FORM = 64 << 10  # bytes
MOST_MATCHERS = 40
SHOWN = 200
EMPTY_ROWS = 2  # rows of the form for further matchers
LONGEST = {"who": 200, "why": 2000}
DURATIONS = (
    ("1800", "30 minutes"), ("3600", "1 hour"), ("7200", "2 hours"), ("14400", "4 hours"), ("28800", "8 hours"),
    ("86400", "1 day"), ("259200", "3 days"), ("604800", "1 week"),
)  # fmt: skip
USUAL = "7200"
OPERATORS = ("=", "!=", "=~", "!~")
_MATCHER = re.compile(r"([^=!~]+)(=~|!~|!=|=)(.*)", re.DOTALL)
_ID = re.compile(r"[0-9a-fA-F-]{1,64}")
blueprint = Blueprint("silences", __name__)


@dataclass(frozen=True)
class Matcher:
    """One line of a silence. operator: one of OPERATORS."""

    name: str
    operator: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Matcher | None:
        """`service=shop` as a link carries it; None for what is none."""
        found = _MATCHER.fullmatch(text)
        return cls(found[1].strip(), found[2], found[3]) if found and found[1].strip() else None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Matcher:
        """A matcher as Alertmanager tells it."""
        operator = ("!", "=")[bool(told.get("isEqual", True))] + ("~" if told.get("isRegex") else "")
        return cls(str(told.get("name", "")), "!=" if operator == "!" else operator, str(told.get("value", "")))

    def as_json(self) -> dict[str, object]:
        regex, equal = "~" in self.operator, "!" not in self.operator
        return {"name": self.name, "value": self.value, "isRegex": regex, "isEqual": equal}


@dataclass(frozen=True)
class Form:
    """What stands in the form. duration: seconds as text, one of DURATIONS."""

    matchers: tuple[Matcher, ...] = ()
    duration: str = USUAL
    who: str = ""
    why: str = ""

    @classmethod
    def sent(cls, values: MultiDict[str, str]) -> Form:
        """A form as a browser sends it; rows without a name and a value are none."""
        columns = (values.getlist(name)[:MOST_MATCHERS] for name in ("name", "operator", "value"))
        rows = (Matcher(name.strip(), operator, value) for name, operator, value in zip(*columns, strict=False))
        return cls(
            tuple(row for row in rows if row.name or row.value),
            values.get("duration", ""),
            values.get("who", "").strip(),
            values.get("why", "").strip(),
        )

    def troubles(self) -> list[str]:
        """What is missing or cannot be, in words."""
        found = []
        if not self.matchers:
            found.append("Say which alerts: at least one matcher.")
        if any(not row.name for row in self.matchers):
            found.append("Every matcher needs the name of a label.")
        if any(row.operator not in OPERATORS for row in self.matchers):
            found.append(f"A matcher compares with one of {', '.join(OPERATORS)}.")
        if self.duration not in dict(DURATIONS):
            found.append("Choose for how long.")
        for name, words in (("who", "Say who you are."), ("why", "Say why: others will read it.")):
            text = getattr(self, name)
            if not text:
                found.append(words)
            elif len(text) > LONGEST[name]:
                found.append(f"No more than {LONGEST[name]} characters for {name}.")
        return found

    def as_json(self, now: float) -> dict[str, object]:
        return {
            "matchers": [row.as_json() for row in self.matchers],
            "startsAt": iso(now),
            "endsAt": iso(now + float(self.duration)),
            "createdBy": self.who,
            "comment": self.why,
        }


@dataclass(frozen=True)
class Silence:
    """A silence as Alertmanager tells it. state: active, pending, expired. begins, ends: Unix seconds."""

    id: str
    state: str
    matchers: tuple[Matcher, ...]
    who: str
    why: str
    begins: float
    ends: float

    @property
    def acknowledges(self) -> bool:
        """Whether it says that somebody is on it."""
        return self.why == MARK or self.why.startswith(MARK + ": ")

    @property
    def note(self) -> str:
        """What was said beside an acknowledgement; may be empty."""
        return self.why[len(MARK) + 2 :]

    @classmethod
    def of(cls, told: Any) -> Silence:
        """Raises PeerError for what is no silence."""
        try:
            return cls(
                str(told["id"]),
                str(told["status"]["state"]),
                tuple(map(Matcher.of, told["matchers"])),
                str(told["createdBy"]),
                str(told["comment"]),
                _unix(told["startsAt"]),
                _unix(told["endsAt"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PeerError(f"Alertmanager told of a silence in an unknown way: {error!r}") from error


def silences_of(told: Any) -> list[Silence]:
    """A list of them, as Alertmanager tells it. Raises PeerError."""
    if told is not None and not isinstance(told, list):
        raise PeerError("Alertmanager told of silences in an unknown way")
    return [Silence.of(one) for one in told or ()]


@blueprint.get("/silences")
def listing() -> ResponseReturnValue:
    """Silences in force and to come."""
    own = console()
    try:
        query = [("active", "true"), ("pending", "true"), ("expired", "false")]
        told = Peer.of(own, ALERTMANAGER).get(API + "/silences", query)
        found = [one for one in silences_of(told) if one.state != "expired"]
    except PeerError as error:
        return render_template("silences.html", **frame(own), trouble=str(error), found=[]), 503
    found.sort(key=lambda one: one.ends)
    return render_template("silences.html", **frame(own), trouble="", found=found[:SHOWN], more=len(found) > SHOWN)


@blueprint.get("/silences/new")
def new() -> ResponseReturnValue:
    """?matcher=name=value, as often as needed: what the form begins with."""
    told = request.args.getlist("matcher")[:MOST_MATCHERS]
    matchers = tuple(found for text in told if (found := Matcher.parse(text)) is not None)
    return _form(console(), Form(matchers), [])


@blueprint.post("/silences")
def create() -> ResponseReturnValue:
    """Creates the silence and leads to it."""
    own = _allowed()
    form = Form.sent(request.form)
    if troubles := form.troubles():
        return _form(own, form, troubles), 400
    try:
        told = Peer.of(own, ALERTMANAGER).post(API + "/silences", form.as_json(own.clock.time()))
        number = str(told["silenceID"])
    except PeerError as error:
        return _form(own, form, [str(error)]), 400 if error.refused else 503
    what = " ".join(f"{row.name}{row.operator}{row.value}" for row in form.matchers)
    own.audit.note("silence.create", what, silence=number, seconds=form.duration, who=form.who)
    return redirect(url_for("silences.shown", number=number), 303)


@blueprint.get("/silences/<number>")
def shown(number: str) -> ResponseReturnValue:
    own = console()
    if not _ID.fullmatch(number):
        abort(404)
    try:
        found = Silence.of(Peer.of(own, ALERTMANAGER).get(f"{API}/silence/{number}"))
    except PeerError as error:
        if error.refused:
            abort(404)
        return render_template("silences.html", **frame(own), trouble=str(error), found=[]), 503
    return render_template("silence.html", **frame(own), silence=found)


@blueprint.post("/silences/<number>/end")
def end(number: str) -> ResponseReturnValue:
    """Ends it now; Alertmanager keeps it as expired."""
    own = _allowed()
    if not _ID.fullmatch(number):
        abort(404)
    try:
        Peer.of(own, ALERTMANAGER).delete(f"{API}/silence/{number}")
    except PeerError as error:
        if error.status == 404:
            abort(404)
        return render_template("silences.html", **frame(own), trouble=str(error), found=[]), 503
    own.audit.note("silence.end", number)
    return redirect(url_for("silences.shown", number=number), 303)


@blueprint.errorhandler(403)
@blueprint.errorhandler(413)
def refused(error: HTTPException) -> ResponseReturnValue:
    """A form that is none of ours, or too long."""
    words = error.description if error.code == 403 else f"the form is larger than {LARGEST_FORM} bytes"
    return render_template("silences.html", **frame(console()), trouble=words, found=[]), error.code or 400


def _allowed() -> Console:
    """The console, for a request that may change something; ends the request with 403 or 413 otherwise."""
    own = console()
    request.max_content_length = LARGEST_FORM
    if words := origin.trouble(own, request):
        abort(403, words)
    return own


def _form(own: Console, form: Form, troubles: list[str]) -> str:
    rows = [*form.matchers, *[Matcher("", "=", "")] * EMPTY_ROWS]
    return render_template(
        "silence_new.html",
        **frame(own),
        form=form,
        rows=rows,
        troubles=troubles,
        durations=DURATIONS,
        operators=OPERATORS,
        longest=LONGEST,
    )


def _unix(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

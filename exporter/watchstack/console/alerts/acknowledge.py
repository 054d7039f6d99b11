"""Acknowledging: a silence of exactly one alert that says who is on it, and so stops its repeats and its escalation.

Alertmanager keeps it, nothing is kept here. The escalated alert has the labels of the first one and `escalated`, which
the silence leaves out: it covers both. The form of other silences: silences.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, g, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.access.guard import own_path
from watchstack.console.alerts.silences import ALERTMANAGER, API, MARK, silences_of
from watchstack.console.clock import iso
from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import ESCALATED
from watchstack.console.pages import frame
from watchstack.console.peers.ask import SHORT, Peer, PeerError
from watchstack.console.refusal import refusal
from watchstack.console.store import StoreError

DURATIONS = (("3600", "1 hour"), ("14400", "4 hours"), ("28800", "8 hours"), ("86400", "1 day"), ("259200", "3 days"))
USUAL = "14400"
LONGEST = {"who": 200, "note": 1000}
ONE, ALIKE = "one", "alike"  # this instance; all of this name and service
SHORTEST, LONGEST_TIME = 60, 30 * 86400  # seconds, for programs
blueprint = Blueprint("acknowledge", __name__)


@dataclass(frozen=True)
class Word:
    """What somebody says when acknowledging. seconds: for how long; scope: ONE or ALIKE."""

    who: str
    note: str = ""
    seconds: int = int(USUAL)
    scope: str = ONE

    def troubles(self) -> list[str]:
        """What cannot be, in words."""
        found = []
        if not self.who:
            found.append("Say who you are.")
        for name in ("who", "note"):
            if len(getattr(self, name)) > LONGEST[name]:
                found.append(f"No more than {LONGEST[name]} characters for {name}.")
        if not SHORTEST <= self.seconds <= LONGEST_TIME:
            found.append("Choose for how long: from a minute to 30 days.")
        if self.scope not in (ONE, ALIKE):
            found.append(f"scope: {ONE} or {ALIKE}.")
        return found


class Unknown(Exception):
    """No alert has this fingerprint."""


@blueprint.get("/acknowledge/<fingerprint>")
def form(fingerprint: str) -> ResponseReturnValue:
    """The form by itself. ?next=: where to go on to."""
    try:
        labels = _labels(console(), fingerprint)
    except Unknown:
        abort(404)
    return _form(fingerprint, labels, Word(_account()), [], own_path(request.args.get("next", "/inbox")))


@blueprint.post("/acknowledge/<fingerprint>")
def take(fingerprint: str) -> ResponseReturnValue:
    """Acknowledges, and leads back to `next`."""
    own = console()
    told = request.form
    word = Word(
        " ".join(told.get("who", "").split()) or _account(),
        told.get("note", "").strip(),
        int(told.get("duration", "")) if told.get("duration", "") in dict(DURATIONS) else 0,
        told.get("scope", ONE),
    )
    wanted = own_path(told.get("next", "/inbox"))
    try:
        labels = _labels(own, fingerprint)
        if troubles := word.troubles():
            return _form(fingerprint, labels, word, troubles, wanted), 400
        _acknowledge(own, labels, word)
    except Unknown:
        abort(404)
    except PeerError as error:
        return _form(fingerprint, labels, word, [str(error)], wanted), 400 if error.refused else 503
    return redirect(wanted, 303)


@blueprint.post("/acknowledge/<fingerprint>/undo")
def undo(fingerprint: str) -> ResponseReturnValue:
    """Takes every acknowledgement of this alert back."""
    wanted = own_path(request.form.get("next", "/inbox"))
    try:
        _undo(console(), fingerprint)
    except Unknown:
        abort(404)
    except PeerError as error:
        return render_template("silences.html", **frame(console()), trouble=str(error), found=[]), 503
    return redirect(wanted, 303)


@blueprint.post("/api/alerts/<fingerprint>/acknowledgement")
def take_json(fingerprint: str) -> ResponseReturnValue:
    """JSON {"note": …, "who": …, "seconds": …, "scope": "one" or "alike"}, all of them optional."""
    told = request.get_json(silent=True)
    if not isinstance(told, dict):
        return refusal(400, "give a JSON object")
    who, note, scope = (told.get(name, usual) for name, usual in (("who", ""), ("note", ""), ("scope", ONE)))
    seconds = told.get("seconds", int(USUAL))
    if not all(isinstance(text, str) for text in (who, note, scope)) or type(seconds) is not int:
        return refusal(400, "who, note and scope are text, seconds is a whole number")
    word = Word(" ".join(who.split()) or _account(), note.strip(), seconds, scope)
    if troubles := word.troubles():
        return refusal(400, " ".join(troubles))
    try:
        number = _acknowledge(console(), _labels(console(), fingerprint), word)
    except Unknown:
        return refusal(404, "no alert has this fingerprint")
    except PeerError as error:
        return refusal(400 if error.refused else 503, str(error))
    return jsonify(silence=number, until=iso(console().clock.time() + seconds)), 201


@blueprint.delete("/api/alerts/<fingerprint>/acknowledgement")
def undo_json(fingerprint: str) -> ResponseReturnValue:
    try:
        ended = _undo(console(), fingerprint)
    except Unknown:
        return refusal(404, "no alert has this fingerprint")
    except PeerError as error:
        return refusal(503, str(error))
    return jsonify(ended=ended)


def _acknowledge(own: Console, labels: Mapping[str, str], word: Word) -> str:
    """The id of the new silence. Raises PeerError."""
    now = own.clock.time()
    chosen = _matched(labels, word.scope)
    body = {
        "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in chosen],
        "startsAt": iso(now),
        "endsAt": iso(now + word.seconds),
        "createdBy": word.who,
        "comment": f"{MARK}: {word.note}" if word.note else MARK,
    }
    try:
        number = str(Peer.of(own, ALERTMANAGER).post(API + "/silences", body)["silenceID"])
    except (KeyError, TypeError) as error:
        raise PeerError("Alertmanager answered in an unknown way") from error
    own.audit.note("acknowledge", _subject(labels), who=word.who, note=word.note, seconds=word.seconds, silence=number)
    return number


def _matched(labels: Mapping[str, str], scope: str) -> list[tuple[str, str]]:
    wanted = {name for name in labels if name != ESCALATED and labels[name]}
    if scope == ALIKE:
        wanted &= {"alertname", "service", "environment"}
    return sorted((name, labels[name]) for name in wanted)


def _undo(own: Console, fingerprint: str) -> list[str]:
    """The ids of the silences that it ended. Raises Unknown and PeerError."""
    peer = Peer.of(own, ALERTMANAGER, SHORT)
    labels = _labels(own, fingerprint)
    silences = [one for one in silences_of(peer.get(API + "/silences")) if one.state == "active"]
    ended = []
    for silence in silences:
        if silence.acknowledges and all(
            row.operator == "=" and labels.get(row.name, "") == row.value for row in silence.matchers
        ):
            peer.delete(f"{API}/silence/{silence.id}")
            ended.append(silence.id)
    own.audit.note("acknowledge.undo", _subject(labels), silences=" ".join(ended))
    return ended


def _labels(own: Console, fingerprint: str) -> Mapping[str, str]:
    """Of the alert that Alertmanager has, else of the newest entry. Raises Unknown."""
    try:
        told = Peer.of(own, ALERTMANAGER, SHORT).get(API + "/alerts")
        found = next((row["labels"] for row in told or () if row["fingerprint"] == fingerprint), None)
    except (PeerError, KeyError, TypeError):
        found = None
    if found is None:
        try:
            entries = own.inbox.of_instance(fingerprint, 1)
        except StoreError:
            entries = []
        found = entries[0].labels if entries else None
    if not found:
        raise Unknown
    return {str(name): str(value) for name, value in found.items()}


def _subject(labels: Mapping[str, str]) -> str:
    where = labels.get("instance") or labels.get("service", "")
    return labels.get("alertname", "") + (f" on {where}" if where else "")


def _account() -> str:
    user = g.get("user")
    return user.name if user else ""


def _form(fingerprint: str, labels: Mapping[str, str], word: Word, troubles: list[str], wanted: str) -> str:
    return render_template(
        "acknowledge.html",
        **frame(console()),
        fingerprint=fingerprint,
        labels=labels,
        word=word,
        troubles=troubles,
        next=wanted,
        durations=DURATIONS,
        longest=LONGEST,
    )

"""Runbooks, what every page shares (frame, filters, links), and what is not there."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from watchstack.console import errors
from watchstack.console.clock import day, iso, span
from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import ESCALATED, FIRING, Entry
from watchstack.console.navigation import navigation

LOGS_BEFORE = 600.0  # seconds
blueprint = Blueprint("pages", __name__)
blueprint.app_context_processor(navigation)


@blueprint.get("/runbooks/")
def runbooks() -> ResponseReturnValue:
    own = console()
    return render_template("runbooks.html", **frame(own), names=own.runbooks.names())


@blueprint.get("/runbooks/<name>")
def runbook(name: str) -> ResponseReturnValue:
    own = console()
    if name.endswith(".md"):
        return redirect(url_for("pages.runbook", name=name[:-3]))
    page = own.runbooks.page(name)
    if page is None:
        return render_template("runbooks.html", **frame(own), names=own.runbooks.names(), missing=name), 404
    return render_template("runbook.html", **frame(own), name=name, page=page)


@blueprint.app_errorhandler(404)
def absent(error: NotFound) -> ResponseReturnValue:
    if request.path.startswith("/api/") or not g.get("user"):
        return errors.told(error)
    return render_template("absent.html", **frame(console())), 404


def frame(own: Console) -> dict[str, object]:
    """What every page of the console shows: the status strip and the problems."""
    return {"strip": strip(own), "problems": own.problems(), "config": own.config.current, "now": own.clock.time()}


def strip(own: Console) -> list[dict[str, str]]:
    """The watchdog and the other parts, each with its state (good, bad, unknown) and why."""
    seen = own.watchdog.state.last_seen
    if own.watchdog.alarm:
        state, words = "bad", "silent"
    elif own.watchdog.heard:
        state, words = "good", "heard " + ago(seen or own.clock.time())
    else:
        state, words = "unknown", "waiting for the first heartbeat"
    lights = [{"name": "Watchdog", "state": state, "words": words}]
    for answer in own.peers.answers():
        state = {True: "good", False: "bad", None: "unknown"}[answer.up]
        lights.append({"name": answer.name.capitalize(), "state": state, "words": answer.detail})
    return lights


def ago(moment: float) -> str:
    """Unix seconds as "5 min ago"."""
    passed = console().clock.time() - moment
    return "just now" if passed < 1 else f"{span(passed)} ago"


def web_link(text: str) -> str:
    """The text when it is an absolute http or https address, else nothing: never a scheme that runs something."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    good = parts.scheme in ("http", "https") and parts.netloc and not any(c.isspace() or ord(c) < 32 for c in text)
    return text if good else ""


def links(entry: Entry) -> list[tuple[str, str]]:
    """Where an entry leads, as (words, address): what is really an address, and pages of this console."""
    candidates = (
        ("Runbook", web_link(entry.annotations.get("runbook_url", ""))),
        ("Dashboard", web_link(entry.annotations.get("dashboard_url", ""))),
        ("Source", web_link(entry.source)),
        ("Logs", _logs(entry)),
        ("Silence", _silence(entry) if entry.status == FIRING else ""),
    )
    return [(words, address) for words, address in candidates if address]


def _silence(entry: Entry) -> str:
    """The form of this console for the stack's own Alertmanager; the page of another one that sent the alert."""
    if "alertmanager" in console().config.current.peers:
        own = sorted((name, value) for name, value in entry.labels.items() if name != ESCALATED)
        return url_for("silences.new", matcher=[f"{name}={value}" for name, value in own])
    base = web_link(entry.alertmanager)
    return f"{base.rstrip('/')}/#/silences/new?{urlencode({'filter': matchers(entry)})}" if base else ""


def _logs(entry: Entry) -> str:
    """What the service or the job wrote from ten minutes before the alert began."""
    service, job = entry.labels.get("service"), entry.labels.get("job")
    if not (service or job) or "loki" not in console().config.current.peers:
        return ""
    end = None if entry.ends_at is None else iso(entry.ends_at)
    start = iso(max(0.0, entry.starts_at - LOGS_BEFORE))  # a sender may say the year 1, before which there is no time
    return url_for("logs.shown", service=service, job=job, start=start, end=end)


def matchers(entry: Entry) -> str:
    """Alertmanager matchers for exactly this alert instance."""
    quoted = (f'{name}="{_escape(value)}"' for name, value in sorted(entry.labels.items()))
    return "{" + ",".join(quoted) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def register_filters(environment_filters: dict[str, object]) -> None:
    """Makes the helpers above known to the templates."""
    environment_filters.update(ago=ago, day=day, iso=iso, links=links, span=span)

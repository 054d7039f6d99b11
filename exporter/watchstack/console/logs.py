"""Log lines around an alert: Grafana where it runs, else a plain page of what Loki has. Nothing is kept here."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.ask import Peer, PeerError
from watchstack.console.clock import iso
from watchstack.console.context import Console, console
from watchstack.console.pages import frame

LIMIT = 500  # lines
LONGEST_LINE = 4000  # characters that are shown
LONGEST = 1000  # characters of a parameter
USUAL = 3600.0  # seconds before the end
WIDEST = 30 * 86400.0  # seconds; Loki refuses longer ones by itself
# The labels under which a service or a job of Prometheus may stand in Loki: those that the collector of this stack
# sets, and those that Loki and other collectors do. A label that a stream has not compares as empty. `service` of this
# stack's own parts is `job` of their lines; a job says which of them. The job of a probe names no process at all, so
# that the lines of its service stay.
OWN = ("service", "compose_service")
SERVICE = (*OWN, "part", "service_name", "job")  # Loki makes service_name of the job where nothing else is told
JOB = ("job", "part", "compose_service")
LEVELS = ("critical", "error", "warning", "info", "debug")
_FRACTION = re.compile(r"(\.\d{6})\d+")  # Go writes nanoseconds
_ZONE = re.compile(r"(?<=T..:..:..) (\d\d:\d\d)$")  # a plus sign that nobody escaped arrives as a space
_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
blueprint = Blueprint("logs", __name__)


class Wrong(ValueError):
    """A parameter that cannot be; the message is for the reader."""


@dataclass(frozen=True)
class Search:
    """What is looked for. start, end: Unix seconds."""

    service: str
    job: str
    text: str
    start: float
    end: float

    @property
    def query(self) -> str:
        """LogQL."""
        parts = ['{job=~".+"}']
        if self.text:
            parts.append(f"|= {_quoted(self.text)}")
        if self.service:
            parts.append("| " + _any(SERVICE, self.service))
        if self.job:
            parts.append("| " + _any(JOB, self.job) + (" or " + _any(OWN, self.service) if self.service else ""))
        return " ".join(parts)

    def explore(self, grafana: str) -> str:
        """The same in Grafana's Explore."""
        source = {"type": "loki", "uid": "loki"}
        pane = {
            "datasource": "loki",
            "queries": [{"refId": "A", "expr": self.query, "datasource": source}],
            "range": {"from": str(int(self.start * 1000)), "to": str(int(self.end * 1000))},
        }
        return f"{grafana}/explore?schemaVersion=1&panes={quote(json.dumps({'logs': pane}), safe='')}"


@dataclass(frozen=True)
class Line:
    """time: Unix seconds. source: which stream, in a word. level: one of LEVELS or ""."""

    time: float
    source: str
    level: str
    text: str


@blueprint.get("/logs")
def shown() -> ResponseReturnValue:
    """?service=, ?job=, ?q=, ?start= and ?end= (RFC 3339; without an end until now, without a start an hour before)."""
    own = console()
    told = {name: request.args.get(name, "").strip() for name in ("service", "job", "q", "start", "end")}
    try:
        search = _search(told, own.clock.time())
    except Wrong as error:
        return _page(own, told, troubles=[str(error)]), 400
    if own.settings.grafana:
        return redirect(search.explore(own.settings.grafana))
    told |= {"start": _second(search.start), "end": _second(math.ceil(search.end))}
    try:
        lines = _lines(own, search)
    except PeerError as error:
        return _page(own, told, search, troubles=[str(error)]), 400 if error.refused else 503
    return _page(own, told, search, lines)


def _page(
    own: Console,
    told: dict[str, str],
    search: Search | None = None,
    lines: list[Line] | None = None,
    troubles: Any = (),
) -> str:
    return render_template(
        "logs.html", **frame(own), told=told, search=search, lines=lines, limit=LIMIT, troubles=troubles
    )


def _search(told: dict[str, str], now: float) -> Search:
    if any(len(value) > LONGEST for value in told.values()):
        raise Wrong(f"No more than {LONGEST} characters for each field.")
    end = min(_moment(told["end"], "end") or now, now)
    start = _moment(told["start"], "start") or end - USUAL
    if start >= end:
        raise Wrong("The start must be before the end, and before now.")
    if end - start > WIDEST:
        raise Wrong("No more than 30 days at once.")
    return Search(told["service"], told["job"], told["q"], start, end)


def _moment(text: str, name: str) -> float | None:
    """RFC 3339 as Unix seconds; None for nothing, and for the year 1 that Go writes where there is no time."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(_ZONE.sub(r"+\1", _FRACTION.sub(r"\1", text)))
        moment = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Wrong(f"The {name} is no time like 2026-11-21T10:00:00Z: {text[:60]}") from None
    return moment if moment > 0 else None


def _second(moment: float) -> str:
    """Short enough for a field to show whole."""
    return iso(math.floor(moment)).replace(".000Z", "Z")


def _lines(own: Console, search: Search) -> list[Line]:
    """Newest first. Raises PeerError."""
    query = [
        ("query", search.query),
        ("start", str(int(search.start * 1e9))),
        ("end", str(int(search.end * 1e9))),
        ("limit", str(LIMIT)),
        ("direction", "backward"),
    ]
    told = Peer.of(own, "Loki").get("/loki/api/v1/query_range", query)
    try:
        found = [
            Line(int(moment) / 1e9, _source(stream["stream"]), _level(stream["stream"]), plain(text))
            for stream in told["data"]["result"]
            for moment, text, *_ in stream["values"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise PeerError(f"Loki answered in an unknown way: {error!r}") from error
    return sorted(found, key=lambda line: line.time, reverse=True)[:LIMIT]


def plain(text: str) -> str:
    """A line as a page shows it: without the colours of a terminal, and not endless."""
    return _COLOURS.sub("", text)[:LONGEST_LINE]


def _source(labels: dict[str, str]) -> str:
    names = ("service", "compose_service", "part", "container", "service_name", "job")
    return next((labels[name] for name in names if labels.get(name)), "")


def _level(labels: dict[str, str]) -> str:
    found = labels.get("level") or labels.get("detected_level") or ""
    return found if found in LEVELS else ""


def _any(names: tuple[str, ...], value: str) -> str:
    return " or ".join(f"{name}={_quoted(value)}" for name in names)


def _quoted(text: str) -> str:
    """A LogQL string."""
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)

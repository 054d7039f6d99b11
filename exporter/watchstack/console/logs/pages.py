"""Search of log lines: by service, job, level and text, with their volume, their patterns, and what stood around one.

What is asked of Loki: loki.py. Nothing is kept here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.clock import datetime_of, iso
from watchstack.console.context import Console, console
from watchstack.console.knowledge.common import LONGEST, Answers, Away, Wrong, ask, moment
from watchstack.console.logs.loki import LEVELS, LIMIT, MODES, SAMPLE, STREAM, Bar, Line, Search, around, lines, volume
from watchstack.console.logs.patterns import MOST, patterns
from watchstack.console.pages import frame
from watchstack.console.peers.ask import Peer, PeerError

USUAL = 3600.0  # seconds before the end
WIDEST = 30 * 86400.0  # seconds; Loki refuses longer ones by itself
WAIT = 10.0  # seconds: a search through many lines takes its time
NAMES = ("service", "job", "q", "start", "end", "mode", "level", "view")
VIEWS = ("lines", "patterns")
RANGES = (("15 min", 900.0), ("1 h", 3600.0), ("6 h", 21600.0), ("24 h", 86400.0), ("7 d", 604800.0))
WIDTH, HEIGHT = 600, 56  # of the picture of the volume, in its own units
blueprint = Blueprint("logs", __name__)


@blueprint.get("/logs")
def shown() -> ResponseReturnValue:
    """?service=, ?job=, ?level=, ?q= with ?mode= (text, anycase, regex), ?start= and ?end= (RFC 3339; without an end
    until now, without a start an hour before), ?view= (lines, patterns)."""
    own, told = console(), _told()
    try:
        search = _search(told, own.clock.time())
    except Wrong as error:
        return _page(own, told, troubles=[str(error)]), 400
    told |= {"start": _second(search.start), "end": _second(math.ceil(search.end))}
    answers, refused = _gather(own, search, told["view"])
    return _page(own, told, search, answers, troubles=answers.troubles), 400 if refused else 200


@blueprint.get("/api/logs")
def as_json() -> ResponseReturnValue:
    """The same as data; times of lines are nanoseconds. 503 while Loki does not answer."""
    own, told = console(), _told()
    try:
        search = _search(told, own.clock.time())
    except Wrong as error:
        return {"error": str(error)}, 400
    answers, refused = _gather(own, search, told["view"])
    if not answers.knows("lines"):
        return {"error": "; ".join(answers.troubles)}, 400 if refused else 503
    found: list[Line] = answers.found["lines"]
    body: dict[str, Any] = {
        "query": search.query,
        "from": iso(search.start),
        "to": iso(search.end),
        "complete": len(found) < _limit(told["view"]),
        "volume": [{"start": iso(bar.start), "counts": dict(bar.counts)} for bar in answers.found.get("volume", ())],
        "missing": answers.troubles,
    }
    if told["view"] == "patterns":
        grouped = patterns(((line.time, line.source, line.level, line.text) for line in found), LEVELS)
        names = ("shape", "count", "example", "level", "sources")
        body["patterns"] = [
            {name: getattr(one, name) for name in names} | {"first": iso(one.first), "last": iso(one.last)}
            for one in grouped[:MOST]
        ]
        body["sampled"] = len(found)
    else:
        body["lines"] = [line.as_json() for line in found]
    return body


@blueprint.get("/logs/context")
def context() -> ResponseReturnValue:
    """?at= nanoseconds, and labels of the stream as parameters of their names."""
    own = console()
    at = request.args.get("at", "")
    labels = {name: request.args[name][:LONGEST] for name in STREAM if request.args.get(name)}
    if not at.isascii() or not at.isdigit() or len(at) > 19 or not labels:
        wrong = ["A line is named by its time and the labels of its stream."]
        return render_template("logs_context.html", **frame(own), found=[], at=at[:19], labels={}, troubles=wrong), 400
    answers = ask({"lines": Away(own, "Loki", WAIT).question(lambda peer: around(peer, labels, int(at)))})
    return render_template("logs_context.html", **frame(own), found=answers.found.get("lines", []), at=at,
                           labels=labels, troubles=answers.troubles)  # fmt: skip


def _told() -> dict[str, str]:
    told = {name: request.args.get(name, "").strip() for name in NAMES}
    return told | {"mode": told["mode"] or MODES[0], "view": told["view"] or VIEWS[0]}


def _limit(view: str) -> int:
    return SAMPLE if view == "patterns" else LIMIT


def _gather(own: Console, search: Search, view: str) -> tuple[Answers, bool]:
    """Lines and volume at once, and whether Loki did not want to search like this."""
    refused = False

    def put(question: Callable[[Peer], Any]) -> Callable[[Peer], Any]:
        def asked(peer: Peer) -> Any:
            nonlocal refused
            try:
                return question(peer)
            except PeerError as error:
                refused = refused or error.refused
                raise

        return asked

    away = Away(own, "Loki", WAIT)
    questions = {
        "lines": away.question(put(lambda peer: lines(peer, search, _limit(view)))),
        "volume": away.question(lambda peer: volume(peer, search)),
    }
    return ask(questions), refused


def _page(
    own: Console,
    told: dict[str, str],
    search: Search | None = None,
    answers: Answers | None = None,
    troubles: Any = (),
) -> str:
    found: list[Line] | None = answers.found.get("lines") if answers else None
    grouped = None
    if found is not None and told["view"] == "patterns":
        grouped = patterns(((line.time, line.source, line.level, line.text) for line in found), LEVELS)
    bars: list[Bar] = answers.found.get("volume", []) if answers else []
    kept = {name: value for name, value in told.items() if value and name not in ("start", "end")}
    return render_template(
        "logs.html",
        **frame(own),
        told=told,
        kept=kept,
        search=search,
        lines=found,
        patterns=grouped,
        most=MOST,
        limit=_limit(told["view"]),
        bars=_drawn(bars),
        peak=max((bar.total for bar in bars), default=0),
        levels=LEVELS,
        ranges=[(words, _second(own.clock.time() - seconds)) for words, seconds in RANGES],
        around=_around,
        older=_older(found or []),
        second=_second,
        grafana=own.settings.grafana,
        troubles=troubles,
    )


def _search(told: Mapping[str, str], now: float) -> Search:
    if any(len(value) > LONGEST for value in told.values()):
        raise Wrong(f"No more than {LONGEST} characters for each field.")
    mode, level = told.get("mode") or MODES[0], told.get("level", "")
    if mode not in MODES or level not in ("", *LEVELS) or told.get("view", VIEWS[0]) not in VIEWS:
        raise Wrong(f"The text is looked for as one of {', '.join(MODES)}; the level is one of {', '.join(LEVELS)}.")
    end = min(moment(told["end"], "end") or now, now)
    start = moment(told["start"], "start") or end - USUAL
    if start >= end:
        raise Wrong("The start must be before the end, and before now.")
    if end - start > WIDEST:
        raise Wrong("No more than 30 days at once.")
    return Search(told["service"], told["job"], told["q"], start, end, mode, level)


def _second(at: float) -> str:
    """Short enough for a field to show whole."""
    return iso(math.floor(at)).replace(".000Z", "Z")


def _older(found: list[Line]) -> str:
    """Where the next page ends: just behind the oldest line, so that none of the same moment is lost, and before it
    where all lines are of one moment, so that the pages come to an end."""
    if not found:
        return ""
    newest, oldest = (int(line.nanoseconds) // 1000 for line in (found[0], found[-1]))
    micros = oldest + (oldest < newest)
    return (datetime_of(micros // 10**6) + timedelta(microseconds=micros % 10**6)).isoformat().replace("+00:00", "Z")


def _around(line: Line) -> str:
    """The address of what stood around a line."""
    return "/logs/context?" + urlencode({"at": line.nanoseconds, **line.labels})


def _drawn(bars: list[Bar]) -> list[dict[str, Any]]:
    """Each bar as rectangles, one a level, the worst at the bottom; what each says in words."""
    peak = max((bar.total for bar in bars), default=0)
    found = []
    for number, bar in enumerate(bars):
        below, pieces = 0.0, []
        for name in (*LEVELS, ""):
            count = bar.counts.get(name, 0)
            if count:
                high = max(0.8, HEIGHT * count / peak)
                pieces.append(
                    {"level": name or "other", "y": round(HEIGHT - below - high, 2), "height": round(high, 2)}
                )
                below += high
        width = WIDTH / len(bars)
        told = ", ".join(f"{count} {name or 'other'}" for name, count in bar.counts.items() if count) or "none"
        found.append({"x": round(number * width, 2), "width": round(width * 0.86, 2), "pieces": pieces,
                      "words": f"{_second(bar.start)}: {told}", "start": bar.start})  # fmt: skip
    return found

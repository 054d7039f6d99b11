"""What can be taken along: everything as one JSON file, the history of alerts as CSV, dashboards for Grafana.

Everything is for admins, as it holds what all the pages hold together; each export stands in the audit log.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.access import admin
from watchstack.console.alerts.episodes import Episode, since
from watchstack.console.clock import datetime_of, iso
from watchstack.console.context import Console, console
from watchstack.console.dashboards.pages import library
from watchstack.console.inbox.entries import Entry
from watchstack.console.knowledge import insights, rules, services, targets
from watchstack.console.knowledge.common import Away, Period, Wrong, ask, period, vectors
from watchstack.console.pages import frame
from watchstack.console.refusal import refusal
from watchstack.console.store import StoreError

USUAL = "7d"
MOST = 20_000  # entries, episodes
PAGE = 1000  # entries that are read at once
LARGEST = 4 << 20  # bytes of a dashboard
COLUMNS = ("began", "ended", "duration_seconds", "alertname", "severity", "service", "instance", "team", "status")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
blueprint = Blueprint("exports", __name__)


def everything(own: Console, over: Period) -> dict[str, Any]:
    """All that the console knows of the period. `missing` says what could not be had."""
    alertmanager = Away(own, "Alertmanager")
    answers = ask(
        {
            "alerts": alertmanager.question(lambda peer: peer.get("/api/v2/alerts")),
            "silences": alertmanager.question(lambda peer: peer.get("/api/v2/silences")),
            **vectors(own, {"version": "group by (sha256) (stack_config_info)"}),
        }
    )
    missing = list(answers.troubles)
    history: list[dict[str, Any]] = []
    try:
        entries = _entries(own, over)
        history = [one.as_json() for one in entries[:MOST]]
        missing += [f"only the newest {MOST} messages of this time are in it"] if len(entries) > MOST else []
    except StoreError as error:
        missing.append(f"the inbox cannot be read: {error}")
    known, scraped, watched = rules.gather(own), targets.gather(own), services.gather(own)
    judged = insights.gather(own, over)
    for troubles in (known.troubles, scraped.troubles, watched.troubles, judged["missing"]):
        missing += troubles
    return {
        "exported": iso(own.clock.time()),
        "environment": own.config.current.environment,
        "period": over.as_json(),
        "config_version": [one.labels.get("sha256", "") for one in answers.samples("version")],
        "alerts": answers.found.get("alerts"),
        "silences": answers.found.get("silences"),
        "history": history,
        "rules": [one.as_json() for one in known.rules],
        "targets": [one.as_json() for one in scraped.targets],
        "services": [one.as_json() for one in watched.services],
        "insights": judged,
        "missing": list(dict.fromkeys(missing)),
    }


def _entries(own: Console, over: Period) -> list[Entry]:
    """The inbox's entries of the period, newest first; more than MOST where that is not all. Raises StoreError."""
    found: list[Entry] = []
    before = None
    while len(found) <= MOST and (page := own.inbox.newest(limit=PAGE, before=before)):
        found += [one for one in page if over.start <= one.received_at <= over.end]
        if page[-1].received_at < over.start:
            break
        before = page[-1].id
    return found


def table(found: Iterable[Episode], now: float) -> str:
    """Episodes as CSV with a header. A text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in found:
        ended = "" if one.ended is None else iso(one.ended)
        told = (one.alertname, one.severity, one.service, one.instance, one.team)
        writer.writerow([iso(one.began), ended, round(one.lasted(now)), *map(_harmless, told), one.status])
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def definition(folders: Iterable[Path], source: str, uid: str) -> dict[str, Any] | None:
    """The dashboard of a file below one of the folders; None where it is no longer there. uid: that it must have."""
    for folder in folders:
        try:
            with (folder / source).open("rb") as stream:
                found = json.loads(stream.read(LARGEST))
        except (OSError, ValueError, RecursionError):
            continue
        found = found.get("dashboard", found) if isinstance(found, dict) else None
        if isinstance(found, dict) and found.get("uid") == uid:
            return found
    return None


def _period() -> Period:
    told = {name: request.args.get(name, "") for name in ("period", "from", "to")}
    return period(told, console().clock.time(), USUAL)


def _file(content: str, kind: str, name: str) -> Response:
    answer = Response(content, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _named(own: Console, what: str, ending: str) -> str:
    """With the day, so that two exports do not overwrite each other."""
    return f"watchstack-{what}-{datetime_of(own.clock.time()):%Y-%m-%d-%H%M}.{ending}"


@blueprint.get("/exports")
def shown() -> ResponseReturnValue:
    return render_template("exports.html", **frame(console()), dashboards=library().dashboards.values())


def _exported(what: str, make: Callable[[Console, Period], Response]) -> ResponseReturnValue:
    """An export of the asked period, noted in the audit log."""
    own = console()
    try:
        over = _period()
    except Wrong as error:
        return {"error": str(error)}, 400
    answer = make(own, over)
    own.audit.note("export", what, **{"from": iso(over.start), "to": iso(over.end)})
    return answer


@blueprint.get("/api/export")
@admin
def all_as_json() -> ResponseReturnValue:
    """?period= or ?from= and ?to=."""

    def made(own: Console, over: Period) -> Response:
        content = json.dumps(everything(own, over), ensure_ascii=False, indent=1)
        return _file(content, "application/json", _named(own, "export", "json"))

    return _exported("everything", made)


@blueprint.get("/api/export/alerts.csv")
@admin
def alerts_as_csv() -> ResponseReturnValue:
    """The alerts that began within the period, oldest first. Never a part of them: a table cannot say what it lacks."""

    def made(own: Console, over: Period) -> Response:
        try:
            known = since(own.store, over.start, MOST + 1)
        except StoreError as error:
            return refusal(503, f"the inbox cannot be read: {error}")
        if len(known) > MOST:
            return refusal(400, f"more than {MOST} alerts since {iso(over.start)}: ask from a later time")
        found = [one for one in known if over.start <= one.began <= over.end]
        return _file(table(found, own.clock.time()), "text/csv", _named(own, "alerts", "csv"))

    return _exported("alerts.csv", made)


@blueprint.get("/api/export/dashboards/<uid>")
def dashboard(uid: str) -> ResponseReturnValue:
    """The definition as Grafana's page "Import" takes it; ?for=api: in the envelope that its HTTP API takes."""
    known = library().get(uid)
    found = definition(console().settings.dashboards, known.source, uid) if known else None
    if found is None:
        abort(404)
    content: Mapping[str, Any] = {**found, "id": None}
    if request.args.get("for") == "api":
        content = {"dashboard": content, "overwrite": True}
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in uid)
    return _file(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "application/json", f"{name}.json")

"""The pages below /alerts and their JSON twins, over the same data. The data: active, episodes, statistics."""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.alerts import episodes, statistics
from watchstack.console.alerts.acknowledge import DURATIONS, USUAL
from watchstack.console.alerts.acknowledge import LONGEST as LONGEST_WORDS
from watchstack.console.alerts.active import STATES, Active, Standing, gather
from watchstack.console.clock import iso
from watchstack.console.context import console
from watchstack.console.inbox.entries import FIRING, SEVERITIES
from watchstack.console.pages import frame
from watchstack.console.refusal import refusal
from watchstack.console.store import StoreError

SHOWN = 200  # alerts of one page
PAGE, LARGEST_PAGE = 50, 1000  # of the history
LONGEST = 300  # characters of a filter
GROUPS = ("alertname", "severity", "team", "service")
FILTERS = ("state", "severity", "team", "service", "q")
blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts")
def shown() -> ResponseReturnValue:
    """?state=, ?severity=, ?team=, ?service=, ?q= (a text in names and words), ?group=: which, and how."""
    own = console()
    standing = gather(own)
    chosen = _chosen(FILTERS)
    group = request.args.get("group", "")
    found = filtered(standing, chosen)
    grouped = grouping(found[:SHOWN], group if group in GROUPS else "")
    return render_template(
        "alerts.html",
        **frame(own),
        standing=standing,
        found=len(found),
        cut=len(found) > SHOWN,
        groups=grouped,
        group=group if group in GROUPS else "",
        chosen=chosen,
        choices=_choices(standing),
        durations=DURATIONS,
        usual=USUAL,
        longest=LONGEST_WORDS,
        all_json="/api/alerts?" + urlencode({name: value for name, value in chosen.items() if value}),
    )


@blueprint.get("/api/alerts")
def listing() -> Response:
    """Filters as on the page; ?limit= (1 to 1000, default 1000)."""
    standing = gather(console())
    limit = _whole("limit", LARGEST_PAGE)
    found = filtered(standing, _chosen(FILTERS))
    counts = {name: standing.count(name) for name in (*SEVERITIES, "other")}
    return jsonify(
        alerts=[one.as_json() for one in found[:limit]],
        total=len(found),
        firing=counts,
        source=standing.source,
        troubles=list(standing.troubles),
        timestamp=iso(console().clock.time()),
    )


@blueprint.get("/alerts/history")
def history() -> ResponseReturnValue:
    """?severity=, ?team=, ?service=, ?alertname=, ?before= (an id): what fired, newest first."""
    own = console()
    chosen = _chosen(("severity", "team", "service", "alertname"))
    before = request.args.get("before", type=int)
    try:
        found = episodes.newest(own.store, PAGE + 1, before if before and 0 < before < 2**62 else None, **chosen)
    except StoreError:
        return render_template("alerts_history.html", **frame(own), unreadable=True), 503
    more = None
    if len(found) > PAGE:
        found = found[:PAGE]
        more = "?" + urlencode({name: value for name, value in chosen.items() if value} | {"before": found[-1].id})
    return render_template("alerts_history.html", **frame(own), found=found, chosen=chosen, more=more, first=not before)


@blueprint.get("/api/alerts/history")
def history_json() -> ResponseReturnValue:
    """Filters as on the page; ?limit= (1 to 1000, default 100), ?before= (an id, for the next page)."""
    own = console()
    chosen = _chosen(("severity", "team", "service", "alertname"))
    limit, before = _whole("limit", LARGEST_PAGE, 100), _whole("before", 2**62, 0)
    try:
        found = episodes.newest(own.store, limit, before or None, **chosen)
    except StoreError as error:
        return jsonify(error=str(error)), 503
    now = own.clock.time()
    return jsonify(history=[one.as_json(now) for one in found], count=len(found), timestamp=iso(now))


@blueprint.get("/alerts/statistics")
def stats() -> ResponseReturnValue:
    """?days=: 1, 7, 30 or 90."""
    own = console()
    days = request.args.get("days", statistics.USUAL, type=int)
    if days not in statistics.DAYS:
        abort(404)
    try:
        told = statistics.statistics(own, days)
    except StoreError:
        return render_template("alerts_statistics.html", **frame(own), unreadable=True), 503
    return render_template("alerts_statistics.html", **frame(own), stats=told, choices=statistics.DAYS)


@blueprint.get("/api/alerts/stats")
def stats_json() -> ResponseReturnValue:
    """?days= (1 to 90, default 7)."""
    own = console()
    try:
        told = statistics.statistics(own, _whole("days", statistics.LONGEST, statistics.USUAL))
    except StoreError as error:
        return jsonify(error=str(error)), 503
    return jsonify(told | {"timestamp": iso(own.clock.time())})


def filtered(standing: Standing, chosen: dict[str, str]) -> list[Active]:
    """What fits every filter that is set; q is looked for in names, values of labels and the words."""

    def fits(one: Active) -> bool:
        entry = one.entry
        if chosen["state"] and one.state != chosen["state"]:
            return False
        if any(chosen[name] and entry.labels.get(name, "") != chosen[name] for name in ("severity", "team", "service")):
            return False
        text = chosen["q"].casefold()
        return not text or any(
            text in value.casefold() for value in (*entry.labels.values(), *entry.annotations.values())
        )

    return [one for one in standing.alerts if fits(one)]


def grouping(found: list[Active], label: str) -> list[tuple[str, list[Active]]]:
    """In groups by the value of a label, in the order of their first alert; one group without a name for no label."""
    if not label:
        return [("", found)] if found else []
    groups: dict[str, list[Active]] = defaultdict(list)
    for one in found:
        groups[one.entry.labels.get(label, "")].append(one)
    return [(value or f"no {label}", alerts) for value, alerts in groups.items()]


def _choices(standing: Standing) -> dict[str, list[str]]:
    """The values that the filters offer."""
    labels = {name: {one.entry.labels.get(name, "") for one in standing.alerts} for name in ("team", "service")}
    there = {one.state for one in standing.alerts}
    severities = {one.entry.severity for one in standing.alerts}
    known = [name for name in SEVERITIES if name in severities]
    return {
        "state": [state for state in STATES if state in there or state == FIRING],
        "severity": known + sorted(severities - {*known, ""})[:20],
        **{name: sorted(values - {""})[:200] for name, values in labels.items()},
    }


def _chosen(names: tuple[str, ...]) -> dict[str, str]:
    return {name: request.args.get(name, "")[:LONGEST] for name in names}


def _whole(name: str, high: int, usual: int | None = None) -> int:
    """A query argument from 1 to `high`; `usual`, else `high`, when absent. Others end the request with 400."""
    usual = high if usual is None else usual
    text = request.args.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= high):
        abort(refusal(400, f"{name}: a whole number from 1 to {high}"))
    return int(text)

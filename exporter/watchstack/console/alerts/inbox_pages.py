"""The pages of the inbox: what fires, the history, one entry. On the blueprint of `pages`; its API: `inbox/api.py`."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.alerts.acknowledge import DURATIONS, LONGEST, USUAL
from watchstack.console.alerts.active import Active, Standing, gather
from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import FIRING, RESOLVED, SEVERITIES
from watchstack.console.pages import blueprint, frame
from watchstack.console.store import StoreError

__all__ = ["blueprint"]
PAGE = 50
FIRING_SHOWN = 200
LONGEST_FILTER = 300  # characters
FILTERS = ("status", "alertname", "severity", "team", "service", "q")


@blueprint.get("/inbox")
def inbox() -> ResponseReturnValue:
    """?status=, ?alertname=, ?severity=, ?team=, ?service=, ?q=, ?before=: which part of the history.

    What fires stands above the first page.
    """
    own = console()
    chosen = {name: request.args.get(name, "")[:LONGEST_FILTER] for name in FILTERS}
    if chosen["status"] not in ("", FIRING, RESOLVED):
        abort(404)
    before = request.args.get("before", type=int)
    before = before if before and 0 < before < 2**62 else None
    first = before is None and not any(chosen.values())
    try:
        firing = own.inbox.firing(FIRING_SHOWN) if first else []
        count = own.inbox.firing_count()
        history = own.inbox.newest(limit=PAGE + 1, before=before, **chosen)
        choices = {"severity": list(SEVERITIES)} | {name: own.inbox.values(name) for name in ("team", "service")}
    except StoreError:
        return render_template("inbox.html", **frame(own), unreadable=True), 503
    kept = {name: value for name, value in chosen.items() if value}
    more = None
    if len(history) > PAGE:
        history = history[:PAGE]
        more = "?" + urlencode(kept | {"before": history[-1].id})
    return render_template(
        "inbox.html",
        **frame(own),
        firing=firing,
        firing_count=count,
        history=history,
        more=more,
        first=first,
        chosen=chosen,
        kept=kept,
        choices=choices,
        **_taking(own, gather(own) if firing else Standing()),
    )


@blueprint.get("/entries/<int:number>")
def entry(number: int) -> ResponseReturnValue:
    own = console()
    try:
        found = own.inbox.get(number) if number < 2**62 else None
        if found is None:
            abort(404)
        others = own.inbox.of_instance(found.fingerprint)
    except StoreError:
        return render_template("inbox.html", **frame(own), unreadable=True), 503
    open_still = others[0].status == FIRING
    standing = gather(own) if open_still else Standing()
    return render_template(
        "entry.html", **frame(own), entry=found, others=others, open_still=open_still, **_taking(own, standing)
    )


def _taking(own: Console, standing: Standing) -> dict[str, object]:
    """What the parts for acknowledging need. standing_of: what is known of an alert by its fingerprint."""
    known = standing.by_fingerprint if standing.source == "alertmanager" else {}

    def standing_of(fingerprint: str) -> Active | None:
        return known.get(fingerprint)

    return {
        "standing_of": standing_of,
        "can_take": "alertmanager" in own.config.current.peers,
        "durations": DURATIONS,
        "usual": USUAL,
        "longest": LONGEST,
    }

"""The addresses of the dashboards: the list, a dashboard, its data. The browser names what it wants to see; every
expression comes from the files, every address from console.json."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, current_app, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markdown_it import MarkdownIt
from markupsafe import Markup

from watchstack.console.context import EXTENSION, Console, console
from watchstack.console.dashboards import plain
from watchstack.console.dashboards.asking import Asker
from watchstack.console.dashboards.declared import Variable
from watchstack.console.dashboards.drawing import data, spec
from watchstack.console.dashboards.files import Library
from watchstack.console.dashboards.marks import marks
from watchstack.console.dashboards.model import Dashboard, Panel
from watchstack.console.dashboards.queries import everything, option_values, values_of
from watchstack.console.dashboards.times import Span, span, valid
from watchstack.console.dashboards.variables import LONGEST, VALUES, Value
from watchstack.console.pages import frame
from watchstack.console.peers.ask import PeerError

AT_ONCE = 60  # panels of a request
SMALL = 1000  # bytes that are not worth packing
_LIBRARY, _ASKER = "watchstack-dashboards", "watchstack-asker"
blueprint = Blueprint("dashboards", __name__)
_one_at_a_time = threading.Lock()
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    own = state.app.extensions[EXTENSION]
    assert isinstance(own, Console)
    state.app.extensions[_LIBRARY] = Library(own.settings.dashboards, own.clock, lambda: own.config.current.address)
    state.app.extensions[_ASKER] = Asker(own)


def library() -> Library:
    found = current_app.extensions[_LIBRARY]
    assert isinstance(found, Library)
    return found


def asker() -> Asker:
    found = current_app.extensions[_ASKER]
    assert isinstance(found, Asker)
    return found


@blueprint.get("/dashboards/")
def listing() -> ResponseReturnValue:
    return render_template("dashboards.html", **frame(console()), **_listed())


@blueprint.get("/api/dashboards")
def api_listing() -> ResponseReturnValue:
    return _listed()


def _listed() -> dict[str, Any]:
    """?q=: words of title or tags. ?tag=: one tag."""
    wanted, tag = request.args.get("q", "").strip()[:100], request.args.get("tag", "")[:100]
    known = library().dashboards.values()
    found = [
        {"uid": one.uid, "title": one.title, "tags": list(one.tags), "panels": len(one.panels), "custom": one.custom}
        for one in known
        if (not tag or tag in one.tags)
        and all(word in " ".join((one.title, *one.tags)).lower() for word in wanted.lower().split())
    ]
    tags = sorted({tag for one in known for tag in one.tags})
    return {"dashboards": found, "tags": tags, "left_out": library().problems, "q": wanted, "tag": tag}


@blueprint.get("/dashboards/<uid>")
@blueprint.get("/dashboards/<uid>/<panel>")
def dashboard(uid: str, panel: str = "") -> ResponseReturnValue:
    """panel: the slug of one, which is shown large above the others. ?from=, ?to=: Unix milliseconds or `now-1h`; what
    is neither, like Go's year 1, is left out. ?var-name=: values of variables."""
    own = console()
    found = library().get(uid)
    if found is None:
        return render_template("dashboard_absent.html", **frame(own), uid=uid, panel=panel.replace("-", " ")), 404
    shown = next((one for one in found.panels if panel and one.slug == panel), None)
    return render_template(
        "dashboard.html",
        **frame(own),
        dashboard=found,
        shown=shown,
        missing=panel.replace("-", " ") if panel and shown is None else "",
        spec=spec,
        words=_words,
        told=_told(found),
        page={
            "uid": found.uid,
            "usual": list(_usual(found)),
            "refresh": found.refresh,
            "links": [link.plain() for link in found.links],
            "grafana": own.settings.grafana,
            "logs": "loki" in own.config.current.peers,
        },
        grafana=_grafana(own, found),
    )


@blueprint.get("/api/dashboards/<uid>")
def api_dashboard(uid: str) -> ResponseReturnValue:
    found = _found(uid)
    return {
        "uid": found.uid,
        "title": found.title,
        "tags": list(found.tags),
        "from": _usual(found)[0],
        "to": _usual(found)[1],
        "refresh": found.refresh,
        "links": [link.plain() for link in found.links],
        "only_in_grafana": list(found.strange),
        "variables": [_described(one) for one in found.variables],
        "panels": [_panel(one) for one in found.panels],
    }


@blueprint.get("/api/dashboards/<uid>/data")
def api_data(uid: str) -> ResponseReturnValue:
    """?panels=1,2: by their ids, all without. ?from=, ?to=, ?var-name=: as the page has them. ?options=1: what every
    variable can be, besides; ?marks=1: what happened. ?panels=0 asks for no panel."""
    found, own = _found(uid), console()
    usual = _usual(found)
    told_from, told_to = _moments()
    over = span(told_from, told_to, own.clock.time(), (usual[0], usual[1]), own.config.current.scrape_seconds)
    values = {
        name: value if isinstance(value, Value) else Value((), ".*", True)  # its panels say what is not reached
        for name, value in values_of(found, _told(found), over, asker()).items()
    }
    answer: dict[str, Any] = {"from": over.start, "to": over.end}
    if request.args.get("marks"):
        answer["marks"] = marks(found.kinds, over, values, asker())
    if request.args.get("options"):
        answer["options"] = {one.name: _options(one, over, values) for one in found.variables if one.kind != "textbox"}
    told = everything(_wanted(found), over, values, asker())
    with _one_at_a_time:  # the interpreter does no more anyway, and 50 series of 1,000 points are large objects
        answer["panels"] = {panel.number: data(panel, asked) for panel, asked in told}
        return current_app.json.response(answer)


@blueprint.after_request
def _pack(answer: Response) -> Response:
    """JSON of numbers is a fifth of its size when packed; it holds nothing that a session must keep secret."""
    packs = "gzip" in request.headers.get("Accept-Encoding", "")
    if answer.mimetype != "application/json" or not packs or answer.content_length is None:
        return answer
    if answer.content_length > SMALL:
        answer.set_data(gzip.compress(answer.get_data(), 3, mtime=0))
        answer.headers["Content-Encoding"] = "gzip"
        answer.vary.add("Accept-Encoding")
    return answer


def _found(uid: str) -> Dashboard:
    found = library().get(uid)
    if found is None:
        abort(404)
    return found


def _wanted(found: Dashboard) -> list[Panel]:
    """The panels that are asked for and have something to ask."""
    told = request.args.get("panels", "")[:2000]
    numbers = {int(part) for part in told.split(",") if part.isascii() and part.isdigit() and len(part) < 10}
    panels = [one for one in found.panels if not told or one.number in numbers]
    return [one for one in panels if not one.why and one.kind not in ("row", "text")][:AT_ONCE]


def _told(found: Dashboard) -> dict[str, list[str]]:
    """What the address says about the dashboard's own variables."""
    told = {one.name: request.args.getlist(f"var-{one.name}")[:VALUES] for one in found.variables}
    return {name: [value[:LONGEST] for value in values] for name, values in told.items() if values}


def _moments() -> tuple[str, str]:
    """?from= and ?to=, each only where it is a moment."""
    told = (request.args.get("from", ""), request.args.get("to", ""))
    return tuple(text if valid(text) else "" for text in told)  # type: ignore[return-value]


def _usual(found: Dashboard) -> tuple[str, str]:
    start, end = (text if valid(text) else "" for text in found.usual)
    return start or "now-3h", end or "now"


def _options(variable: Variable, over: Span, values: Mapping[str, Value]) -> dict[str, Any]:
    if variable.kind == "query" and not variable.values_of:
        return {"values": [], "problem": "Only Grafana finds the values of this variable."}
    found = option_values(variable, over, asker(), values)
    return {"values": [], "problem": str(found)} if isinstance(found, PeerError) else {"values": list(found)}


def _described(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "kind": variable.kind,
        "label": variable.label,
        "description": variable.description,
        "multi": variable.multi,
        "all": variable.all,
        "default": list(variable.default),
    }


def _panel(panel: Panel) -> dict[str, Any]:
    x, y, width, height = panel.place
    told = {"title": panel.title, "slug": panel.slug, "description": panel.description, "why": panel.why}
    return spec(panel) | told | {"place": {"x": x, "y": y, "w": width, "h": height}}


def _words(panel: Panel) -> Markup:
    """A text panel's Markdown, without HTML of its own; what is meant as HTML or code is shown as it stands."""
    content = plain.text(panel.options, "content")
    if plain.text(panel.options, "mode", "markdown") != "markdown":
        return Markup("<pre>{}</pre>").format(content)
    return Markup(_markdown.render(content))


def _grafana(own: Console, found: Dashboard) -> str:
    """The same in Grafana at the same time, where it runs."""
    if not own.settings.grafana:
        return ""
    moments = zip(("from", "to"), _moments(), strict=True)
    query = [(name, text) for name, text in moments if text]
    query += [(f"var-{name}", value) for name, values in _told(found).items() for value in values]
    return f"{own.settings.grafana}/d/{found.uid}" + (f"?{urlencode(query)}" if query else "")

"""The OpenAPI description of the console's API at /api/openapi.json, made from the application's own routes.

What a route answers stands in ROUTES, the bodies' schemas in schemas.py. A route that ROUTES does not know is described
as such by `undescribed`, and a test fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from watchstack.console.access import marks
from watchstack.console.access.guard import COOKIE
from watchstack.console.access.marks import Need
from watchstack.console.logs import VIEWS
from watchstack.console.logs.loki import LEVELS, MODES
from watchstack.console.schemas import SCHEMAS
from watchstack.shapes import TEXT, Schema

PREFIX = "/api/"
WORDS = {200: "as asked", 201: "made", 400: "a parameter or the body is wrong", 401: "no sign-in, or a wrong token",
         403: "the role is too small", 404: "there is no such thing", 413: "the body is too large",
         415: "another type of body", 422: "refused for good", 429: "too often; see Retry-After",
         502: "refused by the other side", 503: "a part does not answer"}  # fmt: skip
blueprint = Blueprint("openapi", __name__)


def whole(high: int) -> Schema:
    """A whole number from 1 to `high`."""
    return {"type": "integer", "minimum": 1, "maximum": high}


def one_of(*values: str) -> Schema:
    """One of them; empty asks for nothing."""
    return {"enum": ["", *values]}


@dataclass(frozen=True)
class Described:
    """answers: status to the name of the body's schema, beside those that every route has. query: parameters by name.

    A name with a slash is a type of body that is no JSON. body: name of the schema of what is sent.
    """

    about: str
    answers: Mapping[int, str]
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: str = ""


def _get(about: str, schema: str, *refusals: int, **query: Schema) -> Described:
    return Described(about, {200: schema, **dict.fromkeys(refusals, "error")}, query)


_LIMIT = whole(1000)
_SHORT: Schema = {**TEXT, "maxLength": 1000}
_ID = whole(2**62)
_DAYS = whole(90)
_PERIOD = one_of("1h", "6h", "24h", "7d", "30d")
_OVER: Mapping[str, Schema] = {"period": _PERIOD}
_WEBHOOK = (400, 401, 413, 503)
# By method and rule, as Flask writes it
ROUTES: Mapping[tuple[str, str], Described] = {
    ("GET", "/api/openapi.json"): _get("This description", "openapi"),
    ("GET", "/api/overview"): _get("Whether anything is wrong, since when, and whose it is", "overview"),
    ("GET", "/api/overview/charts/<key>"): _get("The course of one number over the last hour", "chart", 404, 503),
    ("GET", "/api/alerts"): _get(
        "What fires now", "alerts", 400, state=TEXT, severity=TEXT, team=TEXT, service=TEXT, q=TEXT, limit=_LIMIT
    ),
    ("GET", "/api/alerts/history"): _get(
        "What fired, newest first", "history", 400, 503, severity=TEXT, team=TEXT, service=TEXT, alertname=TEXT,
        limit=_LIMIT, before=_ID,
    ),
    ("GET", "/api/alerts/stats"): _get("Counts and times of some days' alerts", "statistics", 400, 503, days=_DAYS),
    ("POST", "/api/alerts/<fingerprint>/acknowledgement"): Described(
        "Acknowledges an alert", {201: "acknowledged", **dict.fromkeys((400, 404, 413, 503), "error")},
        body="acknowledgement",
    ),
    ("DELETE", "/api/alerts/<fingerprint>/acknowledgement"): _get(
        "Takes every acknowledgement of an alert back", "unacknowledged", 404, 503
    ),
    ("GET", "/api/v1/inbox"): _get(
        "What came to the inbox, newest first", "entries", 400, 503, alertname=TEXT, severity=TEXT, team=TEXT,
        service=TEXT, q=TEXT, status=one_of("firing", "resolved"), limit=_LIMIT, before=_ID,
    ),
    ("POST", "/api/v1/inbox"): Described(
        "Takes a notification", {200: "received", **dict.fromkeys(_WEBHOOK, "error")}, {}, "notification"
    ),
    ("POST", "/api/v1/watchdog"): Described(
        "Takes a heartbeat", {200: "heartbeat", **dict.fromkeys(_WEBHOOK, "error")}, {}, "notification"
    ),
    ("POST", "/api/v1/relay/<name>"): Described(
        "Passes a notification on to a webhook of console.json",
        {200: "relayed", **dict.fromkeys((*_WEBHOOK, 404, 422, 502), "error")}, {}, "notification",
    ),
    ("GET", "/api/audit"): _get("Who did what, newest first", "audit", 400, 503, user=TEXT, action=TEXT, limit=_LIMIT,
                                before=_ID),
    ("GET", "/api/dashboards"): _get("The dashboards that are drawn here", "dashboards", q=TEXT, tag=TEXT),
    ("GET", "/api/dashboards/<uid>"): _get("One dashboard", "dashboard", 404),
    ("GET", "/api/dashboards/<uid>/data"): _get(
        "What its panels show", "data", 404, panels=TEXT, options=TEXT, marks=TEXT, **{"from": TEXT, "to": TEXT}
    ),
    ("GET", "/api/rules"): _get(
        "Every rule with its state", "rules", 404, severity=TEXT, team=TEXT, text=TEXT,
        state=one_of("firing", "pending", "inactive", "recording", "broken", "unloaded", "unwritten"),
    ),
    ("GET", "/api/rules/<path:where>"): _get("The rules of a group and name", "rule", 404),
    ("GET", "/api/targets"): _get(
        "What Prometheus scrapes", "targets", 404, health=one_of("up", "down", "unknown"), service=TEXT, text=TEXT
    ),
    ("GET", "/api/services"): _get(
        "Health of the services", "services", 404, text=TEXT,
        state=one_of("down", "unhealthy", "degraded", "up", "absent"),
    ),
    ("GET", "/api/resources"): _get("Hosts, containers, and what the stack costs", "resources"),
    ("GET", "/api/resources/charts/<name>"): _get("The course of one of them", "chart", 404, 503, period=_PERIOD),
    ("GET", "/api/logs"): _get(
        "Lines of the log, newest first, or their patterns; ?start= and ?end= as RFC 3339", "logs", 400, 503,
        q=_SHORT, service=_SHORT, job=_SHORT, level=one_of(*LEVELS), view=one_of(*VIEWS),
        mode=one_of(*MODES),
    ),
    ("GET", "/api/report"): _get("How a period went", "report", 400, **_OVER),
    ("GET", "/api/export"): _get("Everything that the console shows, for a period", "everything", 400, **_OVER),
    ("GET", "/api/export/alerts.csv"): Described(
        "The alerts that began within a period", {200: "text/csv", 400: "error", 503: "error"}, _OVER
    ),
    ("GET", "/api/export/dashboards/<uid>"): _get(
        "A dashboard as Grafana takes it", "definition", 404, **{"for": TEXT}
    ),
    ("GET", "/api/insights"): _get("A score with its reasons, advice and trends", "insights", 400, period=_PERIOD),
}  # fmt: skip


@blueprint.get("/api/openapi.json")
def shown() -> ResponseReturnValue:
    return document(current_app)


def routes(app: Flask) -> Iterator[tuple[str, Rule]]:
    """Method and rule of everything below /api/."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if rule.rule.startswith(PREFIX):
            yield from ((method, rule) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def undescribed(app: Flask) -> list[str]:
    """Routes that ROUTES does not know, and entries of it that are no route."""
    there = {(method, rule.rule) for method, rule in routes(app)}
    return [f"{method} {rule}" for method, rule in sorted(there ^ ROUTES.keys())]


def document(app: Flask) -> dict[str, Any]:
    """The description of the application's own routes; one without an entry is left out."""
    paths: dict[str, Any] = {}
    for method, rule in routes(app):
        if described := ROUTES.get((method, rule.rule)):
            need = marks.of(app.view_functions[rule.endpoint])
            path = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule)
            paths.setdefault(path, {})[method.lower()] = _operation(method, rule, described, need)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Watchstack console",
            "version": "1",
            "description": "What the console's pages show, as data. Reading needs the role viewer, changes need admin.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "password": {"type": "http", "scheme": "bearer", "description": "the password of an account"},
                "inbox": {"type": "http", "scheme": "bearer", "description": "the inbox's token"},
            },
        },
    }


def _operation(method: str, rule: Rule, described: Described, need: Need) -> dict[str, Any]:
    answers = dict(described.answers)
    if need is not Need.TOKEN:
        answers |= dict.fromkeys((401, 403, 429), "error")
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{rule.rule}").strip("_"),
        "summary": described.about,
        "responses": {str(code): _response(code, name) for code, name in sorted(answers.items())},
        "security": [{"inbox": []}] if need is Need.TOKEN else [{"session": []}, {"password": []}],
    }
    if need is Need.ADMIN or (method != "GET" and need is not Need.TOKEN):
        operation["description"] = "It needs the role admin."
    parameters = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in sorted(rule.arguments)]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in described.query.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if described.body:
        schema = {"$ref": f"#/components/schemas/{described.body}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _response(code: int, name: str) -> dict[str, Any]:
    if "/" in name:  # no JSON
        return {"description": WORDS[code], "content": {name: {"schema": TEXT}}}
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": WORDS[code], "content": {"application/json": {"schema": schema}}}

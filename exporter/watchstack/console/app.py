"""The console as a Flask application: blueprints, limits, headers. What they do lives in the blueprints."""

from __future__ import annotations

from flask import Flask, Response, request
from jinja2 import StrictUndefined

from watchstack.console import alerts, dashboards, errors, health, logs, openapi, overview, pages
from watchstack.console.access import guard
from watchstack.console.access import views as access
from watchstack.console.alerts import acknowledge, inbox_pages, silences
from watchstack.console.context import EXTENSION, Console
from watchstack.console.inbox import api
from watchstack.console.inbox.payload import LARGEST_BODY
from watchstack.console.knowledge import exports, insights, report, resources, rules, services, targets
from watchstack.console.notify import relay

BLUEPRINTS = (
    api.blueprint,
    relay.blueprint,
    access.blueprint,
    overview.blueprint,
    alerts.blueprint,
    inbox_pages.blueprint,
    acknowledge.blueprint,
    silences.blueprint,
    logs.blueprint,
    rules.blueprint,
    targets.blueprint,
    services.blueprint,
    resources.blueprint,
    insights.blueprint,
    exports.blueprint,
    report.blueprint,
    dashboards.blueprint,
    dashboards.chart_js,
    openapi.blueprint,
    health.blueprint,
)
# Nothing from elsewhere, nothing inline, no frame: what stands in a label can do nothing even if it became markup.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a form of our own would come from the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(own: Console) -> Flask:
    """The application over the parts of one console; starts no thread."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    pages.register_filters(app.jinja_env.filters)
    app.extensions[EXTENSION] = own
    guard.install(app)
    errors.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.after_request(_headers)
    return app


def _headers(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if guard.is_private() or answer.status_code >= 400:
        answer.headers["Cache-Control"] = "no-store"  # no copy stays in a browser that is shared
    elif request.endpoint != guard.STATIC:
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer

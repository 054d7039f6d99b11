"""The OpenAPI description of the endpoints that an application serves, from routes.py and schemas.py; no data here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from watchstack.access import Access
from watchstack.access.sessions import COOKIE
from watchstack.endpoints import REASONS, Answer, Handler, Request, json_answer
from watchstack.routes import MEDIA, PROMETHEUS, UNLIMITED, Route
from watchstack.schemas import PARAMETERS, SCHEMAS
from watchstack.shapes import TEXT

_SCHEME, _SESSION = "token", "session"
_ABOUT = {
    Access.RESTRICTED: "In production it wants a token of either role, where one is set.",
    Access.SENSITIVE: "In production it wants the admin's token.",
    Access.VIEWER: "It wants the admin's or the viewer's token.",
    Access.ADMIN: "It wants the admin's token.",
}


def handler(routes: Iterable[Route], version: str) -> Handler:
    """Serves the description of those of `routes` that the application has not taken for itself."""
    known = list(routes)

    def handle(request: Request) -> Answer:
        return json_answer(document([route for route in known if not request.owned(route.path)], version))

    return handle


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The description of `routes`. version: of the application."""
    paths: dict[str, Any] = {}
    used = {"error"}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
        used |= {name for name in route.answers.values() if name in SCHEMAS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Monitoring of this application",
            "version": version,
            "description": "Health answers, probes and metrics. The application's own endpoints are not described.",
        },
        "paths": paths,
        "components": {
            "schemas": {name: SCHEMAS[name] for name in sorted(used)},
            "securitySchemes": {
                _SCHEME: {"type": "http", "scheme": "bearer"},
                _SESSION: {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    words = [route.about + ".", _ABOUT.get(route.access, "")]
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "summary": route.about,
        "description": " ".join(filter(None, words)),
        "responses": {str(code): _response(code, name) for code, name in sorted(route.answers.items())},
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "description": about, "schema": PARAMETERS.get(name, TEXT)}
        for name, about in (route.parameters or {}).items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.access is not Access.OPEN:
        # an empty requirement says that it may do without
        always = route.access in (Access.ADMIN, Access.VIEWER)
        operation["security"] = [{_SCHEME: []}, {_SESSION: []}, *([] if always else [{}])]
        operation["responses"] |= {"401": _response(401, "error"), "403": _response(403, "error")}
        if route.method == "GET":
            operation["responses"]["303"] = _response(303, "")  # a browser, to sign in
    if route.form is not None:
        fields = {name: {**TEXT, "description": about} for name, about in route.form.items()}
        form = {"schema": {"type": "object", "properties": fields}}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": form}}
    if route.method != "GET":
        operation["responses"]["413"] = _response(413, "plain")
    if route.name not in UNLIMITED:
        kind = "html" if route.name == "login" else "error"
        operation["responses"]["429"] = _response(429, kind)
    return operation


def _response(code: int, name: str) -> dict[str, Any]:
    if not name:
        return {"description": REASONS[code]}
    if name in MEDIA:
        content: dict[str, Any] = {MEDIA[name]: {"schema": {"type": "string"}}}
    elif name == PROMETHEUS:
        content = _prometheus()
    else:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        if name == "metrics" and code == 200:
            content |= _prometheus()
    return {"description": REASONS[code], "content": content}


def _prometheus() -> dict[str, Any]:
    return {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/openmetrics-text")}

"""The OpenAPI description of the endpoints that an application serves, from routes.py and schemas.py; no data here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from watchstack.access import Access
from watchstack.endpoints import REASONS, Answer, Handler, Request, json_answer
from watchstack.routes import PROMETHEUS, Route
from watchstack.schemas import SCHEMAS

_SCHEME = "token"
_ABOUT = {
    Access.RESTRICTED: "In production it wants the token where one is set.",
    Access.SENSITIVE: "In production it wants the token.",
    Access.ADMIN: "It wants the token.",
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
            "securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}},
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
        {"name": name, "in": "query", "required": False, "description": about, "schema": {"type": "string"}}
        for name, about in (route.parameters or {}).items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.access is not Access.OPEN:
        # an empty requirement says that it may do without
        operation["security"] = [{_SCHEME: []}, *([] if route.access is Access.ADMIN else [{}])]
        operation["responses"] |= {"401": _response(401, "error"), "403": _response(403, "error")}
    return operation


def _response(code: int, name: str) -> dict[str, Any]:
    if name == "plain":
        content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    elif name == PROMETHEUS:
        content = _prometheus()
    else:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        if name == "metrics" and code == 200:
            content |= _prometheus()
    return {"description": REASONS[code], "content": content}


def _prometheus() -> dict[str, Any]:
    return {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/openmetrics-text")}

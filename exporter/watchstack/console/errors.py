"""Errors as a caller reads them: JSON for programs, a page for people. A blueprint may answer its own itself."""

from __future__ import annotations

from flask import Flask, Response, json, render_template
from werkzeug.exceptions import HTTPException

from watchstack.console.access.guard import wants_json

WORDS = {404: "there is no such thing here", 500: "the console failed at this: its log says why"}


def install(app: Flask) -> None:
    """For every error that nobody else answers."""
    app.register_error_handler(HTTPException, told)


def told(error: HTTPException) -> Response:
    """The error's own status and headers (Allow, Retry-After); nothing of what was asked stands in the words."""
    answer = Response(
        status=error.code or 500, headers=[pair for pair in error.get_headers() if pair[0] != "Content-Type"]
    )
    words = WORDS.get(answer.status_code, "") or str(error.description or error.name)
    if wants_json():
        answer.set_data(json.dumps({"error": words}))
        answer.content_type = "application/json"
    else:
        page = render_template(
            "refused.html", status=error.code, title=error.name, words=words.rstrip("."), here="", changes=False
        )
        answer.set_data(page)
        answer.content_type = "text/html; charset=utf-8"
    return answer

"""The answer to a program whose question cannot be answered. Errors of whole requests are in `errors`."""

from __future__ import annotations

from flask import Response, jsonify


def refusal(status: int, words: str) -> Response:
    """JSON with the words under `error`."""
    answer = jsonify(error=words)
    answer.status_code = status
    return answer

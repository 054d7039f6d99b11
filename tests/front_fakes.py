"""Prometheus and Alertmanager as they answer, in one small server: recorded shapes with values that a test sets.

From the APIs of Prometheus 3.13 and Alertmanager 0.34; tests/browser/test_console_front.py runs the real ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from console_kit import START, when
from serving import serving


def vector(labels: dict[str, str], value: object) -> list[dict[str, Any]]:
    return [{"metric": labels, "value": [START, str(value)]}]


@dataclass
class Answers:
    """queries: what is told of an expression. broken: paths that answer 500. posted: bodies with their paths."""

    address: str = ""
    queries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    silences: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    posted: list[tuple[str, Any]] = field(default_factory=list)
    raw: bytes | None = None

    def alert(self, name: str, start: float, **more: Any) -> dict[str, Any]:
        """One alert of Alertmanager. more: labels, and state, silencedBy, inhibitedBy, mutedBy of its status."""
        status = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
        status |= {key: more.pop(key) for key in tuple(more) if key in status}
        number = more.pop("fingerprint", f"{name.lower()}-{more.get('instance', '')}")
        return {
            "annotations": {"summary": f"{name} it is"},
            "endsAt": when(start + 240),
            "fingerprint": number,
            "receivers": [{"name": "inbox"}],
            "startsAt": when(start),
            "status": status,
            "updatedAt": when(start),
            "generatorURL": "http://prometheus.test/graph",
            "labels": {"alertname": name, **more},
        }

    def silence(self, number: str, why: str, who: str = "Ada", **labels: str) -> dict[str, Any]:
        return {
            "id": number,
            "status": {"state": "active"},
            "updatedAt": when(START),
            "comment": why,
            "createdBy": who,
            "endsAt": when(START + 3600),
            "startsAt": when(START - 60),
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()
            ],
        }

    def get(self, path: str, query: dict[str, str]) -> Any:
        if path == "/api/v2/alerts":
            return self.alerts
        if path == "/api/v2/silences":
            return self.silences
        if path == "/api/v1/alerts":
            return {"status": "success", "data": {"alerts": self.rules}}
        self.asked.append(query)
        kind = "matrix" if path.endswith("_range") else "vector"
        result = self.queries.get(query["query"], [])
        return {"status": "success", "data": {"resultType": kind, "result": result}}


@contextmanager
def answering() -> Iterator[Answers]:
    """Both parts at one address."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            broken = parts.path in answers.broken
            found = {"message": "broken"} if broken else answers.get(parts.path, dict(parse_qsl(parts.query)))
            self._answer(500 if broken else 200, answers.raw or json.dumps(found).encode())

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers.posted.append((self.path, content))
            self._answer(500 if self.path in answers.broken else 200, b'{"silenceID": "new-1"}')

        def do_DELETE(self) -> None:
            answers.posted.append((self.path, None))
            self._answer(200, b"")

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # a page asks many things at once

    server = Server(("127.0.0.1", 0), Handler)
    answers.address = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield answers

"""Dashboards for tests of the console: one with every kind of panel, and a Prometheus and Loki that say what they are
told to. What the real ones answer is in tests/native."""

from __future__ import annotations

import json
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from console_kit import FakeClock, settings
from serving import serving
from waiting import DEADLINE
from watchstack.console import Console
from watchstack.console.context import build
from watchstack.console.dashboards.answers import Answer, Question, Series

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
LOKI = {"type": "loki", "uid": "loki"}
Query = dict[str, str]


def target(expr: str, legend: str = "", **more: Any) -> dict[str, Any]:
    return {"expr": expr, "legendFormat": legend, "refId": "A", "datasource": PROMETHEUS, **more}


def panel(kind: str, *targets: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "title": f"Panel {number}",
        "description": "What it shows.",
        "gridPos": {"x": 0, "y": 8 * number, "w": 12, "h": 8},
        "targets": list(targets),
        **more,
    }


def dashboard(*panels: dict[str, Any], uid: str = "mine", **more: Any) -> dict[str, Any]:
    return {"uid": uid, "title": f"Dashboard {uid}", "tags": ["watchstack"], "panels": list(panels), **more}


def variable(**more: Any) -> dict[str, Any]:
    asked = {"query": 'label_values(up{job="a"}, service)'}
    usual = {"type": "query", "name": "service", "query": asked, "multi": True, "includeAll": True, "allValue": ".*"}
    return {"current": {"value": "$__all"}, **usual, **more}


def console_with(folder: Path, *documents: dict[str, Any], clock: FakeClock | None = None, **config: Any) -> Console:
    """A console whose folder of dashboards holds these. config: keys of console.json, as the URL of each part."""
    shelf = folder / "dashboards"
    shelf.mkdir(exist_ok=True)
    for document in documents:
        (shelf / f"{document['uid']}.json").write_text(json.dumps(document))
    return build(replace(settings(folder, **config), dashboards=(shelf,)), clock or FakeClock())


def answered(question: Question, *series: tuple[dict[str, str], list[float]]) -> Answer:
    """An answer on the question's grid: values are the last points of it."""
    found = []
    for labels, values in series:
        empty = [float("nan")] * (question.points - len(values))
        found.append(Series(labels, array("d", [*empty, *values])))
    return Answer(tuple(found))


class Told:
    """Answers questions by path and query, and keeps them. go: cleared, no answer goes out."""

    def __init__(self, answer: Callable[[str, Query], Any]) -> None:
        self.answer = answer
        self.go = threading.Event()
        self.go.set()
        self.asked: list[tuple[str, Query]] = []
        self.most_at_once = self.at_once = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)

    def end(self) -> None:
        with self._lock:
            self.at_once -= 1


def vector(*samples: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [0, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@contextmanager
def telling(answer: Callable[[str, Query], Any]) -> Iterator[tuple[str, Told]]:
    """A server that answers with the JSON that `answer(path, query)` gives; (status, JSON) for a refusal."""
    told = Told(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.begin()
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            told.asked.append((parts.path, query))
            told.go.wait(DEADLINE)
            found = told.answer(parts.path, query)
            told.end()
            status, content = found if isinstance(found, tuple) else (200, found)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # with the usual five a connection waits for its second try

    server = Server(("127.0.0.1", 0), Handler)
    with serving(server):
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", told
        finally:
            told.go.set()

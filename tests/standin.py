"""A stand-in for a part of the stack that answers what a test tells it, and notes what it was asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from serving import serving

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[[str, str], Reply]


def json_of(content: bytes, status: int = 200) -> Answer:
    """The same body to every question, called JSON."""
    return lambda _method, _target: (status, {"Content-Type": "application/json"}, content)


class StandIn:
    """asked: method and target of each request, as they came. answer: may be changed at any time. url: without a slash
    at its end; address: `host:port`.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []
        own = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                own.asked.append((self.command, self.path))
                status, headers, content = own.answer(self.command, self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = _any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # the console asks much at once

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever asked and did not wait for the answer is no fault."""
                if not isinstance(sys.exception(), OSError):
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.address}"


@contextmanager
def standing_in(answer: Answer) -> Iterator[StandIn]:
    """Serves until left."""
    own = StandIn(answer)
    with serving(own.server):
        yield own

"""The drill's own servers on loopback: what Prometheus scrapes, and what Alertmanager sends to by HTTP and by mail.

What is served and what a message means is decided elsewhere.
"""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stackgen.drill.receivers import Ear

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
ANSWERS: Mapping[str, bytes] = {  # what an integration wants to hear
    "telegram_configs": b'{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"}}}',
    "slack_configs": b'{"ok":true}',
}
ACCEPTED = frozenset({"pagerduty_configs", "opsgenie_configs"})  # say 202


@dataclass(frozen=True)
class Message:
    """What arrived. moment: Unix time. path: what the integration added to its address."""

    ear: Ear
    moment: float
    path: str
    body: bytes


class Site:
    """Both servers, and what arrived.

    page: the text of all series now. answers: whether the target of that path answers now. Requests are counted by
    path in `asked`.
    """

    def __init__(self, page: Callable[[], bytes], answers: Callable[[str], bool]) -> None:
        self.page, self.answers = page, answers
        self.ears: Mapping[str, Ear] = {}
        self.asked: dict[str, int] = {}
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._web = _Web(("127.0.0.1", 0), _handler(self))
        self._mail = _Mail(("127.0.0.1", 0), _mail_handler(self))
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            for server in (self._web, self._mail)
        ]

    @property
    def web(self) -> str:
        return f"127.0.0.1:{self._web.server_address[1]}"

    @property
    def mail(self) -> str:
        return f"127.0.0.1:{self._mail.server_address[1]}"

    def __enter__(self) -> Site:
        return self

    def start(self) -> None:
        """Begins to answer; until then connections wait."""
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_error: object) -> None:
        for server, thread in zip((self._web, self._mail), self._threads, strict=True):
            if thread.is_alive():
                server.shutdown()
                thread.join()
            server.server_close()

    def take(self, key: str, path: str, body: bytes) -> Ear | None:
        """Keeps a message; the ear that it was for."""
        ear = self.ears.get(key)
        if ear is not None:
            with self._lock:
                self._messages.append(Message(ear, time.time(), path, body))
        return ear

    def messages(self, since: int = 0) -> list[Message]:
        """All that has arrived, from that number on."""
        with self._lock:
            return self._messages[since:]


class _Web(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end early are no news: Prometheus is ended before this server is."""


class _Mail(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As above."""


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 10

        def do_GET(self) -> None:
            site.asked[self.path] = site.asked.get(self.path, 0) + 1
            if self.path == "/series":
                self._answer(200, site.page(), EXPOSITION)
            else:
                self._answer(200 if site.answers(self.path) else 500, b"", EXPOSITION)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            _, _, rest = self.path.partition("/to/")
            key, _, path = rest.partition("/")
            ear = site.take(key, path, body)
            if ear is None:
                self._answer(404, b"", "text/plain")
            else:
                status = 202 if ear.kind in ACCEPTED else 200
                self._answer(status, ANSWERS.get(ear.kind, b"{}"), "application/json")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            """Silent."""

    return Handler


def _mail_handler(site: Site) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        """The little of SMTP that a sender needs who is not asked for a password."""

        timeout = 10

        def handle(self) -> None:
            with suppress(OSError):
                self._talk()

        def _talk(self) -> None:
            name = ""
            self._say("220 drill")
            while line := self.rfile.readline():
                word, _, rest = line.decode("latin-1").strip().partition(" ")
                match word.upper():
                    case "EHLO" | "HELO":
                        name = rest.strip()
                        self._say("250-drill", "250 8BITMIME")
                    case "DATA":
                        self._say("354 go on")
                        site.take(name, "", self._data())
                        self._say("250 kept")
                    case "QUIT":
                        self._say("221 bye")
                        return
                    case _:
                        self._say("250 fine")

        def _data(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) and line not in (b".\r\n", b".\n"):
                lines.append(line[1:] if line.startswith(b".") else line)
            return b"".join(lines)

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    return Handler

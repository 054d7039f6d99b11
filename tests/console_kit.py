"""A console for tests: settings in a folder, a clock that is moved by hand, webhook bodies, recorders that receive."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from serving import serving
from waiting import DEADLINE
from watchstack.console import Console, Settings, build, create_app
from watchstack.console.access.accounts import FILES
from watchstack.console.access.guard import COOKIE, CSRF_HEADER
from watchstack.console.access.sessions import csrf_of
from watchstack.serve import Address

TOKEN = "a-token-of-tests"
PASSWORDS = {role: f"the-password-of-{role}-in-tests" for role in FILES}
START = 1_790_000_000.0
NOBODY = "http://127.0.0.1:1"  # nothing listens there


class FakeClock:
    def __init__(self) -> None:
        self.wall = START
        self.running = 1000.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.running

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.running += seconds


def settings(folder: Path, **config: Any) -> Settings:
    """Lays the console's folders below `folder`; keyword arguments replace keys of console.json."""
    for name in ("config", "secrets", "runbooks"):
        (folder / name).mkdir(exist_ok=True)
    document = {
        "environment": "test",
        "address": "http://console.test",
        "watchdog": {"silence_seconds": 90, "notify": None},
        "outside_receivers": [],
    } | config
    (folder / "config" / "console.json").write_text(json.dumps(document))
    (folder / "secrets" / "inbox-token").write_text(TOKEN + "\n")
    for role, file in FILES.items():
        (folder / "secrets" / file).write_text(PASSWORDS[role] + "\n")
    return Settings(
        listen=Address("127.0.0.1", 0),
        data=folder / "data",
        config=folder / "config",
        secrets=folder / "secrets",
        runbooks=folder / "runbooks",
    )


def console(folder: Path, clock: FakeClock | None = None, **config: Any) -> Console:
    return build(settings(folder, **config), clock or FakeClock())


def signed_in(client: FlaskClient, role: str = "admin") -> FlaskClient:
    """The same client after the sign-in form; it shows the CSRF token from then on, as a page's JavaScript does."""
    answer = client.post("/login", data={"user": role, "password": PASSWORDS[role]})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    client.environ_base["HTTP_" + CSRF_HEADER.upper().replace("-", "_")] = csrf_of(cookie.value)
    return client


def anywhere(client: FlaskClient) -> FlaskClient:
    """A client with the same session that sends it whatever Host it names; a browser would keep it to one."""
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    other: FlaskClient = client.application.test_client(use_cookies=False)
    other.environ_base |= client.environ_base | {"HTTP_COOKIE": f"{COOKIE}={cookie.value}"}
    return other


def bearer(role: str = "admin") -> dict[str, str]:
    """The header by which a program is let in."""
    return {"Authorization": f"Bearer {PASSWORDS[role]}"}


def when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def alert(
    name: str = "HighMemoryUsage",
    status: str = "firing",
    *,
    start: float = START,
    fingerprint: str = "00ff",
    **labels: str,
) -> dict[str, Any]:
    """One alert as Alertmanager 0.34 writes it: endsAt of a firing one is year 1."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "warning"} | labels,
        "annotations": {"summary": f"{name} it is", "description": "value 91 %, threshold 80 %"},
        "startsAt": when(start),
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else when(start + 300),
        "generatorURL": "http://prometheus.test/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }


def body(*alerts: dict[str, Any], **replaced: Any) -> dict[str, Any]:
    return {
        "receiver": "inbox",
        "status": alerts[0]["status"] if alerts else "firing",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.test",
        "version": "4",
        "groupKey": '{}:{alertname="HighMemoryUsage"}',
        "truncatedAlerts": 0,
    } | replaced


class HttpRecorder:
    """Keeps every request it gets, as (path, headers, body), and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.location = ""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.delay = threading.Event()
        self.delay.set()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                recorder.delay.wait(DEADLINE)
                recorder.requests.append((self.path, dict(self.headers), content))
                self.send_response(200 if self.command == "GET" else recorder.status)
                if recorder.location:
                    self.send_header("Location", recorder.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def json(self, number: int = -1) -> Any:
        return json.loads(self.requests[number][2])


class SmtpRecorder(socketserver.ThreadingTCPServer):
    """The least of an SMTP server: keeps envelopes and letters."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SmtpSession)
        self.letters: list[tuple[str, list[str], EmailMessage]] = []
        self.logins: list[str] = []
        self.refuse_data = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _SmtpSession(socketserver.StreamRequestHandler):
    server: SmtpRecorder

    def handle(self) -> None:
        sender, receivers = "", []
        self._say("220 recorder")
        while line := self.rfile.readline().decode().strip():
            verb = line.upper()
            if verb.startswith("EHLO"):
                self._say("250-recorder\r\n250 AUTH PLAIN")
            elif verb.startswith("AUTH"):
                self.server.logins.append(line)
                self._say("235 in")
            elif verb.startswith("MAIL FROM:"):
                sender = line[10:].strip("<>").split(">")[0]
                self._say("250 ok")
            elif verb.startswith("RCPT TO:"):
                receivers.append(line[8:].strip("<>"))
                self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                letter = self._letter()
                if self.server.refuse_data:
                    self._say("451 later")
                    continue
                self.server.letters.append((sender, receivers, letter))
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _letter(self) -> EmailMessage:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        letter = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        return letter

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")


@contextmanager
def recording() -> Iterator[HttpRecorder]:
    recorder = HttpRecorder()
    with serving(recorder.server):
        try:
            yield recorder
        finally:
            recorder.delay.set()


@contextmanager
def recording_mail() -> Iterator[SmtpRecorder]:
    recorder = SmtpRecorder()
    with serving(recorder):
        yield recorder


@contextmanager
def opened(folder: Path, **peers: str) -> Iterator[FlaskClient]:
    """An admin who is signed in to a console over these parts."""
    own = console(folder, FakeClock(), **peers)
    try:
        yield signed_in(create_app(own).test_client())
    finally:
        own.store.close()

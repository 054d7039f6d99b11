"""A real Alertmanager with a rendered configuration, and a local server that every kind of receiver is pointed to."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from stackgen.engines.native_placement import placement
from stackgen.load import load
from stackgen.model import Model
from stackgen.placement import Placement
from stackgen.render import render
from support import ROOT, choose_ports
from trees import put
from waiting import until

PATIENCE = 60.0  # seconds for an answer, and for a path that is held
EXTERNAL = "http://alertmanager.test"
TELEGRAM = b'{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"group"}}}'


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Recorder:
    """Keeps every request and every mail. answer: HTTP status for a path. held: paths that wait until `hold` is set."""

    http: str = ""
    smtp: str = ""
    requests: list[Request] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    answer: Callable[[str], int] = lambda _path: 200
    hold: threading.Event = field(default_factory=threading.Event)
    held: Callable[[str], bool] = lambda _path: False

    def of(self, path: str) -> list[Request]:
        """Requests whose path begins so."""
        return [request for request in self.requests if request.path.startswith(path)]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"


@contextmanager
def recording() -> Iterator[Recorder]:
    """A recorder that listens on loopback."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            recorder.requests.append(Request(self.path, dict(self.headers), body))
            if recorder.held(self.path):
                recorder.hold.wait(PATIENCE)
            content = TELEGRAM if self.path.startswith("/bot") else b"ok"
            self.send_response(recorder.answer(self.path))
            kind = "application/json" if self.path.startswith("/bot") else "text/plain"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # a client that gave up on a hanging answer
            return

    port = choose_ports(1)[0]
    mail = Controller(recorder, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE)
    mail.start()
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    recorder.http, recorder.smtp = f"http://127.0.0.1:{server.server_address[1]}", f"127.0.0.1:{port}"
    try:
        yield recorder
    finally:
        recorder.hold.set()
        mail.stop()
        server.shutdown()
        server.server_close()
        thread.join()


class Alertmanager:
    """A running one: its API, and what it says of itself."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self.log = log

    def ask(self, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def send(self, *alerts: Mapping[str, Any]) -> None:
        self.ask("/api/v2/alerts", list(alerts))

    def alerts(self) -> list[dict[str, Any]]:
        return list(self.ask("/api/v2/alerts"))


def place(folder: Path, console: str = "") -> Placement:
    """The native placement of a folder; console: another address for the console, `host:port`."""
    found = placement(folder)
    if console:
        host, _, port = console.rpartition(":")
        places = {**found.places, "console": replace(found["console"], host=host, port=int(port))}
        found = replace(found, places=places)
    return found


def model(folder: Path, stack: str) -> Model:
    """The model of this stack.yml alone."""
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    (folder / "stack.yml").write_text(stack)
    return load(folder)[0]


def files(folder: Path, stack: str, secrets: Mapping[str, str], console: str = "") -> Path:
    """Renders the stack below `folder`, with the templates; the path of alertmanager.yml."""
    put(folder / "tree", render(model(folder, stack), place(folder, console)))
    shutil.copytree(ROOT / "alertmanager" / "templates", folder / "tree/alertmanager/templates")
    (folder / "secrets").mkdir(exist_ok=True)
    for name, value in {"inbox-token": "token-of-tests", **secrets}.items():
        (folder / "secrets" / name).write_text(value + "\n")
    return folder / "tree/alertmanager/alertmanager.yml"


@contextmanager
def running(program: Path, config: Path, *flags: str) -> Iterator[Alertmanager]:
    """An Alertmanager of its own on a free port."""
    address = f"127.0.0.1:{choose_ports(1)[0]}"
    folder = config.parent.parent
    command = [
        str(program),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        f"--web.external-url={EXTERNAL}",
        "--web.route-prefix=/",
        "--cluster.listen-address=",
        "--enable-feature=receiver-name-in-metrics",
        *flags,
    ]
    log = folder / "alertmanager.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            found = Alertmanager(f"http://{address}", log)

            def answers() -> bool:
                try:
                    found.ask("/api/v2/status")
                except (urllib.error.URLError, ConnectionError):
                    assert process.poll() is None, log.read_text()
                    return False
                return True

            until(answers, why="Alertmanager answers")
            yield found
        finally:
            process.terminate()

"""A console as a process and raw sockets to it: what the security tests send that no client library would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from console_kit import settings
from support import ROOT, answers, choose_ports
from waiting import DEADLINE, until

AT_ONCE = 20.0  # seconds; the server gives up on a client that says nothing after 60


@dataclass
class Wire:
    """A console process. folder: what it was given."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def home(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, request: bytes) -> bytes:
        """What comes back until the server closes, or nothing came for as long as nobody waits."""
        with self.open(request) as client:
            return received(client)

    def open(self, request: bytes, seconds: float = DEADLINE) -> socket.socket:
        """A connection over which `request` was sent; a server that closes while it is sent is no error."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        with suppress(OSError):
            client.sendall(request)
        return client

    def lives(self) -> None:
        """Fails when a question about its health is not answered at once, or not well."""
        with at_once():
            answer = self.send(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 "), answer

    def memory(self) -> int:
        """Bytes of resident memory."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def log(self) -> list[dict[str, Any]]:
        """Every whole line that it logged; fails on one that is no JSON object."""
        whole, _, _ = (self.folder / "log").read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.split(b"\n") if line]


@contextmanager
def at_once() -> Iterator[None]:
    """Fails when the block takes as long as one takes who is held up; a busy machine has room enough below that."""
    began = time.monotonic()
    yield
    assert (took := time.monotonic() - began) < AT_ONCE, f"{took:.1f} s"


def received(client: socket.socket, enough: int = 1 << 20) -> bytes:
    """What a connection gives until it is closed, silent for its timeout, or `enough`."""
    content = b""
    with suppress(OSError):
        while len(content) < enough and (piece := client.recv(65536)):
            content += piece
    return content


def status(answer: bytes) -> int:
    """Of a raw answer; 0 for a connection that was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


@contextmanager
def wired(
    folder: Path, runbooks: Path | None = None, dashboards: Path | None = None, before: str = "", **config: Any
) -> Iterator[Wire]:
    """A console of its own under `folder`, with the runbooks and dashboards that lie there or those that are named.

    before: lines of Python that run in its process first. config: of console.json.
    """
    (port,) = choose_ports(1)
    home = f"http://127.0.0.1:{port}"
    settings(folder, **{"address": home, **config})
    variables = {
        "CONSOLE_LISTEN": f"127.0.0.1:{port}",
        "CONSOLE_DATA": str(folder / "data"),
        "CONSOLE_CONFIG": str(folder / "config"),
        "CONSOLE_SECRETS": str(folder / "secrets"),
        "CONSOLE_RUNBOOKS": str(runbooks or folder / "runbooks"),
        "CONSOLE_DASHBOARDS": str(dashboards or folder / "dashboards"),
        "PYTHONPATH": str(ROOT / "exporter"),
    }
    (folder / "data").mkdir()
    main = f"{before}\nimport sys\nfrom watchstack.console.__main__ import main\nsys.exit(main())"
    command = [sys.executable, *(("-c", main) if before else ("-m", "watchstack.console"))]
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=said, stderr=said)
    try:
        until(lambda: answers(f"{home}/health/ready") or process.poll() is not None, why=log.read_text)
        assert process.poll() is None, log.read_text()
        yield Wire(port, folder, process)
    finally:
        process.terminate()
        process.wait(DEADLINE)

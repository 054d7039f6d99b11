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


@dataclass
class Wire:
    """A console process. folder: what it was given."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def send(self, request: bytes, seconds: float = 5.0, enough: int = 1 << 20) -> bytes:
        """What comes back until the server closes, `enough` bytes are there, or nothing came for `seconds`."""
        with self.open(request, seconds) as client:
            return received(client, enough)

    def open(self, request: bytes, seconds: float = 5.0) -> socket.socket:
        """A connection over which `request` was sent; a server that closes while it is sent is no error."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        with suppress(OSError):
            client.sendall(request)
        return client

    def lives(self) -> float:
        """Seconds until a health answer."""
        began = time.monotonic()
        answer = self.send(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        return time.monotonic() - began

    def memory(self) -> int:
        """Bytes of resident memory."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def log(self) -> list[dict[str, Any]]:
        """Every line that it logged; fails on one that is no JSON object."""
        lines = (self.folder / "log").read_bytes().split(b"\n")
        return [json.loads(line) for line in lines if line]


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
def wired(folder: Path, **config: Any) -> Iterator[Wire]:
    """A console of its own under `folder`, with the runbooks and dashboards that lie there. config: of console.json."""
    (port,) = choose_ports(1)
    settings(folder, address=f"http://127.0.0.1:{port}", **config)
    variables = {
        "CONSOLE_LISTEN": f"127.0.0.1:{port}",
        "CONSOLE_DATA": str(folder / "data"),
        "CONSOLE_CONFIG": str(folder / "config"),
        "CONSOLE_SECRETS": str(folder / "secrets"),
        "CONSOLE_RUNBOOKS": str(folder / "runbooks"),
        "CONSOLE_DASHBOARDS": str(folder / "dashboards"),
        "PYTHONPATH": str(ROOT / "exporter"),
    }
    (folder / "data").mkdir()
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "watchstack.console"]
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 20
        while not answers(f"http://127.0.0.1:{port}/health/live"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.05)
        yield Wire(port, folder, process)
    finally:
        process.terminate()
        process.wait(20)

"""A Docker Engine API on a Unix socket for tests: answers in the shapes recorded from Docker 20.10 and 28."""

from __future__ import annotations

import copy
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from serving import serving

NETWORK = {
    "IPAMConfig": None,
    "Links": None,
    "Aliases": None,
    "NetworkID": "3422fee988f2ee96",
    "EndpointID": "e1",
    "Gateway": "172.17.0.1",
    "IPAddress": "172.17.0.2",
    "IPPrefixLen": 16,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "MacAddress": "02:42:ac:11:00:02",
    "DriverOpts": None,
}
STATS_V1 = {
    "read": "2026-11-21T02:20:12.592384865Z",
    "preread": "0001-01-01T00:00:00Z",
    "pids_stats": {"current": 2},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 8, "minor": 0, "op": "Read", "value": 4096},
            {"major": 8, "minor": 0, "op": "Write", "value": 8192},
            {"major": 8, "minor": 0, "op": "Total", "value": 12288},
            {"major": 8, "minor": 16, "op": "Read", "value": 1000},
        ],
        "io_serviced_recursive": [],
    },
    "num_procs": 0,
    "storage_stats": {},
    "cpu_stats": {
        "cpu_usage": {"total_usage": 142028820, "usage_in_kernelmode": 50000000, "usage_in_usermode": 80000000},
        "system_cpu_usage": 6125670000000,
        "online_cpus": 2,
    },
    "memory_stats": {
        "usage": 22114304,
        "max_usage": 23998464,
        "stats": {"cache": 20975616, "inactive_file": 7, "total_inactive_file": 20000000, "rss": 110592},
        "limit": 67108864,
    },
    "name": "/web",
    "networks": {
        "eth0": {"rx_bytes": 1042, "rx_packets": 11, "tx_bytes": 10, "tx_packets": 0},
        "eth1": {"rx_bytes": 8, "rx_packets": 1, "tx_bytes": 5, "tx_packets": 0},
    },
}
STATS_V2 = copy.deepcopy(STATS_V1) | {
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 259, "minor": 0, "op": "read", "value": 300},
            {"major": 259, "minor": 0, "op": "write", "value": 400},
        ],
        "io_serviced_recursive": None,
    },
    "memory_stats": {
        "usage": 50_000_000,
        "stats": {"anon": 1000, "file": 40_000_000, "inactive_file": 30_000_000, "active_file": 10_000_000},
        "limit": 8_000_000_000,
    },
}


def identity(number: int) -> str:
    return f"{number:064x}"


def listed(number: int, name: str = "", state: str = "running", **labels: str) -> dict[str, Any]:
    return {
        "Id": identity(number),
        "Names": [f"/{name or f'c{number}'}"],
        "Image": "shop/web:1.2",
        "ImageID": "sha256:a3122d81",
        "Command": "web --password=hunter2",
        "Created": 1795227608,
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
        "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"} | labels,
        "State": state,
        "Status": "Up 4 seconds (healthy)",
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": dict(NETWORK)}},
        "Mounts": [{"Type": "bind", "Source": "/secret/place", "Destination": "/x"}],
    }


def inspected(number: int, *, health: str | None = "healthy", restarts: int = 3, oom: bool = False) -> dict[str, Any]:
    state: dict[str, Any] = {
        "Status": "running",
        "Running": True,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": oom,
        "Dead": False,
        "Pid": 12345,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": "2026-11-21T02:20:08.534857086Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
    }
    if health is not None:
        state["Health"] = {"Status": health, "FailingStreak": 0, "Log": []}
    return {
        "Id": identity(number),
        "Created": "2026-11-21T02:20:08.098850153Z",
        "Path": "web",
        "Args": ["--password=hunter2"],
        "State": state,
        "Image": "sha256:a3122d81",
        "Name": f"/c{number}",
        "RestartCount": restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "Mounts": [{"Source": "/secret/place"}],
        "HostConfig": {"Binds": ["/secret/place:/x"], "NetworkMode": "default", "Memory": 67108864},
        "Config": {
            "Hostname": "abc",
            "Env": ["PASSWORD=hunter2"],
            "Cmd": ["--password=hunter2"],
            "Healthcheck": {"Test": ["CMD", "check", "--token=hunter2"]},
            "Image": "shop/web:1.2",
            "Tty": False,
            "Labels": {"com.docker.compose.project": "shop"},
        },
        "NetworkSettings": {"Networks": {"bridge": dict(NETWORK)}},
    }


class FakeDocker(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Set what it answers through the attributes; `requests` holds (method, target) of all that came."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.details: dict[str, dict[str, Any]] = {}
        self.stats: dict[str, dict[str, Any]] = {}
        self.fail: dict[tuple[str, str], int] = {}  # (kind, id) -> HTTP status
        self.delay: dict[str, float] = {}  # kind -> seconds
        self.held: set[str] = set()  # kinds that are not answered until `release`
        self.raw: dict[str, bytes] = {}  # kind -> body instead of JSON
        self.events: list[dict[str, Any]] = []
        self.log: list[bytes] = []
        self.log_ends = True
        self.changed = threading.Condition()
        self.requests: list[tuple[str, str]] = []
        self.concurrent = self.most_concurrent = 0
        self.open_streams = 0
        self.ending = False
        super().__init__(str(path), FakeHandler)

    def run(self, *numbers: int, **options: Any) -> None:
        """Adds running containers."""
        for number in numbers:
            self.rows.append(listed(number, **options))
            self.details[identity(number)] = inspected(number)
            self.stats[identity(number)] = STATS_V1

    def tell(self, action: str, number: int, nanoseconds: int) -> None:
        with self.changed:
            self.events.append(
                {
                    "status": action,
                    "id": identity(number),
                    "Type": "container",
                    "Action": action,
                    "Actor": {"ID": identity(number), "Attributes": {"name": f"c{number}"}},
                    "scope": "local",
                    "time": nanoseconds // 10**9,
                    "timeNano": nanoseconds,
                }
            )
            self.changed.notify_all()

    def write(self, line: bytes) -> None:
        with self.changed:
            self.log.append(line)
            self.changed.notify_all()

    def release(self) -> None:
        """Answers what was held, and holds nothing more."""
        with self.changed:
            self.held.clear()
            self.changed.notify_all()

    def targets(self, part: str) -> list[str]:
        return [target for _, target in self.requests if part in target]

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away


class FakeHandler(BaseHTTPRequestHandler):
    server: FakeDocker
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fake = self.server
        with fake.changed:
            fake.requests.append((self.command, self.path))
            fake.concurrent += 1
            self._counted = True
            fake.most_concurrent = max(fake.most_concurrent, fake.concurrent)
        try:
            self._route(fake)
        finally:
            self._leave()

    do_HEAD = do_GET

    def _leave(self) -> None:
        """A request is no longer at work when its answer goes out: the client may ask the next one at once."""
        with self.server.changed:
            self.server.concurrent -= self._counted
            self._counted = False

    def _route(self, fake: FakeDocker) -> None:
        path = urlsplit(self.path).path
        parts = [part for part in path.split("/") if part]
        if parts and parts[0].startswith("v1."):
            parts = parts[1:]
        kind = {"_ping": "ping", "version": "version", "events": "events"}.get(parts[0], "")
        number = ""
        if parts[0] == "containers":
            kind = "list" if parts[1] == "json" else {"json": "inspect"}.get(parts[2], parts[2])
            number = "" if kind == "list" else parts[1]
        time.sleep(fake.delay.get(kind, 0))
        with fake.changed:
            fake.changed.wait_for(lambda: kind not in fake.held or fake.ending)
        if status := fake.fail.get((kind, number)) or fake.fail.get((kind, "")):
            self._send(status, json.dumps({"message": f"no: {kind} {number}"}).encode())
        elif kind in fake.raw:
            self._send(200, fake.raw[kind])
        elif kind == "events":
            self._events(fake)
        elif kind == "logs":
            self._logs(fake)
        else:
            self._plain(fake, kind, number)

    def _plain(self, fake: FakeDocker, kind: str, number: str) -> None:
        answers: dict[str, Any] = {
            "version": {"Version": "28.2.2", "ApiVersion": "1.48", "MinAPIVersion": "1.24", "Os": "linux"},
            "list": fake.rows,
        }
        if kind == "ping":
            self._send(200, b"OK", "text/plain; charset=utf-8")
            return
        known = {"inspect": fake.details, "stats": fake.stats}.get(kind)
        answer = answers.get(kind) if known is None else known.get(number)
        if answer is None:
            self._send(404, b'{"message":"No such container"}')
        else:
            self._send(200, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self._leave()
        self.send_response(status)
        self.send_header("Api-Version", "1.48")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def _events(self, fake: FakeDocker) -> None:
        since = float(parse_qs(urlsplit(self.path).query)["since"][0])
        self._start()
        told = 0
        while not fake.ending:
            with fake.changed:
                fake.changed.wait_for(lambda known=told: len(fake.events) > known or fake.ending, 0.2)
                news, told = fake.events[told:], len(fake.events)
            for event in news:
                if event["timeNano"] / 1e9 >= since:
                    self._chunk(json.dumps(event).encode() + b"\n")

    def _logs(self, fake: FakeDocker) -> None:
        self._start()
        sent = 0
        with fake.changed:
            fake.open_streams += 1
        try:
            while True:
                with fake.changed:
                    fake.changed.wait_for(lambda known=sent: len(fake.log) > known or fake.ending or fake.log_ends, 0.1)
                    news, sent = fake.log[sent:], len(fake.log)
                for line in news:
                    self._chunk(line)
                if fake.ending or fake.log_ends:
                    self.wfile.write(b"0\r\n\r\n")
                    return
                self.connection.settimeout(0.001)
                try:
                    if not self.connection.recv(1):
                        return
                except TimeoutError:
                    pass
                finally:
                    self.connection.settimeout(None)
        finally:
            with fake.changed:
                fake.open_streams -= 1

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def docker_at(path: Path) -> Iterator[FakeDocker]:
    """A daemon on this socket until the block ends; the socket is gone afterwards."""
    fake = FakeDocker(path)
    with serving(fake):
        try:
            yield fake
        finally:
            with fake.changed:
                fake.ending = True
                fake.changed.notify_all()
    path.unlink(missing_ok=True)

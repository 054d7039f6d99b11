"""Real servers for the tests of checks: PostgreSQL, Redis, FerretDB for MongoDB, and an HTTP API that misbehaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import choose_ports, unavailable
from waiting import DEADLINE, until
from watchstack.health.check import Check, Registry, Result, Status
from watchstack.health.database import PsycopgDatabase, database_check
from watchstack.health.runner import Runner


def driver(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        unavailable(f"the package {name} is not installed")


def run(check: Check) -> Result:
    return Runner(Registry(), told=lambda outcome: None).run([check])[0].result


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A server on a free port of loopback, which is up when `start` returns."""

    def __init__(self, command: list[str], port: int, folder: Path, **how: Any) -> None:
        self.command, self.port, self.folder, self.how = command, port, folder, how

    def start(self) -> None:
        """Raises AssertionError with its log when it does not listen."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self.how
            )
        until(lambda: listens(self.port) or self.process.poll() is not None, why=(self.folder / "log").read_text)
        assert self.process.poll() is None, (self.folder / "log").read_text()

    def stop(self) -> None:
        """Returns when it has ended, by force if it must be."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)
            ended(self.process)


def ended(process: subprocess.Popen[bytes], seconds: float = DEADLINE) -> None:
    """Waits for a process that was told to end, and ends it by force when it does not."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args!r:.100} did not end within {seconds:.0f} s") from None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Program]:
    with running_redis(tmp_path) as one:
        yield one


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[Program]:
    driver("redis")
    found = shutil.which("redis-server")
    if found is None:
        unavailable("redis-server is not installed")
    port = choose_ports(1)[0]
    with _started(Program([found, "--port", str(port), "--bind", "127.0.0.1", "--save", ""], port, folder)) as one:
        yield one


@pytest.fixture
def postgres() -> Iterator[Program]:
    with running_postgres() as one:
        yield one


@contextlib.contextmanager
def running_postgres() -> Iterator[Program]:
    driver("psycopg")
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not binaries:
        unavailable("postgresql is not installed")
    folder = Path(tempfolder())
    how: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(folder, "postgres", "postgres")
        how = {"user": "postgres", "group": "postgres", "extra_groups": []}
    make = [str(binaries[-1].with_name("initdb")), "-D", str(folder / "data"), "-U", "watch", "-A", "trust", "-N"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **how)
    port = choose_ports(1)[0]
    # without autovacuum, whose processes come and go in what the server tells of its connections
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F", "-c", "autovacuum=off"]
    one = Program([str(binaries[-1]), "-D", str(folder / "data"), *options], port, folder, **how)
    with _started(one):
        until(lambda: run(database_check(PsycopgDatabase(conninfo(port)))).status is Status.HEALTHY)
        yield one
    shutil.rmtree(folder)


@contextlib.contextmanager
def _started(one: Program) -> Iterator[Program]:
    """The program while it runs; what a test has stopped and not started again is left so."""
    one.start()
    try:
        yield one
    finally:
        one.stop()


def tempfolder() -> str:
    return tempfile.mkdtemp(prefix="watchstack-postgres-")  # one that its own user can reach


def conninfo(port: int) -> str:
    return f"postgresql://watch@127.0.0.1:{port}/postgres"


@pytest.fixture
def mongodb(program: Callable[..., Path], tmp_path: Path) -> Iterator[Program]:
    with running_mongodb(program("ferretdb"), tmp_path) as one:
        yield one


@contextlib.contextmanager
def running_mongodb(ferretdb: Path, folder: Path) -> Iterator[Program]:
    """FerretDB, which speaks MongoDB's protocol and keeps its data in SQLite."""
    driver("pymongo")
    port, debug = choose_ports(2)
    command = [
        *(str(ferretdb), "--handler=sqlite", f"--sqlite-url=file:{folder}/", f"--state-dir={folder}"),
        *(f"--listen-addr=127.0.0.1:{port}", f"--debug-addr=127.0.0.1:{debug}", "--telemetry=disable"),
    ]
    with _started(Program(command, port, folder)) as one:
        yield one


def linger(told: Any) -> None:
    """Waits `told.seconds`; when they are set to 0, those go on that wait already."""
    ends = time.monotonic() + told.seconds
    while time.monotonic() < ends and told.seconds:
        time.sleep(0.01)


class Api(BaseHTTPRequestHandler):
    """seconds: until an answer."""

    code, seconds = 200, 0.0

    def do_GET(self) -> None:
        linger(type(self))
        self.send_response(type(self).code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def api() -> Iterator[tuple[type[Api], str]]:
    kind = type("OneApi", (Api,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}/"
    kind.seconds = 0.0  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


class Proxy:
    """Stands before a server on loopback and hands bytes on, each portion `seconds` late."""

    def __init__(self, target: int) -> None:
        self.seconds = 0.0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closed = False
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._closed = True
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE)
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(near)
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                with contextlib.suppress(OSError):  # who asked may be gone already
                    near.shutdown(socket.SHUT_RDWR)
                continue
            self._sockets.append(far)
            if self._closed:  # which may not have seen these two
                return
            for ends in ((near, far), (far, near)):
                self._threads.append(threading.Thread(target=self._hand_on, args=ends))
                self._threads[-1].start()

    def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                linger(self)
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

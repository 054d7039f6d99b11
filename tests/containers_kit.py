"""The collector of containers, and its GET-only way to the Docker API with a client of it, over a stand-in's socket."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_fake import FakeDocker, docker_at, identity
from prometheus_client import CollectorRegistry, generate_latest
from waiting import DEADLINE, until
from watchstack.containers import ContainerCollector, Sampler
from watchstack.containers.api import ApiServer
from watchstack.containers.collector import FRESH, Errors
from watchstack.containers.engine import Engine
from watchstack.containers.events import Events
from watchstack.containers.settings import Endpoint
from watchstack.serve import Address

ID = identity(1)


class Rig:
    """Collector, sampler and events over one socket; the sampler's clock is moved by `later`."""

    def __init__(self, path: Path, limit: int = 500, timeout: int = int(DEADLINE)) -> None:
        self.offset = 0.0
        self.registry = CollectorRegistry()
        errors = Errors()
        engine = Engine(Endpoint(path=str(path)), timeout)
        self.sampler = Sampler(engine, limit, errors.count, clock=lambda: time.monotonic() + self.offset)
        self.events = Events(engine, lambda: errors.count("events"))
        self.registry.register(ContainerCollector(self.sampler, self.events, errors))

    def later(self, seconds: float = FRESH) -> None:
        self.offset += seconds

    def scrape(self) -> dict[str, float]:
        """Series by their text, from a fresh round, or the last one where a test is `hurried`."""
        self.later()
        lines = generate_latest(self.registry).decode().splitlines()
        return {name: float(value) for line in lines if line[0] != "#" for name, value in [line.rsplit(" ", 1)]}

    def finish(self, docker: FakeDocker) -> None:
        """Lets the held round come to its end while Docker is there, so that it does not fail into the next test."""
        docker.release()
        until(lambda: not self.sampler._running)

    def close(self) -> None:
        self.events.stop()
        self.sampler.stop()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, a scrape has its round."""
    for name in ("PATIENCE", "FIRST_PATIENCE"):
        monkeypatch.setattr(f"watchstack.containers.collector.{name}", DEADLINE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


@pytest.fixture
def rig(path: Path) -> Iterator[Rig]:
    made = Rig(path)
    yield made
    made.close()


def of(number: int, metric: str, more: str = "") -> str:
    """The series of a container that `run` made; labels in prometheus_client's order."""
    front, back = more.split("|") if "|" in more else ("", more)
    return f'{metric}{{compose_service="web",{front}name="c{number}",project="shop"{back}}}'


class Api:
    """A server over a socket, and a client of it."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.registry = CollectorRegistry()
        self.server = ApiServer(Address("127.0.0.1", 0), Endpoint(path=str(path)), self.registry, **options)
        self.server.start(poll=0.02)

    def ask(self, target: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=DEADLINE)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        with self.open(request) as client:
            content = b""
            while piece := client.recv(65536):
                content += piece
            return content

    def open(self, request: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.server.port), timeout=DEADLINE)
        client.sendall(request)
        return client

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def docker(path: Path) -> Iterator[FakeDocker]:
    with docker_at(path) as fake:
        fake.run(1)
        yield fake


@pytest.fixture
def api(path: Path, docker: FakeDocker) -> Iterator[Api]:
    made = Api(path)
    yield made
    made.server.stop()

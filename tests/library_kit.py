"""What the library's tests share: a clock to set by hand, drivers for WSGI and ASGI, a look at a registry's samples."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry
from watchstack.clocks import Clocks


@dataclass
class Hands:
    """Clocks that stand until they are set forward."""

    now: float = 1000.0

    def forward(self, seconds: float) -> None:
        self.now += seconds

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.now, lambda: self.now, lambda: self.now)


@dataclass
class Reply:
    """What came out of an application. broken: the exception that left it."""

    status: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    broken: BaseException | None = None


@dataclass(frozen=True)
class Ask:
    """A request. chunked: the body comes without a length. leaves_after: chunks after which the client goes away."""

    method: str = "GET"
    path: str = "/items/7"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    length: str | None = None
    leaves_after: int | None = None
    query: str = ""


def environ_of(ask: Ask) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": ask.method,
        "PATH_INFO": ask.path,
        "QUERY_STRING": ask.query,
        "SERVER_NAME": "test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(ask.body),
        "wsgi.errors": io.StringIO(),
        "HTTP_HOST": "test",
        "REMOTE_ADDR": "127.0.0.1",
    }
    if ask.chunked:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        environ["wsgi.input_terminated"] = True
    elif ask.body or ask.length is not None:
        environ["CONTENT_LENGTH"] = ask.length if ask.length is not None else str(len(ask.body))
    for name, value in ask.headers:
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else "HTTP_" + key] = value
    return environ


def drive_wsgi(app: Any, ask: Ask) -> Reply:
    """Sends one request as a server would: reads the chunks, closes the body."""
    reply = Reply()
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        reply.status, reply.headers = status[:3], {name.lower(): value for name, value in headers}
        return written.append

    body: Any = ()
    try:
        body = app(environ_of(ask), start_response)
        for index, chunk in enumerate(body):
            written.append(chunk)
            if ask.leaves_after is not None and index + 1 >= ask.leaves_after:
                break
    except BaseException as error:
        reply.broken = error
    finally:
        if hasattr(body, "close"):
            body.close()
    reply.body = b"".join(written)
    return reply


def scope_of(ask: Ask) -> dict[str, Any]:
    headers = [(name.lower().encode(), value.encode()) for name, value in ask.headers]
    if ask.chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    elif ask.body or ask.length is not None:
        headers.append((b"content-length", (ask.length if ask.length is not None else str(len(ask.body))).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": ask.method,
        "path": ask.path,
        "raw_path": ask.path.encode(),
        "query_string": ask.query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "server": ("test", 80),
        "client": ("127.0.0.1", 1234),
    }


class ClientLeft(BaseException):
    """Stands for the cancellation of a request's task."""


async def call_asgi(app: Any, ask: Ask, leave: BaseException | None = None) -> Reply:
    reply = Reply()
    chunks: list[bytes] = []
    messages = [{"type": "http.request", "body": ask.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status = str(message["status"])
            reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))
            if ask.leaves_after is not None and len(chunks) >= ask.leaves_after:
                raise leave or asyncio.CancelledError()

    try:
        await app(scope_of(ask), receive, send)
    except BaseException as error:
        reply.broken = error
    reply.body = b"".join(chunks)
    return reply


def drive_asgi(app: Any, ask: Ask) -> Reply:
    return asyncio.run(call_asgi(app, ask))


def samples(registry: CollectorRegistry, *names: str) -> dict[str, float]:
    """`name{a="b"}` -> value of every sample whose name begins with one of `names`."""
    found: dict[str, float] = {}
    for metric in registry.collect():
        for sample in metric.samples:
            if sample.name.startswith(names):
                labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def lines_of(exposition: bytes, *starts: str) -> list[str]:
    return [line for line in exposition.decode().splitlines() if line.startswith(starts)]


def names_of(registry: CollectorRegistry) -> Iterable[str]:
    return [metric.name for metric in registry.collect()]

"""Runs a WSGI application under waitress as a process of its own: address, JSON log lines, clean end on SIGTERM.

What is served lives elsewhere; nothing here knows a route. Needs the extra `server`.
"""

from __future__ import annotations

import errno
import json
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any, TextIO
from wsgiref.types import StartResponse, WSGIApplication

import waitress  # type: ignore[import-untyped]

from watchstack.bodies import bounded_channel
from watchstack.settings import SettingError

WsgiApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]] | WSGIApplication

DRAIN_SECONDS = 5.0  # what a request that runs gets to end after SIGTERM
HEADER_BYTES = 64 * 1024
_log = logging.getLogger("watchstack.serve")


class ServeError(Exception):
    """The address cannot be listened on; the message says which, why and what to change."""


@dataclass(frozen=True)
class Address:
    """Where a process listens. variable: the environment variable that sets it, for error messages."""

    host: str
    port: int
    variable: str = ""

    @classmethod
    def parse(cls, text: str, variable: str) -> Address:
        """`host:port`, `[v6]:port` or `:port` (every interface). Raises SettingError."""
        host, colon, port = text.strip().rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        plain = host[1:-1] if bracketed else host
        valid_port = port.isascii() and port.isdigit() and int(port) <= 65535
        if (
            not colon
            or not valid_port
            or (":" in plain and not bracketed)
            or any(c.isspace() or c == "/" for c in plain)
        ):
            raise SettingError(variable, text, "give host:port, port 0 to 65535, such as 127.0.0.1:9099 or [::1]:9099")
        return cls(plain or "0.0.0.0", int(port), variable)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def listen(self) -> socket.socket:
        """A bound, listening TCP socket. Raises ServeError."""
        remedy = f"; set {self.variable} to another address" if self.variable else ""
        try:
            family, kind, proto, _, where = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except OSError as error:
            raise ServeError(f"cannot listen on {self}: the host is not known here ({error}){remedy}") from error
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(where)
            sock.listen(256)
        except OSError as error:
            sock.close()
            taken = error.errno == errno.EADDRINUSE
            reason = "another process listens there" if taken else (error.strerror or str(error))
            raise ServeError(f"cannot listen on {self}: {reason}{remedy}") from error
        return sock


class JsonLines(logging.Formatter):
    """One JSON object a record: level, time (UTC, milliseconds, Z), logger, message, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "level": record.levelname.lower(),
            "time": moment,
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = getattr(record, "fields", None)
        if isinstance(extra, Mapping):
            line |= {key: value for key, value in extra.items() if key not in line}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to(stream: TextIO = sys.stdout, level: int = logging.INFO) -> None:
    """Sends every log record of the process to `stream` as JSON lines; replaces what was set up before."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # waitress tells of every queued request as a warning under load: that is not an event
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class Server:
    """waitress on one socket. `run` serves until `stop` (any thread, or a signal handler) and then ends what runs.

    body_limit: bytes of a request body, more is answered 413; of bodies that are still coming there is room for
    `bodies.TOGETHER` of that size, more are answered 503. Bodies and answers stay in memory, as the root file system
    may be read-only.
    """

    def __init__(self, app: WsgiApplication, address: Address, *, threads: int = 8, body_limit: int = 1 << 20) -> None:
        sock = address.listen()
        self.address = Address(address.host, sock.getsockname()[1], address.variable)
        self._stopping = threading.Lock()  # held from the first stop on
        self._woken = threading.Event()
        self._server = waitress.create_server(
            app,
            sockets=[sock],
            threads=threads,
            ident=None,
            channel_timeout=60,
            connection_limit=500,
            max_request_header_size=HEADER_BYTES,
            max_request_body_size=body_limit,
            inbuf_overflow=body_limit + HEADER_BYTES,
            outbuf_overflow=1 << 28,
            clear_untrusted_proxy_headers=True,
        )
        self._server.channel_class = bounded_channel(body_limit)

    def run(self) -> None:
        """Serves in this thread; returns when stopped and drained."""
        while not self._stopping.locked():
            self._turn(1.0)
        self._server.accepting = False
        self._server.del_channel()
        self._server.socket.close()
        end = time.monotonic() + DRAIN_SECONDS
        while self._busy() and time.monotonic() < end:
            self._turn(0.05)
        self._server.task_dispatcher.shutdown(timeout=max(0.1, end - time.monotonic()))
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._woken.wait(DRAIN_SECONDS)  # whoever stops it may still be about to write to the trigger
        self._server.trigger.close()

    def stop(self) -> None:
        """May be called again; only the first call counts."""
        if self._stopping.acquire(blocking=False):
            self._server.pull_trigger()
            self._woken.set()

    def _turn(self, timeout: float) -> None:
        self._server.asyncore.loop(timeout=timeout, map=self._server._map, count=1)

    def _busy(self) -> bool:
        return any(channel.requests or channel.total_outbufs_len for channel in self._server.active_channels.values())


def serve(
    app: WsgiApplication,
    address: Address,
    *,
    name: str,
    body_limit: int = 1 << 20,
    on_stop: Callable[[], None] | None = None,
) -> int:
    """Serves `app` until SIGTERM or SIGINT and returns the exit code: 0, or 1 when the address cannot be had.

    name: the service, for log lines. on_stop: called once after the last request, also when the start fails.
    To be called from the main thread, as it takes the signals.
    """
    try:
        try:
            server = Server(app, address, body_limit=body_limit)
        except ServeError as error:
            _log.critical("%s: %s", name, error)
            return 1

        def end(signum: int, frame: FrameType | None) -> None:
            server.stop()

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        _log.info("%s listens on http://%s", name, server.address)
        try:
            server.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        _log.info("%s has ended", name)
        return 0
    finally:
        if on_stop is not None:
            on_stop()

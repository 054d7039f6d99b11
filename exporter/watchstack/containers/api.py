"""The GET-only way to the Docker API for the log collector: connections and streams. What is let through: `allowed`.

A server of its own with a thread a connection, as log streams stay open and waitress would hold them back.
"""

from __future__ import annotations

import http.client
import json
import logging
import selectors
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from watchstack.containers import allowed
from watchstack.containers.engine import reason
from watchstack.containers.settings import Endpoint
from watchstack.serve import Address

CONNECTIONS = 640  # open at once; one for each followed container and a few more
IDLE = 60.0  # seconds that a connection may stay without a request
STUCK = 30.0  # seconds that a client may take no byte, or Docker give no answer
LARGEST = 64 << 20  # bytes of an answer that is cut down
PIECE = 64 * 1024
PASSED_HEADERS = ("Api-Version", "Ostype", "Docker-Experimental", "Server")
_log = logging.getLogger("watchstack.containers.api")


class ApiMetrics:
    """What came and what was refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "container_api_requests", "Requests to the Docker API let through, by kind.", ["kind"], registry=registry
        )
        self.refused = Counter("container_api_refused", "Requests to the Docker API refused.", registry=registry)
        self.failed = Counter(
            "container_api_failed", "Requests let through that Docker did not answer.", registry=registry
        )
        self.turned_away = Counter(
            "container_api_turned_away", "Connections closed because too many were open.", registry=registry
        )
        self.connections = Gauge("container_api_connections", "Connections open now.", registry=registry)


class DockerConnection(http.client.HTTPConnection):
    """A connection to the daemon, over its Unix socket or TCP."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        super().__init__("docker" if endpoint.path else endpoint.host, endpoint.port or None, timeout=timeout)
        self._endpoint = endpoint
        self._patience = timeout

    def connect(self) -> None:
        self.sock = self._endpoint.connect(self._patience)


class ApiServer(ThreadingHTTPServer):
    """Listens at once; `start` serves in a thread, `stop` ends it and every stream."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: Address, endpoint: Endpoint, registry: CollectorRegistry, *, connections: int = CONNECTIONS
    ) -> None:
        """Raises serve.ServeError when the address cannot be had."""
        listening = address.listen()
        super().__init__((address.host, address.port), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_address = listening.getsockname()
        self.endpoint = endpoint
        self.metrics = ApiMetrics(registry)
        self.ending = threading.Event()
        self._room = threading.BoundedSemaphore(connections)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self, poll: float = 0.5) -> None:
        """poll: seconds within which `stop` is noticed."""
        threading.Thread(target=self.serve_forever, args=(poll,), name="docker-api", daemon=True).start()

    def stop(self) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.metrics.turned_away.inc()
            try:
                request.settimeout(1)
                request.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                pass
            self.shutdown_request(request)
            return
        self.metrics.connections.inc()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._leave()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave()

    def _leave(self) -> None:
        self._room.release()  # first: whoever reads of one connection less finds room for it
        self.metrics.connections.dec()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a connection from %s ended with an error", client_address, exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One client connection."""

    server: ApiServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE

    def parse_request(self) -> bool:
        """Every method comes to `handle_request`: what is not allowed is refused there, not as an unknown method."""
        if not super().parse_request():
            return False
        self._method, self.command = self.command, "request"
        return True

    def do_request(self) -> None:
        asked = allowed.question(self._method, self.requestline.split(" ")[1])
        body = self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers
        if asked is None or body:
            self.server.metrics.refused.inc()
            self.close_connection = True
            self._reply(403, b'{"message":"only what the log collector needs is let through"}')
            return
        self.server.metrics.requests.labels(asked.kind).inc()
        try:
            if (known := allowed.given(asked.kind)) is not None:
                self._reply(200, known)
            elif asked.kind == "logs":
                self._stream(asked)
            else:
                self._relay(asked)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.server.metrics.failed.inc()
            self._fail(error)

    def _relay(self, asked: allowed.Question) -> None:
        connection = DockerConnection(self.server.endpoint, STUCK)
        try:
            connection.request(self._method, asked.target, headers={"Host": "docker", "Connection": "close"})
            response = connection.getresponse()
            body = response.read(LARGEST + 1)
            if len(body) > LARGEST:
                raise ValueError("the answer is too large")
            if response.status == 200:
                body = allowed.answer(asked.kind, body)
            headers = {name: value for name in PASSED_HEADERS if (value := response.getheader(name)) is not None}
            kind = response.getheader("Content-Type", "application/json")
        finally:
            connection.close()
        self._reply(response.status, body, kind, headers)

    def _stream(self, asked: allowed.Question) -> None:
        """Passes Docker's answer on byte for byte until either side ends; a client that goes is noticed at once."""
        self.close_connection = True
        connection = DockerConnection(self.server.endpoint, STUCK)
        try:
            connection.connect()
            connection.sock.sendall(
                f"GET {asked.target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".encode("ascii")
            )
            self.connection.settimeout(STUCK)
            self._pump(connection.sock)
        finally:
            connection.close()

    def _pump(self, docker: socket.socket) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(docker, selectors.EVENT_READ)
            waiting.register(self.connection, selectors.EVENT_READ)
            while not self.server.ending.is_set():
                ready = {key.fileobj for key, _ in waiting.select(timeout=5)}
                if self.connection in ready:
                    return  # it closed, or sends what nobody asked for
                if docker in ready:
                    piece = docker.recv(PIECE)
                    if not piece:
                        return
                    self._started = True
                    try:
                        self.connection.sendall(piece)
                    except OSError:
                        return  # the client has gone or takes nothing: that is no failure of Docker's

    _started = False

    def _fail(self, error: Exception) -> None:
        self.close_connection = True
        if not self._started:
            self._reply(502, json.dumps({"message": f"Docker does not answer: {reason(error)}"}).encode())

    def _reply(
        self, status: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        self._started = True
        try:
            self.send_response_only(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self._method != "HEAD":
                self.wfile.write(body)
            self._started = False
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

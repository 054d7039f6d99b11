"""`watchstack.serve`: draining on stop, bounds, JSON lines. Whole processes: test_console_store and its like."""

from __future__ import annotations

import http.client
import io
import json
import logging
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from waiting import DEADLINE, until
from watchstack.serve import Address, JsonLines, ServeError, Server, log_to

SIZE = 30_000_000  # bytes: more than the sockets hold, so that the server has to go on writing


class App:
    """Answers what it is asked; /slow waits for `go`."""

    def __init__(self) -> None:
        self.started, self.go = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/slow":
            self.started.set()
            self.go.wait(DEADLINE)
        content = body or b"x" * SIZE
        start("200 OK", [("Content-Length", str(len(content)))])
        return [content]


@contextmanager
def running(app: App, **options: Any) -> Iterator[tuple[Server, str, threading.Thread]]:
    server = Server(app, Address("127.0.0.1", 0), **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server, f"http://{server.address}", thread
    finally:
        server.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def fetch(url: str, data: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, data, timeout=DEADLINE) as answer:
        content = answer.read()
        assert isinstance(content, bytes)
        return content


def refuses(address: Address) -> bool:
    """Whether nobody new gets in."""
    try:
        socket.create_connection((address.host, address.port), timeout=1).close()
    except OSError:
        return True
    return False


def test_a_request_that_runs_is_answered_whole_after_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.serve.DRAIN_SECONDS", DEADLINE)
    app = App()
    with running(app) as (server, url, thread):
        got: list[bytes] = []
        client = threading.Thread(target=lambda: got.append(fetch(url + "/slow")))
        client.start()
        assert app.started.wait(DEADLINE)
        server.stop()
        until(lambda: refuses(server.address))
        assert thread.is_alive()
        app.go.set()
        client.join(DEADLINE)
        assert [len(content) for content in got] == [SIZE]
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_the_stop_is_not_held_up_by_open_connections_or_hanging_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.serve.DRAIN_SECONDS", 0.3)
    app = App()
    with running(app) as (server, url, thread):
        idle = socket.create_connection(("127.0.0.1", server.address.port))
        idle.sendall(b"GET / HTTP/1.1\r\n")  # never ends its request

        def ask() -> None:
            with pytest.raises(OSError):  # noqa: PT011 - reset or closed, by chance
                fetch(url + "/slow")

        client = threading.Thread(target=ask)
        client.start()
        assert app.started.wait(DEADLINE)
        server.stop()
        thread.join(DEADLINE / 2)  # ends before the request does
        assert not thread.is_alive()
        app.go.set()
        client.join(DEADLINE)
        idle.close()


def test_who_stops_it_may_be_slow_to_wake_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trigger is a pipe: once closed, its number may be that of another file."""
    with running(App()) as (server, _, thread):
        wake = server._server.pull_trigger

        def late() -> None:
            until(lambda: refuses(server.address))
            thread.join(0.3)
            wake()

        monkeypatch.setattr(server._server, "pull_trigger", late)
        server.stop()


def test_a_body_beyond_the_limit_is_refused_and_one_within_it_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_files(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened, and the file system may be read-only")

    monkeypatch.setattr("tempfile.TemporaryFile", no_files)
    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.newfile", no_files)
    with running(App(), body_limit=2_000_000) as (server, url, _):
        assert len(fetch(url, b"y" * 1_900_000)) == 1_900_000
        connection = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=DEADLINE)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", "2100000")
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(ServeError, match=r"cannot listen on host\.invalid:80: the host is not known here .*; set X to"):
        Address("host.invalid", 80, "X").listen()


def test_a_port_without_permission_or_a_foreign_address_is_told() -> None:
    with pytest.raises(ServeError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign requested address"):
        Address("192.0.2.1", 0).listen()


def test_log_lines_are_json_on_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        log_to(stream)
        logger = logging.getLogger("watchstack.test")
        logger.info('first\n"line" of %s', "ü💥")
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("it failed", extra={"fields": {"part": "loki", "level": "kept"}})
        logger.debug("unseen")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["logger"], line["message"]) for line in lines] == [
        ("info", "watchstack.test", 'first\n"line" of ü💥'),
        ("error", "watchstack.test", "it failed"),
    ]
    assert lines[1]["part"] == "loki"
    assert lines[1]["error"].endswith("ValueError: broken")


def test_the_time_of_a_line_is_utc_with_milliseconds() -> None:
    record = logging.LogRecord("a", logging.WARNING, "f", 1, "m", None, None)
    record.created = 1_790_000_000.25
    assert json.loads(JsonLines().format(record)) == {
        "level": "warning",
        "time": "2026-09-21T14:13:20.250Z",
        "logger": "a",
        "message": "m",
    }

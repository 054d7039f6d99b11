"""Bytes that no browser sends, against the console as it runs: refused quickly, in bounded memory, and it goes on."""

from __future__ import annotations

import gzip
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from console_kit import TOKEN
from waiting import until
from watchstack.console.inbox.payload import LARGEST_BODY
from wire_kit import AT_ONCE, Wire, at_once, received, status, wired

HOST = b"Host: 127.0.0.1\r\n"
MB = 1 << 20


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wired(tmp_path_factory.mktemp("wire")) as running:
        yield running


def get(target: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return method + b" " + target + b" HTTP/1.1\r\n" + HOST + lines + b"Connection: close\r\n\r\n"


MALFORMED = {
    "no request": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    "no version": (b"GET /\r\nHost: a\r\n\r\n", {200, 303, 400}),  # HTTP/0.9
    "spaces": (b"GET / / HTTP/1.1\r\n\r\n", {400}),
    "lower case": (b"get / HTTP/1.1\r\n\r\n", {400}),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", {400}),
    "a carriage return inside": (b"GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    "a header without colon": (b"GET / HTTP/1.1\r\n" + HOST + b"nothing\r\n\r\n", {400}),
    "a space before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", {400}),
    "a NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", {400}),
    "a line of a header that goes on": (get(b"/", b"X: a\r\n b: c"), {200, 303, 400}),
    "no number as length": (get(b"/login", b"Content-Length: x", method=b"POST"), {400}),
    "a negative length": (get(b"/login", b"Content-Length: -1", method=b"POST"), {400}),
    "a length with a plus": (get(b"/login", b"Content-Length: +1", method=b"POST"), {400}),
    "two lengths": (get(b"/login", b"Content-Length: 1", b"Content-Length: 2", method=b"POST"), {400}),
    "an endless number": (get(b"/login", b"Content-Length: " + b"9" * 5000, method=b"POST"), {400, 413}),
    "another encoding": (get(b"/login", b"Transfer-Encoding: gzip", method=b"POST"), {501}),
    "an encoding with a trick": (get(b"/login", b"Transfer-Encoding: \x0bchunked", method=b"POST"), {400, 501}),
    "a chunk without a size": (get(b"/login", b"Transfer-Encoding: chunked", method=b"POST") + b"x\r\n\r\n", {400}),
    "a chunk of negative size": (get(b"/login", b"Transfer-Encoding: chunked", method=b"POST") + b"-1\r\n\r\n", {400}),
    "a large header": (get(b"/", b"X: " + b"a" * 70_000), {431}),
    "many headers": (get(b"/", *(b"X-%d: a" % number for number in range(8000))), {431}),
    "a large cookie": (get(b"/", b"Cookie: " + b"watchstack-session=a; " * 2500), {303, 401, 431}),
    "a long address": (get(b"/" + b"a" * 60_000), {303, 400, 401, 404, 414, 431}),
    "a long query": (get(b"/logs?q=" + b"a" * 60_000), {303, 400, 401}),
    "an unknown method": (get(b"/", method=b"BREW"), {303, 401, 403, 405}),
    "a tunnel": (get(b"evil.test:443", method=b"CONNECT"), {303, 400, 401, 403, 404, 405}),
    "a trace": (get(b"/", b"X-Told: back", method=b"TRACE"), {303, 401, 403, 405}),
    "an asterisk": (get(b"*", method=b"OPTIONS"), {200, 303, 400, 401, 403, 404, 405}),
    "no UTF-8": (get(b"/%ff%fe"), {303, 400, 401, 404}),
    "raw bytes": (get(b"/\xff\xfe\x00"), {303, 400, 401, 404}),
    "a broken bracket": (get(b"http://[::1/"), {303, 400, 401, 404}),
    "an upgrade": (get(b"/", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"), {303, 400}),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_at_once(wire: Wire, name: str) -> None:
    request, expected = MALFORMED[name]
    with at_once():
        answer = wire.send(request)
    assert status(answer) in expected, answer[:300]
    assert b"Traceback" not in answer
    assert b"X-Told" not in answer
    wire.lives()


def test_a_second_request_inside_the_first_is_not_one(wire: Wire) -> None:
    """Content-Length beside chunked: whoever stands before the console must not see other borders than it does."""
    smuggled = b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    head = (
        b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(smuggled)
    )
    with wire.open(head + smuggled) as client:
        answer = received(client, 1)
        client.settimeout(1)  # the connection may stay open: what else comes, comes soon
        answer += received(client)
    first, _, second = answer.partition(b"HTTP/1.1 200 OK")
    assert first.count(b"HTTP/1.") <= 1
    assert not second or b'"status":"healthy"' in second  # a pipelined request of its own, never the body of another


@pytest.mark.parametrize(
    "path", [b"/login", b"/logout", b"/silences", b"/api/v1/inbox", b"/api/v1/relay/x", b"/nothing"]
)
def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(wire: Wire, path: bytes) -> None:
    with at_once():
        answer = wire.send(get(path, b"Content-Length: %d" % (LARGEST_BODY + 1), method=b"POST"))
    assert status(answer) == 413


@pytest.mark.parametrize("path", [b"/login", b"/api/v1/inbox"])
def test_chunks_without_end_are_cut_off(wire: Wire, path: bytes) -> None:
    before, chunk = wire.memory(), b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with wire.open(get(path, b"Transfer-Encoding: chunked", method=b"POST")) as client:
        sent = 0
        with suppress(OSError):  # the server closes it
            while sent < 3 * LARGEST_BODY:
                client.sendall(chunk)
                sent += 65536
        assert status(received(client, 1000)) in (0, 413)
    assert sent < 3 * LARGEST_BODY
    assert wire.memory() - before < 4 * LARGEST_BODY
    wire.lives()


def test_many_large_bodies_at_once_do_not_fill_the_memory(wire: Wire) -> None:
    """Nobody has shown a password yet, and the container has 192 MB."""
    before = wire.memory()
    head = get(b"/api/v1/inbox", b"Content-Length: %d" % (LARGEST_BODY - 1), method=b"POST")
    with ExitStack() as opened:
        clients = [opened.enter_context(wire.open(head)) for _ in range(40)]
        for client in clients:
            client.settimeout(AT_ONCE)
            with suppress(OSError):
                client.sendall(b"x" * 7 * MB)  # and never the rest
        wire.lives()
        assert wire.memory() - before < 6 * LARGEST_BODY
        # there is no room for most of them
        answered = until(lambda: len(found := select.select(clients, [], [], 0)[0]) >= 30 and found)
        assert {status(received(client, 1000)) for client in answered} <= {0, 503}
    small = get(b"/login", b"Content-Length: 3", b"Content-Type: application/x-www-form-urlencoded", method=b"POST")
    assert 400 <= status(wire.send(small + b"a=b")) < 500


def test_slow_clients_hold_up_nobody(wire: Wire) -> None:
    """Requests that never end, of three kinds, 120 of them; others are answered all the same."""
    begun = (
        b"GET / HTTP/1.1\r\nX-a: ",
        b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\na",
        b"POST /login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    )
    with ExitStack() as opened:
        clients = [opened.enter_context(wire.open(begun[number % 3])) for number in range(120)]
        ending = threading.Event()

        def drip() -> None:
            while not ending.wait(0.05):
                for client in clients:
                    try:
                        client.sendall(b"b")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            for _ in range(10):
                wire.lives()
        finally:
            ending.set()
            dripping.join()
    wire.lives()


def test_a_client_that_reads_nothing_holds_up_nobody(wire: Wire) -> None:
    with ExitStack() as opened:
        for _ in range(30):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", wire.port))
            client.sendall(b"GET /static/style.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20)
        for _ in range(5):
            wire.lives()


def webhook(wire: Wire, body: bytes, *headers: bytes) -> bytes:
    token = b"Authorization: Bearer " + TOKEN.encode()
    return wire.send(get(b"/api/v1/inbox", token, b"Content-Length: %d" % len(body), *headers, method=b"POST") + body)


@pytest.mark.parametrize(
    "body",
    [b"[" * 4_000_000, b'{"alerts":' * 500_000, b'{"version":"4","alerts":[' + b"[" * 3_000_000, b"{", b"",
     b"\xff" * 1000, b"9" * 1_000_000, b'{"version":"4","alerts":[' + b"{}," * 1_000_000 + b"{}]}"],
    ids=["depth", "depth of objects", "depth inside", "cut off", "empty", "no UTF-8", "a number", "many alerts"],
)  # fmt: skip
def test_bombs_of_json_are_refused(wire: Wire, body: bytes) -> None:
    before = wire.memory()
    answer = webhook(wire, body)
    assert status(answer) == 400, answer[:300]
    assert set(json.loads(answer.split(b"\r\n\r\n", 1)[1])) == {"error"}
    assert wire.memory() - before < 150 * MB
    wire.lives()


def test_compressed_bodies_are_not_unpacked(wire: Wire) -> None:
    before = wire.memory()
    bomb = gzip.compress(b" " * 100 * MB, 1)
    assert len(bomb) < LARGEST_BODY
    assert status(webhook(wire, bomb, b"Content-Encoding: gzip")) == 400
    assert wire.memory() - before < 50 * MB


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
@pytest.mark.parametrize("path", ["/login", "/silences"])
def test_forms_of_very_many_fields_are_refused(wire: Wire, kind: str, path: str) -> None:
    if "multipart" in kind:
        body = b"".join(b'--b\r\nContent-Disposition: form-data; name="a%d"\r\n\r\nx\r\n' % n for n in range(50_000))
    else:
        body = b"&".join(b"a%d=b" % number for number in range(200_000))
    head = get(path.encode(), f"Content-Type: {kind}".encode(), b"Content-Length: %d" % len(body), method=b"POST")
    before = wire.memory()
    with at_once():
        answer = wire.send(head + body)
    assert status(answer) in ({303} if path == "/silences" else {400, 413})  # 303: to the login
    assert wire.memory() - before < 60 * MB


def test_what_came_stands_in_the_log_on_lines_of_its_own(wire: Wire, tmp_path: Path) -> None:
    """Read last: every line that all those requests caused is one JSON object, without a control character."""
    wire.send(get(b"/%0d%0a%7b%22level%22:%22forged%22%7d%1b[31m"))
    form = b"user=%0A%7B%22level%22%3A%22forged%22%7D%1B%5B31m&password=planted-wrong-password"
    kind = b"Content-Type: application/x-www-form-urlencoded"
    wire.send(get(b"/login", kind, b"Content-Length: %d" % len(form), method=b"POST") + form)
    wire.send(get(b"/api/v1/inbox", b"Authorization: Bearer planted-wrong-token", method=b"POST"))
    lines = wire.log()
    assert lines
    assert {line["level"] for line in lines} <= {"debug", "info", "warning", "error", "critical"}
    raw = (wire.folder / "log").read_bytes()
    assert not set(raw) & set(range(32)) - {10}
    assert b"planted" not in raw
    assert b"Traceback" not in raw
    assert [line for line in lines if line["level"] in ("error", "critical") and "silent" not in line["message"]] == []

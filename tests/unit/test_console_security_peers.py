"""What a part that the console asks cannot do to it, and what a request cannot make it ask: SSRF, broken answers."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from standin import json_of, standing_in
from waiting import DEADLINE
from watchstack.console.config import Config
from watchstack.console.peers.ask import Peer, PeerError
from watchstack.console.peers.fetch import fetch, parsed
from watchstack.console.peers.reachable import Peers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_part_leads_nowhere(status: int) -> None:
    with standing_in(json_of(b'{"secret": "of another place"}')) as elsewhere:
        there = (status, {"Location": f"{elsewhere.url}/latest/meta-data"}, b"")
        with standing_in(lambda _m, _t: there) as part:
            peer = Peer("Prometheus", part.url)
            for ask in (lambda: peer.get("/a"), lambda: peer.post("/a", {}), lambda: peer.delete("/a")):
                with pytest.raises(PeerError, match=f"Prometheus answered {status}"):
                    ask()
            peers = Peers(lambda: Config(peers={"loki": part.url}), DEADLINE)
            peers.ask()
            assert (peers.answers()[0].up, peers.answers()[0].detail) == (False, f"not ready: answered {status}")
            assert len(part.asked) == 4
        assert elsewhere.asked == []


def test_no_proxy_gets_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    with standing_in(json_of(b'"proxy"')) as proxy, standing_in(json_of(b'"part"')) as part:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert Peer("Loki", part.url).get("/ready") == "part"
        assert proxy.asked == []


@pytest.mark.parametrize("scheme", ["file:///etc/passwd?", "data:,x", "ftp://127.0.0.1", "gopher://127.0.0.1"])
def test_nothing_but_http_is_spoken(scheme: str) -> None:
    with pytest.raises(PeerError, match=re.escape("Loki is not reached")):
        Peer("Loki", scheme).get("/ready")


@pytest.mark.parametrize(
    "path",
    [
        "@evil.test/", ".evil.test/", ":80/", "evil", "", "//../a/../../b", "/api/v1/../../-/quit", "/a/./b", "/a?b=c",
        "/a#b", "/\\evil.test",
    ],
)  # fmt: skip
def test_a_path_that_would_lead_elsewhere_is_not_asked_for(path: str) -> None:
    with standing_in(json_of(b"1")) as part:
        peer = Peer("Prometheus", part.url)
        for ask in (lambda: peer.get(path), lambda: peer.post(path, {}), lambda: peer.delete(path)):
            with pytest.raises(PeerError, match="is not asked for a path like"):
                ask()
        assert part.asked == []


@pytest.mark.parametrize("path", ["/a\r\nX-Evil: 1", "/a b", "/\x00", "/a\nb"])
def test_a_path_that_would_add_a_header_is_not_sent(path: str) -> None:
    with standing_in(json_of(b"1")) as part:
        with pytest.raises(PeerError):
            Peer("Prometheus", part.url).get(path)
        assert part.asked == []


def test_a_parameter_stays_a_parameter() -> None:
    with standing_in(json_of(b"1")) as part:
        Peer("Prometheus", part.url).get("/q", [("query", "up&x=http://evil.test/#a\r\nHost: b")])
        assert part.asked == [("GET", "/q?query=up%26x%3Dhttp%3A%2F%2Fevil.test%2F%23a%0D%0AHost%3A+b")]


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"{", b"[" * 200_000, b'{"a":' * 200_000, b"NaN", b"[Infinity]", b"\xff\xfe", b"1" * 5000],
    ids=["html", "cut off", "deep", "deep objects", "NaN", "Infinity", "no UTF-8", "endless number"],
)
@pytest.mark.parametrize("status", [200, 400, 503])
def test_garbage_of_a_part_is_an_error_in_words(content: bytes, status: int) -> None:
    with standing_in(json_of(content, status)) as part, pytest.raises(PeerError) as told:
        Peer("Loki", part.url).get("/a")
    assert len(str(told.value)) < 700
    assert str(told.value).startswith("Loki gave no valid answer" if status == 200 else f"Loki answered {status}")


def test_half_a_surrogate_pair_can_be_shown() -> None:
    found = parsed(rb'{"a": "x\ud800y", "\udfff": "\ud83d\ude00"}')
    assert found == {"a": "x?y", "?": "😀"}
    str(found).encode()
    assert parsed(b" \n") is None


def test_a_body_without_end_is_cut_and_one_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not ending.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    def dripping(**bounds: Any) -> bytes:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            try:
                return fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", **bounds)
            finally:
                thread.join(DEADLINE)

    assert dripping(timeout=DEADLINE, largest=3) == b"xxx"
    with pytest.raises(TimeoutError):
        dripping(timeout=0.3, largest=1 << 20)  # at this rate more than a day
    ending.set()


def test_the_console_asks_other_parts_through_one_door_alone() -> None:
    """Modules that speak HTTP by themselves: this one, and those that call the world outside on purpose."""
    folder = Path(__file__).parents[2] / "exporter" / "watchstack" / "console"
    speaking = re.compile(
        r"urlopen|build_opener|OpenerDirector|HTTPS?Connection\(|import (httpx|requests)|socket\.create"
    )
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if speaking.search(path.read_text())}
    assert found == {"peers/fetch.py", "notify/notifier.py"}

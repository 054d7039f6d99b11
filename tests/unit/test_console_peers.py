"""When a part of the stack counts as away: not for one refusal after an answer."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from serving import serving
from waiting import DEADLINE
from watchstack.console.config import Config
from watchstack.console.peers import reachable as peers


class Part:
    """Answers with the codes of `codes`, one a question; the last of them again and again."""

    def __init__(self) -> None:
        self.codes = [200]
        part = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(part.codes.pop(0) if len(part.codes) > 1 else part.codes[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def part() -> Iterator[Part]:
    made = Part()
    with serving(made.server):
        yield made


def test_one_refusal_after_an_answer_is_none(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PAUSE", 0.01)
    loki = peers.Peers(lambda: Config(peers={"loki": f"http://127.0.0.1:{part.server.server_port}"}), DEADLINE)
    part.codes = [503, 200]
    loki.ask()
    assert loki.answers()[0].detail == "not ready: answered 503"  # nothing was known of it before
    loki.ask()
    assert loki.answers()[0].up
    part.codes = [503, 200]
    loki.ask()
    assert loki.answers()[0].up
    part.codes = [503]
    loki.ask()
    assert loki.answers()[0].up is False

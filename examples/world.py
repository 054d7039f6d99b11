"""The outside world of the examples, and what drives them gently: world.py PORT NAME=URL…

It answers in place of Supabase, Stripe and an API that speaks OpenAI's protocol, and asks each application for all of
its routes in turn, about one request a second, until it is ended.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from load import drive

PAUSE = 1.0  # seconds between two requests to the same application
ANSWERS: dict[str, dict[str, Any]] = {
    "/-/ready": {"ready": True},
    "/v1/payment_intents": {"id": "pi_example"},
    "/v1/models": {
        "object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 0, "owned_by": "example"}],
    },
    "/v1/chat/completions": {
        "id": "chat-example", "object": "chat.completion", "created": 0, "model": "gpt-4o",
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": None,
            "message": {"role": "assistant", "content": "Walk for ten minutes.", "refusal": None},
        }],
        "usage": {"prompt_tokens": 200, "completion_tokens": 50, "total_tokens": 250},
    },
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers whatever is asked with 200; other paths with an empty object."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(ANSWERS.get(self.path.partition("?")[0], {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *args: Any) -> None:
        """Not a line a request."""


def ask(name: str, url: str) -> None:
    """Drives one application for ever; one that does not answer is tried again."""
    while True:
        try:
            drive(name, url, rounds=1, pause=PAUSE)
        except (OSError, http.client.HTTPException):  # it ended in the middle of an answer
            time.sleep(5 * PAUSE)


def main(arguments: list[str]) -> None:
    """Serves until it is ended."""
    port, *driven = arguments
    for name, _, url in (one.partition("=") for one in driven):
        threading.Thread(target=ask, args=(name, url), daemon=True).start()
    ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])

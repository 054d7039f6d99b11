"""Asks another part of the stack over HTTP while a person waits for the page. What is asked: silences.py, logs.py."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from watchstack.console.context import Console

TIMEOUT = 10.0  # seconds
LARGEST = 16 << 20  # bytes of an answer
LONGEST_REFUSAL = 500  # characters


class PeerError(Exception):
    """The part gave no answer that can be used; the message says why. refused: it understood, and did not want to."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.refused = 400 <= status < 500


@dataclass(frozen=True)
class Peer:
    """A part of the console's own stack. All that asks it raises PeerError, and gives its JSON, None for no content."""

    name: str
    base: str

    @classmethod
    def of(cls, own: Console, name: str) -> Peer:
        """Raises PeerError where the stack has none of this name."""
        base = own.config.current.peers.get(name.lower())
        if not base:
            raise PeerError(f"this stack has no {name}")
        return cls(name, base)

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        return self._ask(urllib.request.Request(self.base + path + ("?" + urlencode(query) if query else "")))

    def post(self, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self.base + path, json.dumps(body).encode(), headers))

    def delete(self, path: str) -> Any:
        return self._ask(urllib.request.Request(self.base + path, method="DELETE"))

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                content = answer.read(LARGEST)
            return json.loads(content) if content.strip() else None
        except urllib.error.HTTPError as error:
            with error:
                raise PeerError(_refusal(self.name, error), error.code) from error
        except ValueError as error:
            raise PeerError(f"{self.name} gave no valid answer: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise PeerError(f"{self.name} is not reached at {self.base}: {words}") from error


def _refusal(name: str, error: urllib.error.HTTPError) -> str:
    """What a part says when it refuses: a JSON string, an object with a message, or plain text."""
    try:
        text = error.read(LARGEST).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        text = ""
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    if isinstance(said, dict):
        said = said.get("message") or said.get("error") or text
    words = " ".join(str(said).split())[:LONGEST_REFUSAL]
    return f"{name} answered {error.code}" + (f": {words}" if words else "")

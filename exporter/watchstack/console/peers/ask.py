"""Asks another part of the stack over HTTP while a person waits for the page."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from watchstack.console.context import Console
from watchstack.console.peers.fetch import body, fetch, parsed

TIMEOUT = 10.0  # seconds
SHORT = 3.0  # seconds, for a page that also stands without the answer
MOST_AT_ONCE = 8  # questions of one page
LARGEST = 16 << 20  # bytes of an answer
LARGEST_REFUSAL, LONGEST_REFUSAL = 64 << 10, 500  # bytes that are read, characters that are told
# What taking an answer apart raises when it is not what the part answers.
ODD = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


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
    timeout: float = TIMEOUT  # seconds

    @classmethod
    def of(cls, own: Console, name: str, timeout: float = TIMEOUT) -> Peer:
        """Raises PeerError where the stack has none of this name."""
        base = own.config.current.peers.get(name.lower())
        if not base:
            raise PeerError(f"this stack has no {name}")
        return cls(name, base, timeout)

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        return self._ask(urllib.request.Request(self._url(path) + ("?" + urlencode(query) if query else "")))

    def post(self, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self._url(path), json.dumps(body).encode(), headers))

    def delete(self, path: str) -> Any:
        return self._ask(urllib.request.Request(self._url(path), method="DELETE"))

    def _url(self, path: str) -> str:
        """The address of a path of this part, never of another part's: a name in it may come from a request."""
        if not path.startswith("/") or {".", ".."} & set(path.split("/")) or set("?#\\") & set(path):
            raise PeerError(f"{self.name} is not asked for a path like {path[:60]!r}")
        return self.base + path

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            content = fetch(request, self.timeout, LARGEST)
            if len(content) >= LARGEST:
                raise PeerError(f"{self.name} answered more than {LARGEST >> 20} MiB: ask for less")
            return parsed(content)
        except urllib.error.HTTPError as error:
            with error:
                raise PeerError(_refusal(self.name, error), error.code) from error
        except ValueError as error:
            raise PeerError(f"{self.name} gave no valid answer: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise PeerError(f"{self.name} is not reached at {self.base}: {words}") from error


@dataclass(frozen=True)
class Told:
    """What one question gave. trouble: why there is no value, in words; empty when there is one."""

    value: Any = None
    trouble: str = ""


def together(questions: Mapping[str, Callable[[], Any]]) -> dict[str, Told]:
    """Asks all at the same time; a question that raises PeerError gives its trouble and leaves the others alone."""

    def one(question: Callable[[], Any]) -> Told:
        try:
            return Told(question())
        except PeerError as error:
            return Told(trouble=str(error))

    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="ask") as pool:
        return dict(zip(questions, pool.map(one, questions.values()), strict=True))


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Whatever goes wrong while an answer is taken apart, as a PeerError: it was not what this part answers."""
    try:
        yield
    except ODD as error:
        raise PeerError(f"{name} answered in an unknown way: {error!r:.200}") from error


def words_by_name(told: Any) -> dict[str, str]:
    """Labels or annotations of an answer. Raises TypeError for what is none."""
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise TypeError("no labels")
    return told


def _refusal(name: str, error: urllib.error.HTTPError) -> str:
    """What a part says when it refuses: a JSON string, an object with a message, or plain text."""
    try:
        text = body(error, TIMEOUT, LARGEST_REFUSAL).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        text = ""
    try:
        said = parsed(text.encode())
    except ValueError:
        said = text
    if isinstance(said, dict):
        said = said.get("message") or said.get("error") or text
    words = " ".join(str(said).split())[:LONGEST_REFUSAL]
    return f"{name} answered {error.code}" + (f": {words}" if words else "")

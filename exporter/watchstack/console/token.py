"""The bearer token that senders show, read from a file and again when the file changes. Nothing is logged of it."""

from __future__ import annotations

import hmac
import threading
from pathlib import Path

LARGEST = 4096


class TokenFile:
    """A token of one file. An absent or empty file lets nobody in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._token = b""
        self.problem: str | None = None

    def admits(self, authorization: str) -> bool | None:
        """Whether an `Authorization` header shows the token; None when there is none to compare with (see problem)."""
        token = self._current()
        if not token:
            return None
        scheme, _, shown = authorization.partition(" ")
        return hmac.compare_digest(shown.strip().encode("utf-8", "replace"), token) and scheme.lower() == "bearer"

    def check(self) -> None:
        """Reads the file if it changed; `problem` then says in words what is wrong with it, None for nothing."""
        self._current()

    def _current(self) -> bytes:
        with self._lock:
            try:
                status = self.path.stat()
                signature = (status.st_ino, status.st_mtime_ns, status.st_size)
                if signature != self._seen:
                    with self.path.open("rb") as file:
                        self._token = file.read(LARGEST).strip()
                    self._seen = signature
                self.problem = None if self._token else f"{self.path} is empty"
            except OSError as error:
                self._seen, self._token = None, b""
                self.problem = f"{self.path} cannot be read: {error.strerror}"
            return self._token

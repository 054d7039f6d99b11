"""A secret that senders show, read from a file and again when the file changes. Nothing is logged of it."""

from __future__ import annotations

import hashlib
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
        token = self.current()
        if not token:
            return None
        scheme, _, shown = authorization.partition(" ")
        return alike(shown.strip(), token) and scheme.lower() == "bearer"

    def check(self) -> None:
        """Reads the file if it changed; `problem` then says in words what is wrong with it, None for nothing."""
        self.current()

    def current(self) -> bytes:
        """The token in force, nothing when there is none."""
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


def alike(shown: str, wanted: bytes) -> bool:
    """Compares in a time that tells neither how much of a secret fits nor how long it is."""
    given = hashlib.sha256(shown.encode("utf-8", "replace")).digest()
    return hmac.compare_digest(given, hashlib.sha256(wanted).digest())

"""Servers of the standard library's kind in tests: served from a thread, gone with the test."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

POLL = 0.02  # seconds within which the end is noticed


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serves until left, and closes the server then."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

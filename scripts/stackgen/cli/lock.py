"""One command at a time changes a checkout: the lock `.stack/lock`, and who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stackgen.engines.base import EngineError
from stackgen.engines.native_files import unwritable

WAIT = 30.0  # seconds a command waits for another one to end
LOOK = 0.1


@contextlib.contextmanager
def locked(state: Path, command: str, *, wait: float = WAIT, say: Callable[[str], None] = print) -> Iterator[None]:
    """Holds the lock. Raises EngineError, naming who holds it, when it does not come free within `wait` seconds."""
    path = state / "lock"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("ab", buffering=0)  # nothing is left to be written when it is closed
    except OSError as error:
        raise unwritable(path, error) from error
    with file:
        limit, told = time.monotonic() + wait, False
        while not _try(file.fileno()):
            if time.monotonic() >= limit:
                raise EngineError(f"{holder(path)} is at work here", "wait until it has ended, or end it")
            if not told:
                say(f"waiting for {holder(path)}")
                told = True
            time.sleep(LOOK)
        with contextlib.suppress(OSError):  # a full disk must not keep anyone from stopping the stack
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "command": command, "since": time.time()}).encode())
        yield
        with contextlib.suppress(OSError):
            file.truncate(0)


def holder(path: Path) -> str:
    """Who holds the lock, in words."""
    try:
        told = json.loads(path.read_text("utf-8"))
        since = time.strftime("%H:%M:%S", time.localtime(told["since"]))
        return f"./stack {told['command']} (pid {told['pid']}, since {since})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another command"


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""Waiting in tests: for a condition as a whole, with a deadline that only a fault reaches."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE = 60.0  # seconds; it costs nothing when things go well
PAUSES = (0.02, 0.25)  # seconds between two looks, growing: a long wait leaves the processors to what is waited for
NOT_YET = (OSError, http.client.HTTPException, ValueError)  # no answer, half an answer
SHOWN = 3000  # characters of the last value


def until(what: Callable[[], T | None], seconds: float = DEADLINE, why: str | Callable[[], object] = "") -> T:
    """The first true value of `what`, which may fail meanwhile as one fails who asks a server that is not there yet.

    why: what is waited for, or a call that tells it; the message has it and the last value seen.
    """
    limit = time.monotonic() + seconds
    pause, longest = PAUSES
    while True:
        last: object
        try:
            if value := what():
                return value
            last = value
        except NOT_YET as error:
            last = error
        if time.monotonic() > limit:
            told = why() if callable(why) else why
            raise AssertionError(f"not within {seconds:.0f} s: {told or what}; last: {last!r:.{SHOWN}}")
        time.sleep(pause)
        pause = min(pause * 1.25, longest)

"""Makes races show: threads begin late, who waits goes on late, callbacks come late, threads change all the time.

`PYTHONPATH=tests .venv/bin/python -m pytest -p late -n 4 tests/unit tests/security`: a test that fails now and then
under it has a race, or a deadline that a slow machine misses. It is no part of `./stack test`.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

LATEST = 0.05  # seconds
CHANCE = random.Random()  # Hypothesis watches the one that all share
SWITCH = 1e-5  # seconds that a thread runs before another may; Python's own is 5e-3


def late(target: type, name: str, after: bool = False) -> None:
    """Half of the calls of a method wait up to LATEST seconds before they begin, or at their end."""
    method: Callable[..., Any] = getattr(target, name)

    def called(*given: Any, **named: Any) -> Any:
        pause = max(0.0, CHANCE.uniform(-LATEST, LATEST))
        if not after:
            time.sleep(pause)
        answer = method(*given, **named)
        if after:
            time.sleep(pause)
        return answer

    setattr(target, name, called)


sys.setswitchinterval(SWITCH)
late(threading.Thread, "run")
late(threading.Event, "set", after=True)
late(Future, "_invoke_callbacks")

"""What an engine must bring to its end, whatever the user presses meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # of a terminal that is closed the last, often twice


def finish(action: Callable[[], None]) -> None:
    """Runs it with the signals ignored; those can be changed in the main thread alone."""
    numbers = SIGNALS if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        action()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

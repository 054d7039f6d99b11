"""The three clocks that the library reads, as one argument. No sleeping, no scheduling here.

Durations come from `ticks` (highest resolution, never set back), schedules and ages from `steady` (never set back,
cheap), and only what a person or another machine reads comes from `wall`, which an administrator or NTP may set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clocks:
    """ticks: seconds, for durations. steady: seconds, for schedules and ages. wall: Unix seconds, for timestamps."""

    ticks: Callable[[], float] = time.perf_counter
    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


SYSTEM = Clocks()

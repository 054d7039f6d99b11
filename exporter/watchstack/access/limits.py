"""How often an address may ask (M-07): a bucket each that fills steadily, in bounded memory. Each process has its own.

The address is the one that the server tells: behind a proxy that of the proxy, unless the server is told to trust it.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict

from watchstack.clocks import Clocks

MOST = 4096  # addresses that are remembered; of more, those that were not heard of for longest are forgotten


class Limit:
    """`a_minute` uses a minute for each address, saved up to `burst`. 0 a minute: no limit."""

    def __init__(self, a_minute: float, burst: float, clocks: Clocks) -> None:
        self._rate = a_minute / 60
        self._burst = burst
        self._clocks = clocks
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, *, take: bool = True) -> int:
        """0 when the address may ask now, and then takes it as asked; else the whole seconds until it may."""
        if not self._rate:
            return 0
        now, key = self._clocks.steady(), _neighbourhood(address)
        with self._lock:
            left, at = self._left.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            allowed = left >= 1
            self._left[key] = (left - 1 if allowed and take else left, now)
            if len(self._left) > MOST:
                self._left.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) / self._rate)


def _neighbourhood(address: str) -> str:
    """An IPv6 address stands for its /64, all of which one host can have."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address

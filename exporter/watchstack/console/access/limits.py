"""How often somebody may ask, and how often a password may be guessed. In memory, bounded, gone with the process."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from watchstack.console.clock import Clock

MOST = 10_000  # addresses, sessions or guessers remembered; the one seen longest ago is forgotten
# A page of 24 panels with three questions each, every 15 s, takes 5 a second: ten such pages in one session pass.
SIGNED_IN = (60.0, 1200)  # requests a second, and at once
STRANGER = (20.0, 300)
PROGRAM = (1 / 3600, 1)  # notes of sign-ins by bearer token
FREE = 5  # wrong passwords from one address for one account that cost nothing
FREE_ACCOUNT = 100  # the same from everywhere
LONGEST = 60.0  # seconds that a guess is refused at most
LONGEST_ACCOUNT = 10.0
FORGOTTEN = 900.0  # seconds after the last wrong password
Found = TypeVar("Found")
_SALT = secrets.token_bytes(16)


class Buckets:
    """Token buckets: `rate` requests a second for each key, `burst` at once."""

    def __init__(self, clock: Clock, rate: float, burst: int) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, as of when

    def take(self, key: str) -> float:
        """0 when the request may pass, else the seconds until one may."""
        now = self._clock.monotonic()
        with self._lock:
            left, then = self._left.pop(key, (float(self._burst), now))
            left = min(float(self._burst), left + (now - then) * self._rate)
            passes = left >= 1
            self._left[key] = (left - 1 if passes else left, now)
            while len(self._left) > MOST:
                self._left.popitem(last=False)
        return 0.0 if passes else (1 - left) / self._rate

    def __len__(self) -> int:
        return len(self._left)


@dataclass
class _Tries:
    """Wrong passwords of one guesser. until: monotonic seconds; guess: hash of the last one."""

    count: int = 0
    last: float = 0.0
    until: float = 0.0
    guess: bytes = b""


class Guesses:
    """Wrong passwords: after some that are free, each doubles the time in which the next is not even looked at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def attempt(
        self, address: str, account: str, password: str, check: Callable[[], Found | None]
    ) -> tuple[float, Found | None]:
        """(seconds to wait, None), or (0, what `check` finds): the password is looked at only when nothing is owed.

        The same wrong password once more is no new guess: a program that keeps an old one locks nobody out.
        """
        now = self._clock.monotonic()
        guess = hashlib.blake2b(password.encode("utf-8", "replace"), key=_SALT, digest_size=16).digest()
        with self._lock:
            own, whole = self._of(f"{address} {account}", now), self._of(f"* {account}", now)
            wait = max(own.until, whole.until) - now
            if wait > 0:
                return wait, None
            found = check()
            if found is None and own.guess != guess:
                for tries, free, longest in ((own, FREE, LONGEST), (whole, FREE_ACCOUNT, LONGEST_ACCOUNT)):
                    tries.count += 1
                    tries.last = now
                    if tries.count >= free:
                        tries.until = now + min(longest, 2.0 ** min(tries.count - free, 20))
                own.guess = guess
            return 0.0, found

    def _of(self, key: str, now: float) -> _Tries:
        tries = self._tries.pop(key, None)
        if tries is None or now - tries.last > FORGOTTEN:
            tries = _Tries(last=now)
        self._tries[key] = tries
        while len(self._tries) > MOST:
            self._tries.popitem(last=False)
        return tries

    def __len__(self) -> int:
        return len(self._tries)


class Limits:
    """All of them, for one console."""

    def __init__(self, clock: Clock) -> None:
        self.signed_in = Buckets(clock, *SIGNED_IN)
        self.strangers = Buckets(clock, *STRANGER)
        self.programs = Buckets(clock, *PROGRAM)
        self.guesses = Guesses(clock)


def guesser(address: str) -> str:
    """Whom a limit counts as one: an IPv4 address, or the network of 64 bits that one household has of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)

"""The checks of an application's cache (C-20) and of its sessions (C-21), through what the application hands in."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from watchstack.health.check import Check, Result, Status
from watchstack.health.database import settled


class Cache(Protocol):
    """What the check asks: clients of Redis, of Flask-Caching and of many others are one; all may be awaitable."""

    def set(self, key: str, value: Any) -> Any: ...
    def get(self, key: str) -> Any: ...
    def delete(self, key: str) -> Any: ...


class CacheCheck:
    """Writes a value under a key of its own, reads it back, removes it. slow_ms: degraded when that takes longer."""

    def __init__(self, cache: Cache, *, slow_ms: float = 100.0) -> None:
        self._cache = cache
        self._slow_ms = slow_ms
        self._number = 0

    async def __call__(self) -> Result:
        self._number += 1
        key, value = f"watchstack:health:{os.getpid()}", str(self._number)
        began = time.perf_counter()
        try:
            await settled(self._cache.set(key, value))
            found = await settled(self._cache.get(key))
            await settled(self._cache.delete(key))
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.DEGRADED, f"Cache error: {error}", response_time_ms=-1, error=kind)
        took = round((time.perf_counter() - began) * 1000, 2)
        details = {"round_trip_ms": took}
        if (found.decode() if isinstance(found, bytes) else found) != value:
            return Result(Status.DEGRADED, "Cache does not keep what is written", details, took)
        if took > self._slow_ms:
            return Result(Status.DEGRADED, f"Cache slow: {took:.0f}ms", details, took)
        return Result(Status.HEALTHY, "Cache operational", details, took)


def cache_check(cache: Cache, *, slow_ms: float = 100.0, **more: Any) -> Check:
    """A check named `cache`, which makes the whole degraded at most; more: further fields of Check."""
    on_timeout = (Status.DEGRADED, "Cache timeout after {seconds}s")
    fields = {"name": "cache", "description": "A round trip through the cache", "critical": False}
    return Check(function=CacheCheck(cache, slow_ms=slow_ms), **{**fields, "on_timeout": on_timeout, **more})


class SessionCheck:
    """count: tells, or awaits, how many sessions are active, and so shows that the session store answers."""

    def __init__(self, count: Callable[[], int | Awaitable[int]]) -> None:
        self._count = count

    async def __call__(self) -> Result:
        try:
            number = int(await settled(self._count()))
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.UNHEALTHY, f"Session error: {error}", response_time_ms=-1, error=kind)
        gauges: dict[tuple[str, ...], float] = {("sessions_active",): number}
        return Result(Status.HEALTHY, "Sessions operational", {"active_sessions": number}, gauges=gauges)


def session_check(count: Callable[[], int | Awaitable[int]], **more: Any) -> Check:
    """A check named `sessions`; more: further fields of Check."""
    on_timeout = (Status.UNHEALTHY, "Session timeout after {seconds}s")
    fields = {"name": "sessions", "description": "The session store answers", "on_timeout": on_timeout}
    return Check(function=SessionCheck(count), **{**fields, **more})

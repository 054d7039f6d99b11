"""The check of Redis (C-55 to C-57)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from typing import Any, Protocol

from watchstack.health.check import Check, Result, Status

_MB = 1024 * 1024


class Redis(Protocol):
    """What the check asks; redis-py's client is one."""

    def ping(self) -> Any: ...
    def info(self) -> Any: ...


class RedisAt:
    """Redis at a URL, a client of redis-py for each call: one that a thread uses while the process is forked may wait
    in the new process for a lock that nobody holds. seconds: bound of connecting and of each answer.

    Raises ImportError where redis-py is not installed, ValueError for a URL that is none.
    """

    def __init__(self, url: str, *, seconds: float = 10.0) -> None:
        import importlib

        module = importlib.import_module("redis")
        self._make = partial(module.Redis.from_url, url, socket_connect_timeout=seconds, socket_timeout=seconds)
        try:
            self._make().close()
        except ValueError:  # its text may show a part of the password
            told = "a URL of redis://, rediss:// or unix:// in whose password special characters are percent-encoded"
            raise ValueError(told) from None

    def ping(self) -> Any:
        return self._call("ping")

    def info(self) -> Any:
        return self._call("info")

    def set(self, key: str, value: Any) -> Any:
        return self._call("set", key, value)

    def get(self, key: str) -> Any:
        return self._call("get", key)

    def delete(self, key: str) -> Any:
        return self._call("delete", key)

    def close(self) -> None:
        """Nothing stays open between two calls."""

    def _call(self, name: str, *arguments: Any) -> Any:
        with closing(self._make()) as client:
            return getattr(client, name)(*arguments)


def redis_client(url: str, *, seconds: float = 10.0) -> RedisAt:
    """What the checks use for a URL. Raises as RedisAt."""
    return RedisAt(url, seconds=seconds)


class RedisCheck:
    """Pings Redis and asks for its figures.

    connect_ms: degraded when the ping, which connects when there is no connection, takes longer (F-17).
    memory_percent: degraded when Redis uses more of its own limit (F-16); one without a limit is never too full.
    """

    def __init__(self, redis: Redis, *, connect_ms: float = 500.0, memory_percent: float = 80.0) -> None:
        self._redis = redis
        self._connect_ms = connect_ms
        self._memory_percent = memory_percent

    def __call__(self) -> Result:
        began = time.perf_counter()
        try:
            alive = self._redis.ping()
            connected = (time.perf_counter() - began) * 1000
            info: Mapping[str, Any] = self._redis.info()
            details = {
                "connected_clients": info.get("connected_clients"),
                "used_memory_mb": round(info.get("used_memory", 0) / _MB, 2),
                "keyspace_hits": info.get("keyspace_hits"),
                "keyspace_misses": info.get("keyspace_misses"),
            }
            figures = {
                "memory_usage_bytes": info.get("used_memory"),
                "connected_clients": info.get("connected_clients"),
                "total_commands_processed": info.get("total_commands_processed"),
            }
            complaint = self._complaint(connected, info)
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.DEGRADED, f"Redis error: {error}", response_time_ms=-1, error=kind)
        took = round((time.perf_counter() - began) * 1000, 2)
        if not alive:
            return Result(Status.DEGRADED, "Redis ping failed", details, took)
        names = {"memory_usage_bytes": "redis_memory_bytes", "connected_clients": "redis_connected_clients"}
        gauges: dict[tuple[str, ...], float] = {
            (name,): figures[key] or 0 for key, name in names.items() if figures[key] is not None
        }
        status = Status.DEGRADED if complaint else Status.HEALTHY
        return Result(status, complaint or "Redis operational", details, took, figures=figures, gauges=gauges)

    def _complaint(self, connected: float, info: Mapping[str, Any]) -> str:
        if connected > self._connect_ms:
            return f"Redis connect slow: {connected:.0f}ms"
        limit = info.get("maxmemory", 0)
        used = 100.0 * info.get("used_memory", 0) / limit if limit else 0.0
        return f"Redis memory high: {used:.1f}%" if used > self._memory_percent else ""


def redis_check(redis: Redis, *, connect_ms: float = 500.0, memory_percent: float = 80.0, **more: Any) -> Check:
    """A check named `redis`; more: further fields of Check."""
    on_timeout = (Status.DEGRADED, "Redis error: timeout after {seconds}s")
    fields = {"name": "redis", "description": "Reachability and figures of Redis", "on_timeout": on_timeout}
    function = RedisCheck(redis, connect_ms=connect_ms, memory_percent=memory_percent)
    return Check(function=function, **{**fields, **more})

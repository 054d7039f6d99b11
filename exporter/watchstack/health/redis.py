"""The check of Redis (C-55 to C-57)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from watchstack.health.check import Check, Result, Status

_MB = 1024 * 1024


class Redis(Protocol):
    """What the check asks; redis-py's client is one."""

    def ping(self) -> Any: ...
    def info(self) -> Any: ...


def redis_client(url: str, *, seconds: float = 10.0) -> Redis:
    """redis-py's client for a URL. seconds: bound of connecting and of each answer.

    Raises ImportError where redis-py is not installed, ValueError for a URL that is none.
    """
    import importlib

    module = importlib.import_module("redis")
    client: Redis = module.Redis.from_url(url, socket_connect_timeout=seconds, socket_timeout=seconds)
    return client


class RedisCheck:
    """Pings Redis and asks for its figures."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def __call__(self) -> Result:
        began = time.perf_counter()
        try:
            alive = self._redis.ping()
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
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.DEGRADED, f"Redis error: {error}", response_time_ms=-1, error=kind)
        took = round((time.perf_counter() - began) * 1000, 2)
        if alive:
            return Result(Status.HEALTHY, "Redis operational", details, took, figures=figures)
        return Result(Status.DEGRADED, "Redis ping failed", details, took)


def redis_check(redis: Redis, **more: Any) -> Check:
    """A check named `redis`; more: further fields of Check."""
    on_timeout = (Status.DEGRADED, "Redis error: timeout after {seconds}s")
    fields = {"name": "redis", "description": "Reachability and figures of Redis", "on_timeout": on_timeout}
    return Check(function=RedisCheck(redis), **{**fields, **more})

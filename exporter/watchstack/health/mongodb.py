"""The check of MongoDB (C-10 where the store is MongoDB)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from watchstack.health.check import Check, Result, Status


def mongodb_client(url: str, *, seconds: float = 10.0) -> Any:
    """pymongo's client for a URL; it connects when it is first used. seconds: bound of each step of a command for which
    the URL has none.

    Raises ImportError where pymongo is not installed, ValueError for a URL that is none.
    """
    import importlib

    module = importlib.import_module("pymongo")
    said = {option.partition("=")[0].lower() for option in re.split("[&;]", url.partition("?")[2])}
    names = ("connectTimeoutMS", "socketTimeoutMS", "serverSelectionTimeoutMS")
    bounds = {name: int(seconds * 1000) for name in names if name.lower() not in said}
    try:
        return module.MongoClient(url, connect=False, **bounds)  # its threads begin in the process that uses it
    except module.errors.InvalidURI:  # its text may show a part of the password
        raise ValueError("a URL of mongodb:// in whose password special characters are percent-encoded") from None
    except module.errors.ConfigurationError as error:
        raise ValueError(f"a URL of MongoDB with options that fit: {error}") from None


class MongoCheck:
    """Pings MongoDB and asks for its figures. slow_ms: degraded when both together take longer."""

    def __init__(self, client: Any, *, slow_ms: float = 3000.0) -> None:
        self._client = client
        self._slow_ms = slow_ms

    def __call__(self) -> Result:
        began = time.perf_counter()
        try:
            admin = self._client.admin
            admin.command("ping")
            status = _figures(admin)
            connections: Mapping[str, Any] = status.get("connections") or {}
            details = {
                "version": status.get("version"),
                "uptime_seconds": status.get("uptime"),
                "connections_current": connections.get("current"),
                "connections_available": connections.get("available"),
            }
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.CRITICAL, f"MongoDB error: {error}", response_time_ms=-1, error=kind)
        took = round((time.perf_counter() - began) * 1000, 2)
        if took > self._slow_ms:
            return Result(Status.DEGRADED, f"MongoDB slow: {took:.0f}ms", details, took)
        return Result(Status.HEALTHY, "MongoDB operational", details, took)


def _figures(admin: Any) -> Mapping[str, Any]:
    """The server's figures; a user without the right to read them gets none, and that is no failure."""
    try:
        found: Mapping[str, Any] = admin.command("serverStatus")
    except Exception as error:
        if type(error).__name__ != "OperationFailure":
            raise
        return {}
    return found


def mongodb_check(client: Any, *, slow_ms: float = 3000.0, **more: Any) -> Check:
    """A check named `mongodb`; more: further fields of Check."""
    on_timeout = (Status.CRITICAL, "MongoDB timeout after {seconds}s")
    fields = {"name": "mongodb", "description": "Connection and commands of MongoDB", "on_timeout": on_timeout}
    return Check(function=MongoCheck(client, slow_ms=slow_ms), **{**fields, **more})

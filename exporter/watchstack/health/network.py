"""The check of network connectivity (C-12): are names resolved, are hosts reached, is there an interface at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from watchstack.health.check import Check, Result, Status
from watchstack.host import LOOPBACKS


class NetworkCheck:
    """Connects to all targets at once by TCP and hangs up; without targets asks whether an interface other than
    loopback is up.

    Some targets out of reach: degraded; all: unhealthy. seconds: bound of it all, names that are looked up too.
    """

    def __init__(self, targets: Sequence[tuple[str, int]] = (), *, seconds: float = 5.0) -> None:
        self._targets = tuple(targets)
        self._seconds = seconds

    def __call__(self) -> Result:
        return self._reached() if self._targets else _interfaces()

    def _reached(self) -> Result:
        began = time.perf_counter()
        found: dict[tuple[str, int], Exception | None] = {}
        threads = [threading.Thread(target=self._connect, args=(found, one), daemon=True) for one in self._targets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, began + self._seconds - time.perf_counter()))
        outcomes = [found.get(target, TimeoutError("timed out")) for target in self._targets]
        told = {f"{host}:{port}": _told(one) for (host, port), one in zip(self._targets, outcomes, strict=True)}
        errors = [one for one in outcomes if one is not None]
        took = round((time.perf_counter() - began) * 1000, 2)
        if not errors:
            return Result(Status.HEALTHY, "Network reachable", {"targets": told}, took)
        missing = "; ".join(f"{target} {text}" for target, text in told.items() if text != "reached")
        status = Status.UNHEALTHY if len(errors) == len(outcomes) else Status.DEGRADED
        kind = type(errors[0]).__name__
        return Result(status, f"Network trouble: {missing}", {"targets": told}, took, error=kind)

    def _connect(self, found: dict[tuple[str, int], Exception | None], target: tuple[str, int]) -> None:
        try:
            with socket.create_connection(target, timeout=self._seconds):
                found[target] = None
        except (OSError, ValueError) as error:  # a ValueError: no name can be like that
            found[target] = error


def _told(error: Exception | None) -> str:
    if error is None:
        return "reached"
    return f"{'name not resolved' if isinstance(error, socket.gaierror) else 'not reached'}: {error}"


def network_check(targets: Sequence[tuple[str, int]] = (), *, seconds: float = 5.0, **more: Any) -> Check:
    """A check named `network`, which makes the whole degraded at most; more: further fields of Check."""
    on_timeout = (Status.UNHEALTHY, "Network timeout after {seconds}s")
    fields = {"name": "network", "description": "Names resolved, hosts reached", "critical": False}
    function = NetworkCheck(targets, seconds=seconds)
    return Check(function=function, **{**fields, "on_timeout": on_timeout, **more})


def _interfaces() -> Result:
    stats: Mapping[str, Any] = psutil.net_if_stats()
    up = sorted(name for name, one in stats.items() if one.isup and name not in LOOPBACKS)
    if up:
        return Result(Status.HEALTHY, "Network interface up", {"interfaces": up})
    return Result(Status.DEGRADED, "No network interface is up", {"interfaces": []})

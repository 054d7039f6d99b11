"""The check of another service's HTTP API (C-03, C-04): is it reached, how fast does it answer."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import Any

from watchstack.health.check import Check, Result, Status


class WebCheck:
    """Gets a URL. An answer below 500 shows that the API runs: 401 is a missing key, no failure of theirs.

    seconds: bound of each wait for the network. slow_ms: an answer slower than this is degraded. failures: in a row
    that make it unhealthy; the ones before are degraded (F-19).
    """

    def __init__(
        self, name: str, url: str, *, seconds: float = 10.0, slow_ms: float = 3000.0, failures: int = 1
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the health check {name!r} needs an http or https URL")
        self._name = name
        self._url = url
        self._seconds = seconds
        self._slow_ms = slow_ms
        self._failures = failures
        self._failed = 0

    def __call__(self) -> Result:
        began = time.perf_counter()
        self._failed += 1  # until an answer is there; one that never comes is a failure too
        bad = Status.UNHEALTHY if self._failed >= self._failures else Status.DEGRADED
        try:
            status = self._status()
        except Exception as error:
            kind = type(error).__name__
            details = {"failures": self._failed}
            return Result(bad, f"{self._name} error: {_told(error)}", details, response_time_ms=-1, error=kind)
        took = round((time.perf_counter() - began) * 1000, 2)
        if status >= 500:
            details = {"http_status": status, "failures": self._failed}
            return Result(bad, f"{self._name} answered {status}", details, took)
        self._failed = 0
        details = {"http_status": status}
        if took > self._slow_ms:
            return Result(Status.DEGRADED, f"{self._name} slow: {took:.0f}ms", details, took)
        return Result(Status.HEALTHY, f"{self._name} reachable", details, took)

    def _status(self) -> int:
        request = urllib.request.Request(self._url, headers={"User-Agent": "watchstack"})
        try:
            with urllib.request.urlopen(request, timeout=self._seconds) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def _told(error: Exception) -> str:
    """What went wrong; of a URL that cannot be asked nothing, for its parts may be secret."""
    if isinstance(error, http.client.InvalidURL):
        return "its URL cannot be asked: leave out user and password, and percent-encode special characters"
    return str(error)


def web_check(
    name: str, url: str, *, seconds: float = 10.0, slow_ms: float = 3000.0, failures: int = 1, **more: Any
) -> Check:
    """A check of another service's API, which by default makes the whole degraded at most; more: fields of Check."""
    on_timeout = (Status.UNHEALTHY, name + " timeout after {seconds}s")
    fields = {"name": name, "description": f"Reachability of {name}", "critical": False, "external": True}
    function = WebCheck(name, url, seconds=seconds, slow_ms=slow_ms, failures=failures)
    return Check(function=function, **{**fields, "timeout": seconds, "on_timeout": on_timeout, **more})

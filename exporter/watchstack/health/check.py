"""What a health check is, what it answers, and the registry of an application's checks. Running them: runner.py."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import TIMEOUT_MAX
from typing import Any

from watchstack.utf8 import text_of


class Status(StrEnum):
    """From best to worst."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    CRITICAL = "critical"

    @property
    def failed(self) -> bool:
        return self in (Status.UNHEALTHY, Status.CRITICAL)


_ORDER = {status: number for number, status in enumerate(Status)}


def worst(statuses: Iterator[Status]) -> Status:
    """The worst of them, healthy for none."""
    return max(statuses, key=_ORDER.__getitem__, default=Status.HEALTHY)


@dataclass(frozen=True)
class Result:
    """What a check found.

    response_time_ms: -1 where there is none; None: as long as the check ran. error: class name of the exception behind
    it. escaped: the check did not answer itself, its exception got out. figures: numbers of a store, for A-05.
    sections: what the detailed answer tells beside its checks (X-03). gauges: metrics, by name and label values.
    """

    status: Status
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    response_time_ms: float | None = None
    error: str = ""
    escaped: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    gauges: Mapping[tuple[str, ...], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One health check.

    function: answers a Result, or awaits one. interval, timeout: seconds. critical: whether its failure makes the
    whole unhealthy; else degraded. on_timeout: what a check that takes too long is, `{seconds}` being its timeout.
    external: of another service's API. provided: the settings brought it; it gives way to one that the application adds
    under its name.
    """

    name: str
    function: Callable[[], Result | Awaitable[Result]]
    description: str = ""
    interval: float = 60.0
    timeout: float = 30.0
    critical: bool = True
    on_timeout: tuple[Status, str] = (Status.CRITICAL, "Health check timeout after {seconds}s")
    external: bool = False
    provided: bool = False

    def timed_out(self) -> Result:
        status, text = self.on_timeout
        message = text.replace("{seconds}", f"{self.timeout:g}")
        return Result(status, message, response_time_ms=self.timeout * 1000, error="TimeoutError")


LONGEST = 10_000  # characters of a message
RESERVED = frozenset({"simple"})  # paths of /api/health that are no check


class Registry:
    """The checks of one application by name, in the order they were registered."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, check: Check) -> Check:
        """Raises ValueError for a name that is taken, reserved or empty, and for times that are not above zero."""
        if not check.name or check.name in RESERVED:
            raise ValueError(f"a health check cannot be named {check.name!r}")
        known = self._checks.get(check.name)
        if known is not None and not known.provided:
            raise ValueError(f"a health check named {check.name!r} is registered already")
        if not (0 < check.interval <= TIMEOUT_MAX and 0 < check.timeout <= TIMEOUT_MAX):
            raise ValueError(f"interval and timeout of the health check {check.name!r} must be above zero, and finite")
        self._checks = {**self._checks, check.name: check}  # those who iterate keep what they had
        return check

    def __getitem__(self, name: str) -> Check:
        return self._checks[name]

    def __contains__(self, name: object) -> bool:
        return name in self._checks

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())


def cleaned(result: Result) -> Result:
    """A result that JSON in UTF-8 can hold. Raises whatever its parts raise when read, and for one without an end."""
    took = result.response_time_ms
    return replace(
        result,
        message=text_of(result.message)[:LONGEST],
        error=text_of(result.error or ""),
        details=_cleaned(dict(result.details)),
        figures=_cleaned(dict(result.figures)),
        sections=_cleaned(dict(result.sections)),
        gauges={tuple(map(str, series)): float(value) for series, value in result.gauges.items()},
        response_time_ms=None if took is None or not math.isfinite(took) else float(took),
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {text_of(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or type(value) in (bool, int) else text_of(value)

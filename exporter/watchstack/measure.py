"""One metric that the application feeds: its series, what its names and values may be, and how those of several worker
processes become one. The store of all metrics lives in measures.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from watchstack.catalogue import Definition, Kind
from watchstack.families import LabelValues
from watchstack.slots import Key
from watchstack.utf8 import text_of

OVERFLOW = "overflow"  # the label value of everything past the limit
SENSITIVE = frozenset(
    {*("user", "user_id", "userid", "username", "email", "phone", "ip", "ip_address"),
     *("session", "session_id", "token", "password", "secret", "api_key", "authorization")}
)  # fmt: skip
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z").match
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*\Z").match
_LONGEST = 200  # characters of a label value
RATE_SECONDS, RATE_WINDOWS = 5, 12  # a rate is the mean over the last twelve whole windows: one minute


class MetricError(ValueError):
    """A metric cannot be used as it is. reason: `name`, `type`, `labels`, `sensitive`, `value`, `limit`."""

    def __init__(self, name: str, reason: str, why: str) -> None:
        super().__init__(f"metric {name!r}: {why}")
        self.name = name
        self.reason = reason


class Measure:
    """One metric and its series in this process. key: where its numbers lie, the label values following."""

    __slots__ = ("_limit", "_values", "definition", "key", "series", "size")

    def __init__(self, definition: Definition, limit: int) -> None:
        self.definition = definition
        self.key: Key = ("measure", definition.name, definition.kind, ",".join(definition.labels))
        self.size = {Kind.COUNTER: 1, Kind.GAUGE: 2}.get(definition.kind, len(definition.buckets) + 2)
        self._limit = limit
        self.forget()

    def forget(self) -> None:
        self.series: dict[LabelValues, Any] = {}
        self._values: list[set[str]] = [set() for _ in self.definition.labels]

    def bounded(self, values: LabelValues) -> LabelValues:
        """`values` with what is too many as `overflow`: a label has so many values, all of them ten times as many."""
        if len(self.series) >= 10 * self._limit:
            return (OVERFLOW,) * len(values)
        found = []
        for known, value in zip(self._values, values, strict=True):
            text = text_of(value[:_LONGEST])
            if text not in known and len(known) >= self._limit:
                text = OVERFLOW
            else:
                known.add(text)
            found.append(text)
        return tuple(found)


def merge(
    series: dict[LabelValues, list[float]],
    definition: Definition,
    values: LabelValues,
    numbers: Sequence[float],
    alive: bool,
) -> None:
    """Adds what one worker has written; gauges become one as their definition says."""
    known = series.get(values)
    if definition.kind is not Kind.GAUGE:
        series[values] = list(numbers) if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    elif definition.multiprocess == "livesum":
        if alive and numbers[1]:  # written since the process that left it was gone
            series[values] = [numbers[0] + (known[0] if known else 0.0), numbers[1]]
    elif known is None:
        series[values] = list(numbers)
    else:
        index = 0 if definition.multiprocess == "max" else 1
        series[values] = max(known, list(numbers), key=lambda pair: pair[index])


def rate(numbers: Sequence[float], now: int) -> float:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return sum(amount for stamp, amount in pairs if now - RATE_WINDOWS <= stamp < now) / (RATE_SECONDS * RATE_WINDOWS)


def number(name: str, value: float, *, low: float | None) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise MetricError(name, "value", f"{value!r} is no number") from None
    if math.isnan(number):
        raise MetricError(name, "value", "nan is no value")
    if low is not None and (number < low or math.isinf(number)):
        raise MetricError(name, "value", f"a counter cannot be increased by {number:g}")
    return number


def check_names(name: str, labels: tuple[str, ...]) -> None:
    if not isinstance(name, str) or not _NAME(name):
        raise MetricError(str(name), "name", "a name is letters, digits, _ and :, and begins with no digit")
    for label in labels:
        if not isinstance(label, str) or not _LABEL(label) or label == "le":
            why = f"{label!r} cannot be a label: letters, digits and _, no digit or __ first, not `le`"
            raise MetricError(name, "labels", why)
        if label.lower() in SENSITIVE:
            why = f"the label {label!r} tells of single persons or secrets; count by what is few and harmless"
            raise MetricError(name, "sensitive", why)


def labels_differ(known: tuple[str, ...], given: tuple[str, ...]) -> str:
    def told(labels: tuple[str, ...]) -> str:
        return ", ".join(sorted(map(str, labels))) or "none"

    return f"its labels are {told(known)}, used with {told(given)}; the first use settles them"

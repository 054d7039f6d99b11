"""One number out of many: Grafana's calculations by their ids. Values that are not there count for none of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

_Numbers = list[float]


def _difference(found: _Numbers) -> float:
    return found[-1] - found[0]


def _deviation(found: _Numbers) -> float:
    mean = math.fsum(found) / len(found)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in found) / len(found))


REDUCERS: dict[str, Callable[[_Numbers], float]] = {
    "lastNotNull": lambda found: found[-1],
    "last": lambda found: found[-1],
    "firstNotNull": lambda found: found[0],
    "first": lambda found: found[0],
    "min": min,
    "max": max,
    "sum": math.fsum,
    "mean": lambda found: math.fsum(found) / len(found),
    "count": lambda found: float(len(found)),
    "range": lambda found: max(found) - min(found),
    "diff": _difference,
    "delta": _difference,
    "stdDev": _deviation,
}
WORDS = {
    "lastNotNull": "last",
    "firstNotNull": "first",
    "sum": "total",
    "diff": "difference",
    "stdDev": "deviation",
}


def reduced(values: Sequence[float], calculation: str) -> float | None:
    """None where there is no value, where both infinities or numbers too large leave none, and for a calculation that
    is not known."""
    found = [value for value in values if not math.isnan(value)]
    if not found or calculation not in REDUCERS:
        return None
    try:
        number = REDUCERS[calculation](found)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number

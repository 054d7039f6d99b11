"""Picks values out of JSON that anybody may have written: what has the wrong type counts as absent.

Nothing here knows what a dashboard is.
"""

from __future__ import annotations

import math
from typing import Any

LONGEST = 10_000  # characters of a text


def text(source: object, key: str, default: str = "") -> str:
    """A string, cut to LONGEST."""
    found = source.get(key) if isinstance(source, dict) else None
    return found[:LONGEST] if isinstance(found, str) else default


def number(source: object, key: str) -> float | None:
    """A finite number; a bool is none."""
    found = source.get(key) if isinstance(source, dict) else None
    good = isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)
    return float(found) if good and found is not None else None


def whole(source: object, key: str, low: int, high: int, default: int) -> int:
    """A whole number between the two."""
    found = number(source, key)
    return default if found is None else max(low, min(high, int(found)))


def flag(source: object, key: str, default: bool = False) -> bool:
    found = source.get(key) if isinstance(source, dict) else None
    return found if isinstance(found, bool) else default


def table(source: object, key: str) -> dict[str, Any]:
    """An object, or an empty one."""
    found = source.get(key) if isinstance(source, dict) else None
    return found if isinstance(found, dict) else {}


def items(source: object, key: str) -> list[Any]:
    """A list, or an empty one."""
    found = source.get(key) if isinstance(source, dict) else None
    return found if isinstance(found, list) else []


def objects(source: object, key: str) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [found for found in items(source, key) if isinstance(found, dict)]


def texts(source: object, key: str) -> tuple[str, ...]:
    """The strings of a list."""
    return tuple(found[:LONGEST] for found in items(source, key) if isinstance(found, str))

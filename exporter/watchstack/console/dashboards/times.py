"""Time ranges as Grafana's addresses write them, and the step at which a range is asked. Nothing is asked here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

POINTS = 1000  # of a series, at most
SHORTEST, LONGEST = 60.0, 400 * 86400.0  # seconds of a range
SCRAPE = 15  # seconds between two samples, where console.json says nothing else: no finer step shows more
USUAL = ("now-3h", "now")
STEPS = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)  # seconds
INSTANT = 5  # seconds: questions about "now" within them are one question
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "M": 30 * 86400, "y": 365 * 86400}
_RELATIVE = re.compile(r"now(?:-(\d{1,6})([smhdwMy]))?")
_ABSOLUTE = re.compile(r"\d{1,15}")  # milliseconds
_LENGTH = re.compile(r">?(\d{1,6})(ms|[smhdwMy])")


@dataclass(frozen=True)
class Span:
    """A time range in Unix seconds, start before end. live: it ends now, so that it moves on.

    scrape: seconds between two samples of what is asked.
    """

    start: float
    end: float
    live: bool = False
    scrape: int = SCRAPE

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def aligned(self, step: int) -> tuple[int, int]:
        """Start and end on multiples of the step, so that everybody who looks asks the same."""
        return math.floor(self.start / step) * step, math.floor(self.end / step) * step

    @property
    def moment(self) -> int:
        """When an instant question is asked."""
        return math.floor(self.end / INSTANT) * INSTANT


def span(told_from: str, told_to: str, now: float, usual: tuple[str, str] = USUAL, scrape: int = SCRAPE) -> Span:
    """The range of two texts, `now-1h` or Unix milliseconds; the usual one where they say none that can be."""
    for pair in ((told_from or usual[0], told_to or usual[1]), usual, USUAL):
        start, end = (_moment(text, now) for text in pair)
        if start is None or end is None or start >= end or end > now + 86400:
            continue
        length = min(max(end - start, SHORTEST), LONGEST)
        return Span(end - length, end, live=pair[1] == "now", scrape=scrape)
    raise AssertionError("the usual range is one")


def valid(text: str) -> bool:
    """Whether the text names a moment."""
    return _moment(text, 0.0) is not None


def step_of(seconds: float, at_least: float = SCRAPE, points: int = POINTS) -> int:
    """Seconds between the points of a range: the smallest of STEPS that gives no more than `points`."""
    wanted = max(seconds / max(1, min(points, POINTS)), at_least)
    return next((step for step in STEPS if step >= wanted), math.ceil(wanted / 86400) * 86400)


def length_of(text: str) -> float:
    """Seconds of `30s`, `1m` or Grafana's `>30s`; 0 for what is none."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        return 0.0
    return int(match[1]) * (0.001 if match[2] == "ms" else _SECONDS[match[2]])


def _moment(text: str, now: float) -> float | None:
    if _ABSOLUTE.fullmatch(text):
        return int(text) / 1000
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return None
    return now - (int(match[1]) * _SECONDS[match[2]] if match[1] else 0)

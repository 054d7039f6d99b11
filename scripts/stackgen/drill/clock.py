"""The drill's clock: the time of a rule's test runs `FACTOR` times faster than the real one. No PromQL here."""

from __future__ import annotations

from dataclasses import dataclass

from stackgen.drill.errors import CannotDrillError
from stackgen.model.values import seconds
from stackgen.render.common import duration

FACTOR = 60.0  # a minute, promtool's usual step, becomes a second; the 15 s of scraping and evaluating a quarter of one
LOOKBACK = 300.0  # seconds for which Prometheus takes a sample for current


@dataclass(frozen=True)
class Clock:
    """start: Unix time at which the test's own time is zero. factor: how much faster than the real time it runs."""

    start: float = 0.0
    factor: float = FACTOR

    def test_time(self, now: float) -> float:
        """Seconds of the test's time at a Unix time."""
        return (now - self.start) * self.factor

    def real(self, length: float) -> float:
        """Real seconds that a length of the test's time takes."""
        return length / self.factor

    def shorter(self, length: float) -> str:
        """A length of the test's time as the duration that Prometheus gets. Raises CannotDrillError under 1 ms."""
        if length and round(abs(length) * 1000 / self.factor) < 1:
            raise CannotDrillError(f"{duration(length)} would be under a millisecond")
        return f"{'-' if length < 0 else ''}{duration(abs(length) / self.factor)}"

    def shorten(self, text: object) -> str:
        """A duration as written, "5m", as the one that Prometheus gets, "5s". Raises CannotDrillError."""
        length = seconds(str(text))
        if length is None:
            raise CannotDrillError(f"'{text}' is no duration")
        return self.shorter(length)

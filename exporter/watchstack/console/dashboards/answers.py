"""What Prometheus and Loki answer, made small: numbers on the grid of the question, and a bounded number of them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchstack.console.logs.loki import plain
from watchstack.console.peers.ask import PeerError

NONE = math.nan  # no value at this point of the grid
SERIES = 50  # lines of a panel
ROWS = 500  # series of a table
LINES = 300  # log lines of a panel
TIMEOUT = 8  # seconds that Prometheus works on a question, less than the console waits
_LEVELS = ("critical", "error", "warning", "info", "debug")
_LEVEL_WORDS = {"warn": "warning", "err": "error", "crit": "critical", "fatal": "critical"}
_TRUNCATED = "results truncated due to limit"


@dataclass(frozen=True)
class Question:
    """One query to one part. step: seconds between the points from start to end, 0 for one at the end.

    lines: log lines are wanted. values_of: the values of this label of the series instead.
    """

    source: str
    expr: str
    start: int
    end: int
    step: int = 0
    most: int = SERIES
    lines: bool = False
    values_of: str = ""

    @property
    def points(self) -> int:
        return (self.end - self.start) // self.step + 1 if self.step else 1

    def path(self) -> tuple[str, Sequence[tuple[str, str]]]:
        """Path and parameters of the part's own API."""
        if self.source == "loki":
            return self._loki()
        times = [("start", str(self.start)), ("end", str(self.end))]
        if self.values_of:
            match = [("match[]", self.expr)] if self.expr else []
            return f"/api/v1/label/{self.values_of}/values", [*match, *times, ("limit", str(self.most))]
        bounds = [("limit", str(self.most + 1)), ("timeout", f"{TIMEOUT}s")]
        if not self.step:
            return "/api/v1/query", [("query", self.expr), ("time", str(self.end)), *bounds]
        return "/api/v1/query_range", [("query", self.expr), *times, ("step", str(self.step)), *bounds]

    def _loki(self) -> tuple[str, Sequence[tuple[str, str]]]:
        nano = [("start", f"{self.start}000000000"), ("end", f"{self.end}000000000")]
        if self.lines:
            bounds = [("limit", str(LINES)), ("direction", "backward")]
            return "/loki/api/v1/query_range", [("query", self.expr), *nano, *bounds]
        if not self.step:
            return "/loki/api/v1/query", [("query", self.expr), ("time", f"{self.end}000000000")]
        return "/loki/api/v1/query_range", [("query", self.expr), *nano, ("step", str(self.step))]


@dataclass(frozen=True)
class Series:
    """values: one for each point of the question's grid, NONE where there is no sample."""

    labels: Mapping[str, str]
    values: array[float]

    @property
    def last(self) -> float | None:
        """The newest value."""
        return next((value for value in reversed(self.values) if not math.isnan(value)), None)


@dataclass(frozen=True)
class Line:
    """time: Unix seconds. level: one word of a few, or ""."""

    time: float
    level: str
    text: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """cut: there was more. notes: what the part warns of. values: of a label."""

    series: tuple[Series, ...] = ()
    lines: tuple[Line, ...] = ()
    values: tuple[str, ...] = ()
    cut: bool = False
    notes: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """Roughly how many numbers it takes to keep."""
        return 50 + sum(100 + len(one.values) for one in self.series) + 100 * len(self.lines) + 20 * len(self.values)


def read(question: Question, told: Any) -> Answer:
    """Raises PeerError for an answer of another form."""
    name = question.source.capitalize()
    try:
        notes = tuple(str(note)[:300] for note in told.get("warnings") or () if _TRUNCATED not in str(note))[:3]
        data = told["data"]
        if question.values_of:
            values = [str(value) for value in data or ()]
            return Answer(values=tuple(values[: question.most]), cut=len(values) >= question.most, notes=notes)
        kind, result = data["resultType"], data["result"]
        if kind == "streams":
            return _streams(result, notes)
        if question.lines:
            raise PeerError(f"{name} answered numbers where log lines are wanted")
        if kind == "scalar":
            result = [{"metric": {}, "value": result}]
        elif kind not in ("matrix", "vector"):
            raise PeerError(f"{name} answered a {kind}, of which nothing is drawn")
        series = tuple(_series(question, one) for one in result[: question.most])
        return Answer(series, cut=len(result) > question.most, notes=notes)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise PeerError(f"{name} answered in an unknown way: {error!r}") from error


def _series(question: Question, one: Mapping[str, Any]) -> Series:
    samples = one["values"] if "values" in one else [one["value"]] if "value" in one else []
    if not question.step:
        found = array("d", [float(value) for _, value in samples[-1:]] or [NONE])
        return Series(dict(one["metric"]), found)
    found = array("d", [NONE]) * question.points
    start, step = question.start, question.step
    for moment, value in samples:
        place = round((moment - start) / step)
        if 0 <= place < len(found):
            found[place] = float(value)
    return Series(dict(one["metric"]), found)


def _streams(result: Sequence[Mapping[str, Any]], notes: tuple[str, ...]) -> Answer:
    lines = [
        Line(int(moment) / 1e9, level(stream["stream"]), plain(text), stream["stream"])
        for stream in result
        for moment, text, *_ in stream["values"]
    ]
    lines.sort(key=lambda line: line.time, reverse=True)
    return Answer(lines=tuple(lines[:LINES]), cut=len(lines) >= LINES, notes=notes)


def level(labels: Mapping[str, str]) -> str:
    """Of a log line, by the labels that the collector or Loki set."""
    found = (labels.get("level") or labels.get("detected_level") or "").lower()
    found = _LEVEL_WORDS.get(found, found)
    return found if found in _LEVELS else ""

"""promtool's notation of a test's series: which labels, and which value at a moment of the test's time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import promql_parser

from stackgen.drill.errors import CannotDrillError
from stackgen.drill.expression import parse
from stackgen.model import RuleTest
from stackgen.model.values import seconds
from stackgen.promql import quoted

_NUMBER = r"(?:[iI]nf|[nN]a[nN]|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_ITEM = re.compile(rf"([+-]?{_NUMBER})(?:([+-]{_NUMBER}))?(?:x(\d+))?")
_GAPS = re.compile(r"_(?:x(\d+))?")
Key: TypeAlias = tuple[str, frozenset[tuple[str, str]]]  # name and labels
MOST = 2_000_000  # values of one series


@dataclass(frozen=True)
class Series:
    """One series of a test. labels: without the name. step: seconds from one value to the next.

    values: None for no sample. rises: from a value to the next where both belong to one `a+bxn`, else 0: between two
    steps such a series is taken as a straight line, every other as a stair.
    """

    name: str
    labels: Mapping[str, str]
    step: float
    values: tuple[float | None, ...]
    rises: tuple[float, ...]

    @property
    def end(self) -> float:
        """The moment of the last value."""
        return (len(self.values) - 1) * self.step

    @cached_property
    def key(self) -> Key:
        return self.name, frozenset(self.labels.items())

    def until(self, moment: float) -> Series:
        """The series without what changes in it after a moment: its present run goes on to its end."""
        last = min(int(moment / self.step), len(self.values) - 1)
        while last + 1 < len(self.values) and self.values[last + 1] == _next(self.values[last], self.rises[last]):
            last += 1
        return replace(self, values=self.values[: last + 1], rises=(*self.rises[:last], 0.0))

    def value(self, moment: float, *, stays: bool, smooth: bool = True) -> float | None:
        """The value at a moment, None for no sample. stays: the last value holds after the end."""
        place = max(moment, 0.0) / self.step
        index = int(place)
        if index >= len(self.values):
            return self.values[-1] if stays else None
        value = self.values[index]
        if value is None or not smooth:
            return value
        return value + self.rises[index] * (place - index)


def _next(value: float | None, rise: float) -> float | None:
    return None if value is None else value + rise


def read(test: RuleTest) -> tuple[Series, ...]:
    """The series of a test. Raises CannotDrillError."""
    step = seconds(test.interval)
    if not step:
        raise CannotDrillError(f"its test's interval '{test.interval}' is no duration")
    found = tuple(_series(selector, values, step) for selector, values in test.series.items())
    if len({one.key for one in found}) < len(found):
        raise CannotDrillError("its test names a series twice")
    return found


def _series(selector: str, values: str, step: float) -> Series:
    node = parse(selector)
    if not isinstance(node, promql_parser.VectorSelector):
        raise CannotDrillError(f"'{selector}' in its test is no series")
    labels = {one.name: one.value for one in node.matchers.matchers}
    name = node.name or labels.pop("__name__", "")
    if not name or any(one.op != promql_parser.MatchOp.Equal for one in node.matchers.matchers):
        raise CannotDrillError(f"'{selector}' in its test is no series")
    numbers, rises = expand(values)
    return Series(name, labels, step, numbers, rises)


def expand(text: str) -> tuple[tuple[float | None, ...], tuple[float, ...]]:
    """Values of promtool's notation, and what each rises by to the next. Raises CannotDrillError.

    `1+2x3` is 1 3 5 7, `1x3` is 1 1 1 1, `_x3` is three times nothing, `stale` once.
    """
    values: list[float | None] = []
    rises: list[float] = []
    for item in text.split():
        gap = _GAPS.fullmatch(item)
        if gap or item == "stale":
            count = int(gap[1]) if gap and gap[1] else 1
            _room(len(values) + count)
            values += [None] * count
            rises += [0.0] * count
            continue
        match = _ITEM.fullmatch(item)
        if match is None:
            kind = "a native histogram" if item.startswith("{{") else f"'{item}'"
            raise CannotDrillError(f"its test has {kind} for a value, which cannot be served as text")
        first, rise, times = float(match[1]), float(match[2] or 0), int(match[3] or 0)
        if match[2] and not match[3]:
            raise CannotDrillError(f"'{item}' in its test lacks the number of times")
        _room(len(values) + times)
        values += [first + rise * step for step in range(times + 1)]
        rises += [rise] * times + [0.0]
    if not values:
        raise CannotDrillError("its test has a series without values")
    return tuple(values), tuple(rises)


def _room(count: int) -> None:
    if count > MOST:
        raise CannotDrillError(f"its test has a series of more than {MOST} values")


def line(name: str, labels: Mapping[str, str], value: float, moment: str = "") -> str:
    """One line of the text format. moment: the value's, as it is written: milliseconds, in OpenMetrics seconds."""
    pairs = [f"{_label(key)}={quoted(text)}" for key, text in labels.items()]
    if re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
        head = name
    else:
        head, pairs = "", [quoted(name), *pairs]
    inside = f"{{{','.join(pairs)}}}" if pairs else ""
    return f"{head}{inside} {number(value)}{moment and ' '}{moment}\n"


def number(value: float) -> str:
    """A value as the text format has it."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _label(name: str) -> str:
    return name if re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) else quoted(name)

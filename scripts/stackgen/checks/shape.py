"""The outer shape of a PromQL or LogQL expression: strings, comments, brackets, ranges. What it means is `promql`'s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSING = {close: opening for opening, close in _PAIRS.items()}
_STRING_END = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\.)*{quote}", re.DOTALL) for quote in "\"'"}
_STRING_END["`"] = re.compile(r"[^`]*`")
_NEXT = re.compile(r"[\"'`#()\[\]{}]")
_RANGE = re.compile(r"\s*((?:[0-9]+(?:ms|[smhdwy]))+)\s*")


class Fault(NamedTuple):
    """offset, length: characters of the expression."""

    offset: int
    length: int
    message: str
    hint: str


class Range(NamedTuple):
    """A range selector `[5m]` that is no subquery. matchers: the `{…}` before it, empty when there are none."""

    offset: int
    length: int
    window: str
    matchers: str


class Shape(NamedTuple):
    """What a scan found. bare: the expression without strings and comments."""

    faults: list[Fault]
    ranges: list[Range]
    bare: str


def scan(expr: str) -> Shape:
    """Look through an expression once; the first fault in its brackets is told, others would follow from it."""
    faults: list[Fault] = []
    ranges: list[Range] = []
    bare: list[str] = []
    opened: list[tuple[str, int]] = []
    braces = (0, 0)
    index = 0
    while match := _NEXT.search(expr, index):
        bare.append(expr[index : match.start()])
        place, sign = match.start(), match[0]
        index = place + 1
        if sign == "#":
            newline = expr.find("\n", index)
            index = newline if newline >= 0 else len(expr)
        elif sign in _STRING_END:
            end = _STRING_END[sign].match(expr, index)
            if end is None:
                return Shape(
                    [*faults, Fault(place, 1, "the quote that opens here is never closed", f"add {sign}")], ranges, ""
                )
            bare.append(" ")
            index = end.end()
        else:
            bare.append(sign)
            begun = opened[-1][1] if opened else 0
            fault = _bracket(sign, place, opened)
            if fault:
                return Shape([*faults, fault], ranges, "")
            if sign == "}":
                braces = (begun, index)
            window = _RANGE.match(expr, index) if sign == "[" else None
            if window and expr[window.end() : window.end() + 1] == "]":
                matchers = "" if expr[braces[1] : place].strip() else expr[slice(*braces)]
                ranges.append(Range(place, window.end() + 1 - place, window[1], matchers))
    bare.append(expr[index:])
    faults += [
        Fault(place, 1, f"the '{sign}' that opens here is never closed", f"add '{_PAIRS[sign]}'")
        for sign, place in opened[:1]
    ]
    return Shape(faults, ranges, "".join(bare))


def _bracket(sign: str, place: int, opened: list[tuple[str, int]]) -> Fault | None:
    if sign in _PAIRS:
        opened.append((sign, place))
        return None
    if not opened:
        return Fault(place, 1, f"this '{sign}' closes nothing", f"remove it, or add '{_CLOSING[sign]}' before it")
    opening, _ = opened.pop()
    if _PAIRS[opening] != sign:
        return Fault(place, 1, f"'{sign}' closes what '{opening}' opened", f"write '{_PAIRS[opening]}' here")
    return None


_MATCHER = re.compile(r"""\b(?:job|service)\s*=\s*(["'`])([^"'`]*)\1""")


def selected(expr: str) -> Iterator[str]:
    """Names of jobs and services that the expression asks for by equality."""
    for match in _MATCHER.finditer(expr):
        yield match[2]

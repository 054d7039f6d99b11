"""Shapes of log lines: what is left when numbers, ids, addresses and times are taken out. Pure; asks nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 300  # characters of a shape
MOST = 200  # shapes that are shown
# In this order: a time holds numbers, a UUID holds hexadecimal words.
_PARTS = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}\b"), "<mail>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"), "<address>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"), "<address>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<id>"),
    (re.compile(r"\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"(?<![A-Za-z_0-9])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"), "<n>"),
)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Pattern:
    """Lines of one shape. first, last: Unix seconds; example: the newest of them; level: the worst, or empty."""

    shape: str
    count: int
    first: float
    last: float
    example: str
    level: str
    sources: tuple[str, ...]


def shape(text: str) -> str:
    """`user 17 paid 3.50 from 10.0.0.7` as `user <n> paid <n> from <address>`."""
    text = text[: 4 * LONGEST]
    for part, word in _PARTS:
        text = part.sub(word, text)
    return _BLANKS.sub(" ", text).strip()[:LONGEST]


def patterns(lines: Iterable[tuple[float, str, str, str]], worst: tuple[str, ...]) -> list[Pattern]:
    """Most frequent first. lines: time, source, level, text. worst: levels, the worst first."""
    groups: dict[str, list[tuple[float, str, str, str]]] = {}
    for line in lines:
        groups.setdefault(shape(line[3]), []).append(line)
    found = [_pattern(form, group, worst) for form, group in groups.items()]
    return sorted(found, key=lambda one: (-one.count, -one.last, one.shape))


def _pattern(form: str, group: list[tuple[float, str, str, str]], worst: tuple[str, ...]) -> Pattern:
    levels = {level for _, _, level, _ in group}
    newest = max(group, key=lambda line: line[0])
    return Pattern(
        shape=form,
        count=len(group),
        first=min(line[0] for line in group),
        last=newest[0],
        example=newest[3],
        level=next((level for level in worst if level in levels), ""),
        sources=tuple(sorted({source for _, source, _, _ in group}))[:5],
    )

"""Findings as text for people, JSON for programs, annotations for GitHub. Making and ordering them lives elsewhere."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stackgen.diagnostic import Diagnostic, Position, Severity
from stackgen.source import redact
from stackgen.source.scalars import LINE_END

WIDTH = 120  # columns of an excerpt
TAB = 4
_CUT = "…"


def text(diagnostics: Iterable[Diagnostic], root: Path) -> str:
    """Header, excerpt, caret and hint of each finding; ends with a line end unless there are none.

    root: the checkout, for the lines of findings that bring no excerpt of their own.
    """
    return "".join(f"{line}\n" for found in diagnostics for line in _lines(found, root))


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; "no findings" when there are none."""
    counts = _counts(diagnostics)
    words = [f"{number} {kind}{'s' if number != 1 else ''}" for kind, number in counts.items() if number]
    return ", ".join(words) or "no findings"


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """`{"findings": [...], "errors": n, "warnings": n}`, lines and columns 1-based."""
    found = list(diagnostics)
    counts = _counts(found)
    document = {
        "findings": [_plain(one) for one in found],
        "errors": counts["error"],
        "warnings": counts["warning"],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request."""
    return "".join(_annotation(found) for found in diagnostics)


def _counts(diagnostics: Iterable[Diagnostic]) -> dict[str, int]:
    severities = [found.severity for found in diagnostics]
    return {severity.value: severities.count(severity) for severity in (Severity.ERROR, Severity.WARNING)}


def _plain(found: Diagnostic) -> dict[str, Any]:
    related = found.related
    return {
        "check": found.check,
        "severity": found.severity.value,
        **_place(found.where),
        "message": found.message,
        "hint": found.hint,
        "related": _place(related) if related else None,
    }


def _place(where: Position) -> dict[str, Any]:
    return {"file": where.file, "line": where.line, "column": where.column, "length": where.length}


def _annotation(found: Diagnostic) -> str:
    where = found.where
    properties = {
        "file": where.file,
        "line": where.line,
        "col": where.column,
        "endColumn": where.column + where.length,
        "title": found.check,
    }
    escaped = ",".join(
        f"{key}={_escape(str(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    words = _escape(found.message + (f"\n{found.hint}" if found.hint else ""))
    return f"::{found.severity.value} {escaped}::{words}\n"


def _escape(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _lines(found: Diagnostic, root: Path) -> list[str]:
    where = found.where
    head = f"{_at(where)} {found.severity.value} {found.check}: {visible(found.message)}"
    lines = [head, *_excerpt(where, found.excerpt or _read(root, where), "^", found.hint)]
    if found.related:
        lines.append(f"{_at(found.related)} see also")
        lines += _excerpt(found.related, found.related_excerpt or _read(root, found.related), "-", "")
    return lines


def _at(where: Position) -> str:
    return f"{visible(where.file)}:{where.line}:{where.column}"


def _read(root: Path, where: Position) -> str:
    """The line of a finding that came without one, empty when it is not to be had."""
    try:
        lines = LINE_END.split((root / where.file).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError):
        return ""
    return redact.line(lines[where.line - 1]) if 0 < where.line <= len(lines) else ""


def _excerpt(where: Position, line: str, mark: str, hint: str) -> list[str]:
    """The line itself and, below it, the caret with the hint behind it."""
    if not line.strip():
        return [f"      | {visible(hint)}"] if hint else []
    number = f"{where.line:>5}"
    gutter = " " * len(number) + " | "
    shown, before, width = _window(line, where.column - 1, where.length)
    caret = f"{gutter}{' ' * before}{mark * width} {visible(hint)}"
    return [f"{number} | {shown}".rstrip(), caret.rstrip()]


def _window(line: str, start: int, length: int) -> tuple[str, int, int]:
    """The visible line, cut around the caret, with the caret's first column (0-based) and width on the screen."""
    cells = _cells(line)
    start = min(start, len(cells))
    offsets = [0]
    for cell in cells:
        offsets.append(offsets[-1] + _width(cell))
    first, last = offsets[start], offsets[min(start + length, len(cells))]
    total = offsets[-1]
    if total <= WIDTH:
        return "".join(cells).rstrip(), first, max(1, last - first)
    room = WIDTH - 2
    begin = 0 if last <= room else max(0, min(first - room // 3, total - room))
    left = next(index for index, offset in enumerate(offsets) if offset >= begin)
    right = max(index for index, offset in enumerate(offsets) if offset <= offsets[left] + room)
    head, tail = _CUT if left else "", _CUT if right < len(cells) else ""
    shown = head + "".join(cells[left:right]).rstrip() + tail
    caret = first - offsets[left] + len(head)
    return shown, caret, max(1, min(last, offsets[right]) - first)


def _cells(line: str) -> list[str]:
    """What stands on the screen for each character: tabs as blanks, nothing that moves the cursor."""
    cells: list[str] = []
    column = 0
    for character in line:
        cell = " " * (TAB - column % TAB) if character == "\t" else visible(character)
        cells.append(cell)
        column += _width(cell)
    return cells


def visible(words: str) -> str:
    """The words with control and direction characters replaced, which could change what a terminal shows."""
    if words.isascii() and words.isprintable():
        return words
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _HIDDEN else character for character in words
    )


_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def _width(words: str) -> int:
    """Columns on the screen."""
    if words.isascii():
        return len(words)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in words
    )

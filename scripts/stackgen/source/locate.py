"""From a character of a YAML scalar's value to its place in the file, through quotes, escapes, folds and indents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stackgen.source.scalars import LINE_END

_BLANK = " \t\r\n\x85\u2028\u2029"
_ESCAPED = {"x": 2, "u": 4, "U": 8}
_BLANK_ESCAPES = "nrtNLP \t\r\n"


def _code(digits: str) -> str:
    """The character of a numbered escape, a visible one when there are no digits."""
    return chr(int(digits, 16)) if digits else "x"


class Written(NamedTuple):
    """A scalar as it stands in a file: `text[start:end]` in a style, and the value that YAML makes of it."""

    text: str
    start: int
    end: int
    style: str
    value: str


def _units(written: Written) -> Iterator[tuple[int, int]]:
    """(index, length) of each piece of the source that stands for one visible character of the value."""
    text, start, end, style, _ = written
    index = start
    if style in ("|", ">"):  # the header line is no content
        match = LINE_END.search(text, index, end)
        index = match.end() if match else end
    elif style:
        index, end = index + 1, end - 1
    while index < end:
        length = 1
        if style == "'" and text.startswith("''", index):
            length = 2
        elif style == '"' and text[index] == "\\" and index + 1 < end:
            following = text[index + 1]
            length = 2 + _ESCAPED.get(following, 0)
            if following in _BLANK_ESCAPES or _code(text[index + 2 : index + length]) in _BLANK:
                index += length
                continue
        elif text[index] in _BLANK:
            index += 1
            continue
        yield index, length
        index += length


def locate(written: Written, offset: int, length: int = 1) -> tuple[int, int, int]:
    """Line (0 = the scalar's first), column and length in the file of `value[offset:offset + length]`.

    On line 0 the column counts from the scalar's start, on later lines from the line's. White space that was folded
    away points at the end of the visible character before it.
    """
    text, start, value = written.text, written.start, written.value
    visible = sum(1 for character in value[:offset] if character not in _BLANK)
    wanted = sum(1 for character in value[offset : offset + length] if character not in _BLANK)
    on_blank = offset >= len(value) or value[offset] in _BLANK
    first = last = start
    width = 1
    for number, (index, size) in enumerate(_units(written)):
        if number == visible - 1 and on_blank:
            first = last = index + size
        if number == visible and not on_blank:
            first, last, width = index, index + size, size
        if visible <= number < visible + wanted:
            last = index + size
        if number >= visible + wanted:
            break
    ends = [match.end() for match in LINE_END.finditer(text, start, first)]
    column = first - (ends[-1] if ends else start)
    line_end = LINE_END.search(text, first)
    limit = line_end.start() if line_end else len(text)
    return len(ends), column, max(width if not on_blank else 1, min(last, limit) - first)

"""PyYAML's complaints in plain words. It knows no keys of ours; findings point where the parser stopped."""

from __future__ import annotations

import re

import yaml

from stackgen.diagnostic import Diagnostic, Position
from stackgen.source import problems
from stackgen.source.nodes import Text

_INDENT = "check that this line is indented like its neighbours"
_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "a ': ' stands where no key can begin",
        "quote the value if the ': ' belongs to it, or check the indentation",
    ),
    ("did not find expected key", "this does not continue the mapping above it", _INDENT),
    ("expected <block end>", "this does not continue the block above it", _INDENT),
    (
        "did not find expected '-' indicator",
        "this does not continue the list above it",
        "begin it with '- ', or " + _INDENT,
    ),
    (
        "did not find expected ',' or ']'",
        "a list that began with '[' goes on here without ',' or ']'",
        "add the missing ',' or ']'",
    ),
    (
        "did not find expected ',' or '}'",
        "a mapping that began with '{' goes on here without ',' or '}'",
        "add the missing ',' or '}'",
    ),
    ("expected ',' or ']'", "a list that began with '[' goes on here without ',' or ']'", "add the missing ',' or ']'"),
    (
        "expected ',' or '}'",
        "a mapping that began with '{' goes on here without ',' or '}'",
        "add the missing ',' or '}'",
    ),
    (
        "could not find expected ':'",
        "this is no 'key: value': the ':' is missing",
        "write a ':' and a space after the key",
    ),
    ("found unexpected end of stream", "the quote that opens here is never closed", "close the quote"),
    (
        "found unexpected document indicator",
        "the quote that opens here is not closed before '---' or '...'",
        "close the quote",
    ),
    (
        "unknown escape character",
        "YAML knows no such escape in double quotes",
        r"double the backslash, or use single quotes",
    ),
    (
        "did not find expected hexdecimal number",
        "digits are missing in this escape",
        r"double the backslash, or use single quotes",
    ),
    (
        "block sequence entries are not allowed",
        "a '- ' stands where no list can begin",
        "put the list on a line of its own below the key",
    ),
    ("did not find expected node content", "a value is missing here", "write the value, or '' for none"),
    (
        "did not find expected alphabetic or numeric character",
        "a name is missing after '&' or '*'",
        "quote the text if '*' or '&' belongs to it",
    ),
    ("control characters are not allowed", "there is a control character here that YAML forbids", "remove it"),
    ("special characters are not allowed", "there is a control character here that YAML forbids", "remove it"),
    ("found undefined tag handle", "this tag is not defined", "remove the tag; quote the value if '!' belongs to it"),
    ("did not find expected <document start>", "something stands after the end of the content", _INDENT),
    ("expected '<document start>'", "something stands after the end of the content", _INDENT),
    ("found a tab character", "a tab stands where YAML wants spaces", "replace the tab with spaces"),
    ("invalid leading UTF-8", "this is not UTF-8", "save the file as UTF-8"),
    (
        "did not find expected comment or line break",
        "something stands behind the '|' or '>' that begins a text",
        "put the text on the next line",
    ),
    ("duplicate %yaml directive", "a second %YAML line", "remove it"),
    ("found incompatible yaml document", "a version of YAML that nobody writes", "remove the %YAML line"),
)
_QUOTE = {"'": "''", '"': '""'}


def reword(source: Text, error: yaml.MarkedYAMLError) -> Diagnostic:
    """The finding for what PyYAML raised."""
    mark = error.problem_mark or error.context_mark
    problem = (error.problem or error.context or "").strip()
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = source.lines
    if line >= len(lines) or (line == len(lines) - 1 and not lines[line].strip() and line > 0):
        line = max((number for number, text in enumerate(lines) if text.strip()), default=0)
        column = len(lines[line])
    text = lines[line]
    where = Position(source.path, line + 1, min(column, len(text)) + 1)
    context = (
        Position(source.path, error.context_mark.line + 1, error.context_mark.column + 1)
        if error.context_mark
        else None
    )
    if "cannot start any token" in problem:
        return _stray(where, text)
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return problems.tab_indentation(Position(source.path, line + 1, text.index("\t") + 1))
    if "end of stream" in problem or "document indicator" in problem or "expected ':'" in problem:
        where, context = (context or where), None
    for sign, message, hint in _WORDS:
        if sign in problem.lower():
            return problems.yaml_syntax(where, message, hint, _elsewhere(context, where))
    return problems.yaml_syntax(where, f"this is not YAML: {problem}", _INDENT, _elsewhere(context, where))


def _stray(where: Position, text: str) -> Diagnostic:
    character = text[where.column - 1 : where.column]
    if character == "\t":
        return problems.tab_indentation(where)
    rest = re.sub(r"\s+#.*", "", text[where.column - 1 :]).rstrip(" ,]}") or character
    return problems.yaml_syntax(
        where, f"a value cannot begin with '{character}'", f"quote it: '{rest}'" if "'" not in rest else "quote it"
    )


def template(where: Position, line: str) -> Diagnostic:
    """`summary: {{ $labels.instance }} is down`: to YAML this begins a mapping."""
    value = re.sub(r"\s+#.*", "", line[where.column - 1 :]).rstrip()
    quoted = "'" + value.replace("'", "''") + "'"
    position = Position(where.file, where.line, where.column, 2)
    return problems.yaml_syntax(position, "a value cannot begin with '{{'", f"quote it: {quoted}")


def _elsewhere(context: Position | None, where: Position) -> Position | None:
    """The line where the unfinished thing began, when it is another one."""
    return context if context and context.line != where.line else None

"""Puts values of variables into a query so that none of them can leave the string it stands in.

Within quotes a value is escaped, for a regular expression too where the file says that it is one; outside of quotes
only a plain word, number or duration may stand. Which variables there are: declared.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchstack.console.dashboards.declared import Variable

ALL = "$__all"  # Grafana's own word
VALUES, LONGEST = 50, 300  # of one variable; characters of a value
_PIECE = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*", re.DOTALL)
_USE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]", re.ASCII)
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")
_WORD = re.compile(r"[A-Za-z0-9_.:]{1,200}", re.ASCII)


class BadValue(ValueError):
    """A value that may not stand where the query has its variable; the message is for the reader."""


@dataclass(frozen=True)
class Value:
    """What a variable stands for. every: text of the file for all values, which is trusted, or "".

    regex: several values may be chosen, so that the file uses it as a regular expression.
    """

    chosen: tuple[str, ...]
    every: str = ""
    regex: bool = False


def chosen(variable: Variable, told: Sequence[str], options: Sequence[str] = ()) -> Value:
    """What a request says about a variable, else the file's own choice. options: for one that means all of them."""
    values = [value.encode("utf-8", "replace").decode()[:LONGEST] for value in told[:VALUES]]
    values = [value for value in values if value or variable.kind == "textbox"]
    if variable.kind == "constant" or not values:
        values = list(variable.default) or ([ALL] if variable.all else list(options[:1]))
    regex = variable.multi or variable.all
    if ALL in values and variable.all:
        return Value(tuple(options), variable.every, regex)
    return Value(tuple(values if variable.multi else values[:1]), "", regex)


def interpolate(expr: str, values: Mapping[str, Value], built_in: Mapping[str, str]) -> str:
    """The query that is asked. built_in: Grafana's own, such as `__interval`, whose values are the console's.

    Raises BadValue.
    """
    pieces, position = [], 0
    for match in _PIECE.finditer(expr):
        before = _outside(expr[position : match.start()], values, built_in)
        pieces.append(before)
        if not match[0].startswith("#"):
            pieces.append(_string(match[0], "".join(pieces), values, built_in))
        position = match.end()
    pieces.append(_outside(expr[position:], values, built_in))
    return "".join(pieces)


def _outside(text: str, values: Mapping[str, Value], built_in: Mapping[str, str]) -> str:
    def fill(use: re.Match[str]) -> str:
        name = use[1] or use[3] or use[4]
        if name in built_in:
            return built_in[name]
        if name not in values:
            return use[0]
        value = values[name]
        if value.every:
            return value.every
        for one in value.chosen:
            if not _WORD.fullmatch(one):
                raise BadValue(f"the value of {name} must be a plain word here: {one[:60]}")
        return ",".join(value.chosen)

    return _USE.sub(fill, text)


def _string(literal: str, before: str, values: Mapping[str, Value], built_in: Mapping[str, str]) -> str:
    """A string literal with its values. In a raw one nothing can be escaped: it becomes a quoted one."""
    equal = re.search(r"=\s*\Z", before) is not None
    quote, inner = literal[0], literal[1:-1]
    if not _USE.search(inner):
        return literal

    def fill(use: re.Match[str]) -> str:
        name, form = use[1] or use[3] or use[4], use[2] or use[5] or ""
        if name in built_in:
            return built_in[name]
        if name not in values:
            return use[0]
        text = _text(values[name], form, equal)
        return text if quote == "`" else _escaped(text, quote)

    filled = _USE.sub(fill, inner)
    return json.dumps(filled, ensure_ascii=False) if quote == "`" else quote + filled + quote


def _text(value: Value, form: str, equal: bool) -> str:
    if value.every:
        return value.every
    plain = form in ("raw", "pipe", "csv", "text") or equal or not (value.regex or form == "regex")
    parts = list(value.chosen) if plain else [escaped(one) for one in value.chosen]
    if form == "csv":
        return ",".join(parts)
    return f"({'|'.join(parts)})" if len(parts) > 1 and form != "pipe" else "|".join(parts)


def escaped(value: str) -> str:
    """A text as a regular expression that matches just it."""
    return _SPECIAL.sub(r"\\\g<0>", value)


def _escaped(text: str, quote: str) -> str:
    """As it stands between these quotes, in PromQL and LogQL."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1]
    return inner if quote == '"' else inner.replace('\\"', '"').replace("'", "\\'")

"""PromQL as a tree with places. What a tree means for a check is in the neighbours, the parser in stackgen/promql.py.

The parser gives no positions: they are found again by walking the text along with the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import promql_parser

from stackgen.checks.tree import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Minus,
    Node,
    Number,
    Place,
    Selector,
    Subquery,
    Text,
)
from stackgen.model.thresholds import REFERENCE, spell
from stackgen.promql import HIDDEN, MOST_DEEP, depth, syntax

MOST_OPERATORS = 400  # beyond which the parser is not asked: it works recursively, and its stack is not ours to measure


@dataclass(frozen=True, slots=True)
class Parsed:
    """root: None when the parser gave up; fault: what it said then.

    text: the expression with values for references to thresholds, everything at its place.
    """

    root: Node | None
    text: str
    fault: str = ""


@lru_cache(maxsize=4096)
def parse(expr: str, numbers: tuple[tuple[str, float | str], ...] = ()) -> Parsed:
    """An expression as written, references to thresholds standing for their values (1 for an unknown name)."""
    text, given = _filled(expr, dict(numbers))
    clean = masked(text)
    if _too_large(clean):
        return Parsed(None, text)
    try:
        return Parsed(_Reader(text, clean, given).node(syntax(text)), text)
    except ValueError as error:
        return Parsed(None, text, str(error))
    except RecursionError:
        return Parsed(None, text)


def _filled(expr: str, numbers: dict[str, float | str]) -> tuple[str, dict[int, int]]:
    """The text with values for references, every other character at its place; where they stand and how long."""
    if "${" not in expr:
        return expr, {}
    places = {}

    def value(match: re.Match[str]) -> str:
        places[match.start()] = len(match[0])
        return spell(numbers.get(match[1], 1.0)).ljust(len(match[0]))

    return REFERENCE.sub(value, expr), places


_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_INSIDE = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_OPERATOR = re.compile(r"[-+*/%^<>=!]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![\w.:])(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[\w]*|[iI]nf|[nN]a[nN])"
)


def masked_strings(text: str) -> str:
    """The text, of equal length, without strings and comments."""
    return HIDDEN.sub(_blank, text)


def masked(text: str) -> str:
    """The text, of equal length, without strings, comments, matchers and label lists."""
    return _INSIDE.sub(_hollow, _LISTS.sub(_blank, masked_strings(text)))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _hollow(match: re.Match[str]) -> str:
    return f"{match[0][0]}{' ' * (len(match[0]) - 2)}{match[0][-1]}"


def _too_large(clean: str) -> bool:
    return depth(clean) > MOST_DEEP or len(_OPERATOR.findall(clean)) > MOST_OPERATORS


@dataclass
class _Reader:
    """Turns the parser's tree into ours and finds each piece in the text. cursor: what lies before is done with."""

    text: str
    clean: str
    given: dict[int, int]
    cursor: int = field(default=0)

    def node(self, found: Any) -> Node:
        read = getattr(self, f"_{type(found).__name__}")
        result: Node = read(found)
        return result

    def _next(self, pattern: str, length: int | None = None) -> Place:
        match = re.compile(pattern, re.IGNORECASE).search(self.clean, self.cursor)
        if match is None:
            return Place(0, len(self.text.rstrip()))
        self.cursor = match.end()
        return Place(match.start(), match.end() - match.start() if length is None else length)

    def _word(self, word: str) -> Place:
        return self._next(rf"(?<![\w:.]){re.escape(word)}(?![\w:])")

    def _ParenExpr(self, found: Any) -> Node:
        return self.node(found.expr)

    def _NumberLiteral(self, found: Any) -> Node:
        match = _NUMBER.search(self.clean, self.cursor)
        if match is None:
            return Number(found.val, False, Place(0, len(self.text.rstrip())))
        self.cursor = match.end()
        reference = self.given.get(match.start(), 0)
        return Number(found.val, reference > 0, Place(match.start(), reference or len(match[0])))

    def _StringLiteral(self, found: Any) -> Node:
        return Text(found.val)

    def _VectorSelector(self, found: Any, window: float | None = None) -> Node:
        matchers = tuple(_matcher(one) for one in found.matchers.matchers)
        name = found.name or next((one.value for one in matchers if one.label == "__name__" and one.op == "="), "")
        place = self._word(found.name) if found.name else self._quoted(name)
        shifted = found.offset is not None or found.at is not None
        return Selector(name, matchers, window, shifted, place)

    def _quoted(self, name: str) -> Place:
        """A selector that begins with its brace: the quoted name in it, else the brace."""
        brace = self._next(r"\{")
        inside = re.compile(rf"""["'`]{re.escape(name)}["'`]""").search(self.text, brace.offset) if name else None
        return Place(inside.start(), len(inside[0])) if inside else brace

    def _MatrixSelector(self, found: Any) -> Node:
        return self._VectorSelector(found.vector_selector, found.range.total_seconds())

    def _SubqueryExpr(self, found: Any) -> Node:
        return Subquery(self.node(found.expr), found.range.total_seconds())

    def _UnaryExpr(self, found: Any) -> Node:
        return Minus(self.node(found.expr))

    def _Call(self, found: Any) -> Node:
        name = found.func.name
        place = self._word(name)
        return Call(name, tuple(self.node(argument) for argument in found.args), place)

    def _AggregateExpr(self, found: Any) -> Node:
        op, modifier = str(found.op), found.modifier
        place = self._word(op)
        param = self.node(found.param) if found.param is not None else None
        labels = tuple(modifier.labels) if modifier else None
        by = modifier is not None and modifier.type == promql_parser.AggModifierType.By
        return Aggregate(op, labels if by else None, None if by else labels, param, self.node(found.expr), place)

    def _BinaryExpr(self, found: Any) -> Node:
        op, modifier = str(found.op), found.modifier
        left = self.node(found.lhs)
        place = self._word(op) if op.isalnum() else self._next(rf"(?<![<>=!]){re.escape(op)}(?![=~])")
        right = self.node(found.rhs)
        on = ignoring = None
        if modifier is not None and modifier.matching is not None:
            labels = tuple(modifier.matching.labels)
            on, ignoring = (labels, None) if _includes(modifier.matching) else (None, labels)
        many = _MANY.get(str(modifier.card).rpartition(".")[2], "") if modifier else ""
        extra = tuple(modifier.group_labels or ()) if modifier else ()
        return Binary(op, left, right, bool(modifier and modifier.return_bool), on, ignoring, many, extra, place)


def _includes(matching: Any) -> bool:
    return bool(matching.type == promql_parser.LabelModifierType.Include)


_MANY = {"ManyToOne": "left", "OneToMany": "right"}
_OPS = (
    (promql_parser.MatchOp.Equal, "="),
    (promql_parser.MatchOp.NotEqual, "!="),
    (promql_parser.MatchOp.Re, "=~"),
    (promql_parser.MatchOp.NotRe, "!~"),
)


def _matcher(found: Any) -> Matcher:
    return Matcher(found.name, next(sign for op, sign in _OPS if op == found.op), found.value)

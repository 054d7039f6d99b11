"""A rule's expression for the drill: run by the drill's clock, and blind to all series but the alert's own.

The expression is parsed and written anew from its tree. Two things change:
- lengths: ranges, steps and offsets become shorter by the clock's factor; `time()` and what else tells the time tell
  the test's; what is reckoned per second (`rate`, `irate`, `deriv`, the horizon of `predict_linear`) is put right;
- selectors: each asks for the label TAG of the drilled alert too. The label is taken off again at once, so that no
  matching, aggregation or text ever sees it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import promql_parser

from stackgen.drill.clock import Clock
from stackgen.drill.errors import CannotDrillError
from stackgen.promql import MOST_DEEP, depth, quoted, syntax
from stackgen.render.common import duration

TAG = "stack_drill"
PER_SECOND = frozenset({"rate", "irate", "deriv"})
TIMES = frozenset({"timestamp", *(f"ts_of_{which}_over_time" for which in ("first", "last", "max", "min"))})
DATES = frozenset(
    {"minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"}
)  # without an argument they read the clock
ABSENT = frozenset({"absent", "absent_over_time"})
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MANY = {"ManyToOne": "group_left", "OneToMany": "group_right"}
_OPS = (
    (promql_parser.MatchOp.Equal, "="),
    (promql_parser.MatchOp.NotEqual, "!="),
    (promql_parser.MatchOp.Re, "=~"),
    (promql_parser.MatchOp.NotRe, "!~"),
)


@dataclass
class Rewritten:
    """text: the new expression. names: metrics it selects. span: seconds of the test's time that it looks back.

    shortest: the shortest range. changes: what was rewritten, in words, each once. functions, operators: all that it
    uses. selects: it reads series at all.
    """

    text: str = ""
    names: set[str] = field(default_factory=set)
    span: float = 0.0
    shortest: float = float("inf")
    changes: dict[str, None] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    selects: bool = False


def parse(expr: str) -> Any:
    """The parser's own tree. Raises CannotDrillError for what it does not understand."""
    if depth(expr) > MOST_DEEP:
        raise CannotDrillError("the expression has too many brackets inside one another")
    try:
        return syntax(expr)
    except ValueError as error:
        said = f": {error}" if str(error) else ""
        raise CannotDrillError(f"the expression is not understood{said}") from error


def rewrite(expr: str, clock: Clock, tag: str | None) -> Rewritten:
    """The expression for the drill. tag: the alert's value of TAG, None to leave selectors as they are.

    Raises CannotDrillError.
    """
    writer = _Writer(clock, tag)
    writer.found.text = writer.write(parse(expr))
    return writer.found


@dataclass
class _Writer:
    """Writes a tree as text. within: what the subqueries around the present place look back already."""

    clock: Clock
    tag: str | None
    found: Rewritten = field(default_factory=Rewritten)
    within: float = 0.0

    def write(self, node: Any) -> str:
        text: str = getattr(self, f"_{type(node).__name__}")(node)
        return text

    def _now(self) -> str:
        self.found.changes["time() is the test's"] = None
        return self._of_test("time()")

    def _of_test(self, moment: str) -> str:
        """A Unix time, or a vector of them, as the test's time."""
        return f"(({moment} - {self.clock.start:.3f}) * {self.clock.factor:g})"

    def _bare(self, text: str) -> str:
        """A vector without the label TAG."""
        return f'label_replace({text}, "{TAG}", "", "{TAG}", ".*")' if self.tag is not None else text

    def _length(self, length: timedelta, kind: str) -> str:
        whole = length.total_seconds()
        self.found.changes[f"{kind}{duration(abs(whole))}{']' if kind == '[' else ''}"] = None
        return self.clock.shorter(whole)

    def _window(self, length: timedelta) -> str:
        self.found.shortest = min(self.found.shortest, length.total_seconds())
        return self._length(length, "[")

    def _shift(self, node: Any) -> str:
        text = f" offset {self._length(node.offset, 'offset ')}" if node.offset is not None else ""
        if node.at is None:
            return text
        kind = str(node.at.type).rpartition(".")[2]
        if kind != "At":
            return f"{text} @ {kind.lower()}()"
        self.found.changes["@ is the test's time"] = None
        return f"{text} @ {self.clock.start + self.clock.real(node.at.at.timestamp()):.3f}"

    def _back(self, length: float, node: Any) -> float:
        return self.within + length + (max(node.offset.total_seconds(), 0.0) if node.offset is not None else 0.0)

    def _selector(self, node: Any, window: timedelta | None = None) -> str:
        """A selector with its range; its vector still has the label TAG."""
        if node.matchers.or_matchers:
            raise CannotDrillError("Prometheus has no 'or' between matchers")
        self.found.selects = True
        length = window.total_seconds() if window is not None else 0.0
        self.found.span = max(self.found.span, self._back(length, node))
        matchers = [_matcher(one) for one in node.matchers.matchers]
        named = {one.value for one in node.matchers.matchers if one.name == "__name__" and one.op == _OPS[0][0]}
        self.found.names |= {node.name} if node.name else named
        name = node.name or ""
        if name and not _NAME.fullmatch(name):
            matchers.insert(0, f"__name__={quoted(name)}")
            name = ""
        if self.tag is not None:
            matchers.append(f"{TAG}={quoted(self.tag)}")
        inside = f"{{{', '.join(matchers)}}}" if matchers or not name else ""
        return f"{name}{inside}{f'[{self._window(window)}]' if window is not None else ''}{self._shift(node)}"

    def _VectorSelector(self, node: Any) -> str:
        return self._bare(self._selector(node))

    def _MatrixSelector(self, node: Any) -> str:
        return self._selector(node.vector_selector, node.range)

    def _SubqueryExpr(self, node: Any) -> str:
        before = self.within
        self.within = self._back(node.range.total_seconds(), node)
        self.found.span = max(self.found.span, self.within)
        inner = self.write(node.expr)
        self.within = before
        step = self._length(node.step, "step ") if node.step is not None else ""
        return f"({inner})[{self._window(node.range)}:{step}]{self._shift(node)}"

    def _ParenExpr(self, node: Any) -> str:
        return f"({self.write(node.expr)})"

    def _NumberLiteral(self, node: Any) -> str:
        return _number(node.val)

    def _StringLiteral(self, node: Any) -> str:
        return quoted(node.val)

    def _UnaryExpr(self, node: Any) -> str:
        return f"-({self.write(node.expr)})"

    def _Call(self, node: Any) -> str:
        name = node.func.name
        self.found.functions.add(name)
        if name == "info":
            raise CannotDrillError("info() reads series that the drill cannot keep apart")
        if name == "time":
            return self._now()
        if name in DATES and not node.args:
            return f"{name}(vector({self._now()}))"
        text, tagged = self._arguments(name, node.args)
        text = self._bare(f"{name}({text})") if tagged else f"{name}({text})"
        if name in PER_SECOND:
            self.found.changes[f"{name}() per second of the test"] = None
            return f"({text} / {self.clock.factor:g})"
        if name in TIMES:
            self.found.changes[f"{name}() is the test's"] = None
            return self._of_test(text)
        return text

    def _arguments(self, name: str, arguments: Any) -> tuple[str, bool]:
        """Arguments of a call, and whether its result carries the label TAG because a selector stands there bare."""
        texts, tagged = [], False
        for node in arguments:
            selector = _inside(node) if name == "timestamp" else node
            if isinstance(selector, promql_parser.MatrixSelector):
                texts.append(self._MatrixSelector(selector))
                tagged = True
            elif isinstance(selector, promql_parser.VectorSelector) and name in ABSENT | TIMES:
                texts.append(self._selector(selector))  # these look at the selector itself
                tagged = True
            else:
                texts.append(self.write(node))
        if name == "predict_linear":
            self.found.changes["predict_linear()'s horizon"] = None
            texts[1] = f"({texts[1]}) / {self.clock.factor:g}"
        return ", ".join(texts), tagged

    def _AggregateExpr(self, node: Any) -> str:
        modifier = ""
        if node.modifier is not None:
            by = node.modifier.type == promql_parser.AggModifierType.By
            modifier = f" {'by' if by else 'without'} ({_labels(node.modifier.labels)}) "
        self.found.functions.add(str(node.op))
        param = f"{self.write(node.param)}, " if node.param is not None else ""
        return f"{node.op}{modifier}({param}{self.write(node.expr)})"

    def _BinaryExpr(self, node: Any) -> str:
        self.found.operators.add(str(node.op))
        left, right = self._operand(node.lhs), self._operand(node.rhs)
        return f"{left} {node.op}{_modifier(node.modifier)} {right}"

    def _operand(self, node: Any) -> str:
        text = self.write(node)
        if isinstance(node, promql_parser.BinaryExpr | promql_parser.UnaryExpr) or text.startswith(("-", "+")):
            return f"({text})"
        return text


def _modifier(modifier: Any) -> str:
    if modifier is None:
        return ""
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise CannotDrillError("fill() is an experiment of Prometheus's")
    words = " bool" if modifier.return_bool else ""
    if modifier.matching is not None:
        on = modifier.matching.type == promql_parser.LabelModifierType.Include
        words += f" {'on' if on else 'ignoring'} ({_labels(modifier.matching.labels)})"
    many = _MANY.get(str(modifier.card).rpartition(".")[2])
    return f"{words} {many} ({_labels(modifier.group_labels or ())})" if many else words


def _inside(node: Any) -> Any:
    while isinstance(node, promql_parser.ParenExpr):
        node = node.expr
    return node


def _labels(names: Any) -> str:
    return ", ".join(name if _LABEL.fullmatch(name) else quoted(name) for name in names)


def _matcher(found: Any) -> str:
    name = found.name if _LABEL.fullmatch(found.name) else quoted(found.name)
    return f"{name}{next(sign for op, sign in _OPS if op == found.op)}{quoted(found.value)}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

"""Between which values the result of an expression lies, as far as that is certain. NaN is left out of account."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from stackgen.checks.tree import COMPARISONS, Aggregate, Binary, Call, Minus, Node, Number, Selector, Subquery, Text

_INF = math.inf


@dataclass(frozen=True)
class Bounds:
    """Both ends are included."""

    low: float = -_INF
    high: float = _INF

    def both(self, other: Bounds) -> Bounds:
        """From the lower of the lows to the higher of the highs."""
        return Bounds(min(self.low, other.low), max(self.high, other.high))

    @property
    def known(self) -> bool:
        return self.low > -_INF or self.high < _INF


ANY = Bounds()
COUNTED = Bounds(0, _INF)  # counters, durations, rates
SOME = Bounds(1, _INF)  # counts of what is there
SWITCH = Bounds(0, 1)

_SAME = (  # functions whose result is one of, or lies between, the values they are given
    "avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time", "quantile_over_time",
    "sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "label_replace", "label_join", "scalar", "vector",
)  # fmt: skip
_KEEPING = ("avg", "min", "max", "topk", "bottomk", "limitk", "limit_ratio")
_AT_LEAST_ZERO = (
    "abs", "exp", "sqrt", "rate", "irate", "increase", "changes", "resets", "stddev_over_time", "stdvar_over_time",
    "time", "timestamp", "histogram_count",
)  # fmt: skip
_FIXED = {
    "absent": Bounds(1, 1),
    "absent_over_time": Bounds(1, 1),
    "present_over_time": Bounds(1, 1),
    "count_over_time": SOME,
    "hour": Bounds(0, 23),
    "minute": Bounds(0, 59),
    "day_of_week": Bounds(0, 6),
    "day_of_month": Bounds(1, 31),
    "day_of_year": Bounds(1, 366),
    "days_in_month": Bounds(28, 31),
    "month": Bounds(1, 12),
}

OfMetric = Callable[[str], Bounds]


def bounds(node: Node, of_metric: OfMetric) -> Bounds:  # noqa: PLR0911 - one case a kind of node
    """of_metric: what is known about a metric's values by its name."""
    match node:
        case Number():
            return ANY if math.isnan(node.value) else Bounds(node.value, node.value)
        case Text():
            return ANY
        case Selector():
            return of_metric(node.name)
        case Subquery():
            return bounds(node.of, of_metric)
        case Minus():
            inner = bounds(node.of, of_metric)
            return Bounds(-inner.high, -inner.low)
        case Aggregate():
            return _aggregated(node, of_metric)
        case Call():
            return _called(node, of_metric)
        case Binary():
            return _joined(node, of_metric)


def never(node: Binary, of_metric: OfMetric) -> bool:
    """Whether a comparison that filters can hold for no sample."""
    left, right = bounds(node.left, of_metric), bounds(node.right, of_metric)
    match node.op:
        case ">":
            return left.high <= right.low
        case ">=":
            return left.high < right.low
        case "<":
            return left.low >= right.high
        case "<=":
            return left.low > right.high
        case "==":
            return left.high < right.low or left.low > right.high
        case _:
            return left.low == left.high == right.low == right.high


def _aggregated(node: Aggregate, of_metric: OfMetric) -> Bounds:
    inner = bounds(node.of, of_metric)
    if node.op in _KEEPING:
        return inner
    if node.op == "count":
        return SOME
    if node.op == "group":
        return Bounds(1, 1)
    if node.op in ("stddev", "stdvar"):
        return COUNTED
    if node.op == "sum":  # of one sample at least
        return Bounds(inner.low if inner.low >= 0 else -_INF, inner.high if inner.high <= 0 else _INF)
    return ANY


def _called(node: Call, of_metric: OfMetric) -> Bounds:
    if node.name in _FIXED:
        return _FIXED[node.name]
    if node.name in _AT_LEAST_ZERO:
        return COUNTED
    if node.name == "sum_over_time" and node.args:
        inner = bounds(node.args[-1], of_metric)
        return Bounds(inner.low if inner.low >= 0 else -_INF, inner.high if inner.high <= 0 else _INF)
    if node.name in _SAME and node.args:
        vector = next((one for one in node.args if not isinstance(one, Text)), node.args[0])
        if node.name == "quantile_over_time":
            quantile = node.args[0]
            if not isinstance(quantile, Number) or not 0 <= quantile.value <= 1:
                return ANY
            vector = node.args[-1]
        return bounds(vector, of_metric)
    return ANY


def _joined(node: Binary, of_metric: OfMetric) -> Bounds:
    left, right = bounds(node.left, of_metric), bounds(node.right, of_metric)
    if node.op in COMPARISONS:
        if node.bool:
            return SWITCH
        flipped = isinstance(node.left, Number)  # the series' own values go on
        return _filtered(FLIPPED[node.op], right, left) if flipped else _filtered(node.op, left, right)
    return _computed(node.op, left, right)


def _computed(op: str, left: Bounds, right: Bounds) -> Bounds:  # noqa: PLR0911 - one case an operator
    match op:
        case "and" | "unless":
            return left
        case "or":
            return left.both(right)
        case "+":
            return Bounds(left.low + right.low, left.high + right.high)
        case "-":
            return Bounds(left.low - right.high, left.high - right.low)
        case "*":
            return _product(left, right)
        case "/":
            return _quotient(left, right)
        case _:
            return ANY


FLIPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _filtered(op: str, left: Bounds, right: Bounds) -> Bounds:
    """The samples of the left side that a comparison lets through."""
    low, high = left.low, left.high
    if op in (">", ">=", "=="):
        low = max(low, right.low)
    if op in ("<", "<=", "=="):
        high = min(high, right.high)
    return Bounds(low, high) if low <= high else left


def _product(left: Bounds, right: Bounds) -> Bounds:
    corners = [_times(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return Bounds(min(corners), max(corners))


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _quotient(left: Bounds, right: Bounds) -> Bounds:
    """By a number that is not zero; of two that are never negative the quotient is neither."""
    if right.low == right.high and right.low not in (0, _INF, -_INF):
        corners = (left.low / right.low, left.high / right.low)
        return Bounds(min(corners), max(corners))
    return COUNTED if left.low >= 0 and right.low >= 0 else ANY

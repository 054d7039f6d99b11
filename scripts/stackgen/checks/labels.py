"""Which labels the result of an expression can have. Series of unknown origin may have any; operators add and drop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from stackgen.checks.tree import SETS, Aggregate, Binary, Call, Minus, Node, Number, Selector, Subquery, Text

_KEEPING = ("topk", "bottomk", "limitk", "limit_ratio")
_BUCKETS = ("histogram_quantile",)
_NONE = ("time", "pi", "scalar", "vector")
_ABSENT = ("absent", "absent_over_time")


@dataclass(frozen=True)
class Labels:
    """names: labels that the result may have. open: and any other too, but for those `dropped`."""

    names: frozenset[str] = frozenset()
    open: bool = False
    dropped: frozenset[str] = frozenset()

    def may_have(self, name: str) -> bool:
        return name in self.names or (self.open and name not in self.dropped)

    def only(self, names: tuple[str, ...]) -> Labels:
        return Labels(frozenset(name for name in names if self.may_have(name)))

    def without(self, names: tuple[str, ...]) -> Labels:
        gone = frozenset(names)
        return Labels(self.names - gone, self.open, self.dropped | gone if self.open else frozenset())

    def plus(self, *names: str) -> Labels:
        more = frozenset(names)
        return Labels(self.names | more, self.open, self.dropped - more)

    def either(self, other: Labels) -> Labels:
        """What one or the other may have."""
        dropped = frozenset(name for name in self.dropped | other.dropped if not self._or(other, name))
        names = self.names | other.names
        return Labels(names, self.open or other.open, dropped - names)

    def _or(self, other: Labels, name: str) -> bool:
        return self.may_have(name) or other.may_have(name)


ANY = Labels(open=True)
NOTHING = Labels()


def labels(node: Node) -> Labels:
    """The labels that samples of an expression may have, its metric name aside."""
    match node:
        case Selector():
            return ANY
        case Number() | Text():
            return NOTHING
        case Minus() | Subquery():
            return labels(node.of)
        case Aggregate():
            return _aggregated(node)
        case Call():
            return _called(node)
        case Binary():
            return _joined(node)


def _aggregated(node: Aggregate) -> Labels:
    inner = labels(node.of)
    if node.op in _KEEPING:
        return inner
    result = inner.without(node.without) if node.without is not None else inner.only(node.by or ())
    if node.op == "count_values" and isinstance(node.param, Text):
        return result.plus(node.param.value)
    return result


def _called(node: Call) -> Labels:  # noqa: PLR0911 - one case a family of functions
    if node.name in _NONE:
        return NOTHING
    if node.name in _ABSENT:
        return _absent(node)
    vectors = [labels(argument) for argument in node.args if not isinstance(argument, Number | Text)]
    if not vectors:  # hour(), day_of_week() and their like of the moment
        return NOTHING
    if node.name in _BUCKETS:
        return vectors[0].without(("le",))
    if node.name == "info":
        return ANY
    if node.name == "histogram_quantiles" and len(node.args) > 1 and isinstance(node.args[1], Text):
        return vectors[0].without(("le",)).plus(node.args[1].value)
    if node.name in ("label_replace", "label_join") and len(node.args) > 1 and isinstance(node.args[1], Text):
        return vectors[0].plus(node.args[1].value)
    return reduce(Labels.either, vectors)


def _absent(node: Call) -> Labels:
    """absent() invents a series of what its selector asks for by equality."""
    of = node.args[0] if node.args else None
    if not isinstance(of, Selector):
        return NOTHING
    named = [one.label for one in of.matchers if one.op == "=" and one.label != "__name__"]
    others = {one.label for one in of.matchers if one.op != "="}
    return Labels(frozenset(name for name in named if named.count(name) == 1 and name not in others))


def _joined(node: Binary) -> Labels:
    left, right = labels(node.left), labels(node.right)
    if node.op == "or":
        return left.either(right)
    if node.op in SETS:
        return left
    if _scalar(node.left) or _scalar(node.right):
        return right if _scalar(node.left) else left
    if node.many:
        many = left if node.many == "left" else right
        return many.plus(*node.extra)
    if node.on is not None:
        return left.only(node.on)
    return left.without(node.ignoring or ())


def _scalar(node: Node) -> bool:
    match node:
        case Number():
            return True
        case Call():
            return node.name in ("time", "pi", "scalar")
        case Minus():
            return _scalar(node.of)
        case Binary():
            return _scalar(node.left) and _scalar(node.right)
        case _:
            return False

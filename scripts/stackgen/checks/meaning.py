"""Expressions that Prometheus takes and that cannot be meant so: metrics that nobody has, rates of gauges, comparisons
that never hold. Their syntax is looked at in `expressions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from stackgen.checks.bounds import ANY, FLIPPED, Bounds, OfMetric, bounds, never
from stackgen.checks.folding import Found, folded
from stackgen.checks.known import OWN_WORDS, Metric, known
from stackgen.checks.subject import Subject
from stackgen.checks.tree import COMPARISONS, Aggregate, Binary, Call, Node, Number, Place, Selector, walk
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.read_rules import ReadRule
from stackgen.model.slo import RECORDED
from stackgen.model.thresholds import REFERENCE
from stackgen.model.values import seconds, spell
from stackgen.source.nodes import Scalar

_RATES = ("rate", "irate", "increase")
_KEEPING = ("sum", "avg", "min", "max", "topk", "bottomk")  # a counter stays one


@check("unknown-metric", Severity.WARNING)
def unknown_metric(subject: Subject) -> Iterator[Words]:
    """What a user's own application exports is not known, so that this is a warning; in rules that were brought along
    only names are told that nothing but a program of the stack, or a recording rule, can have.
    """
    yield from folded(_unknown(subject))


def _unknown(subject: Subject) -> Found:
    names = known().keys() | subject.recorded | set(RECORDED)
    near: dict[str, str] = {}
    for read, node, parsed in subject.parsed:
        for selector in _selectors(parsed.root) if subject.rules_known else ():
            name, written = selector.name, ":" in selector.name
            if other := _other_preset(subject, selector):
                yield read, Words(_at(node, selector.place), *other)
            if not name or name in names or (read.custom and not written and name.partition("_")[0] not in OWN_WORDS):
                continue
            if name not in near:
                near[name] = nearest_metric(name, names)
            if read.custom and not written and not near[name]:
                continue
            what = "no rule records" if written else "nothing known exports"
            hint = f"did you mean '{near[name]}'?" if near[name] else _where_metrics_stand(name)
            yield read, Words(_at(node, selector.place), f"{what} '{name}'", hint)


def _other_preset(subject: Subject, selector: Selector) -> tuple[str, str] | None:
    """What to say of a metric that is asked of a preset without it."""
    metric = _metric(subject, selector.name)
    asked = next((one.value for one in selector.matchers if (one.label, one.op) == ("preset", "=")), "")
    if metric is None or not metric.presets or not asked or asked in metric.presets:
        return None
    having = " and ".join(sorted(metric.presets))
    return (
        f"services of preset {asked} have no '{selector.name}'",
        f"it belongs to {having}; docs/metrics.md lists them",
    )


def nearest_metric(name: str, names: Iterable[str]) -> str:
    """A known name that differs in a letter or two, "" when there is none."""
    alike = [other for other in names if other[:3] == name[:3] and abs(len(other) - len(name)) < 3]
    close = get_close_matches(name, alike, n=1, cutoff=0.9)
    return close[0] if close else ""


def _where_metrics_stand(name: str) -> str:
    return "write the rule that does" if ":" in name else "docs/metrics.md lists what the library exports"


def _selectors(root: Node | None) -> Iterator[Selector]:
    return (node for node in walk(root) if isinstance(node, Selector)) if root is not None else iter(())


def _at(node: Scalar, place: Place) -> Position:
    return node.at(place.offset, place.length)


@check("rate-of-gauge", Severity.WARNING)
def rate_of_gauge(subject: Subject) -> Iterator[Words]:
    def found() -> Found:
        for read, node, parsed in subject.parsed:
            for call in (one for one in walk(parsed.root) if isinstance(one, Call)) if parsed.root else ():
                of = call.args[0] if call.args else None
                if call.name in _RATES and isinstance(of, Selector) and _is_gauge(subject, of.name):
                    message = f"{call.name}() of '{of.name}', which is a gauge: every fall would count as a restart"
                    instead = "delta" if call.name == "increase" else "deriv"
                    yield read, Words(_at(node, call.place), message, f"write {instead}({of.name}[…])")

    yield from folded(found())


def _metric(subject: Subject, name: str) -> Metric | None:
    return None if name in subject.recorded else known().get(name)


def _is_gauge(subject: Subject, name: str) -> bool:
    metric = _metric(subject, name)
    return metric is not None and metric.kind == "gauge" and not metric.grows


@check("bare-counter", Severity.WARNING)
def bare_counter(subject: Subject) -> Iterator[Words]:
    """A counter compared with a number: it grows for ever and begins anew with its program."""

    def found() -> Found:
        for read, node, parsed in subject.parsed:
            for one in _alone(parsed.root):
                for side, other in ((one.left, one.right), (one.right, one.left)):
                    counter = _counter(subject, side)
                    if one.op in ("==", "!=") or not isinstance(other, Number) or counter is None:
                        continue
                    message = f"'{counter.name}' is a counter: it only grows, so that this stays true until a restart"
                    hint = f"compare rate({counter.name}[5m]) or increase({counter.name}[1h])"
                    yield read, Words(_at(node, counter.place), message, hint)

    yield from folded(found())


def _counter(subject: Subject, node: Node) -> Selector | None:
    while isinstance(node, Aggregate) and node.op in _KEEPING:
        node = node.of
    if not isinstance(node, Selector) or node.window is not None or not node.name:
        return None
    metric = _metric(subject, node.name)
    return node if metric is not None and metric.kind == "counter" else None  # many a gauge is called _total


def _alone(root: Node | None) -> Iterator[Binary]:
    """Comparisons that decide by themselves: with `and` or `unless` a counter's value may well be asked for."""
    if isinstance(root, Binary) and root.op == "or":
        yield from _alone(root.left)
        yield from _alone(root.right)
    elif isinstance(root, Binary) and root.op in COMPARISONS and not root.bool:
        yield root


def _comparisons(root: Node | None) -> Iterator[Binary]:
    """Comparisons that filter."""
    for node in walk(root) if root is not None else ():
        if isinstance(node, Binary) and node.op in COMPARISONS and not node.bool:
            yield node


@check("impossible-comparison")
def impossible_comparison(subject: Subject) -> Iterator[Words]:
    """Only what is certain: values that a metric or function cannot have, bounds that exclude each other."""
    yield from folded(_impossible(subject))


def _impossible(subject: Subject) -> Found:
    def of_metric(name: str) -> Bounds:
        metric = _metric(subject, name)
        return metric.bounds if metric else ANY

    for read, node, parsed in subject.parsed:
        if any(name not in subject.stack.thresholds for name in REFERENCE.findall(node.text)):
            continue  # told as unknown: nobody knows its number
        for one in _comparisons(parsed.root):
            if never(one, of_metric):
                yield read, _never(node, one, of_metric)
        if parsed.root is not None:
            yield from _contradictions(read, node, parsed.root)


def _never(node: Scalar, one: Binary, of_metric: OfMetric) -> Words:
    turned = isinstance(one.left, Number)
    value, limit = (one.right, one.left) if turned else (one.left, one.right)
    op = FLIPPED[one.op] if turned else one.op
    between, reach = _spelt(bounds(value, of_metric)), bounds(limit, of_metric)
    number = f"{reach.low:g}" if reach.low == reach.high else f"what is {_spelt(reach)}"
    given = any(isinstance(part, Number) and part.given for part in walk(one))
    severity = Severity.WARNING if given else None
    return Words(
        _at(node, one.place), f"'{op} {number}' never holds: the value is {between}", _way_out(value), severity=severity
    )


def _way_out(value: Node) -> str:
    if isinstance(value, Aggregate) and value.op == "count":
        return "count() of nothing is nothing, not 0: use absent()"
    if isinstance(value, Aggregate) and value.op == "sum" and next(_comparisons(value.of), None) is value.of:
        return "a comparison keeps the values of the series: count() says how many there are"
    return "choose a number that can be reached"


def _spelt(of: Bounds) -> str:
    if of.low == of.high:
        return f"always {of.low:g}"
    if of.high == float("inf"):
        return f"{of.low:g} or more"
    return f"{of.high:g} or less" if of.low == -float("inf") else f"between {of.low:g} and {of.high:g}"


def _contradictions(read: ReadRule, node: Scalar, root: Node) -> Found:
    """`x > 90 and x < 50`: two bounds on the same value."""
    for one in walk(root):
        if not isinstance(one, Binary) or one.op != "and" or one.on is not None or one.ignoring is not None:
            continue
        left, right = one.left, one.right
        if not (isinstance(left, Binary) and isinstance(right, Binary) and left.left == right.left):
            continue
        if all(side.op in COMPARISONS and not side.bool and isinstance(side.right, Number) for side in (left, right)):
            both = Binary(right.op, left, right.right, False, None, None, "", (), right.place)
            if never(both, lambda _: ANY):
                message = f"this never holds together with the '{left.op}' before it"
                yield read, Words(_at(node, right.place), message, "swap the two, or write 'or'", _at(node, left.place))


@check("duplicate-expression", Severity.WARNING)
def duplicate_expression(subject: Subject) -> Iterator[Words]:
    """The same under two names: two messages for one fault, one series twice."""

    def found() -> Found:
        first: dict[tuple[str, Node, str, tuple[tuple[str, str], ...]], ReadRule] = {}
        for read, _, parsed in subject.parsed:
            if parsed.root is None:
                continue
            body = read.rule.body
            labels = tuple(sorted(body.get("labels", {}).items()))
            key = (read.rule.kind, parsed.root, str(body.get("for", "0s")), labels)
            earlier = first.setdefault(key, read)
            if earlier.rule.name != read.rule.name:
                what = "alert" if read.rule.kind == "alert" else "recording rule"
                message = f"{what} '{read.rule.name}' has the expression and labels of '{earlier.rule.name}'"
                yield read, Words(read.rule.where, message, "keep one of the two", earlier.rule.where)

    yield from folded(found())


@check("short-for", Severity.WARNING)
def short_for(subject: Subject) -> Iterator[Words]:
    """Rules are evaluated now and then: a `for` under that interval is over at the next time anyway."""

    def found() -> Found:
        for read in subject.rules:
            node = read.scalar("for")
            lasts = seconds(node.text) if node else None
            own = seconds(str(subject.group_options(read).get("interval", "")))
            interval = own or subject.stack.intervals.evaluation
            if node and lasts and lasts < interval:
                message = f"'for: {node.text}' is shorter than the evaluation interval of {spell(interval)}"
                hint = f"it works like for: {spell(interval)}; write that, or 0s to fire at once"
                yield read, Words(node.where, message, hint)

    yield from folded(found())

"""Why a query is empty: metrics that no series has, with the nearest name that there is, and matchers that fit none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from stackgen.checks.known import known
from stackgen.checks.promql import parse
from stackgen.checks.tree import Call, Selector, walk
from stackgen.live.ask import Asker, entries
from stackgen.model.slo import RECORDED
from stackgen.promql import quoted
from stackgen.render.grafana import PROMETHEUS_UID

AT_ONCE = 60  # names in one query
MOST_NEAREST = 60  # names whose neighbours are looked for
CLOSE = 0.65


@dataclass(frozen=True)
class Names:
    """Metric names. there: those of the asked ones that have a series now; all: every name that Prometheus knows.

    recorded: those of the running recording rules.
    """

    there: frozenset[str]
    all: Sequence[str]
    recorded: frozenset[str]

    def lacking(self, expr: str) -> tuple[str, ...]:
        """Names in an expression that no series has."""
        return tuple(name for name in named(expr) if name not in self.there)

    def unheard(self, name: str) -> bool:
        """Whether no series has it, no program of the stack exports it and no rule records it: it can never come."""
        return not (name in self.there or name in self.recorded or name in known() or name in RECORDED)

    def with_nearest(self, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        others = [one for one in self.all if one in self.there or not one.startswith("ALERTS")]
        found = []
        for number, name in enumerate(names):
            candidates = [one for one in others if one != name] if number < MOST_NEAREST else []
            found.append((name, nearest(name, candidates)))
        return tuple(found)


def nearest(name: str, others: Iterable[str]) -> str:
    """The name that comes nearest, "" when none comes near."""
    return next(iter(get_close_matches(name, others, 1, CLOSE)), "")


def look(asker: Asker, exprs: Iterable[str], recorded: Iterable[str]) -> Names:
    """What Prometheus has of the metrics in these expressions. Raises AskError."""
    asked = sorted({name for expr in exprs for name in named(expr)})
    there: set[str] = set()
    for start in range(0, len(asked), AT_ONCE):
        names = "|".join(asked[start : start + AT_ONCE])
        query = f"count by (__name__) ({{__name__=~{quoted(names)}}})"
        found = entries(asker, PROMETHEUS_UID, "/api/v1/query", "result", query=query)
        there |= {str(one["metric"]["__name__"]) for one in found}
    every = entries(asker, PROMETHEUS_UID, "/api/v1/label/__name__/values")
    return Names(frozenset(there), [str(one) for one in every], frozenset(recorded))


def named(expr: str) -> tuple[str, ...]:
    """Metric names in an expression; none when it cannot be read."""
    return tuple(dict.fromkeys(one.name for one in selectors(expr) if one.name))


def selectors(expr: str) -> Iterator[Selector]:
    root = parse(expr).root
    return (node for node in walk(root) if isinstance(node, Selector)) if root is not None else iter(())


def absences(expr: str) -> frozenset[str]:
    """Metrics whose absence the expression asks for."""
    root = parse(expr).root
    calls = (node for node in walk(root) if isinstance(node, Call)) if root is not None else iter(())
    asked = (node for call in calls if call.name.startswith("absent") for one in call.args for node in walk(one))
    return frozenset(node.name for node in asked if isinstance(node, Selector))


def unmatched(asker: Asker, expr: str, names: Names) -> str:
    """Which labels fit no series of a metric that is there, "" when none is to blame alone. Raises AskError."""
    for selector in selectors(expr):
        matchers = [f"{one.label}{one.op}{quoted(one.value)}" for one in selector.matchers if one.label != "__name__"]
        if selector.name not in names.there or not matchers or _any(asker, selector.name, matchers):
            continue
        alone = [one for one in matchers if not _any(asker, selector.name, [one])]
        return f"{selector.name} has series, but none with {', '.join(alone or matchers)}"
    return ""


def _any(asker: Asker, name: str, matchers: Sequence[str]) -> bool:
    query = f"count({name}{{{','.join(matchers)}}})"
    return bool(entries(asker, PROMETHEUS_UID, "/api/v1/query", "result", query=query))

"""The typed content of rules/*.yml: Prometheus's own rules and the keys that stand beside them. Plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackgen.diagnostic import Position


@dataclass(frozen=True)
class RuleTest:
    """A hand-written case beside an alert or recording rule.

    series: promtool input series, selector to values; at: when to look ("6m").
    fires: for an alert, the label sets expected to fire (a subset of each alert's labels); empty for a quiet case.
    values: for a recording rule, expected samples: label sets with the key `value`.
    interval: step of the series.
    """

    name: str
    where: Position
    series: Mapping[str, str]
    at: str
    fires: tuple[Mapping[str, str], ...] | None = None
    values: tuple[Mapping[str, Any], ...] | None = None
    interval: str = "1m"


@dataclass(frozen=True)
class Rule:
    """One rule.

    body: exactly what Prometheus gets, key order kept, thresholds and overrides already put in, none of our keys.
    expr_where: where the value of `expr` starts (for caret positions inside it).
    """

    kind: str  # "alert" or "record"
    name: str
    where: Position
    expr_where: Position
    body: Mapping[str, Any]
    runbook: str | None = None
    dashboard: str | None = None
    team: str | None = None
    tests: tuple[RuleTest, ...] = ()

    @property
    def expr(self) -> str:
        return str(self.body["expr"])


@dataclass(frozen=True)
class Group:
    """A rule group. options: every other key of the group as written (interval, limit, query_offset, labels …).

    type: "prometheus" or "loki": who evaluates it.
    """

    name: str
    where: Position
    rules: tuple[Rule, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    type: str = "prometheus"


@dataclass(frozen=True)
class RuleFile:
    """path: relative to the root, below rules/; custom: it lies below rules/custom/, or uses none of our keys."""

    path: str
    groups: tuple[Group, ...]
    custom: bool = False

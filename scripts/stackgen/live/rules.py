"""The running alert and recording rules: those that fail, and metrics in them that no series has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackgen.live.ask import Asker, AskError, entries, name_of
from stackgen.live.missing import Names, absences
from stackgen.live.outcome import Result, Verdict
from stackgen.render.grafana import LOKI_UID, PROMETHEUS_UID

ASKED = {PROMETHEUS_UID: "/api/v1/rules", LOKI_UID: "/prometheus/api/v1/rules"}
FOLDER = "rules/"


@dataclass(frozen=True)
class Rule:
    """file: from the part's folder of rules on. fault: what its last evaluation said, "" when it went well."""

    datasource: str
    file: str
    name: str
    kind: str
    expr: str
    fault: str = ""


@dataclass(frozen=True)
class Running:
    """The rules that run, and who did not tell theirs."""

    rules: Sequence[Rule] = ()
    faults: Sequence[str] = field(default_factory=tuple)

    @property
    def exprs(self) -> list[str]:
        """PromQL alone."""
        return [rule.expr for rule in self.rules if rule.datasource == PROMETHEUS_UID]

    @property
    def recorded(self) -> list[str]:
        return [rule.name for rule in self.rules if rule.kind == "recording"]


def running(asker: Asker, datasources: Sequence[str]) -> Running:
    """The rules of those that answer."""
    rules: list[Rule] = []
    faults = []
    for datasource in datasources:
        try:
            groups = entries(asker, datasource, ASKED[datasource], "groups")
            rules += [_rule(datasource, group, one) for group in groups for one in group["rules"]]
        except AskError as error:
            faults.append(f"the rules of {name_of(datasource)} could not be asked for: {error}")
        except (AttributeError, KeyError, TypeError) as error:
            faults.append(f"{name_of(datasource)} tells its rules in another form ({type(error).__name__}: {error})")
    return Running(rules, tuple(faults))


def _rule(datasource: str, group: Mapping[str, Any], rule: Mapping[str, Any]) -> Rule:
    file = str(group.get("file", ""))
    short = f"{datasource}/{FOLDER}{file.rpartition(FOLDER)[2]}"
    fault = str(rule.get("lastError") or "") if rule.get("health") == "err" else ""
    return Rule(datasource, short, str(rule["name"]), str(rule["type"]), str(rule.get("query", "")), fault)


def judge(found: Running, names: Names) -> tuple[list[Result], list[str]]:
    """Rules that cannot work, and notes: metrics that are known but that nothing here has now."""
    results = []
    resting: dict[str, str] = {}
    for rule in found.rules:
        if rule.fault:
            results.append(_result(rule, Verdict.ERROR, rule.fault))
        if rule.datasource != PROMETHEUS_UID:
            continue
        lacking = set(names.lacking(rule.expr))
        never = [name for name in sorted(lacking - absences(rule.expr)) if names.unheard(name)]
        if never:
            why = "it can never be anything: no series has its metric, no program of the stack exports it"
            results.append(_result(rule, Verdict.EMPTY, why, names.with_nearest(never)))
        for name in sorted(lacking - set(never)):
            resting.setdefault(name, "the rule asks for its absence" if name in absences(rule.expr) else rule.name)
    return results, list(_notes(resting))


def _notes(resting: Mapping[str, str]) -> Iterator[str]:
    if resting:
        shown = ", ".join(f"{name} ({why})" for name, why in sorted(resting.items()))
        yield f"rules also watch {len(resting)} known metrics that nothing here has now: {shown}"


def _result(rule: Rule, verdict: Verdict, why: str, missing: tuple[tuple[str, str], ...] = ()) -> Result:
    kind = "alert" if rule.kind == "alerting" else "recording rule"
    return Result(rule.file, f"{kind} {rule.name}", "expr", rule.expr, verdict, why, missing=missing)

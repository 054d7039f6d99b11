"""Every alert and recording rule: what Prometheus and Loki's ruler say of it, and what people wrote beside it.

The written part comes from written.py. Which alerts fire, as messages: alerts and inbox.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.clock import iso
from watchstack.console.context import Console, console
from watchstack.console.knowledge.common import FILTERS, LONGEST, Answers, Away, ask, since
from watchstack.console.knowledge.written import Key, Sources, Written, sources_of
from watchstack.console.pages import frame
from watchstack.console.peers.ask import ODD, Peer, PeerError

STATES = ("firing", "pending", "inactive", "recording", "broken", "unloaded", "unwritten")
KINDS = {"alerting": "alert", "recording": "record"}
LOKI_API = "/prometheus/api/v1/rules"
PAGE = 100  # rules
INSTANCES = 200  # active alerts of one rule that are shown
# Files that have no author: made of stack.yml alone, or of it and the alerts.
GENERATED = ("stack-config.yml", "stack-slo.yml", "stack-escalation.yml")
_WORST = {state: rank for rank, state in enumerate(("broken", "firing", "pending", "unloaded"))}
blueprint = Blueprint("rules", __name__)


@dataclass(frozen=True)
class Rule:
    """state: one of inactive, pending, firing, recording, unloaded, disabled. health: ok, err, unknown or empty.

    for_seconds, keep_seconds: `for` and `keep_firing_for`; evaluated: Unix seconds or None; took: seconds.
    active: its pending and firing instances. written: what the sources say, None where nobody wrote it.
    """

    part: str
    file: str
    group: str
    kind: str
    name: str
    state: str
    query: str = ""
    health: str = ""
    error: str = ""
    for_seconds: float = 0.0
    keep_seconds: float = 0.0
    interval: float = 0.0
    evaluated: float | None = None
    took: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    active: tuple[Mapping[str, Any], ...] = ()
    written: Written | None = None

    @property
    def key(self) -> Key:
        return self.part, self.file, self.group, self.kind, self.name

    @property
    def path(self) -> str:
        """Behind /rules/."""
        return f"{self.group}/{self.name}"

    @property
    def broken(self) -> bool:
        return bool(self.error) or self.health == "err"

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    @property
    def tier(self) -> str:
        """The severity where it is a known one: safe as a CSS class."""
        return self.severity if self.severity in ("critical", "error", "warning", "info") else "other"

    @property
    def team(self) -> str:
        return self.labels.get("team", "") or (self.written.team if self.written else "")

    @property
    def begun(self) -> float | None:
        """When its first active instance began, Unix seconds."""
        return min((one["since"] for one in self.active if one["since"]), default=None)

    @property
    def generated(self) -> bool:
        return self.file in GENERATED

    def as_json(self) -> dict[str, Any]:
        found = asdict(replace(self, active=()))
        found["evaluated"] = None if self.evaluated is None else iso(self.evaluated)
        found["active"] = [{**one, "since": one["since"] and iso(one["since"])} for one in self.active[:INSTANCES]]
        found["active_count"] = len(self.active)
        return {**found, "severity": self.severity, "team": self.team, "labels": dict(self.labels)}


@dataclass(frozen=True)
class Rules:
    """All of them. troubles: what is missing, in words."""

    rules: tuple[Rule, ...]
    troubles: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """By what `matches` takes as a state."""
        return {state: sum(matches(rule, state=state) for rule in self.rules) for state in STATES}


def gather(own: Console) -> Rules:
    """What is loaded, each with what is written of it; then what is written and not loaded."""
    prometheus, loki = Away(own, "Prometheus"), Away(own, "Loki")
    questions = {"Prometheus": prometheus.question(lambda peer: peer.get("/api/v1/rules"))}
    if "loki" in own.config.current.peers:
        questions["Loki"] = loki.question(_ruler)
    return merged(ask(questions), sources_of(own).current())


def merged(answers: Answers, sources: Sources) -> Rules:
    """The rules of the answers beside those of the sources: a rule of a name that stands several times is told by its
    place among them."""
    waiting: dict[Key, list[Written]] = defaultdict(list)
    for one in sources.rules:
        waiting[one.key].append(one)
    found: list[Rule] = []
    troubles = [*answers.troubles, *([sources.trouble] if sources.trouble else [])]
    known: set[str] = set()
    for part in answers.found:
        try:
            loaded = list(_loaded(part, answers.found[part]))
        except ODD:
            troubles.append(f"{part} answered in an unknown way")
            continue
        known.add(part)
        for rule in loaded:
            mine = waiting.get(rule.key)
            found.append(replace(rule, written=_first(mine)) if mine else rule)
    for left in waiting.values():
        found += [_absent(one) for one in left if one.part in known or one.disabled]
    return Rules(tuple(found), tuple(troubles))


def _first(mine: list[Written]) -> Written:
    """One that is loaded: what is switched off is no candidate."""
    at = next((index for index, one in enumerate(mine) if not one.disabled), 0)
    return mine.pop(at)


def _absent(one: Written) -> Rule:
    state = "disabled" if one.disabled else "unloaded"
    return Rule(one.part, one.file, one.group, one.kind, one.name, state, written=one)


def _ruler(peer: Peer) -> Any:
    """Loki's ruler; without one, or without rules, it knows no such page."""
    try:
        return peer.get(LOKI_API)
    except PeerError as error:
        if error.status == 404:
            return {"data": {"groups": []}}
        raise


def _loaded(part: str, told: Any) -> Iterable[Rule]:
    for group in told["data"]["groups"]:
        for one in group["rules"]:
            alerts = [_instance(alert) for alert in one.get("alerts") or ()]
            state = str(one.get("state", "")) or ("recording" if one["type"] == "recording" else "inactive")
            yield Rule(
                part=part,
                file=PurePosixPath(str(group.get("file", ""))).name,
                group=str(group["name"]),
                kind=KINDS.get(str(one["type"]), "record"),
                name=str(one["name"]),
                state=state if state in STATES else "inactive",
                query=str(one.get("query", "")),
                health=str(one.get("health", "")),
                error=str(one.get("lastError") or ""),
                for_seconds=_number(one.get("duration")),
                keep_seconds=_number(one.get("keepFiringFor")),
                interval=_number(group.get("interval")),
                evaluated=since(one.get("lastEvaluation", "")),
                took=_number(one.get("evaluationTime")),
                labels=_text(one.get("labels")),
                annotations=_text(one.get("annotations")),
                active=tuple(sorted(alerts, key=lambda alert: (alert["state"] != "firing", alert["since"] or 0))),
            )


def _instance(alert: Mapping[str, Any]) -> dict[str, Any]:
    labels = _text(alert.get("labels"))
    value = str(alert.get("value", ""))
    return {"labels": labels, "state": str(alert.get("state", "")), "since": since(alert.get("activeAt", "")),
            "value": _short(value), "annotations": _text(alert.get("annotations"))}  # fmt: skip


def _short(value: str) -> str:
    """1e+00 as 1."""
    try:
        return f"{float(value):.6g}"
    except ValueError:
        return value


def _number(value: Any) -> float:
    found = float(value or 0)
    return found if math.isfinite(found) else 0.0


def _text(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in dict(value or {}).items()}


def matches(rule: Rule, state: str = "", severity: str = "", team: str = "", text: str = "") -> bool:
    """Whether a rule is what a filter asks for; empty asks for nothing."""
    told = (rule.name, rule.group, rule.file, rule.query, *rule.labels.values(), *rule.annotations.values())
    return (
        _in_state(rule, state)
        and severity in ("", rule.severity)
        and team in ("", rule.team)
        and (not text or any(text.lower() in one.lower() for one in told))
    )


def _in_state(rule: Rule, state: str) -> bool:
    if state == "broken":
        return rule.broken
    if state == "unwritten":
        return rule.written is None and not rule.generated
    if state == "unloaded":
        return rule.state in ("unloaded", "disabled")
    return state in ("", rule.state)


def _asked() -> dict[str, str]:
    told = {name: request.args.get(name, "")[:LONGEST].strip() for name in ("state", "severity", "team", "text")}
    if told["state"] not in ("", *STATES):
        abort(404)
    return told


def listing(own: Console, asked: Mapping[str, str]) -> tuple[Rules, list[Rule]]:
    """Everything, and what is asked for, worst first."""
    everything = gather(own)
    found = [rule for rule in everything.rules if matches(rule, **asked)]
    return everything, sorted(found, key=lambda rule: _WORST.get("broken" if rule.broken else rule.state, len(_WORST)))


@blueprint.get("/rules")
def shown() -> ResponseReturnValue:
    """?state= one of STATES, ?severity=, ?team=, ?text=, ?page= from 1."""
    own, asked = console(), _asked()
    everything, found = listing(own, asked)
    page = min(max(1, request.args.get("page", 1, type=int)), max(1, math.ceil(len(found) / PAGE)))
    first = (page - 1) * PAGE
    return render_template(
        "rules.html",
        **frame(own),
        asked=asked,
        total=len(everything.rules),
        counts=everything.counts(),
        severities=sorted({rule.severity for rule in everything.rules if rule.severity and "{{" not in rule.severity}),
        teams=sorted({rule.team for rule in everything.rules if rule.team and "{{" not in rule.team}),
        count=len(found),
        found=found[first : first + PAGE],
        page=page,
        more=len(found) > first + PAGE,
        troubles=everything.troubles,
    )


@blueprint.get("/api/rules")
def as_json() -> ResponseReturnValue:
    """The same as data, all of it."""
    everything, found = listing(console(), _asked())
    return {"rules": [rule.as_json() for rule in found], "counts": everything.counts(), "missing": everything.troubles}


def _named(where: str) -> tuple[Rules, list[Rule]]:
    """The rules at that place: several where a group has several of one name. 404 without one, while all is known."""
    everything = gather(console())
    found = [rule for rule in everything.rules if rule.path == where]
    if not found and not everything.troubles:
        abort(404)
    return everything, found


@blueprint.get("/rules/<path:where>")
def one(where: str) -> ResponseReturnValue:
    """where: group and name of a rule, a slash between them."""
    own = console()
    everything, found = _named(where)
    return render_template("rule.html", **frame(own), where=where, found=found, troubles=everything.troubles,
                           runbooks=own.runbooks.has, most=INSTANCES)  # fmt: skip


@blueprint.get("/api/rules/<path:where>")
def one_as_json(where: str) -> ResponseReturnValue:
    everything, found = _named(where)
    return {"rules": [rule.as_json() for rule in found], "missing": everything.troubles}


for _name, _filter in FILTERS.items():
    blueprint.add_app_template_filter(_filter, _name)

"""From the tree of a rule file to `RuleFile`. Any file that Prometheus takes is taken; a few keys beside its are ours.

Values become what Prometheus makes of them: text as written, whatever YAML would call its type. Whether expressions and
templates make sense is the checks'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, replace
from typing import Any

from stackgen.durations import spoken
from stackgen.model import problems, values
from stackgen.model.apart import apart
from stackgen.model.defaults import is_statistic
from stackgen.model.keys import FILE_KEYS, GROUP_KEYS, OWN_KEYS, PROMETHEUS_KEYS, RULE_KEYS
from stackgen.model.read_tests import read_tests
from stackgen.model.rules import Group, Rule, RuleFile
from stackgen.model.section import Section, entries
from stackgen.model.stack import Override, Service
from stackgen.model.thresholds import Thresholds
from stackgen.model.values import Sink
from stackgen.source.nodes import Document, Items, Mapping, Node, Scalar, find

ENGINES = ("prometheus", "loki")


@dataclass(frozen=True)
class ReadRule:
    """A rule as written, beside its place in the tree: what checks look at. custom, engine: of its file and group."""

    rule: Rule
    node: Mapping
    custom: bool
    engine: str

    def scalar(self, *path: str) -> Scalar | None:
        """The scalar at `expr`, `labels`/`severity` and so on."""
        node: Node | None = self.node
        for step in path:
            node = node.get(step) if isinstance(node, Mapping) else None
        return node if isinstance(node, Scalar) else None

    def texts(self, key: str) -> list[Scalar]:
        """The values of labels or annotations."""
        found = self.node.get(key)
        values = [entry.value for entry in found.entries.values()] if isinstance(found, Mapping) else []
        return [value for value in values if isinstance(value, Scalar)]


def is_foreign(root: Node | None) -> bool:
    """Whether a rule file is somebody else's: it has rules, and none of them has a key of ours."""
    groups = find(root, ["groups"])
    rules = [rule for group in _items(groups) for rule in _items(find(group, ["rules"])) if isinstance(rule, Mapping)]
    return bool(rules) and not any(key in rule.entries for rule in rules for key in OWN_KEYS)


def _items(node: Node | None) -> list[Node]:
    return node.items if isinstance(node, Items) else []


class RuleReader:
    """Reads rule files one by one; `rules` gathers every rule as written, those that overrides switch off too."""

    def __init__(
        self,
        thresholds: Thresholds,
        overrides: AbstractMapping[str, Override],
        tell: Sink,
        services: Iterable[Service] = (),
    ) -> None:
        self.thresholds = thresholds
        self.overrides = overrides
        self.tell = tell
        self.services = tuple(service for service in services if service.preset and service.thresholds)
        self.rules: list[ReadRule] = []
        self.groups: list[tuple[str, str, Scalar]] = []  # file, name, where
        self.no_durations: set[tuple[str, str]] = set()  # services' own numbers: told once, whatever rules take them

    def read(self, document: Document, *, custom: bool) -> RuleFile:
        path = document.source.path
        root = document.root
        if root is None:
            return RuleFile(path, (), custom)
        if isinstance(root, Mapping) and "kind" in root.entries and "spec" in root.entries:
            self.tell(problems.kubernetes_manifest(root.where))
            return RuleFile(path, (), custom)
        top = Section(root, "a rule file", FILE_KEYS, self.tell)
        groups = self._items(top.node_of("groups"), "'groups'")
        read = (self._group(path, node, number, custom) for number, node in enumerate(groups, 1))
        return RuleFile(path, tuple(group for group in read if group is not None), custom)

    def _items(self, node: Node | None, what: str) -> list[Node]:
        if isinstance(node, Items):
            return node.items
        if node is not None and not (isinstance(node, Scalar) and node.empty):
            self.tell(problems.wrong_type(node.where, what, "a list", values.kind_of(node)))
        return []

    def _group(self, path: str, node: Node, number: int, custom: bool) -> Group | None:
        name_node = find(node, ["name"])
        part = Section(node, _called("group", name_node) or f"group {number}", GROUP_KEYS, self.tell)
        if not isinstance(node, Mapping):
            return None
        name = part.need("name", _text, "write name: and a name that no other group of the file has")
        if name and isinstance(name_node, Scalar):
            self.groups.append((path, name, name_node))
        engine = part.get("type", values.choice(ENGINES), "prometheus")
        rules = [
            self._rule(item, place, custom, engine, part.owner)
            for place, item in enumerate(self._items(part.node_of("rules"), f"'rules' of {part.owner}"), 1)
        ]
        kept = tuple(rule for parts in rules for rule in parts)
        if rules and not kept:
            return None
        return Group(name or "", (name_node or node).where, kept, self._options(part), engine)

    def _options(self, part: Section) -> dict[str, Any]:
        """Keys of the group beside its name and rules, as Prometheus reads them."""
        options: dict[str, Any] = {}
        for key in part.entries:
            value: Any = None
            if key in ("interval", "query_offset"):
                value = part.take(key, values.lasting if key == "interval" else values.duration)
            elif key == "limit":
                value = part.take(key, values.positive)
            elif key == "labels":
                value = self._texts(part.node_of(key), f"'labels' of {part.owner}")
            if value is not None:
                options[key] = value
        return options

    def _rule(self, node: Node, place: int, custom: bool, engine: str, group: str) -> tuple[Rule, ...]:
        """One rule, none when it cannot be one or is switched off, several for services with numbers of their own."""
        called = _called("alert", find(node, ["alert"])) or _called("recording rule", find(node, ["record"]))
        part = Section(node, called or f"rule {place} of {group}", RULE_KEYS, self.tell)
        if not isinstance(node, Mapping):
            return ()
        kind, name = self._name(part)
        expr = part.need("expr", _expression, "write expr: and the expression")
        if not kind or not name or expr is None:
            self._body(part)  # the rest is looked at all the same
            return ()
        raw = self._body(part)
        expr_node = part.node_of("expr")
        assert isinstance(expr_node, Scalar)
        name_node = part.node_of(kind)
        assert name_node is not None
        rule = Rule(
            kind=kind,
            name=name,
            where=name_node.where,
            expr_where=expr_node.at(0) if expr_node.style in ("|", ">") and expr_node.text.strip() else expr_node.where,
            body=raw,
            runbook=part.take("runbook", values.text),
            dashboard=part.take("dashboard", values.text),
            team=part.take("team", values.text),
            tests=read_tests(part, kind, self.thresholds),
        )
        self.rules.append(ReadRule(rule, node, custom, engine))
        return self._finish(rule)

    def _name(self, part: Section) -> tuple[str, str]:
        alert, record = part.entries.get("alert"), part.entries.get("record")
        if alert and record:
            self.tell(
                problems.rule_kind(
                    record.key.where,
                    "this rule is an alert and a recording at once",
                    "make two rules of it",
                    alert.key.where,
                )
            )
        elif not alert and not record:
            hint = "write alert: NAME, or record: NAME to keep the result as a series"
            self.tell(problems.rule_kind(part.node.where, f"{part.owner} has neither 'alert' nor 'record'", hint))
            return "", ""
        kind = "alert" if alert else "record"
        return kind, part.take(kind, _text) or ""

    def _body(self, part: Section) -> dict[str, Any]:
        """Prometheus's keys as written: text, with references to thresholds checked but not yet replaced."""
        body: dict[str, Any] = {}
        for key, entry in part.entries.items():
            if key not in PROMETHEUS_KEYS:
                continue
            if key in ("labels", "annotations"):
                texts = self._texts(entry.value, f"'{key}' of {part.owner}")
                if texts:
                    body[key] = texts
            elif isinstance(entry.value, Scalar):
                self.thresholds.check(entry.value, self.tell)
                if key not in ("for", "keep_firing_for") or self._lasts(entry.value, key):
                    body[key] = entry.value.text
            elif key in ("for", "keep_firing_for"):
                part.take(key, values.duration)
        return body

    def _lasts(self, scalar: Scalar, key: str) -> bool:
        """True for a duration, a reference to a threshold in it replaced."""
        if not self.thresholds.names_in(scalar.text):
            return values.duration(scalar, key, self.tell) is not None
        filled = self.thresholds.put_in(scalar.text)
        if "${" not in filled and values.seconds(filled) is None:
            hint = values.duration_hint(filled)
            self.tell(problems.invalid_duration(scalar.where, key, filled, hint))
        return True

    def _texts(self, node: Node | None, owner: str) -> dict[str, str]:
        texts: dict[str, str] = {}
        for name, entry in entries(node, owner, self.tell).items():
            self._name_of(entry.key)
            if isinstance(entry.value, Scalar):
                self.thresholds.check(entry.value, self.tell)
                texts[name] = entry.value.text if not entry.value.empty else ""
            else:
                found = values.kind_of(entry.value)
                self.tell(problems.wrong_type(entry.value.where, f"'{name}'", "text", found, "put it in quotes"))
        return texts

    def _name_of(self, key: Scalar) -> None:
        """Names of labels and annotations: ours work with Prometheus 2 too, others may be what Prometheus 3 takes."""
        if not key.source.foreign:
            values.label_name(key, self.tell)
        elif key.text in ("", "__name__"):
            hint = "write a name" if not key.text else "the name of the series is what 'record' says"
            self.tell(problems.invalid_label(key.where, key.text, hint))

    def _finish(self, rule: Rule) -> tuple[Rule, ...]:
        """The rule as it goes out: numbers put in, overrides applied, services with numbers of their own set apart."""
        override = self.overrides.get(rule.name) if rule.kind == "alert" else None
        if override and override.disabled:
            return ()
        numbers = dict(self.thresholds.numbers)
        if override and override.threshold is not None:
            names = [name for name in self.thresholds.names_in(rule.expr) if not is_statistic(name)]
            numbers |= dict.fromkeys(names, override.threshold)
        done = []
        for one, own in apart(rule, numbers, self.services):
            done.append(self._with(one, {**numbers, **own}, override))
            if own:
                self._own_lasts(done[-1])
        return tuple(done)

    def _own_lasts(self, rule: Rule) -> None:
        """Tell once of a service's own number that makes no duration, such as 2.5 in `for: ${threshold.…}m`."""
        name = rule.body["labels"]["service"]
        where = next(service.where for service in self.services if service.name == name)
        for key in ("for", "keep_firing_for"):
            lasts = rule.body.get(key, "0")
            if "${" not in lasts and values.seconds(lasts) is None and (name, lasts) not in self.no_durations:
                self.no_durations.add((name, lasts))
                what = f"'{key}' of alert {rule.name} with the thresholds of service {name}"
                self.tell(problems.invalid_duration(where, what, lasts, "give its threshold a whole number"))

    def _with(self, rule: Rule, numbers: AbstractMapping[str, float | str], override: Override | None) -> Rule:
        body = self._filled(rule.body, numbers)
        if override:
            return replace(rule, body=_overridden(body, override), team=override.team or rule.team)
        return replace(rule, body=body)

    def _filled(self, body: AbstractMapping[str, Any], numbers: AbstractMapping[str, float | str]) -> dict[str, Any]:
        put_in = self.thresholds.put_in
        return {
            key: {name: put_in(text, numbers) for name, text in value.items()}
            if isinstance(value, dict)
            else put_in(value, numbers)
            for key, value in body.items()
        }


def _overridden(body: dict[str, Any], override: Override) -> dict[str, Any]:
    """The body with what the override says; `for` takes its usual place behind the expression."""
    body = dict(body)
    if override.for_ is not None:
        if "annotations" in body and "for" in body:
            old = re.compile(rf"\bfor {re.escape(spoken(values.seconds(body['for']) or 0))}\b")
            new = f"for {spoken(values.seconds(override.for_) or 0)}"
            body["annotations"] = {name: old.sub(new, text) for name, text in body["annotations"].items()}
        if "for" not in body:
            body = {
                name: value
                for key, old in body.items()
                for name, value in ([(key, old), ("for", "")] if key == "expr" else [(key, old)])
            }
        body["for"] = override.for_
    if override.cooldown is not None:
        body["keep_firing_for"] = override.cooldown
    if override.severity is not None:
        body["labels"] = {**body.get("labels", {}), "severity": override.severity}
    return body


def _called(what: str, node: Node | None) -> str:
    """What a finding calls a group or rule, empty when it has no name."""
    return f"{what} '{node.text}'" if isinstance(node, Scalar) and node.text.strip() else ""


def _text(node: Node, what: str, tell: Sink) -> str | None:
    if isinstance(node, Scalar) and not node.empty and node.text.strip():
        return node.text
    tell(
        problems.wrong_type(node.where, what, "text", values.kind_of(node) if not isinstance(node, Scalar) else "empty")
    )
    return None


def _expression(node: Node, what: str, tell: Sink) -> str | None:
    """An expression; an empty one is a finding of the checks."""
    if isinstance(node, Scalar):
        return node.text
    tell(problems.wrong_type(node.where, what, "an expression", values.kind_of(node)))
    return None

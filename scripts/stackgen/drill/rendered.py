"""The rendered rules as Prometheus will read them, each alert with the tests that a person wrote beside it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from stackgen.model import Model, Override, RuleTest
from stackgen.render.routes import ESCALATED
from stackgen.render.rules import LOKI, PROMETHEUS

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Rendered:
    """One rendered rule. group: the options of its group, `rules` and `name` aside. type: who evaluates it."""

    type: str
    body: Mapping[str, Any]
    group: Mapping[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        """Labels that the rule sets, its group's too."""
        both = {**(self.group.get("labels") or {}), **(self.body.get("labels") or {})}
        return {name: str(value) for name, value in both.items()}


@dataclass(frozen=True)
class Alert:
    """An alert and the tests beside it in the sources."""

    rule: Rendered
    tests: tuple[RuleTest, ...]

    @property
    def name(self) -> str:
        return str(self.rule.body["alert"])


@dataclass(frozen=True)
class Catalogue:
    """All that is rendered. recorded: the recording rules by the name of what they record."""

    alerts: tuple[Alert, ...]
    recorded: Mapping[str, tuple[Rendered, ...]]


def catalogue(files: Mapping[str, bytes], model: Model) -> Catalogue:
    """The rules of a rendered tree. The n-th alert of a name has the tests of the n-th of that name in the sources.

    Escalation's rules have none: they bear the names of the alerts that they tell of again.
    """
    tests: dict[str, deque[tuple[RuleTest, ...]]] = defaultdict(deque)
    for rule_file in model.rule_files:
        for group in rule_file.groups:
            for rule in group.rules:
                if rule.kind == "alert":
                    override = model.stack.overrides.get(rule.name)
                    tests[rule.name].append(tuple(_meant(test, override) for test in rule.tests))
    alerts: list[Alert] = []
    recorded: dict[str, list[Rendered]] = defaultdict(list)
    for one in _rules(files):
        if "record" in one.body:
            recorded[str(one.body["record"])].append(one)
        else:
            waiting = None if ESCALATED in one.labels else tests[str(one.body["alert"])]
            alerts.append(Alert(one, waiting.popleft() if waiting else ()))
    return Catalogue(tuple(alerts), {name: tuple(rules) for name, rules in recorded.items()})


def _meant(test: RuleTest, override: Override | None) -> RuleTest:
    """A test with the severity and the team that stack.yml gives the alert instead of those it was written for."""
    if override is None or not test.fires:
        return test
    changed = {"severity": override.severity, "team": override.team}
    given = {name: value for name, value in changed.items() if value}
    return replace(
        test, fires=tuple({name: given.get(name, value) for name, value in one.items()} for one in test.fires)
    )


def _rules(files: Mapping[str, bytes]) -> Iterator[Rendered]:
    for kind, folder in (("prometheus", PROMETHEUS), ("loki", LOKI)):
        for path, content in files.items():
            if not path.startswith(f"{folder}/"):
                continue
            for group in load(content).get("groups") or ():
                options = {key: value for key, value in group.items() if key not in ("name", "rules")}
                for body in group["rules"]:
                    yield Rendered(kind, body, options)


def load(content: bytes) -> Any:
    """A rendered YAML file."""
    return yaml.load(content, Loader=_LOADER)

"""One rule of a preset becomes several where services of that preset have thresholds of their own: `preset="iot"` in
its selectors is narrowed to those services, or to all the others. Reading rules is `read_rules`' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from stackgen.model.rules import Rule
from stackgen.model.stack import Service
from stackgen.model.thresholds import REFERENCE

PRESET = re.compile(r'\bpreset="([a-z]+)"')
Own = Mapping[str, float | str]


def presets_of(expr: str) -> set[str]:
    """Presets that the selectors of an expression ask for."""
    return set(PRESET.findall(expr))


def names_of(rule: Rule) -> set[str]:
    """Thresholds that any part of a rule takes."""
    texts = [text for value in rule.body.values() for text in (value.values() if isinstance(value, dict) else [value])]
    return {name for text in texts for name in REFERENCE.findall(text)}


def apart(rule: Rule, numbers: Own, services: Iterable[Service]) -> Iterator[tuple[Rule, Own]]:
    """The rule for most services first, then once for each service whose numbers differ, with those."""
    presets = presets_of(rule.expr)
    names = names_of(rule) if presets else set()
    singled: dict[str, Own] = {}
    for service in services:
        chosen = {name: value for name, value in service.thresholds.items() if name in names}
        if service.preset in presets and any(numbers[name] != value for name, value in chosen.items()):
            singled[service.name] = chosen
    if not singled:
        yield rule, {}
        return
    tests = tuple(test for test in rule.tests if not _about(test.series, singled))
    others = "|".join(name.replace(".", "\\\\.") for name in singled)
    yield replace(_narrowed(rule, f'service!~"{others}"'), tests=tests), {}
    for name, own in singled.items():
        alone = _narrowed(rule, f'service="{name}"')
        # The label is there anyway; written down, it tells promtool that the two are no duplicates.
        body = {**alone.body, "labels": {**alone.body.get("labels", {}), "service": name}}
        yield replace(alone, body=body, tests=()), own


def _about(series: Iterable[str], services: Iterable[str]) -> bool:
    return any(f'service="{name}"' in one for name in services for one in series)


def _narrowed(rule: Rule, matcher: str) -> Rule:
    """Every selector of a preset with one more matcher."""
    expr = PRESET.sub(lambda match: f"{match[0]}, {matcher}", rule.expr)
    return replace(rule, body={**rule.body, "expr": expr})

"""An alert's way through a routing tree, and through the inhibition rules. Semantics are Alertmanager's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MATCHER = re.compile(r'([^=!~]+)(=~|!~|!=|=)"(.*)"', re.DOTALL)
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Hit:
    """A route that sends the alert. matchers: of the route and those it lies below.

    silent: why it is not told now, in words; empty when it is. options: how the route groups and repeats.
    """

    receiver: str
    matchers: tuple[str, ...]
    silent: str
    options: Mapping[str, Any]


def walk(config: Mapping[str, Any], labels: Labels, open_: frozenset[str]) -> list[Hit]:
    """Every route that the alert ends in, in their order. open_: names of the time intervals that are open."""
    found = _ends(config["route"], labels, (), {})
    return [
        Hit(route["receiver"], matchers, _silent(route, open_), {**inherited, **_options(route)})
        for route, matchers, inherited in found
    ]


_End = tuple[Mapping[str, Any], tuple[str, ...], Mapping[str, Any]]


def _ends(route: Mapping[str, Any], labels: Labels, above: tuple[str, ...], inherited: Mapping[str, Any]) -> list[_End]:
    own = route.get("matchers", ())
    if not all(matches(matcher, labels) for matcher in own):
        return []
    here = (*above, *own)
    options = {**inherited, **_options(route)}
    found: list[_End] = []
    for child in route.get("routes", ()):
        deeper = _ends(child, labels, here, options)
        found += deeper
        if deeper and not child.get("continue"):
            break
    return found or [(route, here, inherited)]


def _options(route: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("group_by", "group_wait", "group_interval", "repeat_interval")
    return {key: route[key] for key in keys if key in route}


def _silent(route: Mapping[str, Any], open_: frozenset[str]) -> str:
    muted = [name for name in route.get("mute_time_intervals", ()) if name in open_]
    if muted:
        return f"{' and '.join(muted)} {'is' if len(muted) == 1 else 'are'} open"
    active = route.get("active_time_intervals", ())
    if active and not any(name in open_ for name in active):
        return f"{' and '.join(active)} {'is' if len(active) == 1 else 'are'} not open"
    return ""


def matches(matcher: str, labels: Labels) -> bool:
    """One matcher as it stands in the file; a label that is missing is empty."""
    found = _MATCHER.fullmatch(matcher)
    if found is None:
        raise ValueError(f"{matcher!r} is no matcher")
    value = re.sub(r'\\(["\\n])', lambda part: "\n" if part[1] == "n" else part[1], found[3])
    given = labels.get(found[1], "")
    same = re.fullmatch(value, given, re.DOTALL) is not None if found[2].endswith("~") else given == value
    return same != found[2].startswith("!")


def inhibits(config: Mapping[str, Any], labels: Labels) -> Iterator[tuple[list[str], list[str]]]:
    """What the alert mutes while it fires: matchers of the others, and the labels that must be equal."""
    for rule in config.get("inhibit_rules", ()):
        if all(matches(matcher, labels) for matcher in rule["source_matchers"]):
            yield list(rule["target_matchers"]), list(rule.get("equal", ()))


def inhibited_by(config: Mapping[str, Any], labels: Labels) -> Iterator[tuple[list[str], list[str]]]:
    """What would mute the alert: matchers of the others, and the labels that must be equal."""
    for rule in config.get("inhibit_rules", ()):
        if all(matches(matcher, labels) for matcher in rule["target_matchers"]):
            yield list(rule["source_matchers"]), list(rule.get("equal", ()))

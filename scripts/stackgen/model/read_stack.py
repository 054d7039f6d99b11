"""From the tree of stack.yml to `Stack`. Single values are judged here; whether they fit together is the checks'."""

from __future__ import annotations

from collections.abc import Mapping as Mapping_

from stackgen.model import problems, values
from stackgen.model.defaults import THRESHOLDS
from stackgen.model.keys import STACK_KEYS
from stackgen.model.read_receivers import read_mail, read_receiver
from stackgen.model.read_routing import read_routes, read_team, read_windows
from stackgen.model.read_services import read_service
from stackgen.model.read_thresholds import read_thresholds
from stackgen.model.section import Section, named
from stackgen.model.stack import (
    COLLECTORS,
    PROFILES,
    SEVERITIES,
    Intervals,
    Override,
    Receiver,
    Retention,
    Service,
    Stack,
    Watchdog,
)
from stackgen.model.values import Sink
from stackgen.source.nodes import Entry, Items, Mapping, Node, Scalar


def read_stack(root: Node | None, tell: Sink) -> Stack:
    """The whole file. What is wrong is told, and stands at its default in what comes back."""
    if root is None:
        return Stack(thresholds=THRESHOLDS)
    top = Section(root, "stack.yml", STACK_KEYS[""], tell)
    default = Stack()
    thresholds = _thresholds(top)
    teams = {name: read_team(name, entry, tell) for name, entry in _named(top, "teams")}
    only = next(iter(teams)) if len(teams) == 1 else None
    return Stack(
        environment=top.get("environment", values.text, default.environment),
        address=top.get("address", values.url, default.address).rstrip("/"),
        collector=top.get("collector", values.choice(COLLECTORS), default.collector),
        profiles=top.get("profiles", values.several(values.choice(PROFILES), "a list of profiles"), ()),
        retention=_retention(top),
        intervals=_intervals(top),
        services=_services(top, thresholds),
        teams=teams,
        default_team=top.take("default_team", values.text) or only,
        receivers=_receivers(top),
        windows=read_windows(top),
        maintenance=top.get("maintenance", values.several(values.text, "a list of windows"), ()),
        routes=read_routes(top),
        watchdog=_watchdog(top),
        thresholds=thresholds,
        overrides={name: _override(name, entry, tell) for name, entry in _named(top, "overrides")},
    )


def _named(top: Section, key: str) -> list[tuple[str, Entry]]:
    return list(named(top.node_of(key), f"'{key}'", top.tell))


def _part(top: Section, key: str) -> Section | None:
    """A part of the file with keys of its own, None when it is absent or empty."""
    node = top.node_of(key)
    if node is None or (isinstance(node, Scalar) and node.empty):
        return None
    return Section(node, f"'{key}'", STACK_KEYS[key], top.tell)


def _retention(top: Section) -> Retention:
    default = Retention()
    part = _part(top, "retention")
    if part is None:
        return default
    return Retention(
        metrics=part.get("metrics", values.lasting, default.metrics),
        logs=part.get("logs", values.lasting, default.logs),
        metrics_size=part.take("metrics_size", values.size),
    )


def _intervals(top: Section) -> Intervals:
    default = Intervals()
    part = _part(top, "intervals")
    if part is None:
        return default
    keys = STACK_KEYS["intervals"]
    return Intervals(**{key: part.get(key, values.lasting_seconds, getattr(default, key)) for key in keys})


def _services(top: Section, thresholds: Mapping_[str, float | str]) -> tuple[Service, ...]:
    node = top.node_of("services")
    if node is None or (isinstance(node, Scalar) and node.empty):
        return ()
    if not isinstance(node, Items):
        hint = "begin each with '- name: …'" if isinstance(node, Mapping) else ""
        top.tell(problems.wrong_type(node.where, "'services'", "a list", values.kind_of(node), hint))
        return ()
    read = (read_service(item, number, thresholds, top.tell) for number, item in enumerate(node.items, 1))
    return tuple(service for service in read if service is not None)


def _receivers(top: Section) -> dict[str, Receiver]:
    mail = read_mail(_part(top, "mail"))
    found = (read_receiver(name, entry, mail, top.tell) for name, entry in _named(top, "receivers"))
    return {receiver.name: receiver for receiver in found}


def _watchdog(top: Section) -> Watchdog:
    part = _part(top, "watchdog")
    if part is None:
        return Watchdog()
    silence = part.get("silence", values.lasting_seconds, Watchdog().silence)
    return Watchdog(part.take("notify", values.text), silence)


def _thresholds(top: Section) -> dict[str, float | str]:
    """Shipped numbers, changed and added to by the user's. Names that no rule knows are found by a check."""
    return {**THRESHOLDS, **read_thresholds(top.node_of("thresholds"), "'thresholds'", None, top.tell)}


def _override(name: str, entry: Entry, tell: Sink) -> Override:
    part = Section(entry.value, f"the override of '{name}'", STACK_KEYS["overrides.*"], tell)
    return Override(
        name,
        entry.key.where,
        disabled=part.get("disabled", values.boolean, False),
        for_=part.take("for", values.duration),
        threshold=part.take("threshold", values.number),
        cooldown=part.take("cooldown", values.duration),
        severity=part.take("severity", values.choice(SEVERITIES)),
        team=part.take("team", values.text),
    )

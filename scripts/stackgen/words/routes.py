"""Where alerts go otherwise, found by sending every alert through both routing trees, and what changes about receivers,
grouping, inhibition and time intervals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackgen.words.alerts import paired
from stackgen.words.matching import asked, values, ways
from stackgen.words.spell import duration, instead, listed
from stackgen.words.trees import Tree, Written

Told = Iterator[tuple[str, str]]
Labels = Mapping[str, str]
GROUPING = {
    "group_by": "groups by",
    "group_wait": "waits for a group's first message",
    "group_interval": "waits between messages of a group",
    "repeat_interval": "repeats a message after",
}
SELECTED = re.compile(r'\b(service|preset|team|environment|job)="([^"]*)"')
SHOWN = 5  # alerts that a sentence about routes names


def routes(old: Tree, new: Tree) -> Told:
    """Whole sentences: which alerts go elsewhere, then how messages are grouped otherwise."""
    for (team, predicate), names in _elsewhere(old, new).items():
        whose = f" of team {team}" if team else ""
        many = f"routes change for {len(names)} alerts: " if len(names) > 1 else ""
        verb = "go" if len(names) > 1 else "goes"
        yield "", f"{many}{listed(names, SHOWN)}{whose} {predicate.format(go=verb)}"
    yield from _grouping(old, new)
    yield from _inhibition(old, new)
    yield from _intervals(old, new)


def receivers(old: Tree, new: Tree) -> Told:
    """Name and what becomes of the receiver. Values are not shown: they may be addresses nobody else should read."""
    before, after = (
        {str(one.get("name")): one for one in tree.alertmanager.get("receivers") or ()} for tree in (old, new)
    )
    for name in dict.fromkeys((*after, *before)):
        if name not in before:
            yield f"receiver {name}", f"is new ({_kinds(after[name])})"
        elif name not in after:
            yield f"receiver {name}", "is gone"
        elif before[name] != after[name]:
            yield f"receiver {name}", f"changes: {listed(_keys(before[name], after[name]))}"


def _kinds(receiver: Mapping[str, Any]) -> str:
    return listed([key.removesuffix("_configs") for key in receiver if key.endswith("_configs")]) or "tells nobody"


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for kind in sorted({*before, *after} - {"name"}):
        was, now = before.get(kind) or [], after.get(kind) or []
        if was == now:
            continue
        if len(was) != len(now):
            found.append(kind.removesuffix("_configs"))
            continue
        for one, other in zip(was, now, strict=True):
            found += [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return list(dict.fromkeys(found))


# Alerts through both trees


def _moved(old: Tree, new: Tree) -> bool:
    """Whether an alert's own labels have changed: that may lead it elsewhere."""
    return [(rule.name, rule.labels) for rule in old.every_alert] != [
        (rule.name, rule.labels) for rule in new.every_alert
    ]


def _elsewhere(old: Tree, new: Tree) -> dict[tuple[str, str], list[str]]:
    """Team and predicate to the names of the alerts; an alert that only one tree has goes nowhere else."""
    trees = [tree.alertmanager.get("route") or {} for tree in (old, new)]
    labels = frozenset().union(*map(asked, trees)) - {"alertname"}
    targets = Targets(_labels(old), _labels(new), labels)
    if trees[0] == trees[1] and not _moved(old, new) and all(was == now for was, now in targets.about({})):
        return {}
    walks = [Walk(trees[which], labels, values(trees, "alertname")) for which in (0, 1)]
    found: dict[tuple[str, str], dict[str, None]] = {}
    for before, after in paired(old.every_alert, new.every_alert):
        if before is None or after is None:
            continue
        for target in targets.about(_selected(after)):
            was, now = (
                walk.ways(rule, labels) for walk, rule, labels in zip(walks, (before, after), target, strict=True)
            )
            if was != now:
                team = after.labels.get("team") or target[1].get("team", "")
                found.setdefault((team, _predicate(was, now)), {})[after.name] = None
    return {key: list(names) for key, names in found.items()}


@dataclass
class Walk:
    """One routing tree; ways are found once for all alerts that look alike to it.

    labels: those that its matchers ask for, beside `alertname`. named: names of alerts that a matcher asks for.
    """

    route: Mapping[str, Any]
    labels: frozenset[str]
    named: set[str]
    known: dict[frozenset[tuple[str, str]], list[str]] = field(default_factory=dict)

    def ways(self, rule: Written, target: Labels) -> list[str]:
        """Where an alert about a target with these labels goes; the alert's own labels win."""
        seen = {**target, **{name: value for name, value in rule.labels.items() if name in self.labels}}
        if rule.name in self.named:
            seen["alertname"] = rule.name
        key = frozenset(seen.items())
        if key not in self.known:
            self.known[key] = ways(self.route, seen)
        return self.known[key]


def _selected(rule: Written) -> Labels:
    """What of its targets an expression selects; Loki's select streams, whose labels are not those of targets."""
    return dict(SELECTED.findall(rule.expr)) if rule.engine == "prometheus" else {}


@dataclass
class Targets:
    """What alerts can be about: targets of both trees, by job and address, with the labels that they give to alerts.

    labels: those that routes ask for; targets that are alike in these are one.
    """

    old: Mapping[tuple[str, str], Labels]
    new: Mapping[tuple[str, str], Labels]
    labels: frozenset[str]
    known: dict[frozenset[tuple[str, str]], list[tuple[Labels, Labels]]] = field(default_factory=dict)

    def about(self, selected: Labels) -> list[tuple[Labels, Labels]]:
        """Labels before and after of the targets that an expression with these selectors can be about, [] for none."""
        key = frozenset(selected.items())
        if key not in self.known:
            pairs = [(self.old[target], self.new[target]) for target in self.new if target in self.old]
            fitting = [
                (self._asked(was), self._asked(now))
                for was, now in pairs
                if all(one.get(name) == value for one in (was, now) for name, value in selected.items())
            ]
            distinct = {(frozenset(was.items()), frozenset(now.items())): (was, now) for was, now in fitting}
            self.known[key] = list(distinct.values()) or ([] if selected else [({}, {})])
        return self.known[key]

    def _asked(self, labels: Labels) -> Labels:
        return {name: value for name, value in labels.items() if name in self.labels}


def _labels(tree: Tree) -> dict[tuple[str, str], Labels]:
    """Job and target to the labels of its series; a job that discovers its targets is one."""
    found: dict[tuple[str, str], Labels] = {}
    for job in tree.prometheus.get("scrape_configs") or ():
        name = str(job.get("job_name"))
        relabelled = {
            str(one["target_label"]): str(one.get("replacement", "")).replace("$$", "$")
            for one in job.get("relabel_configs") or ()
            if "source_labels" not in one and "target_label" in one
        }
        statics: list[Mapping[str, Any]] = job.get("static_configs") or [{}]
        for static in statics:
            written = {**(static.get("labels") or {}), **relabelled}
            every = {"job": name, **{str(key): str(value) for key, value in written.items()}}
            found |= {(name, str(target)): every for target in static.get("targets") or ("",)}
    return found


def _predicate(was: list[str], now: list[str]) -> str:
    more, less = [one for one in now if one not in was], [one for one in was if one not in now]
    if more and less:
        return f"{{go}} to {instead(listed(more), listed(less))}"
    if more:
        return f"{{go}} to {listed(more)} too"
    if less:
        return f"no longer {{go}} to {listed(less)}"
    return f"{{go}} to {listed(now)} in another order"


# Everything else of alertmanager.yml


def _grouping(old: Tree, new: Tree) -> Told:
    before, after = (tree.alertmanager.get("route") or {} for tree in (old, new))
    for key, words in GROUPING.items():
        if before.get(key) != after.get(key):
            yield "", f"Alertmanager {words} {instead(_shown(after.get(key)), _shown(before.get(key)))}"
        yield from _grouped(key, words, before, after)


def _grouped(key: str, words: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    """The same for the routes that have their own; a route that is new or gone is told by whom it tells."""
    was, now = dict(_leaves(before)), dict(_leaves(after))
    for leaf in (one for one in now if one in was and (key in was[one] or key in now[one])):
        old, new = (side[leaf].get(key, root.get(key)) for side, root in ((was, before), (now, after)))
        if old != new:
            receiver, matchers = leaf[0], f" ({', '.join(leaf[1:])})" if leaf[1:] else ""
            yield f"route to {receiver}{matchers}", f"{words} {instead(_shown(new), _shown(old))}"


def _leaves(
    route: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every route that sends, by its receiver and the matchers on the way to it."""
    way = (*above, *map(str, route.get("matchers") or ()))
    children = route.get("routes") or ()
    if not children:
        yield (str(route.get("receiver")), *dict.fromkeys(way)), route
    for child in children:
        yield from _leaves(child, way)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return listed(map(str, value)) or "nothing"
    return "its default" if value is None else duration(value)


def _inhibition(old: Tree, new: Tree) -> Told:
    before, after = (list(tree.alertmanager.get("inhibit_rules") or ()) for tree in (old, new))
    more, less = [one for one in after if one not in before], [one for one in before if one not in after]
    if more or less:
        yield "", f"inhibition changes: {len(more)} rules new, {len(less)} gone"


def _intervals(old: Tree, new: Tree) -> Told:
    before, after = (
        {str(one.get("name")): one for one in tree.alertmanager.get("time_intervals") or ()} for tree in (old, new)
    )
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            word = "is new" if name not in before else "is gone" if name not in after else "has other times"
            yield f"time interval {name}", word

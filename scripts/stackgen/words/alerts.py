"""Alerts, recording rules and their groups: which are new or gone, and what each changed one does otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from stackgen.durations import spoken
from stackgen.words.spell import ABSENT, cut, duration, instead, labelled, listed, parted, seconds
from stackgen.words.trees import Tree, Written, differing

Told = Iterator[tuple[str, str]]
Pair = tuple[Written | None, Written | None]
ESCALATED = "escalated"  # label of the messages that are sent when nobody has taken an alert up
APART = re.compile(r',\s*service!~"([^"]*)"')  # services with numbers of their own are left to a rule of their own
LINKS = ("runbook_url", "dashboard_url")
NUMBER = re.compile(r"(?<![\w.:\]\"'])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w:])")
COMPARED = re.compile(r"(?:[<>]=?|[!=]=)\s*(?:bool\s*)?$")
UNITS = (
    (re.compile(r"\b\w+_percent\w*"), "%"),
    (re.compile(r"\b\w+_seconds\b"), "s"),
    (re.compile(r"\b\w+_bytes\b"), "B"),
)
UNIT_IN_TEXT = r"(?<![\d.]){number} (%|ms|s|seconds|minutes|hours|days|[KMGT]i?B|B|°C|requests)(?![\w])"


def alerts(old: Tree, new: Tree, disabled: frozenset[str]) -> Told:
    """Name and what becomes of the alert."""
    pairs = _pairs(old, new, "alert")
    for before, after in (pair for pair in pairs if not _escalated(pair)):
        if before is None and after is not None:
            yield _titled(after), f"is new: {_described(after)}"
        elif after is None and before is not None:
            told = "is disabled (overrides in stack.yml)" if before.name in disabled else "is gone"
            yield _titled(before), told
        elif before is not None and after is not None and (said := _changed(before, after)):
            yield _titled(after), said
    yield from _escalation([pair for pair in pairs if _escalated(pair)])


def _titled(rule: Written) -> str:
    """An alert with numbers of one service's own says whose."""
    service = rule.labels.get("service", "")
    return rule.name if not service or "{{" in service else f"{rule.name} of {service}"


def _escalated(pair: Pair) -> bool:
    return any(rule is not None and ESCALATED in rule.labels for rule in pair)


def _escalation(pairs: list[Pair]) -> Told:
    """The generated second messages, all of one fate in a sentence: each follows an alert by its name."""
    fates: dict[str, list[str]] = {}
    for before, after in pairs:
        rule = after or before
        fate = "is new" if before is None else "is gone" if after is None else "waits otherwise or tells others"
        if before and after and (before.expr, before.labels) == (after.expr, after.labels):
            fate = "links elsewhere"
        step = rule.labels.get(ESCALATED, "") if rule else ""
        fates.setdefault(f"step {step} {fate}", []).append(rule.name if rule else "")
    for fate, names in fates.items():
        number = f"{len(names)} alerts" if len(names) > 1 else "1 alert"
        yield "escalation", f"{fate} for {number}: {listed(names, 3)}"


def records(old: Tree, new: Tree) -> Told:
    """Name and what becomes of the recording rule."""
    for before, after in _pairs(old, new, "record"):
        if before is None and after is not None:
            yield after.name, f"is recorded anew: {cut(after.expr)}"
        elif after is None and before is not None:
            yield before.name, "is recorded no longer"
        elif before is not None and after is not None:
            clauses = [*_expr(before, after), *labelled(before.labels, after.labels)]
            if clauses:
                yield after.name, ", ".join(clauses)


def groups(old: Tree, new: Tree) -> Told:
    """Groups whose interval, limit or other option changes."""
    paths = differing(old, new)
    before, after = _options(old, paths), _options(new, paths)
    for key in before.keys() & after.keys():
        for option in sorted({*before[key], *after[key]}):
            was, now = before[key].get(option), after[key].get(option)
            if was != now:
                yield f"group {key[1]}", f"has {option} {instead(_shown(now), _shown(was))}"


def _options(tree: Tree, paths: frozenset[str]) -> dict[tuple[str, str], Mapping[str, object]]:
    return {
        (engine, str(group.get("name"))): {key: value for key, value in group.items() if key not in ("name", "rules")}
        for engine, group in tree.groups(only=paths)
    }


def _shown(value: object) -> str:
    return "none" if value is None else duration(value)


def _pairs(old: Tree, new: Tree, kind: str) -> list[Pair]:
    """Rules of one kind that belong together and differ; those that are gone come last."""
    paths = differing(old, new)
    left, right = ([rule for rule in tree.rules(only=paths) if rule.kind == kind] for tree in (old, new))
    found = [(one, other) for one, other in paired(left, right) if not (one and other and _same(one, other))]
    return sorted(found, key=lambda pair: pair[1] is None)


def paired(old: Iterable[Written], new: Iterable[Written]) -> Iterator[tuple[Written | None, Written | None]]:
    """Each rule of the new tree with the one it was before; None where there is none."""
    sides: tuple[dict[tuple[str, str], list[Written]], ...] = ({}, {})
    for side, rules in zip(sides, (old, new), strict=True):
        for rule in rules:
            side.setdefault((rule.engine, rule.name), []).append(rule)
    for key in dict.fromkeys((*sides[1], *sides[0])):
        yield from _matched(sides[0].get(key, []), sides[1].get(key, []))


def _matched(left: list[Written], right: list[Written]) -> Iterator[tuple[Written | None, Written | None]]:
    """Of rules with one name: the same one, else one of the same severity, else the next."""
    for alike in (_same, _severity, _any):
        for one in list(right):
            other = next((each for each in left if alike(each, one)), None)
            if other is not None:
                left.remove(other)
                right.remove(one)
                yield other, one
    yield from ((None, one) for one in right)
    yield from ((one, None) for one in left)


def _same(one: Written, other: Written) -> bool:
    return one.body == other.body


def _severity(one: Written, other: Written) -> bool:
    return one.labels.get("severity") == other.labels.get("severity")


def _any(_one: Written, _other: Written) -> bool:
    return True


def _described(rule: Written) -> str:
    words = [rule.labels.get("severity", "no severity")]
    if team := rule.labels.get("team"):
        words.append(f"of team {team}")
    return f"{' '.join(words)}, fires {_after(rule)} when {cut(rule.expr)}"


def _after(rule: Written) -> str:
    lasting = str(rule.body.get("for") or "")
    return "at once" if lasting in ABSENT else f"after {duration(lasting)}"


def _changed(before: Written, after: Written) -> str:
    """What an alert does otherwise, "" when only its order of keys has changed."""
    numbers = _thresholds(before, after)
    clauses = []
    if numbers:
        clauses.append(f"fires at {' and at '.join(dict.fromkeys(numbers.values()))}, {_for(before, after)}")
    else:
        clauses += _expr(before, after)
        if _after(before) != _after(after):
            clauses.append(f"fires {_for(before, after)}")
    clauses += _lasting(before, after)
    clauses += _labels(before.labels, after.labels)
    clauses += _texts(before, after, numbers)
    return ", ".join(clauses)


def _for(before: Written, after: Written) -> str:
    return (
        _after(after)
        if _after(before) == _after(after)
        else instead(_after(after), _after(before).removeprefix("after "))
    )


def _thresholds(before: Written, after: Written) -> dict[tuple[str, str], str]:
    """Numbers of a comparison that have changed, (old, new) to words; {} when anything else in the expression has."""
    old, new = list(NUMBER.finditer(before.expr)), list(NUMBER.finditer(after.expr))
    if len(old) != len(new) or NUMBER.sub("0", before.expr) != NUMBER.sub("0", after.expr):
        return {}
    found = {}
    for was, now in zip(old, new, strict=True):
        if was[0] == now[0]:
            continue
        if not COMPARED.search(after.expr[: now.start()]):
            return {}
        unit = _unit(after, now[0]) or _unit(before, was[0])
        found[was[0], now[0]] = instead(now[0] + unit, was[0] + unit)
    return found


def _unit(rule: Written, number: str) -> str:
    """The unit of a threshold: the one that the alert's own text gives it, else that of the metric's name."""
    pattern = UNIT_IN_TEXT.format(number=re.escape(number))
    for text in rule.texts.values():
        if match := re.search(pattern, text):
            return f" {match[1]}"
    return next((f" {unit}" for pattern_, unit in UNITS if pattern_.search(rule.expr)), "")


def _expr(before: Written, after: Written) -> list[str]:
    if before.expr == after.expr:
        return []
    if APART.sub("", before.expr) == APART.sub("", after.expr):
        apart = APART.search(after.expr)
        return [
            f"leaves {listed(apart[1].split('|'))} to a rule of its own" if apart else "is about every service again"
        ]
    was, now = parted(before.expr, after.expr)
    return [f"looks at {instead(now, was)}"]


def _lasting(before: Written, after: Written) -> list[str]:
    was, now = (str(rule.body.get("keep_firing_for") or "") for rule in (before, after))
    if was == now:
        return []
    if now in ABSENT:
        return [f"no longer keeps firing for {duration(was)}"]
    return [f"keeps firing for {duration(now)}" + ("" if was in ABSENT else f" instead of {duration(was)}")]


def _labels(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    found = []
    if before.get("severity") != after.get("severity"):
        found.append(
            f"is {instead(after.get('severity', 'without severity'), before.get('severity', 'without severity'))}"
        )
    if before.get("team") != after.get("team"):
        found.append(f"belongs to {instead(_team(after), _team(before))}")
    named = ("severity", "team")
    return found + labelled(_without(before, named), _without(after, named))


def _team(labels: Mapping[str, str]) -> str:
    return f"team {labels['team']}" if labels.get("team") else "the team of its target"


def _texts(before: Written, after: Written, numbers: Iterable[tuple[str, str]]) -> list[str]:
    """Texts that read otherwise; a number of the threshold that moved along is no change of its own."""
    old, new = before.texts, after.texts
    changed = [
        name
        for name in sorted({*old, *new})
        if name not in LINKS
        and _moved(old.get(name, ""), numbers, _lastings(before, after)) != new.get(name, "")
        and old.get(name) != new.get(name)
    ]
    found = [f"reads otherwise in its {listed(changed)}"] if changed else []
    return found + list(dict.fromkeys(filter(None, (_link(link, old.get(link), new.get(link)) for link in LINKS))))


def _link(link: str, old: str | None, new: str | None) -> str:
    """How a link differs; a console at another address moves all links alike."""
    if old == new:
        return ""
    name = link.removesuffix("_url")
    if not new:
        return f"has no {name} link any more"
    if old and _place(old)[1] == _place(new)[1]:
        return f"links to {instead(_place(new)[0], _place(old)[0])}"
    return f"links its {name} to {new}"


def _place(url: str) -> tuple[str, str]:
    """The address of a page and its path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", url[len(parts.scheme) + 3 + len(parts.netloc) :]


def _lastings(before: Written, after: Written) -> tuple[str, str]:
    return str(before.body.get("for") or ""), str(after.body.get("for") or "")


def _moved(text: str, numbers: Iterable[tuple[str, str]], lasting: tuple[str, str]) -> str:
    said = tuple(f"for {spoken(seconds(one))}" for one in lasting) if all(lasting) else ("", "")
    for was, now in (*numbers, lasting, said):
        if was:
            text = re.sub(rf"(?<![\w.]){re.escape(was)}(?![\w])", now, text)
    return text


def _without(labels: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names}

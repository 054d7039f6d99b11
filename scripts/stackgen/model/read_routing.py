"""From the nodes of stack.yml to windows, recipients, routes and escalation. Whether names exist is the checks'."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from datetime import datetime
from typing import TypeVar

from stackgen.model import problems, values
from stackgen.model.keys import STACK_KEYS
from stackgen.model.routing import DAYS, Match, Route, Step, Tell, Window
from stackgen.model.section import Section, entries
from stackgen.model.stack import SEVERITIES, Team
from stackgen.model.values import Converter, Sink
from stackgen.promql import quoted, syntax
from stackgen.source.nodes import Entry, Items, Mapping, Node, Scalar

T = TypeVar("T")
_TELL = re.compile(r"(\S+)(?: +(during|outside) +(\S+))?")
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d) *- *([01]?\d|2[0-4]):([0-5]\d)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_DAY = 24 * 60  # minutes


def tell(node: Node, what: str, sink: Sink) -> Tell | None:
    """`slack-web`, `slack-web during office` or `slack-web outside office`."""
    text = values.text(node, what, sink)
    if text is None:
        return None
    match = _TELL.fullmatch(text.strip())
    if match is None:
        sink(problems.receiver_entry(node.where, text))
        return None
    return Tell(match[1], match[3] or "", match[2] == "outside", node.where)


tells = values.several(tell, "a list of receivers")


def read_team(name: str, entry: Entry, sink: Sink) -> Team:
    """One team."""
    values.valid_name(entry.key, "a team", name, sink)
    part = Section(entry.value, f"team '{name}'", STACK_KEYS["teams.*"], sink)
    ways = {severity: part.take(severity, tells) for severity in SEVERITIES}
    return Team(
        name,
        entry.key.where,
        {key: found for key, found in ways.items() if found is not None},
        escalation=_steps(part),
        group_by=_labels(part, "group_by"),
        repeat=_repeat(part),
    )


def _steps(part: Section) -> tuple[Step, ...]:
    """`escalation: {15m: [lead], 1h: [boss]}`, by time."""
    steps = []
    for key, entry in entries(part.node_of("escalation"), f"'escalation' of {part.owner}", part.tell).items():
        after = values.lasting_seconds(entry.key, "escalation", part.tell)
        told = tells(entry.value, key, part.tell)
        if after is not None and told is not None:
            steps.append(Step(after, entry.key.where, told))
    return tuple(sorted(steps, key=lambda step: step.after))


def _labels(part: Section, key: str) -> tuple[str, ...]:
    """Names of labels to group by; `...` is every label."""

    def label(node: Node, what: str, sink: Sink) -> str | None:
        text = values.text(node, what, sink)
        if text is None or text == "..." or not isinstance(node, Scalar):
            return text
        return values.label_name(node, sink)

    names = tuple(dict.fromkeys(part.take(key, values.several(label, "a list of labels")) or ()))
    if "..." in names and len(names) > 1:
        where = part.entries[key].value.where
        part.tell(problems.wrong_type(where, key, "[...] or names of labels", "both", "[...] is every label there is"))
    return names


def _repeat(part: Section) -> AbstractMapping[str, float]:
    """One duration for all severities, or one for each."""
    node = part.node_of("repeat")
    if isinstance(node, Mapping):
        inner = Section(node, f"'repeat' of {part.owner}", STACK_KEYS["teams.*.repeat"], part.tell)
        read = {severity: inner.take(severity, values.lasting_seconds) for severity in SEVERITIES}
        return {severity: value for severity, value in read.items() if value is not None}
    value = part.take("repeat", values.lasting_seconds)
    return {} if value is None else dict.fromkeys(SEVERITIES, value)


def read_routes(top: Section) -> tuple[Route, ...]:
    """`routes:`, in their order."""
    node = top.node_of("routes")
    if node is None or (isinstance(node, Scalar) and node.empty):
        return ()
    if not isinstance(node, Items):
        hint = "begin each with '- when: …'" if isinstance(node, Mapping) else ""
        top.tell(problems.wrong_type(node.where, "'routes'", "a list", values.kind_of(node), hint))
        return ()
    return tuple(_route(item, number, top.tell) for number, item in enumerate(node.items, 1))


def _route(node: Node, number: int, sink: Sink) -> Route:
    part = Section(node, f"route {number}", STACK_KEYS["routes[]"], sink)
    if part.node_of("when") is None and isinstance(node, Mapping):
        sink(
            problems.missing_key(node.where, part.owner, "when", "write when: {environment: staging}, or other labels")
        )
    return Route(
        node.where,
        _matches(part),
        part.need("tell", tells, "write tell: and a list of receivers") or (),
        also=part.get("also", values.boolean, False),
        group_by=_labels(part, "group_by"),
        repeat=part.take("repeat", values.lasting_seconds),
    )


def _matches(part: Section) -> tuple[Match, ...]:
    """`{service: shop, severity: [critical, error], instance: ~eu-.*, environment: "!production"}`."""
    found = []
    for label, entry in entries(part.node_of("when"), f"'when' of {part.owner}", part.tell).items():
        values.label_name(entry.key, part.tell)
        if isinstance(entry.value, Items):
            several = values.several(values.text, "a list of values")(entry.value, label, part.tell) or ()
            found.append(Match(label, "=~", "|".join(re.escape(value) for value in several)))
            continue
        text = values.text(entry.value, label, part.tell)
        if text is not None:
            found.append(_match(label, text, entry.value, part.tell))
    return tuple(found)


def _match(label: str, text: str, node: Node, sink: Sink) -> Match:
    sign = next((sign for sign in ("!~", "!", "~") if text.startswith(sign)), "")
    operator, value = {"!~": "!~", "!": "!=", "~": "=~", "": "="}[sign], text[len(sign) :]
    if operator.endswith("~") and (why := _irregular(value)):
        sink(problems.invalid_matcher(node.where, label, value, why))
    return Match(label, operator, value)


def _irregular(value: str) -> str:
    """Why a text is no regular expression, "" for one of Alertmanager's and of Python's, which finds the ways here."""
    try:
        re.compile(value)
        syntax(f"x{{x=~{quoted(value)}}}")
    except re.error as error:
        return str(error)
    except ValueError:
        return 'Alertmanager knows no look-around ("!~" is for what does not fit), no back references, no \\Z'
    return ""


def read_windows(top: Section) -> dict[str, Window]:
    """`windows:` by name."""
    return {
        name: _window(name, entry, top.tell)
        for name, entry in entries(top.node_of("windows"), "'windows'", top.tell).items()
    }


def _window(name: str, entry: Entry, sink: Sink) -> Window:
    values.valid_name(entry.key, "a window", name, sink)
    part = Section(entry.value, f"window '{name}'", STACK_KEYS["windows.*"], sink)
    days: tuple[tuple[int, ...], ...] = part.take("days", _listed(_days, "days like mon-fri")) or ()
    begin, end = part.take("from", _moment), part.take("to", _moment)
    given = set(part.entries)
    if given & {"from", "to"} and (not {"from", "to"} <= given or given & {"days", "hours"}):
        sink(
            problems.invalid_window(entry.key.where, name, "goes from one moment to another: write from: and to: alone")
        )
    elif not given & {"from", "days", "hours"} and (isinstance(entry.value, Mapping) or _empty(entry)):
        sink(problems.invalid_window(entry.key.where, name, "is always: write days:, hours:, or from: and to:"))
    return Window(
        name,
        entry.key.where,
        tuple(sorted({day for some in days for day in some})),
        part.get("hours", _listed(_hours, "hours like 08:00-18:00"), ()),
        part.get("timezone", values.text, "UTC"),
        begin,
        end,
    )


def _empty(entry: Entry) -> bool:
    return isinstance(entry.value, Scalar) and entry.value.empty


def _listed(item: Converter[T], wanted: str) -> Converter[tuple[T, ...]]:
    """A list of values, or one of them by itself."""

    def convert(node: Node, what: str, sink: Sink) -> tuple[T, ...] | None:
        if isinstance(node, Items):
            return values.several(item, wanted)(node, what, sink)
        value = item(node, what, sink)
        return None if value is None else (value,)

    return convert


def _days(node: Node, what: str, sink: Sink) -> tuple[int, ...] | None:
    """`sat` or `mon-fri`, also around the week's end; several with commas between."""
    text = values.text(node, what, sink)
    if text is None:
        return None
    found: list[int] = []
    for word in text.lower().split(","):
        first, dash, last = (part.strip()[:3] for part in word.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            sink(
                problems.invalid_window(
                    node.where, text, "is no day: write mon, tue, wed, thu, fri, sat, sun, or mon-fri"
                )
            )
            return None
        start, stop = DAYS.index(first), DAYS.index(last) if dash else DAYS.index(first)
        found += [day % 7 for day in range(start, stop + 1 if stop >= start else stop + 8)]
    return tuple(found)


def _hours(node: Node, what: str, sink: Sink) -> tuple[int, int] | None:
    """`08:00-18:00` in minutes of the day; `22:00-06:00` reaches into the next day."""
    text = values.text(node, what, sink)
    if text is None:
        return None
    match = _HOURS.fullmatch(text.strip())
    start, stop = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])) if match else (0, 0)
    if match is None or max(start, stop) > _DAY or start == _DAY:
        sink(problems.invalid_window(node.where, text, "are no hours: write 08:00-18:00"))
        return None
    return start, stop


def _moment(node: Node, what: str, sink: Sink) -> datetime | None:
    text = values.text(node, what, sink)
    if text is None:
        return None
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        return datetime.strptime(text, "%Y-%m-%d %H:%M")
    except ValueError:
        hint = 'write "2026-12-24 18:00", with the quotes'
        sink(problems.invalid_window(node.where, text, f"is no moment: {hint}"))
        return None

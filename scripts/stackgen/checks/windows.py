"""When somebody is told: windows, maintenance, escalation, routes of one's own, and the texts that are sent."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta

from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.problems import nearest
from stackgen.model.routing import Match, Route, Window
from stackgen.model.stack import INBOX, SEVERITIES
from stackgen.model.values import spell

TEMPLATES = "alertmanager/templates"
# Templates that a receiver of some kind takes its texts from.
MESSAGES = (
    "colour", "html", "link", "markdown", "markdown.title", "priority", "service", "severity", "slack",
    "slack.environment", "slack.pretext", "slack.service", "slack.title", "summary", "telegram", "text", "title",
)  # fmt: skip
_DEFINED = re.compile(r'\{\{-? *define "([^"]+)"')
_CALLED = re.compile(r'\{\{-? *template "([^"]+)"')


def _windows(subject: Subject) -> Iterator[tuple[Position, str]]:
    """Every use of a window."""
    stack = subject.stack
    for team in stack.teams.values():
        for told in (*team.ways.values(), *(step.tell for step in team.escalation)):
            yield from ((tell.where, tell.window) for tell in told if tell.window)
    for route in stack.routes:
        yield from ((tell.where, tell.window) for tell in route.tell if tell.window)
    for word in subject.words("maintenance"):
        yield word.where, word.text
    for index, _ in subject.services():
        for word in subject.words("services", index, "maintenance"):
            yield word.where, word.text


@check("unknown-window")
def unknown_window(subject: Subject) -> Iterator[Words]:
    for where, name in _windows(subject):
        if name not in subject.stack.windows:
            hint = nearest(name, subject.stack.windows) or f"define it: windows: {{{name}: {{hours: 08:00-18:00}}}}"
            yield Words(where, f"there is no window '{name}'", hint)


@check("unused-window", Severity.WARNING)
def unused_window(subject: Subject) -> Iterator[Words]:
    used = {name for _, name in _windows(subject)}
    for name, window in subject.stack.windows.items():
        if name not in used:
            hint = f"write RECEIVER during {name} in a team's list, or maintenance: [{name}]"
            yield Words(window.where, f"nothing happens in the window '{name}'", hint)


@check("dead-window")
def dead_window(subject: Subject) -> Iterator[Words]:
    """Hours of no length, a stretch of time that ends before it begins, or is over: that comes about by itself."""
    for name, window in subject.stack.windows.items():
        if reason := _dead(window):
            yield Words(window.where, f"the window '{name}' never opens: {reason}", "correct it, or remove it")
        elif window.end and window.end < datetime.now() - timedelta(days=1):  # whatever the time zone
            message = f"the window '{name}' never opens again: it was over on {window.end:%Y-%m-%d}"
            yield Words(window.where, message, "remove it, and what names it", severity=Severity.WARNING)


def _dead(window: Window) -> str:
    if any(start == stop for start, stop in window.hours):
        return "it ends when it begins (the whole day is 00:00-24:00)"
    return "it ends before it begins" if window.begin and window.end and window.end <= window.begin else ""


@check("unknown-timezone")
def unknown_timezone(subject: Subject) -> Iterator[Words]:
    zoned = {name: window for name, window in subject.stack.windows.items() if window.timezone != "UTC"}
    known = zoneinfo.available_timezones() if zoned else set()  # none where the machine has no tz database
    for name, window in zoned.items():
        if known and window.timezone not in known:
            hint = nearest(window.timezone, known) or "write one of the tz database, as in Europe/Berlin"
            yield Words(subject.value("windows", name, "timezone"), f"there is no time zone '{window.timezone}'", hint)


@check("unreachable-route", Severity.WARNING)
def unreachable_route(subject: Subject) -> Iterator[Words]:
    """An earlier route takes every alert that a later one asks for, or there is no alert that it asks for."""
    before: list[tuple[int, Route]] = []
    for number, route in enumerate(subject.stack.routes, 1):
        for earlier, other in before:
            if not other.also and all(_implied(match, route.when) for match in other.when):
                message = f"route {number} is never reached: route {earlier} takes all that it asks for"
                yield Words(
                    route.where, message, f"put it before route {earlier}, or write also: true there", other.where
                )
                break
        before.append((number, route))
        yield from _asking_for_nobody(subject, number, route)


def _asking_for_nobody(subject: Subject, number: int, route: Route) -> Iterator[Words]:
    """A severity that no alert has, and names that are nearly those of something: of others an alert may know more."""
    for match in route.when if subject.rules_known else ():
        known = _values(subject, match.label)
        if match.operator != "=" or match.value in known or not known:
            continue
        hint = nearest(match.value, known)
        if hint.startswith("did you") or match.label == "severity":
            where = subject.value("routes", number - 1, "when", match.label)
            yield Words(where, f"route {number} is never reached: no alert has {match.label} '{match.value}'", hint)


def _values(subject: Subject, label: str) -> list[str]:
    """Values that a label of alerts has; nothing where a rule takes them from elsewhere, or for any other label."""
    stack, rules = subject.stack, [read for read in subject.rules if read.rule.kind == "alert"]
    named = {
        "alertname": [read.rule.name for read in rules],
        "severity": list(SEVERITIES),
        "service": [service.name for service in stack.services],
        "environment": [stack.environment, *(one.environment or "" for one in stack.services)],
    }.get(label, [])
    if not named:
        return []
    written = [
        labels.get(label, "")
        for read in rules
        for labels in (read.rule.body.get("labels", {}), subject.group_options(read).get("labels", {}))
    ]
    return [] if any("{{" in text for text in written) else [*filter(None, (*named, *written))]


def _implied(wanted: Match, given: tuple[Match, ...]) -> bool:
    """Whether every alert that fits `given` fits `wanted` too, as far as one can see it."""
    for match in given:
        if match == wanted:
            return True
        if match.label == wanted.label and match.operator == "=":
            if wanted.operator in ("=~", "!~"):
                return bool(re.fullmatch(wanted.value, match.value)) == (wanted.operator == "=~")
            return wanted.operator == "!=" and match.value != wanted.value
    return False


@check("empty-escalation")
def empty_escalation(subject: Subject) -> Iterator[Words]:
    for team in subject.stack.teams.values():
        for step in team.escalation:
            if not any(tell.receiver != INBOX for tell in step.tell):
                message = f"team {team.name} escalates after {spell(step.after)} to nobody"
                yield Words(step.where, message, "name a receiver that reaches somebody, or remove the step")
        told = {tell for severity in ("critical", "error") for tell in team.tells(severity)}
        if team.escalation and not told:
            message = f"team {team.name} escalates what nobody is told of in the first place"
            yield Words(team.escalation[0].where, message, "write critical: and its receivers")


@check("console-alone", Severity.WARNING)
def console_alone(subject: Subject) -> Iterator[Words]:
    """Webhooks that the console relays to are of no use when the console is down."""
    outside = [one for one in subject.stack.receivers.values() if one.name != INBOX]
    relayed = [one for one in outside if one.kind == "webhook" and one.options.get("format", "") != "alertmanager"]
    if outside and relayed == outside:
        message = "every message goes through the console: nobody is told when the console is down"
        yield Words(
            relayed[0].where, message, "write format: alertmanager for one of them, or add a receiver of another kind"
        )


@check("missing-template")
def missing_template(subject: Subject) -> Iterator[Words]:
    """A template that a message calls and that no file defines: Alertmanager would send nothing."""
    folder = subject.root / TEMPLATES
    try:
        texts = {path.name: path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.tmpl"))}
    except OSError:
        return
    if not texts:
        return
    defined = {name for text in texts.values() for name in _DEFINED.findall(text)}
    for name in MESSAGES:
        if f"watchstack.{name}" not in defined:
            where = Position(f"{TEMPLATES}/{next(iter(texts))}", 1, 1)
            message = f"no file of {TEMPLATES} defines the template 'watchstack.{name}', which messages are made of"
            yield Words(where, message, "take the file that came with the project: git checkout alertmanager/templates")
    for file, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            for found in _CALLED.finditer(line):
                if found[1] not in defined and found[1].startswith("watchstack."):
                    where = Position(f"{TEMPLATES}/{file}", number, found.start(1) + 1, len(found[1]))
                    yield Words(
                        where, f"no file of {TEMPLATES} defines the template '{found[1]}'", nearest(found[1], defined)
                    )

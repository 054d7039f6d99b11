"""Who is told: teams, receivers, severities and the watchdog's way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.problems import nearest
from stackgen.model.receivers import OPTIONS
from stackgen.model.routing import Tell
from stackgen.model.stack import INBOX, SEVERITIES, Team
from stackgen.model.values import spell


@check("unknown-receiver")
def unknown_receiver(subject: Subject) -> Iterator[Words]:
    known = [*subject.stack.receivers, INBOX]
    for whom, told in _told(subject):
        for tell in told:
            if tell.receiver not in known:
                message = f"{whom} '{tell.receiver}', which is no receiver"
                yield Words(tell.where, message, nearest(tell.receiver, known))
    notify = subject.stack.watchdog.notify
    if notify and notify not in known:
        message = f"the watchdog's alarm goes to '{notify}', which is no receiver"
        yield Words(subject.value("watchdog", "notify"), message, nearest(notify, subject.stack.receivers))


def _told(subject: Subject) -> Iterator[tuple[str, tuple[Tell, ...]]]:
    """Every list of recipients, and the beginning of a sentence about it."""
    for team in subject.stack.teams.values():
        for severity, told in team.ways.items():
            yield f"team {team.name} sends {severity} alerts to", told
        for step in team.escalation:
            yield f"team {team.name} escalates after {spell(step.after)} to", step.tell
    for number, route in enumerate(subject.stack.routes, 1):
        yield f"route {number} leads to", route.tell


@check("watchdog-inbox", Severity.WARNING)
def watchdog_inbox(subject: Subject) -> Iterator[Words]:
    if subject.stack.watchdog.notify == INBOX:
        message = "the watchdog's alarm stays in the inbox, where nobody looks when the stack has fallen silent"
        yield Words(subject.value("watchdog", "notify"), message, "name a receiver that reaches somebody")


@check("duplicate-receiver")
def duplicate_receiver(subject: Subject) -> Iterator[Words]:
    for whom, told in _told(subject):
        seen: set[Tell] = set()
        for tell in told:
            if tell in seen:
                message = f"{whom} '{tell.words}' twice: every message would come twice"
                yield Words(tell.where, message, "keep one of the two")
            seen.add(tell)


@check("unused-receiver", Severity.WARNING)
def unused_receiver(subject: Subject) -> Iterator[Words]:
    used = {tell.receiver for _, told in _told(subject) for tell in told}
    used.add(subject.stack.watchdog.notify or "")
    for name, receiver in subject.stack.receivers.items():
        if name not in used:
            yield Words(receiver.where, f"nothing is sent to receiver '{name}'", "name it below a team, or remove it")


@check("unknown-team")
def unknown_team(subject: Subject) -> Iterator[Words]:
    if not subject.stack_known:
        return
    teams = subject.stack.teams

    def tell(where: Position, message: str, team: str, severity: Severity | None = None) -> Words:
        hint = nearest(team, teams) if teams else f"define it: teams: {{{team}: {{critical: [inbox]}}}}"
        return Words(where, message, hint, severity=severity)

    def owned(where: Position, what: str, team: str, severity: Severity | None = None) -> Words:
        return tell(where, f"{what} belongs to team '{team}', which does not exist", team, severity)

    for index, service in subject.services():
        if service.team and service.team not in teams:
            yield owned(subject.value("services", index, "team"), f"service '{service.name}'", service.team)
    default = subject.stack.default_team
    if default and default not in teams:
        yield tell(subject.value("default_team"), f"there is no team '{default}'", default)
    for number, route in enumerate(subject.stack.routes):
        for match in route.when:
            if match.label == "team" and match.operator == "=" and match.value not in teams:
                where = subject.value("routes", number, "when", "team")
                yield tell(where, f"route {number + 1} is for team '{match.value}', which does not exist", match.value)
    for name, override in subject.stack.overrides.items():
        if override.team and override.team not in teams:
            yield owned(subject.value("overrides", name, "team"), f"alert '{name}'", override.team)
    for read in subject.rules:
        own, label = read.scalar("team"), read.scalar("labels", "team")
        if own and read.rule.team and own.text not in teams:
            yield owned(own.where, f"{_what(read.rule.kind)} '{read.rule.name}'", own.text)
        if label and read.rule.kind == "alert" and (teams or not read.custom) and _unknown(label.text, teams):
            severity = Severity.WARNING if read.custom else None
            yield owned(label.where, f"alert '{read.rule.name}'", label.text, severity)


def _unknown(name: str, teams: Mapping[str, Team]) -> bool:
    """True for a name that is written out, not taken from the series, and stands for no team."""
    return name not in teams and "{{" not in name


def _what(kind: str) -> str:
    return "alert" if kind == "alert" else "recording rule"


@check("unused-team", Severity.WARNING)
def unused_team(subject: Subject) -> Iterator[Words]:
    stack = subject.stack
    used = {stack.default_team, *(service.team for service in stack.services)}
    used |= {override.team for override in stack.overrides.values()}
    for read in subject.rules:
        label = read.scalar("labels", "team")
        used |= {read.rule.team, label.text if label else None}
    for name, team in stack.teams.items():
        if name not in used:
            hint = f"write team: {name} at a service or an alert, or default_team: {name}"
            yield Words(team.where, f"nothing belongs to team '{name}'", hint)


@check("severity-without-receiver", Severity.WARNING)
def severity_without_receiver(subject: Subject) -> Iterator[Words]:
    for name, team in subject.stack.teams.items():
        if "critical" not in team.ways and not subject.written("teams", name, "critical"):
            told = " and ".join(severity for severity in SEVERITIES if team.ways.get(severity))
            message = f"team '{name}' is told of {told} alerts, but of no critical ones" if told else ""
            message = message or f"team '{name}' is told of nothing"
            yield Words(team.where, message, "write critical: and its receivers, or critical: [] if that is meant")


@check("no-default-team", Severity.WARNING)
def no_default_team(subject: Subject) -> Iterator[Words]:
    if len(subject.stack.teams) > 1 and subject.stack.default_team is None and not subject.written("default_team"):
        message = (
            "no team is told of the host, the stack itself and services without a team: those alerts stay in the inbox"
        )
        first = next(iter(subject.stack.teams))
        yield Words(subject.key("teams"), message, f"write for example default_team: {first}")


@check("loopback-address", Severity.WARNING)
def loopback_address(subject: Subject) -> Iterator[Words]:
    outside = [receiver.name for receiver in subject.stack.receivers.values()]
    host = urlsplit(subject.stack.address).hostname or ""
    if not outside or not (host in ("localhost", "::1", "0.0.0.0", "::") or host.startswith("127.")):
        return
    where = subject.value("address") if subject.written("address") else subject.key("receivers")
    message = (
        f"messages to '{outside[0]}' will carry links to {subject.stack.address}, which opens on this machine alone"
    )
    yield Words(where, message, "set address: to the URL under which its readers reach the console")


@check("unencrypted-receiver", Severity.WARNING)
def unencrypted_receiver(subject: Subject) -> Iterator[Words]:
    for name, receiver in subject.stack.receivers.items():
        for key, option in OPTIONS[receiver.kind].items():
            url = urlsplit(str(receiver.options.get(key, ""))) if option.type == "url" else None
            if url and url.scheme == "http" and not _near(url.hostname or ""):
                message = f"messages to '{name}' go to {url.hostname} as plain text"
                yield Words(subject.value("receivers", name, receiver.kind, key), message, "write https://")
        host = str(receiver.options.get("smarthost", "")).rpartition(":")[0]
        if receiver.options.get("require_tls") is False and host and not _near(host):
            own = subject.written("receivers", name, receiver.kind, "require_tls")
            where = subject.value(*(("receivers", name, receiver.kind) if own else ("mail",)), "require_tls")
            yield Words(where, f"mail for '{name}' goes to {host} as plain text", "remove require_tls: false")


def _near(host: str) -> bool:
    """Whether a host is this machine or one of a network of one's own, as far as its name says."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".lan", ".localhost"))

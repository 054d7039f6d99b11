"""What is watched: targets, discovery, names and times of services."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.stack import INBOX
from stackgen.model.values import spell
from stackgen.parts.table import PARTS

_OWN_JOBS = ("watchstack", "probe")
_OWN_RECEIVERS = (INBOX, "watchdog")


@check("duplicate-service")
def duplicate_service(subject: Subject) -> Iterator[Words]:
    first: dict[str, Position] = {}
    for service in subject.stack.services:
        if service.name in first:
            message = f"a second service is called '{service.name}'"
            yield Words(service.where, message, "give it another name", first[service.name])
        first.setdefault(service.name, service.where)


@check("reserved-name")
def reserved_name(subject: Subject) -> Iterator[Words]:
    for service in subject.stack.services:
        part = PARTS.get(service.name)
        if (part is not None and part.scraped) or service.name in _OWN_JOBS:
            yield Words(service.where, f"'{service.name}' is a part of the stack itself", "choose another name")
    for name, receiver in subject.stack.receivers.items():
        if name in _OWN_RECEIVERS:
            yield Words(receiver.where, f"the receiver '{name}' is built in", "choose another name")


@check("no-target")
def no_target(subject: Subject) -> Iterator[Words]:
    for index, service in subject.services():
        keys = ("targets", "dns", "files", "probe")
        wrong = any(subject.written("services", index, key) for key in keys if key != "targets")
        empty = not any(subject.words("services", index, "targets"))
        if not service.targets and not wrong and empty:
            hint = "write targets: [host:port], dns:, files: or probe:"
            yield Words(service.where, f"service '{service.name}' has nothing that could be watched", hint)


@check("several-discoveries")
def several_discoveries(subject: Subject) -> Iterator[Words]:
    for index, service in subject.services():
        used = [key for key in ("targets", "dns", "files") if subject.written("services", index, key)]
        if len(used) > 1:
            message = f"service '{service.name}' finds its targets in several ways at once: {', '.join(used)}"
            where, first = (subject.key("services", index, key) for key in (used[1], used[0]))
            yield Words(where, message, "keep one, or make a service of each", first)


@check("timeout-over-interval")
def timeout_over_interval(subject: Subject) -> Iterator[Words]:
    for index, service in subject.services():
        interval = service.interval or subject.stack.intervals.scrape
        if service.timeout and service.timeout > interval:
            where = subject.value("services", index, "timeout")
            own = subject.document.value(("services", index, "interval"))
            message = f"timeout {spell(service.timeout)} is longer than the scrape interval {spell(interval)}"
            yield Words(where, message, f"write {spell(interval)} or less", own)


@check("duplicate-target", Severity.WARNING)
def duplicate_target(subject: Subject) -> Iterator[Words]:
    first: dict[tuple[str, str], tuple[str, Position]] = {}
    for index, service in subject.services():
        for word in subject.words("services", index, "targets"):
            key = (word.text, service.metrics_path)
            if key in first:
                name, where = first[key]
                whose = "in this service" if name == service.name else f"in service '{name}'"
                message = f"{word.text} is a target {whose} already: its series would come twice"
                yield Words(word.where, message, "keep one of the two", where)
            first.setdefault(key, (service.name, word.where))


@check("loopback-target", Severity.WARNING)
def loopback_target(subject: Subject) -> Iterator[Words]:
    for index, service in subject.services():
        words = subject.words("services", index, "targets")
        found = [(word.where, word.text) for word in words if word.text in service.targets]
        if service.probe:
            found.append((subject.value("services", index, "probe"), urlsplit(service.probe).netloc))
        for where, address in found:
            host, _, port = address.rpartition(":")
            if (host or port).strip("[]") in ("localhost", "127.0.0.1", "::1"):
                message = f"inside a container '{address}' is the container itself, not this machine"
                yield Words(where, message, f"write host.docker.internal{':' + port if host else ''}")

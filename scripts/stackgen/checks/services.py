"""What is watched: targets, discovery, names and times of services."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.apart import names_of, presets_of
from stackgen.model.problems import nearest
from stackgen.model.stack import INBOX
from stackgen.model.values import seconds, spell
from stackgen.parts.table import PARTS

_OWN_JOBS = ("watchstack", "probe")
_OWN_RECEIVERS = (INBOX, "watchdog")
_WINDOW = 300.0  # seconds: of the rules' rates, and Prometheus's lookback


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


@check("seldom-scraped", Severity.WARNING)
def seldom_scraped(subject: Subject) -> Iterator[Words]:
    """Rules and panels take rates over 5 minutes, which need two samples; without one for so long a series is gone."""
    times: dict[tuple[str | int, ...], float] = {("intervals", "scrape"): subject.stack.intervals.scrape}
    times |= {("services", index, "interval"): service.interval or 0.0 for index, service in subject.services()}
    for path, time in times.items():
        if time > _WINDOW / 2:
            message = f"a sample every {spell(time)} is too seldom: rules look back over {spell(_WINDOW)}, and need two"
            yield Words(subject.value(*path), message, "write 2m or less")


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


@check("idle-threshold", Severity.WARNING)
def idle_threshold(subject: Subject) -> Iterator[Words]:
    """A threshold of one service works in the rules of its preset alone."""
    if not subject.rules_known:
        return
    taken: dict[str | None, set[str]] = {}
    for read in subject.rules if any(service.thresholds for service in subject.stack.services) else ():
        for preset in presets_of(read.rule.expr):
            taken.setdefault(preset, set()).update(names_of(read.rule))
    for index, service in subject.services():
        known = taken.get(service.preset, set())
        for name in service.thresholds:
            if name not in known:
                where = subject.key("services", index, "thresholds", name)
                whose = f"no rule of preset '{service.preset}'" if service.preset else "without a preset no rule"
                hint = nearest(name, sorted(known)) or "change it for all services under 'thresholds:'"
                message = f"{whose} takes '{name}' for service '{service.name}' alone: it changes nothing"
                yield Words(where, message, hint)


@check("slo-window", Severity.WARNING)
def slo_window(subject: Subject) -> Iterator[Words]:
    """What is left of a budget is reckoned from metrics: they must be kept as long as the promise lasts."""
    kept = subject.stack.retention.metrics
    for index, service in subject.services():
        if service.slo and service.slo.over > (seconds(kept) or 0.0):
            path = ("services", index, "slo", "over")
            where = subject.value(*path) if subject.written(*path) else subject.key(*path[:-1])
            over = spell(service.slo.over)
            message = f"'{service.name}' promises something over {over}, but metrics are kept for {kept}"
            yield Words(where, message, f"write over: {kept}, or keep metrics longer under 'retention:'")


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

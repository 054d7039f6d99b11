"""Thresholds, overrides, retention and secret files."""

from __future__ import annotations

from collections.abc import Iterator

from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.defaults import THRESHOLDS, is_percentage, is_statistic
from stackgen.model.problems import nearest
from stackgen.model.receivers import OPTIONS
from stackgen.model.thresholds import REFERENCE, spell
from stackgen.model.values import seconds
from stackgen.source.nodes import Mapping, find

_DAY = 86400.0


@check("unused-threshold")
def unused_threshold(subject: Subject) -> Iterator[Words]:
    """A threshold that neither the stack nor a rule knows is a misspelt one: it would change nothing."""
    node = find(subject.document.root, ["thresholds"])
    if not isinstance(node, Mapping) or not subject.rules_known:
        return
    for name, entry in node.entries.items():
        if name not in THRESHOLDS and name not in subject.used_thresholds:
            known = [*THRESHOLDS, *subject.used_thresholds]
            yield Words(entry.key.where, f"no rule uses the threshold '{name}'", nearest(name, known))


@check("threshold-order", Severity.WARNING)
def threshold_order(subject: Subject) -> Iterator[Words]:
    thresholds = subject.stack.thresholds
    for name in THRESHOLDS:
        if not name.endswith("_warning"):
            continue
        critical = name.replace("_warning", "_critical")
        low, high = thresholds[name], thresholds[critical]
        if isinstance(low, float) and isinstance(high, float) and low >= high:
            written = [key for key in (name, critical) if subject.written("thresholds", key)]
            where = subject.value("thresholds", written[0]) if written else subject.key("thresholds")
            other = subject.value("thresholds", critical) if len(written) > 1 else None
            message = f"{name} ({spell(low)}) is not below {critical} ({spell(high)}): the warning never comes first"
            yield Words(where, message, f"choose {name} below {spell(high)}", other)


@check("threshold-range")
def threshold_range(subject: Subject) -> Iterator[Words]:
    for name in filter(is_percentage, THRESHOLDS):
        value = subject.stack.thresholds[name]
        if isinstance(value, float) and not 0 < value <= 100 and subject.written("thresholds", name):
            message = f"{name} is a percentage, {spell(value)} is never reached or always"
            yield Words(subject.value("thresholds", name), message, "choose a number over 0, at most 100")


@check("unknown-alert")
def unknown_alert(subject: Subject) -> Iterator[Words]:
    if not subject.rules_known:
        return
    alerts = dict.fromkeys(read.rule.name for read in subject.rules if read.rule.kind == "alert")
    for name, override in subject.stack.overrides.items():
        if name not in alerts:
            hint = nearest(name, alerts) or "alert names stand behind 'alert:' in rules/"
            yield Words(override.where, f"this overrides the alert '{name}', which does not exist", hint)


@check("empty-override", Severity.WARNING)
def empty_override(subject: Subject) -> Iterator[Words]:
    for name, override in subject.stack.overrides.items():
        node = find(subject.document.root, ["overrides", name])
        values = (override.for_, override.threshold, override.cooldown, override.severity, override.team)
        given = set(node.entries) - {"disabled"} if isinstance(node, Mapping) else set()
        if not override.disabled and not given and all(value is None for value in values):
            hint = "write disabled: true, for:, threshold:, cooldown:, severity: or team:, or remove it"
            yield Words(override.where, f"the override of '{name}' changes nothing", hint)


@check("override-threshold")
def override_threshold(subject: Subject) -> Iterator[Words]:
    """`threshold` in an override needs an alert that has exactly one to change."""
    for name, override in subject.stack.overrides.items():
        alerts = [read for read in subject.rules if read.rule.kind == "alert" and read.rule.name == name]
        if override.threshold is None or not alerts:
            continue
        found = (name for read in alerts for name in REFERENCE.findall(str(read.rule.body["expr"])))
        used = dict.fromkeys(name for name in found if not is_statistic(name))
        where = subject.value("overrides", name, "threshold")
        if not used:
            message = f"the expression of '{name}' takes no threshold that could be changed"
            hint = "disable it, and write an alert of your own in rules/custom/"
            yield Words(where, message, hint, alerts[0].rule.expr_where)
        elif len(used) > 1:
            message = f"the expression of '{name}' takes several thresholds: {', '.join(used)}"
            yield Words(where, message, "change them under 'thresholds:' instead", alerts[0].rule.expr_where)


@check("short-retention")
def short_retention(subject: Subject) -> Iterator[Words]:
    logs = seconds(subject.stack.retention.logs)
    if logs is not None and logs < _DAY:
        message = f"Loki keeps logs for a day at least, not {subject.stack.retention.logs}"
        yield Words(subject.value("retention", "logs"), message, "write 1d or more")


@check("secret-missing", Severity.WARNING)
def secret_missing(subject: Subject) -> Iterator[Words]:
    for file, where in _secret_files(subject):
        try:
            there = (subject.root / "secrets" / file).is_file()
        except OSError:
            continue  # the folder is somebody else's: nothing can be said
        if not there:
            yield Words(where, f"secrets/{file} is not there", "put the secret into it, mode 600")


def _secret_files(subject: Subject) -> Iterator[tuple[str, Position]]:
    """Every file of secrets/ that stack.yml names, and where."""
    for name, receiver in subject.stack.receivers.items():
        for key, option in OPTIONS[receiver.kind].items():
            file = receiver.options.get(key)
            if option.type == "secret" and file:
                own = subject.written("receivers", name, receiver.kind, key)
                where = subject.value("receivers", name, receiver.kind, key) if own else subject.value("mail", key)
                yield str(file), where
    for number, service in enumerate(subject.stack.services):
        if service.bearer_token_file:
            yield service.bearer_token_file, subject.value("services", number, "bearer_token_file")

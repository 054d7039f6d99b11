"""console/console.json: what the console must know about the stack it belongs to. console/rules.json: what people wrote
beside each rule, which Prometheus and Loki do not keep: where it stands, its links, its team, its tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stackgen.model import Group, Receiver, Rule, RuleFile, RuleTest
from stackgen.model.stack import INBOX
from stackgen.promql import quoted
from stackgen.render import rules as rule_files
from stackgen.render.common import SOURCES, STACK, Source
from stackgen.render.dump import header, to_json
from stackgen.render.receivers import relayed

PATH = "console/console.json"
RULES = "console/rules.json"
HOST_LIMITS = tuple(f"{what}_{tier}" for what in ("cpu", "memory", "disk") for tier in ("warning", "critical"))
FOLDERS = {"prometheus": rule_files.PROMETHEUS, "loki": rule_files.LOKI}


def render(source: Source) -> dict[str, bytes]:
    """The files by their paths."""
    written = {
        "services": [service.name for service in source.stack.services],
        "thresholds": {name: source.stack.thresholds[name] for name in HOST_LIMITS},
        "rules": list(_rules(source)),
    }
    return {
        PATH: to_json({"description": header(PATH, STACK), **_config(source)}),
        RULES: to_json({"description": header(RULES, SOURCES), **written}),
    }


def _rules(source: Source) -> Iterator[dict[str, Any]]:
    """Every rule of the sources, in their order. The generated ones (escalation, SLOs) have no author."""
    files = source.model.rule_files
    for rule_file, name in zip(files, rule_files.file_names(files), strict=True):
        for group in rule_file.groups:
            for rule in group.rules:
                yield _written(source, rule_file, f"{FOLDERS[group.type]}/{name}", group, rule)


def _written(source: Source, rule_file: RuleFile, path: str, group: Group, rule: Rule) -> dict[str, Any]:
    """file: the generated file in which the part has it. disabled: `overrides:` leaves it out."""
    override = rule_files.override(source, rule)
    found: dict[str, Any] = {
        "file": path,
        "group": group.name,
        "kind": rule.kind,
        "name": rule.name,
        "source": f"{rule_file.path}:{rule.where.line}",
        "runbook": rule.runbook,
        "dashboard": rule.dashboard,
        "team": override.team or rule.team,
        "override": f"{override.where.file}:{override.where.line}" if override.where != rule.where else None,
        "disabled": override.disabled or None,
        "tests": [_test(test) for test in rule.tests],
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def _test(test: RuleTest) -> dict[str, str]:
    """A test as its author put it: what is expected, and when."""
    return {"name": test.name, "at": test.at, "says": "; ".join(_said(test))}


def _said(test: RuleTest) -> Iterator[str]:
    if test.fires is not None:
        yield "fires for " + " and ".join(map(_labels, test.fires)) if test.fires else "stays quiet"
    if test.values is not None:
        yield "gives " + (" and ".join(map(_labels, test.values)) if test.values else "nothing")


def _labels(given: Mapping[str, Any]) -> str:
    """Labels, and the value of a sample behind them."""
    labels = ", ".join(f"{name}={quoted(str(value))}" for name, value in given.items() if name != "value")
    return f"{{{labels}}}" + (f" {given['value']}" if "value" in given else "")


def _config(source: Source) -> dict[str, Any]:
    stack = source.stack
    return {
        "environment": stack.environment,
        "address": stack.address,
        "scrape_seconds": max(1, round(stack.intervals.scrape)),
        "watchdog": {"silence_seconds": stack.watchdog.silence, "notify": _notify(source)},
        "webhooks": {one.name: _options(one) for one in stack.receivers.values() if relayed(one)},
        "outside_receivers": [name for name in stack.receivers if name != INBOX],
        **{part: _url(source, part) for part in ("prometheus", "alertmanager", "loki", "grafana")},
    }


def _notify(source: Source) -> dict[str, Any] | None:
    """The receiver that the console itself calls when the watchdog falls silent; None for nobody."""
    name = source.stack.watchdog.notify
    if name is None or name == INBOX:
        return None
    receiver = source.stack.receivers[name]
    return {"name": receiver.name, "kind": receiver.kind, "options": dict(receiver.options)}


def _options(receiver: Receiver) -> dict[str, Any]:
    """Where the console passes a message on to; the rest is Alertmanager's."""
    return {key: value for key, value in receiver.options.items() if key in ("url", "url_file", "bearer_token_file")}


def _url(source: Source, part: str) -> str:
    return source.placement[part].url if part in source.placement.places else ""

"""Whether running parts have taken a configuration over: asked of the parts themselves, never taken for granted.

A part has it when its reload (or restart) is younger than the signal, `stack_config_info` shows its digest, and the
configuration that it reports is the one that was written, defaults aside (`reported`).
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from stackgen.cli import reported
from stackgen.engines.base import Engine, PartStatus, State

T = TypeVar("T")
ANSWER_WITHIN = 2.5  # seconds; who does not answer is asked again
LOOK = 0.25
REFUSED = "refused the new configuration"
REFUSED_FOR = 5.0  # seconds after which a refusal is believed: the metric may still be that of the reload before
# Metrics by which a part tells that its last reload went well, and when (Unix seconds).
RELOADED = {
    "prometheus": (
        "prometheus_config_last_reload_successful",
        "prometheus_config_last_reload_success_timestamp_seconds",
    ),
    "alertmanager": (
        "alertmanager_config_last_reload_successful",
        "alertmanager_config_last_reload_success_timestamp_seconds",
    ),
}


CONFIG = {  # part to the file it reports, where, and how the text lies in the answer
    "prometheus": ("prometheus/prometheus.yml", "/api/v1/status/config", ("data", "yaml")),
    "alertmanager": ("alertmanager/alertmanager.yml", "/api/v2/status", ("config", "original")),
}
RULES = {  # part to its rule with the digest, where, and how the part is called
    "prometheus": ("prometheus/rules/stack-config.yml", "/api/v1/rules?type=record", "Prometheus"),
    "loki": ("loki/rules/fake/stack-config.yml", "/prometheus/api/v1/rules", "Loki's ruler"),
}


@dataclass(frozen=True)
class Expected:
    """What must come true after a signal. parts: those that were signalled or started anew.

    signalled: Unix seconds just before the signal. digest: what `stack_config_info` must say, "" to ask for nothing.
    files: the tree that the parts read. restarted: those of the parts that must be younger than the signal.
    """

    parts: tuple[str, ...]
    signalled: float
    digest: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    restarted: tuple[str, ...] = ()


def await_live(engine: Engine, expected: Expected, within: float) -> list[str]:
    """Waits until all is live; what is still missing after `within` seconds, in words, [] when all is live."""
    limit = time.monotonic() + within
    refused = 0.0
    while True:
        missing = _missing(engine, expected)
        now = time.monotonic()
        refused = refused or now if any(REFUSED in line for line in missing) else 0.0
        if not missing or now > limit or (refused and now - refused > REFUSED_FOR):
            return missing
        time.sleep(LOOK)


def _missing(engine: Engine, expected: Expected) -> list[str]:
    states = {part.part: part for part in engine.status()}
    found = []
    for part in expected.parts:
        status = states.get(part)
        if status is None or status.state is State.WAITING:
            continue  # it reads the new files when it starts
        if status.state is not State.HEALTHY:
            found.append(f"{part} is {status.state}{f' ({status.detail})' if status.detail else ''}")
        elif part in expected.restarted and status.since < int(expected.signalled):
            found.append(f"{part} has not restarted")
        elif part in RELOADED:
            found += _not_reloaded(part, status.address, expected.signalled)
    if not found:
        found = [line for part, status in states.items() for line in _other(part, status, expected)]
    return found


def _other(part: str, status: PartStatus, expected: Expected) -> list[str]:
    """What a part has that was not written for it. One that does not run reads the files when it starts."""
    must = part in expected.parts or part == "prometheus"  # the others may be away for reasons of their own
    if status.state in (State.WAITING, State.STOPPED) or (status.state is not State.HEALTHY and not must):
        return []
    found = []
    if expected.digest and part in RULES and (RULES[part][0] in expected.files or not expected.files):
        _, path, name = RULES[part]
        shown = told(lambda: digests(status.address, path))
        if shown is None or expected.digest not in shown:
            found.append(
                f"{name} does not show the new configuration in {path.partition('?')[0]} (./stack logs {part})"
            )
    if part in CONFIG and CONFIG[part][0] in expected.files:
        file, path, keys = CONFIG[part]
        text = told(lambda: _text(f"{status.address}{path}", keys))
        if text is None:
            found.append(f"{part} does not answer {path}")
        elif differs := reported.difference(part, expected.files[file], text):
            found.append(f"{part} reports another configuration than {file}: {differs}")
    return found


def _text(url: str, keys: tuple[str, ...]) -> str:
    content = json.loads(_get(url))
    for key in keys:
        content = content[key]
    return str(content)


def _not_reloaded(part: str, address: str, signalled: float) -> list[str]:
    text = told(lambda: _get(f"{address}/metrics"))
    if text is None:
        return [f"{part} does not answer"]
    well, when = (_value(text, name) for name in RELOADED[part])
    if when >= signalled and well == 1:
        return []
    return [f"{part} {REFUSED} (./stack logs {part})" if well == 0 else f"{part} has not reloaded"]


def digests(address: str, path: str = RULES["prometheus"][1]) -> set[str]:
    """The `sha256` labels of the rule `stack_config_info` that a part evaluates. Raises OSError or ValueError."""
    groups = json.loads(_get(f"{address}{path}"))["data"]["groups"]
    return {
        rule["labels"]["sha256"]
        for group in groups
        for rule in group["rules"]
        if rule["name"] == "stack_config_info" and "sha256" in rule.get("labels", {})
    }


def _value(text: str, metric: str) -> float:
    match = re.search(rf"^{metric}(?:\{{[^}}]*\}})? (\S+)", text, re.MULTILINE)
    return float(match[1]) if match else -1.0


def _get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, whatever proxy is set
    with opener.open(url, timeout=ANSWER_WITHIN) as answer:
        body: bytes = answer.read()
    return body.decode("utf-8", "replace")


def told(ask: Callable[[], T]) -> T | None:
    """What a part answers, None when it does not or when nobody understands it."""
    try:
        return ask()
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None

"""Whether running parts have taken a configuration over: asked of the parts themselves, never taken for granted."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from stackgen.engines.base import Engine, State

T = TypeVar("T")
ANSWER_WITHIN = 5.0
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


@dataclass(frozen=True)
class Expected:
    """What must come true after a signal. parts: those that were signalled or started anew.

    signalled: Unix seconds just before the signal. digest: what `stack_config_info` must say, "" to ask for nothing.
    """

    parts: tuple[str, ...]
    signalled: float
    digest: str


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
        elif part in RELOADED:
            found += _not_reloaded(part, status.address, expected.signalled)
    prometheus = states.get("prometheus")
    if expected.digest and prometheus is not None and prometheus.state is not State.WAITING:
        shown = _told(lambda: digests(prometheus.address))
        if shown is None or expected.digest not in shown:
            found.append("Prometheus does not show the new configuration in /api/v1/rules")
    return found


def _not_reloaded(part: str, address: str, signalled: float) -> list[str]:
    text = _told(lambda: _get(f"{address}/metrics"))
    if text is None:
        return [f"{part} does not answer"]
    well, when = (_value(text, name) for name in RELOADED[part])
    if when >= signalled and well == 1:
        return []
    return [f"{part} {REFUSED} (./stack logs {part})" if well == 0 else f"{part} has not reloaded"]


def digests(address: str) -> set[str]:
    """The `sha256` labels of the rule `stack_config_info` that Prometheus evaluates. Raises OSError or ValueError."""
    groups = json.loads(_get(f"{address}/api/v1/rules?type=record"))["data"]["groups"]
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


def _told(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return None

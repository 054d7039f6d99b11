"""The rendered Alertmanager configuration, led to the drill's own ears: routes, texts and kinds of messages stay, the
endpoints become local ones, and every receiver gets a second webhook that tells which alerts reached it.

Who should be told is reckoned from stack.yml, not from the routes that are on trial.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackgen.drill.clock import Clock
from stackgen.model.routing import Match, Tell
from stackgen.model.stack import INBOX, Stack
from stackgen.model.values import seconds
from stackgen.render.common import duration
from stackgen.render.routes import ESCALATED, WATCHDOG

TWIN = "twin"
SECRET = "1:drill\n"  # has the shape of Telegram's tokens, which are the choosiest
SHORTEST = 0.1  # seconds: Alertmanager's timers are no better than that
NEVER = "1h"  # repeats are no part of a drill
_WINDOWS = ("mute_time_intervals", "active_time_intervals")
_OUTSIDE = ("proxy_url", "proxy_from_environment", "proxy_connect_header", "no_proxy", "tls_config")


@dataclass(frozen=True)
class Ear:
    """Where one integration of a receiver sends to. kind: `webhook_configs` and the like, or TWIN."""

    receiver: str
    kind: str
    resolved: bool = True


@dataclass(frozen=True)
class Wired:
    """config: what Alertmanager gets. ears: by the path below which they are called, or the name said to SMTP.

    group_wait: the longest of the routes, in real seconds. notes: what could not stay as it was rendered, in words.
    """

    config: dict[str, Any]
    ears: Mapping[str, Ear]
    group_wait: float
    group_interval: float
    notes: tuple[str, ...]


def wire(config: Mapping[str, Any], web: str, mail: str, secrets: Path) -> Wired:
    """web, mail: addresses of the drill's HTTP and SMTP servers. secrets: a folder for made-up secrets."""
    ears: dict[str, Ear] = {}
    notes: list[str] = []
    receivers = []
    for number, receiver in enumerate(config["receivers"]):
        rewired: dict[str, Any] = {"name": receiver["name"]}
        for section, entries in receiver.items():
            if not section.endswith("_configs"):
                continue
            for place, entry in enumerate(entries):
                key = f"{number}-{len(ears)}"
                kind, changed = _entry(section, {**entry}, f"http://{web}/to/{key}", mail, key)
                if kind != section:
                    notes.append(f"{receiver['name']}: {section}[{place}] cannot be led elsewhere, a webhook stands in")
                ears[key] = Ear(receiver["name"], kind, bool(changed.get("send_resolved", True)))
                rewired.setdefault(kind, []).append(_secrets(changed, secrets))
        if len(rewired) > 1:  # a receiver without a way out needs no ear
            twin = f"{number}-{len(ears)}"
            ears[twin] = Ear(receiver["name"], TWIN)
            rewired.setdefault("webhook_configs", []).append({"url": f"http://{web}/to/{twin}", "send_resolved": True})
        receivers.append(rewired)
    lengths: dict[str, list[float]] = {"group_wait": [], "group_interval": []}
    route = _route(config["route"], lengths, notes)
    if config.get("inhibit_rules"):
        notes.append("inhibition is off: one alert would mute another")
    kept = {key: value for key, value in config.items() if key in ("global", "templates", "time_intervals")}
    return Wired(
        {**kept, "route": route, "receivers": receivers},
        ears,
        max(lengths["group_wait"], default=0.0),
        max(lengths["group_interval"], default=0.0),
        tuple(dict.fromkeys(notes)),
    )


def _entry(section: str, entry: dict[str, Any], url: str, mail: str, name: str) -> tuple[str, dict[str, Any]]:
    if "http_config" in entry:
        entry["http_config"] = {key: value for key, value in entry["http_config"].items() if key not in _OUTSIDE}
    if section == "email_configs":
        kept = {key: value for key, value in entry.items() if not key.startswith("auth_") and key != "tls_config"}
        return section, {**kept, "smarthost": mail, "hello": name, "require_tls": False}
    target = ENDPOINTS.get(section)
    if target is None:
        return "webhook_configs", {"url": url, "send_resolved": entry.get("send_resolved", True)}
    kept = {key: value for key, value in entry.items() if key != f"{target}_file"}
    return section, {**kept, target: SPELT.get(section, str)(url)}


ENDPOINTS: Mapping[str, str] = {
    "webhook_configs": "url",
    "slack_configs": "api_url",
    "pagerduty_configs": "url",
    "opsgenie_configs": "api_url",
    "msteamsv2_configs": "webhook_url",
    "msteams_configs": "webhook_url",
    "discord_configs": "webhook_url",
    "telegram_configs": "api_url",
}
SPELT: Mapping[str, Callable[[str], str]] = {"opsgenie_configs": lambda url: f"{url}/"}


def _secrets(value: Any, folder: Path) -> Any:
    """The same with every file of a secret in `folder`, where one is made up."""
    if isinstance(value, list):
        return [_secrets(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key.endswith("_file") and isinstance(item, str):
            path = folder / Path(item).name
            path.write_text(SECRET)
            found[key] = str(path)
        else:
            found[key] = _secrets(item, folder)
    return found


def _route(route: Mapping[str, Any], lengths: dict[str, list[float]], notes: list[str]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in route.items():
        if key in _WINDOWS:
            notes.append("routes are open at all hours: time windows are off")
        elif key == "routes":
            changed[key] = [_route(inner, lengths, notes) for inner in value]
        elif key == "repeat_interval":
            changed[key] = NEVER
        elif key in lengths:
            length = Clock().real(seconds(str(value)) or 0.0)
            length = max(length, SHORTEST) if key == "group_interval" or length else 0.0
            lengths[key].append(length)
            changed[key] = duration(length)
        else:
            changed[key] = value
    return changed


def expected(stack: Stack, alert: str, labels: Mapping[str, str]) -> frozenset[str]:
    """Receivers that stack.yml means for an alert, at whatever hour."""
    if alert == "Watchdog":
        return frozenset({WATCHDOG})
    return frozenset({INBOX, *(tell.receiver for tell in _told(stack, labels))})


def _told(stack: Stack, labels: Mapping[str, str]) -> Iterator[Tell]:
    """An escalation step's people, else those of the routes of one's own, else the team's."""
    team = stack.teams.get(labels.get("team") or stack.default_team or "")
    step = labels.get(ESCALATED)
    if step and team is not None and step.isdigit() and 0 < int(step) <= len(team.escalation):
        yield from team.escalation[int(step) - 1].tell
        return
    for route in stack.routes:
        if all(_holds(match, labels.get(match.label, "")) for match in route.when):
            yield from route.tell
            if not route.also:
                return
    if team is not None:
        yield from team.tells(labels.get("severity", ""))


def _holds(match: Match, value: str) -> bool:
    if match.operator in ("=", "!="):
        return (value == match.value) is (match.operator == "=")
    return bool(re.fullmatch(match.value, value)) is (match.operator == "=~")

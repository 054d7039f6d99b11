"""console.json: what the generator tells the console about its stack, read at start and again when the file changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

KINDS = ("webhook", "slack", "email", "pagerduty", "opsgenie", "teams", "telegram", "discord")
PEERS = MappingProxyType(
    {"prometheus": "/-/ready", "alertmanager": "/-/ready", "loki": "/ready", "grafana": "/api/health"}
)
_log = logging.getLogger("watchstack.console.config")


class ConfigError(Exception):
    """console.json is missing or says what cannot be; the message names file and key."""


@dataclass(frozen=True)
class Receiver:
    """Whom the console itself calls. kind: one of KINDS; options: as in stack.yml, `*_file` name files of secrets."""

    name: str
    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    """silence_seconds: how long the watchdog may stay away. address: the console as people reach it, no final slash.
    scrape_seconds: between two samples of Prometheus.

    peers: URL of each part the console looks after, by name of PEERS, absent where the stack has none.
    """

    environment: str = ""
    address: str = ""
    silence_seconds: float = 90.0
    scrape_seconds: int = 15
    notify: Receiver | None = None
    webhooks: Mapping[str, Receiver] = field(default_factory=dict)  # that messages of Alertmanager are relayed to
    outside_receivers: tuple[str, ...] = ()
    peers: Mapping[str, str] = field(default_factory=dict)


def load(path: Path) -> Config:
    """Raises ConfigError."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not JSON: {error}") from error
    try:
        return _config(_of(dict, document, "the document"))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _config(document: dict[str, Any]) -> Config:
    watchdog = _of(dict, document.get("watchdog", {}), "watchdog")
    silence = _of((int, float), watchdog.get("silence_seconds", 90), "watchdog.silence_seconds")
    if isinstance(silence, bool) or not 1 <= silence <= 86400:
        raise ConfigError("watchdog.silence_seconds: give seconds from 1 to 86400")
    scrape = _of(int, document.get("scrape_seconds", 15), "scrape_seconds")
    if isinstance(scrape, bool) or not 1 <= scrape <= 86400:
        raise ConfigError("scrape_seconds: give whole seconds from 1 to 86400")
    notify = watchdog.get("notify")
    return Config(
        environment=_of(str, document.get("environment", ""), "environment"),
        address=_of(str, document.get("address", ""), "address").rstrip("/"),
        silence_seconds=float(silence),
        scrape_seconds=scrape,
        notify=None if notify is None else _receiver(_of(dict, notify, "watchdog.notify")),
        webhooks={
            name: Receiver(name, "webhook", _of(dict, options, f"webhooks.{name}"))
            for name, options in _of(dict, document.get("webhooks", {}), "webhooks").items()
        },
        outside_receivers=tuple(
            _of(str, name, "outside_receivers")
            for name in _of(list, document.get("outside_receivers", []), "outside_receivers")
        ),
        peers={name: url for name in PEERS if (url := _of(str, document.get(name, ""), name).rstrip("/"))},
    )


def _receiver(document: dict[str, Any]) -> Receiver:
    kind = _of(str, document.get("kind"), "watchdog.notify.kind")
    if kind not in KINDS:
        raise ConfigError(f"watchdog.notify.kind: {kind!r} is none of {', '.join(KINDS)}")
    name = _of(str, document.get("name"), "watchdog.notify.name")
    return Receiver(name, kind, _of(dict, document.get("options", {}), "watchdog.notify.options"))


def _of(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        wanted = {dict: "an object", list: "a list", str: "a string"}.get(kind, "a number")
        raise ConfigError(f"{where}: must be {wanted}")
    return value


class LiveConfig:
    """The configuration in force. `refresh` takes over a changed file; a bad one leaves the old and sets `problem`."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError."""
        self._path = path
        self._seen = _signature(path)
        self.current = load(path)
        self.problem: str | None = None

    def refresh(self) -> None:
        signature = _signature(self._path)
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self.current = load(self._path)
        except ConfigError as error:
            self.problem = str(error)
            _log.error("the configuration stays as it was: %s", error)
        else:
            self.problem = None
            _log.info("configuration read again from %s", self._path)


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size

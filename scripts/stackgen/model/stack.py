"""The typed content of stack.yml. Plain frozen data: reading and checking live elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackgen.diagnostic import Position
from stackgen.model.routing import Route, Step, Tell, Window
from stackgen.model.slo import Slo

SEVERITIES = ("critical", "error", "warning", "info")
PRESETS = ("flask", "api", "framework", "iot", "ai")
RECEIVER_KINDS = ("slack", "email", "webhook", "pagerduty", "opsgenie", "teams", "telegram", "discord")
COLLECTORS = ("promtail", "alloy")
PROFILES = ("redis", "postgres", "blackbox")
INBOX = "inbox"  # the receiver that always exists


@dataclass(frozen=True)
class Service:
    """A thing to watch.

    targets: static `host:port`; discover: `{"dns": {...}}` or `{"files": [...]}` instead of targets.
    metrics_path: HTTP path of the exposition, starts with "/".
    bearer_token_file: file in secrets/ whose content Prometheus shows when it asks for metrics, None for nothing.
    interval: scrape interval in seconds, None for the global one.
    probe: URL that blackbox_exporter asks for, None for no probe.
    environment: label of its targets, None for the stack's. maintenance: windows in which nobody is told of it.
    thresholds: overrides of `Stack.thresholds` for this service.
    """

    name: str
    where: Position
    targets: tuple[str, ...] = ()
    dns: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    preset: str | None = None
    metrics_path: str = "/metrics"
    scheme: str = "http"
    bearer_token_file: str | None = None
    interval: float | None = None
    timeout: float | None = None
    probe: str | None = None
    team: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    maintenance: tuple[str, ...] = ()
    thresholds: Mapping[str, float | str] = field(default_factory=dict)
    slo: Slo | None = None


@dataclass(frozen=True)
class Team:
    """Who is told of what. ways: recipients by severity. repeat: seconds by severity. escalation: by time."""

    name: str
    where: Position
    ways: Mapping[str, tuple[Tell, ...]]
    escalation: tuple[Step, ...] = ()
    group_by: tuple[str, ...] = ()
    repeat: Mapping[str, float] = field(default_factory=dict)

    def tells(self, severity: str) -> tuple[Tell, ...]:
        """Recipients for a severity; a team without an `error` entry uses its `critical` one."""
        if severity == "error" and "error" not in self.ways:
            severity = "critical"
        return self.ways.get(severity, ())

    def repeats(self, severity: str) -> float | None:
        """Seconds until an alert is told again, None for the stack's; as for recipients, errors go by `critical`."""
        if severity == "error" and "error" not in {*self.ways, *self.repeat}:
            severity = "critical"
        return self.repeat.get(severity)

    def told(self, severity: str) -> tuple[str, ...]:
        """Names of the receivers for a severity, whenever they are told."""
        return tuple(dict.fromkeys(tell.receiver for tell in self.tells(severity)))


@dataclass(frozen=True)
class Receiver:
    """A way out: one kind of RECEIVER_KINDS and its options. Keys ending in `_file` name files in secrets/."""

    name: str
    where: Position
    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Watchdog:
    """silence: seconds without the watchdog alert after which the console raises its own alarm."""

    notify: str | None = None
    silence: float = 90.0


@dataclass(frozen=True)
class Retention:
    """metrics, logs: Prometheus durations ("30d"); metrics_size: "10GB" or None."""

    metrics: str = "30d"
    logs: str = "14d"
    metrics_size: str | None = None


@dataclass(frozen=True)
class Intervals:
    """All in seconds. scrape and evaluation: Prometheus; the others: Alertmanager's grouping."""

    scrape: float = 15.0
    evaluation: float = 15.0
    group_wait: float = 10.0
    group_interval: float = 60.0
    repeat: float = 14400.0


@dataclass(frozen=True)
class Override:
    """What a user changes about a shipped alert: `HighRequestRate: {for: 10m, threshold: 90}`.

    cooldown: how long the alert goes on firing after its condition has ended, so that it is not told anew meanwhile.
    """

    alert: str
    where: Position
    disabled: bool = False
    for_: str | None = None
    threshold: float | None = None
    cooldown: str | None = None
    severity: str | None = None
    team: str | None = None


@dataclass(frozen=True)
class Stack:
    """The whole of stack.yml.

    maintenance: windows in which nobody is told; the inbox has everything. routes: the user's own, before the teams'.
    default_team: told of what has no team of its own; the only team when there is just one and none was named.
    thresholds: the shipped numbers, with the user's over them.
    """

    environment: str = "production"
    address: str = "http://127.0.0.1:9099"
    collector: str = "promtail"
    profiles: tuple[str, ...] = ()
    retention: Retention = Retention()
    intervals: Intervals = Intervals()
    services: tuple[Service, ...] = ()
    teams: Mapping[str, Team] = field(default_factory=dict)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    maintenance: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    default_team: str | None = None
    thresholds: Mapping[str, float | str] = field(default_factory=dict)
    watchdog: Watchdog = Watchdog()
    overrides: Mapping[str, Override] = field(default_factory=dict)

    @property
    def active_profiles(self) -> tuple[str, ...]:
        """Profiles that run: those asked for, and blackbox when a service has a probe."""
        probed = ("blackbox",) if any(service.probe for service in self.services) else ()
        return tuple(dict.fromkeys((*self.profiles, *probed)))

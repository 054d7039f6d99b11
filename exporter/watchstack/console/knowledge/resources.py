"""Hosts, containers and what the stack itself costs: now, and over a period as charts. Judging is insights.py's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.context import Console, console
from watchstack.console.knowledge.common import PERIODS, Answers, Away, Wrong, ask, period, vectors
from watchstack.console.knowledge.written import sources_of
from watchstack.console.pages import frame
from watchstack.console.peers.ask import Peer, PeerError
from watchstack.console.peers.series import ranged

USUAL = "1h"
MOST = 100  # hosts, containers that are listed
TOP = 10
TOP_CPU = f"topk({TOP}, sum by (name) (container:cpu_usage:rate5m))"
HOSTS: Mapping[str, str] = {
    "cpu": 'avg by (instance) (system_cpu_usage_percent{job="exporter"})',
    "memory": 'avg by (instance) (system_memory_usage_percent{job="exporter"})',
    "available": 'avg by (instance) (system_memory_available_bytes{job="exporter"})',
    "received": "instance:network_received_bytes:rate5m",
    "sent": "instance:network_sent_bytes:rate5m",
    "disks": 'max by (instance, mount_point) (system_disk_usage_percent{job="exporter"})',
    "free": 'min by (instance, mount_point) (system_disk_available_bytes{job="exporter"})',
}
CONTAINERS: Mapping[str, str] = {
    "container_cpu": "topk(100, sum by (name) (container:cpu_usage:rate5m))",
    "container_memory": "topk(100, max by (name) (container_memory_usage_bytes))",
    "container_limit": "max by (name) (container_memory_limit_bytes)",
    "container_health": "min by (name) (container_health)",
    "container_restarts": "sum by (name) (increase(container_restarts_total[24h]))",
    "container_state": "max by (name, state) (container_state) == 1",
}
OWN: Mapping[str, str] = {
    "series": "sum(prometheus_tsdb_head_series)",
    "samples": "stack:samples_ingested:rate5m",
    "disk": "sum(prometheus_tsdb_storage_blocks_bytes) + (sum(prometheus_tsdb_wal_storage_size_bytes) or vector(0))"
    " + (sum(prometheus_tsdb_head_chunks_storage_size_bytes) or vector(0))",
    "rule_time": "sum(prometheus_rule_group_last_duration_seconds)",
    "rule_groups": f"topk({TOP}, prometheus_rule_group_last_duration_seconds)",
    "log_lines": "stack:log_lines:rate5m",
    "part_memory": 'sum by (job) (process_resident_memory_bytes{service="watchstack"})',
    "part_cpu": 'sum by (job) (rate(process_cpu_seconds_total{service="watchstack"}[5m]))',
}
# Name of a chart: its words, unit, query, label that names a series, whose thresholds.
Drawn = tuple[str, str, str, str, str]
CHARTS: Mapping[str, Drawn] = {
    "cpu": ("CPU", "percent", HOSTS["cpu"], "instance", "cpu"),
    "memory": ("Memory", "percent", HOSTS["memory"], "instance", "memory"),
    "disk": ("Disk", "percent", HOSTS["disks"], "mount_point", "disk"),
    "received": ("Network in", "Bps", HOSTS["received"], "instance", ""),
    "sent": ("Network out", "Bps", HOSTS["sent"], "instance", ""),
    "containers": ("Cores of containers", "short", TOP_CPU, "name", ""),
    "series": ("Series in memory", "short", OWN["series"], "", ""),
    "samples": ("Samples a second", "short", OWN["samples"], "", ""),
}  # fmt: skip
blueprint = Blueprint("resources", __name__)


@dataclass(frozen=True)
class Disk:
    mount: str
    percent: float
    free: float | None


@dataclass(frozen=True)
class Host:
    """cpu, memory: percent; available: bytes; received, sent: bytes a second; None where unknown."""

    name: str
    cpu: float | None
    memory: float | None
    available: float | None
    received: float | None
    sent: float | None
    disks: tuple[Disk, ...]


@dataclass(frozen=True)
class Container:
    """cpu: cores; memory, limit: bytes; restarts: within a day; healthy: None without a check."""

    name: str
    state: str
    cpu: float | None
    memory: float | None
    limit: float | None
    restarts: float
    healthy: bool | None


@dataclass(frozen=True)
class Cost:
    """What the stack itself takes. disk: bytes; rule_time: seconds that one round of all rules takes."""

    series: float | None = None
    samples: float | None = None
    disk: float | None = None
    rule_time: float | None = None
    log_lines: float | None = None
    groups: tuple[tuple[str, float], ...] = ()
    parts: tuple[tuple[str, float | None, float | None], ...] = ()  # name, bytes, cores
    metrics: tuple[tuple[str, int], ...] = ()  # those with the most series


@dataclass(frozen=True)
class Resources:
    """left_out: how many containers there are beyond these."""

    hosts: tuple[Host, ...] = ()
    containers: tuple[Container, ...] = ()
    left_out: int = 0
    cost: Cost = field(default_factory=Cost)
    troubles: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        found = asdict(self)
        found["missing"] = found.pop("troubles")
        found["cost"] |= {
            "groups": [{"group": name, "seconds": value} for name, value in self.cost.groups],
            "parts": [{"part": name, "memory": memory, "cpu": cpu} for name, memory, cpu in self.cost.parts],
            "metrics": [{"name": name, "series": many} for name, many in self.cost.metrics],
        }
        return found


def gather(own: Console) -> Resources:
    away = Away(own, "Prometheus")
    tsdb = away.question(lambda peer: _most_series(peer.get("/api/v1/status/tsdb", [("limit", str(TOP))])))
    answers = ask({**vectors(own, {**HOSTS, **CONTAINERS, **OWN}), "metrics": tsdb})
    containers = _containers(answers)
    left_out = max(0, len(containers) - MOST)
    return Resources(_hosts(answers), containers[:MOST], left_out, _cost(answers), tuple(answers.troubles))


def _most_series(told: Any) -> list[tuple[str, int]]:
    return [(str(one["name"]), int(one["value"])) for one in told["data"]["seriesCountByMetricName"][:TOP]]


def _hosts(answers: Answers) -> tuple[Host, ...]:
    values = {key: answers.by(key, "instance") for key in ("cpu", "memory", "available", "received", "sent")}
    free = answers.by("free", "instance", "mount_point")
    disks: dict[str, list[Disk]] = defaultdict(list)
    for (host, mount), value in sorted(answers.by("disks", "instance", "mount_point").items()):
        disks[host].append(Disk(mount, value, free.get((host, mount))))
    names = sorted({name for found in values.values() for (name,) in found} | disks.keys())
    return tuple(
        Host(name, **{key: found.get((name,)) for key, found in values.items()}, disks=tuple(disks[name]))
        for name in names[:MOST]
    )


def _containers(answers: Answers) -> tuple[Container, ...]:
    """Those that use the most CPU first."""
    cpu, memory = answers.by("container_cpu", "name"), answers.by("container_memory", "name")
    limit, health = answers.by("container_limit", "name"), answers.by("container_health", "name")
    restarts = answers.by("container_restarts", "name")
    states: dict[tuple[str, ...], str] = {}
    for name, state in answers.by("container_state", "name", "state"):
        states[(name,)] = state
    names = {*cpu, *memory, *states}
    found = [
        Container(
            key[0],
            states.get(key, ""),
            cpu.get(key),
            memory.get(key),
            limit.get(key),
            round(restarts.get(key, 0)),
            health[key] > 0 if key in health else None,
        )
        for key in names
    ]
    return tuple(sorted(found, key=lambda one: (-(one.cpu or 0), -(one.memory or 0), one.name)))


def _cost(answers: Answers) -> Cost:
    single = {key: answers.one(key) for key in ("series", "samples", "disk", "rule_time", "log_lines")}
    groups = answers.by("rule_groups", "rule_group")
    memory, cpu = answers.by("part_memory", "job"), answers.by("part_cpu", "job")
    parts = [(name, memory.get((name,)), cpu.get((name,))) for (name,) in {**memory, **cpu}]
    return Cost(
        **single,
        groups=tuple(sorted(((_group(name), value) for (name,), value in groups.items()), key=lambda one: -one[1])),
        parts=tuple(sorted(parts, key=lambda one: (-(one[1] or 0), one[0]))),
        metrics=tuple(answers.found.get("metrics", ())),
    )


def _group(name: str) -> str:
    """`/etc/prometheus/rules/host.yml;host` without the folder."""
    return name.rpartition("/")[2].replace(";", ": ")


def drawn(own: Console, name: str, key: str) -> dict[str, Any]:
    """A chart's figures over one of PERIODS, as charts.js takes them. Raises PeerError."""
    words, unit, query, label, limits = CHARTS[name]
    known = sources_of(own).current().thresholds
    colours = (("warning", "orange"), ("critical", "red")) if limits else ()
    now = float(int(own.clock.time()))  # as Prometheus tells times: else the last point falls behind the end
    start = now - PERIODS[key]
    series = ranged(Peer.of(own, "Prometheus"), query, start, now, label)
    for one in series:
        one["name"] = one["name"] if label else words
    thresholds = [{"value": known[f"{limits}_{tier}"], "colour": colour} for tier, colour in colours]
    return {"unit": unit, "low": 0, "from": start, "to": now, "series": series, "thresholds": thresholds}


@blueprint.get("/resources")
def shown() -> ResponseReturnValue:
    """?period=: how far the charts look back."""
    own = console()
    try:
        chosen = period({"period": request.args.get("period", "")}, own.clock.time(), USUAL)
    except Wrong:
        abort(404)
    found = gather(own)
    charts = [(name, CHARTS[name][0]) for name in CHARTS if found.containers or name != "containers"]
    return render_template(
        "resources.html", **frame(own), found=found, charts=charts, period=chosen, troubles=found.troubles
    )


@blueprint.get("/api/resources")
def as_json() -> ResponseReturnValue:
    return gather(console()).as_json()


@blueprint.get("/api/resources/charts/<name>")
def chart(name: str) -> ResponseReturnValue:
    """?period=: one of PERIODS."""
    key = request.args.get("period", USUAL)
    if name not in CHARTS or key not in PERIODS:
        return {"error": f"the charts are {', '.join(CHARTS)}; the periods are {', '.join(PERIODS)}"}, 404
    try:
        return drawn(console(), name, key)
    except PeerError as error:
        return {"error": str(error)}, 503

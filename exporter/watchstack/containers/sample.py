"""What one container is and uses, read from Docker's JSON: pure functions, no Docker here.

Docker's shapes differ by version and cgroup version; what is absent stays None and gives no series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LONGEST_LABEL = 200  # characters
STATES = ("created", "restarting", "running", "removing", "paused", "exited", "dead")
MEASURED = ("running", "paused")
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Identity:
    """Who it is. Bounded in length; project and compose_service are empty outside Compose."""

    name: str
    project: str
    compose_service: str

    @property
    def labels(self) -> list[str]:
        return [self.name, self.project, self.compose_service]


@dataclass(frozen=True)
class Usage:
    """One reading. Times in seconds, everything else in bytes, counted since the container started."""

    cpu_seconds: float | None = None
    memory: float | None = None
    memory_limit: float | None = None
    received: float | None = None
    transmitted: float | None = None
    block_read: float | None = None
    block_written: float | None = None


@dataclass(frozen=True)
class Condition:
    """What `inspect` says. healthy: None without a health check or before its first result."""

    restarts: int = 0
    oom_killed: bool = False
    healthy: bool | None = None
    started_at: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class Sample:
    """One container at one moment."""

    id: str
    identity: Identity
    state: str
    image: str
    condition: Condition | None = None
    usage: Usage | None = None


def listed(container: Json) -> Sample | None:
    """A row of the container list; None when it is none."""
    number = container.get("Id")
    if not isinstance(number, str) or not number:
        return None
    labels = _object(container, "Labels")
    # a linked container has its name in others' namespaces too: /other/alias
    names = [str(name) for name in container.get("Names") or ()]
    own = next((name for name in names if name.count("/") <= 1), names[0] if names else number[:12])
    state = str(container.get("State") or "").lower()
    return Sample(
        id=number,
        identity=Identity(
            _label(own.lstrip("/")), _label(str(labels.get(PROJECT, ""))), _label(str(labels.get(SERVICE, "")))
        ),
        state=state if state in STATES else "unknown",
        image=_label(str(container.get("Image") or "")),
    )


def condition(inspected: Json) -> Condition:
    """Reads an `inspect` answer."""
    state = _object(inspected, "State")
    health = str(_object(state, "Health").get("Status") or "none").lower()
    restarts, code = _number(inspected, "RestartCount"), _number(state, "ExitCode")
    return Condition(
        restarts=int(restarts or 0),
        oom_killed=bool(state.get("OOMKilled")),
        healthy={"healthy": True, "unhealthy": False}.get(health),
        started_at=_moment(str(state.get("StartedAt") or "")),
        exit_code=None if code is None else int(code),
    )


def usage(stats: Json) -> Usage:
    """Reads a `stats` answer."""
    cpu = _number(_object(_object(stats, "cpu_stats"), "cpu_usage"), "total_usage")
    memory = _object(stats, "memory_stats")
    networks = [network for network in _object(stats, "networks").values() if isinstance(network, Mapping)]
    blocks = _object(stats, "blkio_stats").get("io_service_bytes_recursive")
    return Usage(
        cpu_seconds=None if cpu is None else cpu / 1e9,
        memory=_memory(memory),
        memory_limit=_number(memory, "limit"),
        received=_sum(networks, "rx_bytes"),
        transmitted=_sum(networks, "tx_bytes"),
        block_read=_blocks(blocks, "read"),
        block_written=_blocks(blocks, "write"),
    )


def _memory(memory: Json) -> float | None:
    """Usage without the page cache that the kernel takes back at need, as `docker stats` shows it.

    The statistic is `total_inactive_file` under cgroup v1 (hierarchical) and `inactive_file` under v2; v1 has an
    `inactive_file` too, which is the wrong one, so v1's name is looked for first.
    """
    used = _number(memory, "usage")
    if used is None:
        return None
    details = _object(memory, "stats")
    for name in ("total_inactive_file", "inactive_file"):
        cache = _number(details, name)
        if cache is not None:
            return used - cache if cache < used else used
    return used


def _blocks(rows: Any, operation: str) -> float | None:
    """Bytes of all devices: 0 before the first of them, None where nothing is counted. v1 writes Read, v2 read."""
    if not isinstance(rows, list):
        return None
    found = [row for row in rows if isinstance(row, Mapping) and str(row.get("op", "")).lower() == operation]
    return _sum(found, "value") or 0.0


def _sum(rows: list[Any], key: str) -> float | None:
    values = [value for row in rows if (value := _number(row, key)) is not None]
    return sum(values) if values else None


def _object(document: Json, key: str) -> Json:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(document: Json, key: str) -> float | None:
    value = document.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _label(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def _moment(text: str) -> float | None:
    """Docker's RFC 3339 with nanoseconds as Unix seconds; its year 1 means never."""
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    if text.startswith("0001-") or not text.endswith("Z"):
        return None
    try:
        seconds = datetime.fromisoformat(whole + "+00:00").timestamp()
        return seconds + (float(f"0.{fraction}") if dot else 0.0)
    except ValueError:
        return None

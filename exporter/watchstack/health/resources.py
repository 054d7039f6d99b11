"""Checks of the host's memory, disks and CPU (C-11, C-16 to C-18), from the newest sample that host.py keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from watchstack.health.check import Check, Result, Status
from watchstack.host import HostSampler, Sample


@dataclass(frozen=True)
class Tiers:
    """Percent above which a resource is degraded, and critical (X-13)."""

    warning: float
    critical: float


Reading = Callable[[Sample], tuple[float | None, str, dict[str, Any]]]


class ResourceCheck:
    """read: the percent in use, where that is ("" for the host as a whole), and the details."""

    def __init__(self, word: str, read: Reading, sampler: HostSampler, tiers: Tiers) -> None:
        self._word = word
        self._read = read
        self._sampler = sampler
        self._tiers = tiers

    def __call__(self) -> Result:
        percent, place, details = self._read(self._sampler.latest or self._sampler.sample())
        if percent is None:
            return Result(Status.DEGRADED, f"{self._word} usage is not known", details)
        where = f" at {place}" if place else ""
        if percent > self._tiers.critical:
            return Result(Status.CRITICAL, f"Critical {_small(self._word)} usage{where}: {percent:.1f}%", details)
        if percent > self._tiers.warning:
            return Result(Status.DEGRADED, f"High {_small(self._word)} usage{where}: {percent:.1f}%", details)
        return Result(Status.HEALTHY, f"{self._word} usage normal", details)


def memory_check(sampler: HostSampler, tiers: Tiers, **more: Any) -> Check:
    """A check named `memory`. Like those below it makes the whole degraded at most: every copy on the host sees it."""
    return _check("memory", "Memory of the host", ResourceCheck("Memory", _memory, sampler, tiers), more)


def disk_check(sampler: HostSampler, tiers: Tiers, **more: Any) -> Check:
    """A check named `disk`, of the fullest one."""
    return _check("disk", "Space on the disks", ResourceCheck("Disk", _disk, sampler, tiers), more)


def cpu_check(sampler: HostSampler, tiers: Tiers, **more: Any) -> Check:
    """A check named `cpu`, of the mean between two samples."""
    return _check("cpu", "CPU of the host", ResourceCheck("CPU", _cpu, sampler, tiers), more)


def _check(name: str, description: str, function: ResourceCheck, more: dict[str, Any]) -> Check:
    return Check(function=function, **{"name": name, "description": description, "critical": False, **more})


def _memory(sample: Sample) -> tuple[float | None, str, dict[str, Any]]:
    details = {
        "total_bytes": sample.memory_total,
        "available_bytes": sample.memory_available,
        "percent": sample.memory_percent,
    }
    return sample.memory_percent, "", details


def _disk(sample: Sample) -> tuple[float | None, str, dict[str, Any]]:
    disks = {
        mount: {"total_bytes": disk.total, "available_bytes": disk.available, "percent": disk.percent}
        for mount, disk in sample.disks.items()
    }
    if not disks:
        return None, "", {"disks": {}}
    fullest = max(sample.disks, key=lambda mount: sample.disks[mount].percent)
    return sample.disks[fullest].percent, fullest, {"disks": disks}


def _cpu(sample: Sample) -> tuple[float | None, str, dict[str, Any]]:
    percent = sample.cpu_percent if sample.cpu_percent is not None else 0.0  # the first second after the start
    return percent, "", {"percent": sample.cpu_percent}


def _small(word: str) -> str:
    return word if word.isupper() else word.lower()

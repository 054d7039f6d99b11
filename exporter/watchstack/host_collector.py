"""The host's newest sample as metrics. Reading the host lives in host.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from watchstack.catalogue import Definition, Preset
from watchstack.catalogue_data import CATALOGUE
from watchstack.families import FamilyCollector, Points
from watchstack.host import Disk, HostSampler, Sample

if TYPE_CHECKING:
    from watchstack.shared import SharedNumbers

_RESIDENT = "holisticos_memory_usage_bytes"
_PLAIN: dict[str, Callable[[Sample], float | None]] = {
    "system_cpu_usage_percent": lambda sample: sample.cpu_percent,
    "system_memory_usage_percent": lambda sample: sample.memory_percent,
    "system_memory_available_bytes": lambda sample: sample.memory_available,
    "system_memory_bytes": lambda sample: sample.memory_used,
    "system_network_bytes_sent": lambda sample: sample.network_sent,
    "system_network_bytes_received": lambda sample: sample.network_received,
    "memory_usage_bytes": lambda sample: sample.family_memory,
    _RESIDENT: lambda sample: sample.process_memory,
}
_BY_DISK: dict[str, Callable[[Disk], float]] = {
    "system_disk_usage_percent": lambda disk: disk.percent,
    "system_disk_available_bytes": lambda disk: disk.available,
    "system_disk_bytes": lambda disk: disk.used,
}
_FAILURES = "host_read_failures_total"
_MEMORY = frozenset({"memory_usage_bytes", _RESIDENT})


class HostCollector(FamilyCollector):
    """The metrics of one sampler, under every name that `preset` exports.

    numbers: where several workers sample the same host; each keeps its own memory and failures there, and they are
    added up, the memory of those alone that still run.
    """

    def __init__(
        self,
        sampler: HostSampler,
        registry: CollectorRegistry,
        preset: Preset | None = None,
        numbers: SharedNumbers | None = None,
    ) -> None:
        self._sampler = sampler
        self._numbers = numbers
        self._shared: dict[str, int] = {}  # failures of this process that were added already
        if numbers is not None:
            sampler.on_sample = self._share
            numbers.on_fork(self._shared.clear)
        sources = (*_PLAIN, *_BY_DISK, _FAILURES)
        super().__init__([d for name in sources for d in CATALOGUE.names(name, preset)], registry)

    def points(self, definition: Definition) -> Points | None:
        name = definition.of or definition.name
        if name == _RESIDENT and (resident := self._sampler.resident()) is not None:  # read for each scrape
            if self._numbers is None:
                return [((), resident)]
            self._numbers.slot(("memory",))[0] = resident
        if self._numbers is not None and (name == _FAILURES or name in _MEMORY):
            return self._added(self._numbers, "memory" if name in _MEMORY else _FAILURES)
        if name == _FAILURES:
            return [((reading,), number) for reading, number in list(self._sampler.failures.items())]
        sample = self._sampler.latest
        if sample is None:
            return None
        if name in _BY_DISK:
            return [((mount,), _BY_DISK[name](disk)) for mount, disk in sample.disks.items()]
        value = _PLAIN[name](sample)
        return None if value is None else [((), value)]

    def _share(self, sample: Sample) -> None:
        assert self._numbers is not None
        if sample.process_memory is not None:
            self._numbers.slot(("memory",))[0] = sample.process_memory
        for reading, number in self._sampler.failures.items():
            self._numbers.slot((_FAILURES, reading))[0] += number - self._shared.get(reading, 0)
            self._shared[reading] = number

    def _added(self, numbers: SharedNumbers, name: str) -> Points:
        found: dict[tuple[str, ...], float] = {}
        for part in numbers.parts():
            for (kind, *labels), (value, *_) in part.numbers.items():
                if kind == name and (part.alive or name == _FAILURES):
                    found[tuple(labels)] = found.get(tuple(labels), 0.0) + value
        return list(found.items())

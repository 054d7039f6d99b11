"""The check of this process's and the host's memory and CPU (C-50 to C-54)."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Protocol

import psutil

from watchstack.clocks import SYSTEM, Clocks
from watchstack.health.check import Result, Status

_MB = 1024 * 1024
_LEAST = 1.0  # seconds that a CPU figure is the mean of


class SystemSource(Protocol):
    """The part of psutil that is read; tests hand in their own."""

    def Process(self) -> Any: ...
    def virtual_memory(self) -> Any: ...
    def cpu_percent(self, interval: None) -> float: ...
    def cpu_count(self) -> int | None: ...


class SystemCheck:
    """Degraded when this process takes too much; the response time is what the check took (Y-06).

    memory_percent, cpu_percent: thresholds; above them is too much. CPU figures are means over a second or more since
    they were last read, so that no run has to wait; until there is one they are 0. per_core: divide the process's CPU
    by the number of cores; as psutil tells it, one busy core is 100 however many there are (Y-21).
    """

    def __init__(
        self,
        *,
        memory_percent: float = 80.0,
        cpu_percent: float = 90.0,
        per_core: bool = False,
        source: SystemSource = psutil,
        clocks: Clocks = SYSTEM,
    ) -> None:
        self._clocks = clocks
        self._memory_percent = memory_percent
        self._cpu_percent = cpu_percent
        self._source = source
        self._cores = (source.cpu_count() or 1) if per_core else 1
        self._process: Any = None
        self._cpu = (0.0, 0.0)
        with contextlib.suppress(Exception):  # the check itself will tell
            self._begin()

    def __call__(self) -> Result:
        try:
            return self._judged()
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.DEGRADED, f"System check error: {error}", response_time_ms=-1, error=kind)

    def _begin(self) -> None:
        """Takes the first CPU figures, from which the next are counted."""
        self._process = self._source.Process()
        self._pid = os.getpid()
        self._cpu = (0.0, 0.0)
        self._process.cpu_percent(None)
        self._source.cpu_percent(None)
        self._read = self._clocks.steady()

    def _cpu_percents(self) -> tuple[float, float]:
        """The process's and the host's; the kernel counts in hundredths of a second, so a short time tells nothing."""
        now = self._clocks.steady()
        if now - self._read >= _LEAST:
            self._read = now
            self._cpu = (self._process.cpu_percent(None) / self._cores, self._source.cpu_percent(None))
        return self._cpu

    def _judged(self) -> Result:
        if self._process is None or self._pid != os.getpid():  # forked off from the process that it knows
            self._begin()
        host = self._source.virtual_memory()
        used = self._process.memory_info().rss
        memory = 100.0 * used / host.total
        cpu, host_cpu = self._cpu_percents()
        details = {
            "process_memory_mb": round(used / _MB, 2),
            "process_memory_percent": round(memory, 2),
            "process_cpu_percent": round(cpu, 2),
            "system_memory_percent": round(float(host.percent), 2),
            "system_cpu_percent": round(host_cpu, 2),
            "available_memory_mb": round(host.available / _MB, 2),
        }
        if memory > self._memory_percent:
            return Result(Status.DEGRADED, f"High memory usage: {memory:.1f}%", details)
        if cpu > self._cpu_percent:
            return Result(Status.DEGRADED, f"High CPU usage: {cpu:.1f}%", details)
        return Result(Status.HEALTHY, "System resources normal", details)

"""The numbers the stack ships with. stack.yml's `thresholds` changes them; rules take them as `${threshold.NAME}`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# All in percent. Disk: 85 used is the same as 15 free.
THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {
        "memory_warning": 80.0,
        "memory_critical": 90.0,
        "cpu_warning": 80.0,
        "cpu_critical": 90.0,
        "disk_warning": 85.0,
        "disk_critical": 95.0,
    }
)

"""What the worker processes of one server export together, for whichever of them answers a scrape.

The library's own collectors add up the workers themselves; the application's metrics of prometheus_client come from
the files of its multiprocess mode. Other collectors know one worker alone and are left out, as prometheus_client does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from watchstack.exposition import FamilySource

_LIVE = re.compile(r"gauge_live\w*?_(\d+)\.db")


class ClientFiles:
    """The metrics that the workers keep in prometheus_client's files in `folder`.

    Gauges of living workers leave out those that are gone, whether or not the server told prometheus_client of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in sorted(self._folder.glob("*.db")) if _counts(path)]
        found: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return found


class WorkersRegistry:
    """`registry` as it looks over all workers that share `folder`. For exposition.pieces()."""

    def __init__(self, registry: CollectorRegistry, folder: Path) -> None:
        self._registry = registry
        self._files = ClientFiles(folder)

    def collectors(self) -> list[Any]:
        with self._registry._lock:
            own = [found for found in self._registry._collector_to_names if isinstance(found, FamilySource)]
        return [*own, self._files]

    def collect(self) -> Iterator[Metric]:
        for collector in self.collectors():
            yield from collector.collect()


def _counts(path: Path) -> bool:
    """Not a file whose maker was killed before it wrote, nor the live gauges of a process that is gone."""
    try:
        if path.stat().st_size == 0:
            return False
        live = _LIVE.fullmatch(path.name)
        if live is not None:
            os.kill(int(live[1]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:  # it runs, under another user
        return True
    return True

"""Counts containers' ends and out-of-memory kills as Docker tells of them, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from watchstack.containers.engine import Unavailable

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds before the stream is opened anew
KEPT = 5000  # containers whose counts are remembered
_log = logging.getLogger("watchstack.containers.events")


@dataclass
class Counts:
    """ooms, ends: since this process first knew the container."""

    ooms: int = 0
    ends: int = 0


class Source(Protocol):
    """What the counts come from: `engine.Engine`."""

    def events(self, since: float) -> Iterator[dict[str, Any]]: ...


class Events:
    """Counts by container id. After a break the stream goes on where it was, each event counted once."""

    def __init__(self, source: Source, count_error: Callable[[], None], now: Callable[[], float] = time.time) -> None:
        self._source = source
        self._count_error = count_error
        self._since = now()
        self._last: set[tuple[object, ...]] = set()  # events of the newest moment, which a new stream tells again
        self._counts: dict[str, Counts] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._broken = False

    def of(self, container: str) -> Counts:
        """A copy of the container's counts, zero when nothing was heard of it."""
        with self._lock:
            counts = self._counts.get(container)
            return Counts() if counts is None else Counts(counts.ooms, counts.ends)

    def keep(self, containers: Collection[str]) -> None:
        """Forgets containers that are no longer there once too many are remembered."""
        with self._lock:
            if len(self._counts) > KEPT:
                self._counts = {key: value for key, value in self._counts.items() if key in containers}

    def start(self) -> None:
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def follow(self) -> None:
        """Counts until the stream ends. Raises Unavailable when it breaks."""
        self._take(self._source.events(self._since))

    def _take(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            if self._stop.is_set():
                return
            self._broken = False
            self._count(event)

    def _count(self, event: dict[str, Any]) -> None:
        actor, action = event.get("Actor"), str(event.get("Action") or event.get("status") or "")
        number = str((actor.get("ID") if isinstance(actor, dict) else None) or event.get("id") or "")
        moment = event.get("timeNano")
        if not number or action not in ("oom", "die") or not isinstance(moment, int):
            return
        seconds, key = moment / 1e9, (moment, number, action)
        with self._lock:
            if key in self._last:
                return
            self._last = {known for known in self._last if known[0] == moment} | {key}
            self._since = max(self._since, seconds)
            counts = self._counts.setdefault(number, Counts())
            if action == "oom":
                counts.ooms += 1
            else:
                counts.ends += 1

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.follow()
            except Unavailable as error:
                if not self._broken:
                    _log.warning("Docker's events are not heard: %s", error)
                    self._count_error()
                self._broken = True
            except Exception:
                _log.exception("an event could not be counted")
                self._count_error()
            wait = FIRST_WAIT if time.monotonic() - began > LONGEST_WAIT else min(LONGEST_WAIT, wait * 2)
            self._stop.wait(wait)

"""Notices that a silenced or inhibited alert has ended: Alertmanager tells nobody of that, the inbox neither.

What Alertmanager had and no longer has is over; without this an acknowledged alert would fire in the inbox for ever.
"""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from watchstack.console.clock import Clock
from watchstack.console.config import Config
from watchstack.console.inbox.entries import RESOLVED, Inbox, Notice
from watchstack.console.peers.fetch import fetch, parsed
from watchstack.console.store import Store, StoreError

TIMEOUT = 5.0  # seconds
LARGEST = 16 << 20  # bytes of an answer
MUTED_GRACE = 60.0  # seconds: Prometheus sends all alerts again within 15 s to an Alertmanager that came back
LOUD_GRACE = 300.0  # seconds: of one that was not muted Alertmanager should have told by then, and may tell still
MOST = 1000  # entries that are looked at
MUTED = "suppressed"  # as Alertmanager calls it
NOTE = "alerts-seen"  # under which the store remembers them
_log = logging.getLogger("watchstack.console.endings")


class Endings:
    """alerts: what Alertmanager has, as its API tells; raises as `alertmanager_alerts` while it cannot be had."""

    def __init__(self, store: Store, inbox: Inbox, clock: Clock, alerts: Callable[[], list[dict[str, Any]]]) -> None:
        self._store = store
        self._inbox = inbox
        self._clock = clock
        self._alerts = alerts
        self._seen: dict[str, bool] | None = None  # fingerprints of open entries, and whether they were muted
        self._last_seen: dict[str, float] = {}  # of those that are gone: Unix seconds
        self._looked = 0.0

    def tick(self) -> None:
        """Looks once; gives up until the next time when Alertmanager or the store cannot be asked."""
        try:
            told = {row["fingerprint"]: row["status"]["state"] == MUTED for row in self._alerts()}
            entries = {entry.fingerprint: entry for entry in self._inbox.firing(MOST)}
            seen = {number: muted for number, muted in self._remembered().items() if number in entries}
            over = self._over({number: muted for number, muted in seen.items() if number not in told})
            for number in over:
                _log.info("%s ended without a word of Alertmanager", entries[number].alertname)
                ends = max(self._last_seen.pop(number), entries[number].starts_at)
                self._inbox.add([_ending(entries[number], ends)])
            kept = seen | {number: muted for number, muted in told.items() if number in entries}
            self._remember({number: muted for number, muted in kept.items() if number not in over})
            self._looked = self._clock.time()
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, StoreError):
            return

    def _over(self, gone: Mapping[str, bool]) -> set[str]:
        """Those that have been gone for long enough. gone: those Alertmanager has no longer, and whether muted."""
        now = self._clock.time()
        self._last_seen = {number: self._last_seen.get(number, self._looked or now) for number in gone}
        graces = {number: MUTED_GRACE if muted else LOUD_GRACE for number, muted in gone.items()}
        return {number for number, grace in graces.items() if now - self._last_seen[number] >= grace}

    def _remembered(self) -> dict[str, bool]:
        if self._seen is None:
            self._seen = dict(json.loads(self._store.note(NOTE) or "{}"))
        return self._seen

    def _remember(self, seen: dict[str, bool]) -> None:
        if seen != self._seen:
            self._store.remember(NOTE, json.dumps(seen, sort_keys=True))
            self._seen = seen


def alertmanager_alerts(config: Config) -> list[dict[str, Any]]:
    """What the stack's Alertmanager has, muted or not. Raises OSError, http.client.HTTPException and ValueError."""
    base = config.peers.get("alertmanager")
    if not base:
        raise OSError("this stack has no Alertmanager")
    told = parsed(fetch(base + "/api/v2/alerts", TIMEOUT, LARGEST))
    if not isinstance(told, list):
        raise ValueError("Alertmanager gave no list of alerts")
    return told


def _ending(entry: Notice, ends: float) -> Notice:
    names = Notice.__dataclass_fields__
    return replace(Notice(**{name: getattr(entry, name) for name in names}), status=RESOLVED, ends_at=ends)

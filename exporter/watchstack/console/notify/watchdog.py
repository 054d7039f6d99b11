"""Notices that alerting has fallen silent: heartbeats in, an alarm when they stay away. Who is told: `notifier`."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from watchstack.console.clock import Clock, day, span
from watchstack.console.config import Config
from watchstack.console.inbox.entries import FIRING, RESOLVED, Inbox, Notice
from watchstack.console.store import Store, StoreError

ALERTNAME = "AlertingSilent"
RUNBOOK = "watchdog"
FINGERPRINT = hashlib.sha256(ALERTNAME.encode()).hexdigest()[:16]
_NOTE = "watchdog"
_log = logging.getLogger("watchstack.console.watchdog")


@dataclass(frozen=True)
class State:
    """What outlives a restart. Times are Unix seconds.

    last_seen: the last heartbeat. silent_since: when the alarm was raised, None while all is well.
    recovered_at: when the last alarm ended. told: the last status the notify receiver accepted.
    """

    last_seen: float | None = None
    silent_since: float | None = None
    recovered_at: float | None = None
    told: str = RESOLVED


class Watchdog:
    """The alarm over the heartbeat. Silence is counted from the last heartbeat or from the start of this process."""

    def __init__(self, store: Store, inbox: Inbox, clock: Clock, config: Callable[[], Config]) -> None:
        self._store = store
        self._inbox = inbox
        self._clock = clock
        self._config = config
        self._lock = threading.RLock()
        self._quiet_from = clock.monotonic()
        self.heard = False  # whether a heartbeat came to this process
        self._unkept: list[Notice] = []  # entries that the store could not take yet
        self._dirty = False
        self.state = self._remembered()

    @property
    def alarm(self) -> bool:
        return self.state.silent_since is not None

    def silence(self) -> float:
        """Seconds without a heartbeat in this process."""
        return self._clock.monotonic() - self._quiet_from

    def heartbeat(self) -> None:
        with self._lock:
            now = self._clock.time()
            self._quiet_from = self._clock.monotonic()
            self.heard = True
            since = self.state.silent_since
            if since is None:
                self._become(replace(self.state, last_seen=now))
                return
            self._become(replace(self.state, last_seen=now, silent_since=None, recovered_at=now))
            _log.info("alerting is heard again after %s of silence", span(now - since))
            self._keep(self._notice(RESOLVED, since, now))

    def tick(self) -> None:
        """Raises the alarm when it is due, and makes up for what the store could not take."""
        with self._lock:
            if not self.alarm and self.silence() >= self._config().silence_seconds:
                self._raise()
            if self._dirty:
                self._become(self.state)
            if self._unkept:
                unkept, self._unkept = self._unkept, []
                for notice in unkept:
                    self._keep(notice)

    def told(self, status: str) -> None:
        """The notify receiver has accepted the message about this status."""
        with self._lock:
            self._become(replace(self.state, told=status))

    def reason(self) -> str:
        """Why the alarm stands, in words; empty while it does not."""
        return self._words() if self.alarm else ""

    def _raise(self) -> None:
        now = self._clock.time()
        self._become(replace(self.state, silent_since=now))
        _log.error("alerting is silent: %s", self._words())
        self._keep(self._notice(FIRING, now, None))

    def _words(self) -> str:
        seen = self.state.last_seen
        limit = f"{self._config().silence_seconds:g} s"
        if seen is None:
            return f"no watchdog heartbeat has ever come, and {limit} are allowed"
        return f"the last watchdog heartbeat came on {day(seen)}, and {limit} of silence are allowed"

    def _notice(self, status: str, since: float, until: float | None) -> Notice:
        config = self._config()
        labels = {
            "alertname": ALERTNAME,
            "severity": "critical",
            "subject": "alerting",
            "service": "watchstack",
            "environment": config.environment,
        }
        if until is None:
            description = f"Prometheus or Alertmanager no longer reaches the console: {self._words()}."
        else:
            description = f"The watchdog heartbeat is back after {span(until - since)} of alarm."
        return Notice(
            fingerprint=FINGERPRINT,
            status=status,
            starts_at=since,
            ends_at=until,
            labels={name: value for name, value in labels.items() if value},
            annotations={
                "summary": "Alerting is silent",
                "description": description,
                "runbook_url": f"{config.address}/runbooks/{RUNBOOK}",
            },
            receiver="console",
        )

    def _keep(self, notice: Notice) -> None:
        try:
            self._inbox.add([notice])
        except StoreError:
            self._unkept = [*self._unkept, notice][-100:]

    def _become(self, state: State) -> None:
        self.state = state
        try:
            self._store.remember(_NOTE, json.dumps(asdict(state)))
            self._dirty = False
        except StoreError:
            self._dirty = True

    def _remembered(self) -> State:
        try:
            text = self._store.note(_NOTE)
            return State() if text is None else State(**json.loads(text))
        except (StoreError, ValueError, TypeError) as error:
            _log.warning("the watchdog begins anew: what was remembered of it cannot be read (%s)", error)
            return State()

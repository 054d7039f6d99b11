"""The parts of one running console, held together, and how a view gets at them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask import current_app
from prometheus_client import CollectorRegistry

from watchstack.console.access.audit import Audit
from watchstack.console.access.parts import Access, build_access
from watchstack.console.access.token import TokenFile
from watchstack.console.clock import Clock, SystemClock
from watchstack.console.config import LiveConfig
from watchstack.console.inbox.endings import Endings, alertmanager_alerts
from watchstack.console.inbox.entries import Inbox
from watchstack.console.metrics import Metrics, StateCollector
from watchstack.console.notify.notifier import Notifier
from watchstack.console.notify.watchdog import Watchdog
from watchstack.console.peers.reachable import Peers
from watchstack.console.runbooks import Runbooks
from watchstack.console.settings import CONFIG_FILE, TOKEN_FILE, Settings
from watchstack.console.store import Store, StoreError

EXTENSION = "watchstack-console"
_log = logging.getLogger("watchstack.console")


@dataclass(frozen=True)
class Console:
    """Everything a view may need."""

    settings: Settings
    clock: Clock
    config: LiveConfig
    store: Store
    inbox: Inbox
    token: TokenFile
    access: Access
    audit: Audit
    watchdog: Watchdog
    notifier: Notifier
    peers: Peers
    runbooks: Runbooks
    metrics: Metrics

    def problems(self) -> list[str]:
        """What is wrong, in words, worst first; empty when all is well."""
        found = [
            self.store.problem and f"the inbox cannot be kept: {self.store.problem}",
            self.watchdog.alarm and f"alerting is silent: {self.watchdog.reason()}",
            self.notifier.problem,
            self.token.problem and f"nobody can send: {self.token.problem}",
            *self.access.accounts.problems(),
            self.config.problem and f"the configuration is an old one: {self.config.problem}",
        ]
        return [problem for problem in found if problem]

    def prune(self) -> None:
        """Bounds inbox and audit log by age; a store that cannot do it says so itself."""
        try:
            self.inbox.prune()
            self.audit.prune()
        except StoreError:
            return


def build(settings: Settings, clock: Clock | None = None) -> Console:
    """Raises ConfigError and SchemaError."""
    clock = clock or SystemClock()
    config = LiveConfig(settings.config / CONFIG_FILE)

    store = Store(settings.data)
    inbox = Inbox(store, clock, entries=settings.entries, days=settings.days)
    metrics = Metrics(CollectorRegistry())
    watchdog = Watchdog(store, inbox, clock, lambda: config.current)
    own = Console(
        settings=settings,
        clock=clock,
        config=config,
        store=store,
        inbox=inbox,
        token=TokenFile(settings.secrets / TOKEN_FILE),
        access=build_access(settings.secrets, store, clock),
        audit=Audit(store, clock),
        watchdog=watchdog,
        notifier=Notifier(watchdog, lambda: config.current, settings.secrets, clock, metrics),
        peers=Peers(lambda: config.current),
        runbooks=Runbooks(settings.runbooks),
        metrics=metrics,
    )
    metrics.registry.register(StateCollector(store, inbox, watchdog, config, own.peers))
    return own


def console() -> Console:
    """The console of the application that handles this request."""
    own = current_app.extensions[EXTENSION]
    assert isinstance(own, Console)
    return own


@dataclass
class Background:
    """Threads that do a job every so often until stopped. A job that raises is logged and done again next time."""

    jobs: Sequence[tuple[str, float, Callable[[], None]]]
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for name, interval, job in self.jobs:
            thread = threading.Thread(target=self._run, args=(name, interval, job), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float = 3.0) -> None:
        """Waits `timeout` seconds in all; a job that takes longer ends with the process."""
        self._stop.set()
        end = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, name: str, interval: float, job: Callable[[], None]) -> None:
        failed = ""
        while not self._stop.is_set():
            try:
                job()
                failed = ""
            except Exception as error:
                if failed != repr(error):  # the same again is no news
                    _log.exception("the job %s failed", name)
                failed = repr(error)
            self._stop.wait(interval)


def background(own: Console) -> Background:
    """The jobs of a console, not started."""
    endings = Endings(own.store, own.inbox, own.clock, lambda: alertmanager_alerts(own.config.current))
    return Background(
        (
            ("watchdog", 1.0, own.watchdog.tick),
            ("notify", 1.0, own.notifier.tick),
            ("peers", 10.0, own.peers.ask),
            ("config", 2.0, own.config.refresh),
            ("token", 5.0, own.token.check),
            ("store", 15.0, own.store.probe),
            ("sessions", 60.0, own.access.sessions.keep),
            ("endings", 15.0, endings.tick),
            ("prune", 3600.0, own.prune),
        )
    )

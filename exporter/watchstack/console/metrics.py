"""The console's own metrics, on a registry of its own."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from watchstack.console.config import LiveConfig
from watchstack.console.inbox.entries import FIRING, RESOLVED, Inbox
from watchstack.console.notify.watchdog import Watchdog
from watchstack.console.peers.reachable import Peers
from watchstack.console.store import Store, StoreError


class Metrics:
    """Counters that the parts of the console count up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.notifications = Counter(
            "inbox_notifications", "Alerts received, repeated ones too, by status.", ["status"], registry=registry
        )
        for status in (FIRING, RESOLVED):
            self.notifications.labels(status)
        self.rejected = Counter(
            "inbox_rejected",
            "Calls of the inbox or watchdog that were refused, by reason.",
            ["reason"],
            registry=registry,
        )
        self.notify_failures = Counter(
            "console_watchdog_notify_failures",
            "Attempts to tell the notify receiver of the watchdog's alarm that failed.",
            registry=registry,
        )


class StateCollector(Collector):
    """Gauges read from the parts of the console when it is scraped."""

    def __init__(self, store: Store, inbox: Inbox, watchdog: Watchdog, config: LiveConfig, peers: Peers) -> None:
        self._store = store
        self._inbox = inbox
        self._watchdog = watchdog
        self._config = config
        self._peers = peers

    def collect(self) -> Iterator[Metric]:
        seen = self._watchdog.state.last_seen
        yield GaugeMetricFamily(
            "watchdog_last_seen_timestamp_seconds", "When the last heartbeat came, 0 for never.", seen or 0
        )
        yield GaugeMetricFamily("watchdog_alarm", "1 while alerting is silent.", float(self._watchdog.alarm))
        try:
            entries, firing = self._inbox.count(), self._inbox.firing_count()
        except StoreError:
            pass
        else:
            yield GaugeMetricFamily("inbox_entries", "Entries kept.", entries)
            yield GaugeMetricFamily("inbox_firing", "Alert instances that fire as far as the inbox knows.", firing)
        yield GaugeMetricFamily(
            "console_store_healthy", "0 while the inbox cannot be read or written.", float(self._store.problem is None)
        )
        yield GaugeMetricFamily(
            "console_config_last_reload_successful",
            "0 while console.json cannot be taken over.",
            float(self._config.problem is None),
        )
        peers = GaugeMetricFamily("console_peer_up", "1 when the part answered the last question.", labels=["peer"])
        for answer in self._peers.answers():
            if answer.up is not None:
                peers.add_metric([answer.name], float(answer.up))
        yield peers

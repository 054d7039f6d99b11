"""Which metrics there are, as far as the checks know: the library's catalogue, the stack's own programs, recorded ones.

The programs' lists stand in known_metrics.json, taken from the real programs by scripts/known_metrics.py. What a live
server has is not asked here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from watchstack.catalogue import Definition, Kind
from watchstack.catalogue_data import CATALOGUE

from stackgen.checks.bounds import ANY, COUNTED, SWITCH, Bounds

FILE = Path(__file__).with_name("known_metrics.json")
# What Prometheus itself adds to every target and alert.
BUILT_IN: Mapping[str, str] = {
    "up": "gauge",
    "scrape_duration_seconds": "gauge",
    "scrape_samples_scraped": "gauge",
    "scrape_samples_post_metric_relabeling": "gauge",
    "scrape_series_added": "gauge",
    "scrape_timeout_seconds": "gauge",
    "scrape_sample_limit": "gauge",
    "scrape_body_size_bytes": "gauge",
    "ALERTS": "gauge",
    "ALERTS_FOR_STATE": "gauge",
    "stack_config_info": "gauge",
}
# What programs export only where there is something of the kind: a replica, a TLS probe, the other collector.
SELDOM: Mapping[str, tuple[str, str]] = {
    "redis_master_link_up": ("redis", "gauge"),
    "probe_ssl_earliest_cert_expiry": ("blackbox", "gauge"),
    "loki_write_dropped_entries_total": ("alloy", "counter"),
}
SWITCHES = ("up", "probe_success", "health_check_status", "container_health", "container_oom_killed", "watchdog_alarm")
# First words that belong to one program's own metrics: a name near one of its is a misspelt one, not somebody else's.
OWN_WORDS = ("alertmanager", "grafana", "loki", "node", "pg", "probe", "prometheus", "promtail", "redis")
PARTS_OF = {"histogram": ("_bucket", "_sum", "_count", "_created", ""), "summary": ("_sum", "_count", "_created", "")}


@dataclass(frozen=True)
class Metric:
    """kind: counter, gauge, histogram, summary, untyped. source: whose it is. bounds: between which values it lies.

    grows: a gauge that only grows, so that a rate over it is right. presets: those that export it, empty for all.
    """

    kind: str
    source: str
    bounds: Bounds = ANY
    grows: bool = False
    presets: frozenset[str] = frozenset()


def kinds(text: str) -> dict[str, str]:
    """Metric name to type, from an exposition."""
    rows = (line.split(" ") for line in text.splitlines() if line.startswith("# TYPE "))
    return {row[2]: row[3] for row in rows if len(row) == 4}


@cache
def known() -> Mapping[str, Metric]:
    """Every series name that is known, by name."""
    found: dict[str, Metric] = {}
    for source, metrics in json.loads(FILE.read_text(encoding="utf-8"))["programs"].items():
        for name, kind in metrics.items():
            _add(found, name, kind, source)
    for name, kind in BUILT_IN.items():
        _add(found, name, kind, "prometheus")
    for name, (source, kind) in SELDOM.items():
        _add(found, name, kind, source)
    for definition in CATALOGUE.values():
        _add(found, definition.name, definition.kind.value, "library", definition)
    return found


def _add(found: dict[str, Metric], name: str, kind: str, source: str, definition: Definition | None = None) -> None:
    presets = frozenset(preset.value for preset in definition.presets) if definition else frozenset()
    if kind in PARTS_OF:
        for suffix in PARTS_OF[kind]:
            counts = suffix in ("_bucket", "_count", "_created")  # a sum may be of anything
            part = Metric("counter" if suffix else kind, source, COUNTED if counts else ANY, presets=presets)
            found[name + suffix] = part
        return
    bounds = SWITCH if name in SWITCHES else COUNTED if kind == "counter" else ANY
    grows = False
    if definition is not None and definition.kind is Kind.GAUGE:
        grows = definition.note.startswith("Only grows")
        if definition.unit == "percent" and definition.family.startswith("system_"):
            bounds = Bounds(0, 100)
    found[name] = Metric(kind, source, bounds, grows, presets)

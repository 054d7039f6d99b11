"""The stack itself: is it well, and what does it cost: series, samples, time for rules, memory, disk, log lines."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, ask, bars, build, one_number, over_time

TITLE = "Watchstack itself"
UID = "watchstack-itself"
OWN = 'service="watchstack"'


def itself(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (parts_up(), 6, 4),
        (series_now(), 6, 4),
        (memory_now(), 6, 4),
        (failed_rules(), 6, 4),
        (parts(), 8, 8),
        (memory(), 8, 8),
        (cpu(), 8, 8),
        (series(), 8, 8),
        (samples(), 8, 8),
        (series_a_target(source), 8, 8),
        (rule_time(), 8, 8),
        (query_time(), 8, 8),
        (scrape_time(), 8, 8),
        (storage(), 8, 8),
        (log_lines(), 8, 8),
        (lost_lines(), 8, 8),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def parts_up() -> PanelBuilder:
    return ask(
        one_number("percentunit", [(None, "red"), (1, "green")]),
        "Parts up",
        "The share of the stack's own parts that answer Prometheus. Normal is 100 %; `./stack status` names the "
        "part and its last words.",
        (f"avg(up{{{OWN}}})", "up"),
        instant=True,
    )


def series_now() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "blue")]),
        "Series",
        "Series that Prometheus holds in memory now: the larger part of what it costs. Doubled within a day: see "
        "Largest targets for who brought them.",
        ("sum(prometheus_tsdb_head_series)", "series"),
        instant=True,
    )


def memory_now() -> PanelBuilder:
    return ask(
        one_number("bytes", [(None, "blue")]),
        "Memory of all parts",
        "Resident memory of all parts of the stack together. Normal is below 900 MB at rest.",
        (f"sum(process_resident_memory_bytes{{{OWN}}})", "memory"),
        instant=True,
    )


def failed_rules() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "red")]).decimals(0),
        "Failed rules",
        "Evaluations of rules that failed within the last hour. Normal is none: the page Rules of the console has "
        "the error.",
        ("sum(increase(prometheus_rule_evaluation_failures_total[1h]))", "failed"),
        instant=True,
    )


def parts() -> PanelBuilder:
    return ask(
        bars("short", [(None, "red"), (1, "green")], 1),
        "Parts",
        "Each part of the stack: 1 when it answers Prometheus, 0 when it does not. `./stack logs PART` has the last "
        "words of what is down.",
        (f"min by (job) (up{{{OWN}}})", "{{job}}"),
        instant=True,
    )


def memory() -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Memory by part",
        "Resident memory of each part of the stack. Normal is level; Prometheus grows with its series, Loki with "
        "what is asked.",
        (f"sum by (job) (process_resident_memory_bytes{{{OWN}}})", "{{job}}"),
    )


def cpu() -> PanelBuilder:
    return ask(
        over_time("percent").min(0),
        "CPU by part",
        "CPU time of each part in percent of one core, over 5 minutes. Normal is a few percent; dashboards with "
        "long time ranges and heavy rules show here.",
        (f"100 * sum by (job) (rate(process_cpu_seconds_total{{{OWN}}}[5m]))", "{{job}}"),
    )


def series() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Series in memory",
        "Series that Prometheus holds in memory. A staircase is a label with ever new values: find its target.",
        ("sum(prometheus_tsdb_head_series)", "series"),
    )


def samples(title: str = "Samples") -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        title,
        "Samples a second that Prometheus stores, over 5 minutes. Normal is level; it follows the series and the "
        "scrape interval.",
        ("stack:samples_ingested:rate5m", "samples"),
    )


def series_a_target(source: Source) -> PanelBuilder:
    return ask(
        over_time("short", limits(source, "series_per_target")).min(0),
        "Largest targets",
        "The ten jobs whose targets bring most series with one scrape. Over the line an alert fires: drop a label "
        "or a metric there.",
        ("topk(10, max by (job) (scrape_samples_post_metric_relabeling))", "{{job}}"),
    )


def rule_time() -> PanelBuilder:
    return ask(
        over_time("s").min(0),
        "Time for rules",
        "How long the ten slowest groups of rules took at their last evaluation. Normal is far below the interval "
        "of evaluation; near it alerts come late.",
        ("topk(10, max by (rule_group) (prometheus_rule_group_last_duration_seconds))", "{{rule_group}}"),
    )


def query_time() -> PanelBuilder:
    spent, count = (
        f"sum by (slice) (rate(prometheus_engine_query_duration_seconds_{p}[5m]))" for p in ("sum", "count")
    )
    return ask(
        over_time("s").min(0),
        "Time for queries",
        "Mean time of a query in each step of its work, over 5 minutes. When it climbs panels and rules wait: ask "
        "for shorter ranges or record the query.",
        (f"{spent} / ({count} > 0)", "{{slice}}"),
    )


def scrape_time() -> PanelBuilder:
    return ask(
        over_time("s").min(0),
        "Slowest scrapes",
        "The ten jobs whose targets answer a scrape most slowly. Near 10 s a scrape is given up, and the target "
        "counts as down.",
        ("topk(10, max by (job) (scrape_duration_seconds))", "{{job}}"),
    )


def storage() -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Disk of Prometheus",
        "Bytes of Prometheus's finished blocks, of the newest chunks and of its log of what came last. Normal "
        "levels off once `retention.metrics` is reached.",
        ("sum(prometheus_tsdb_storage_blocks_bytes)", "blocks"),
        ("sum(prometheus_tsdb_head_chunks_storage_size_bytes)", "newest"),
        ("sum(prometheus_tsdb_wal_storage_size_bytes)", "log"),
    )


def log_lines() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Log lines",
        "Log lines a second that Loki receives, over 5 minutes. None at all: the collector or Loki is down.",
        ("stack:log_lines:rate5m", "lines"),
    )


def lost_lines() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Lost log lines",
        "Log lines a second that the collector gave up, over 5 minutes. Normal is none: Loki was away too long, or "
        f"refuses them. {EMPTY_IS_FINE} another collector runs.",
        ("sum(rate(promtail_dropped_entries_total[5m]))", "lost"),
    )

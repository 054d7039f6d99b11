"""PostgreSQL as postgres_exporter sees it (profile postgres): connections, transactions, locks, size, replicas."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, ask, build, one_number, over_time

TITLE = "PostgreSQL"
UID = "watchstack-postgres"
BY = "sum by (datname)"
REAL = 'datname!~"template.*|"'


def postgres(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (up(), 6, 4),
        (connections_used(source), 6, 4),
        (cache_hits_now(), 6, 4),
        (oldest_transaction(), 6, 4),
        (connections(), 8, 8),
        (transactions(), 8, 8),
        (rows_touched(), 8, 8),
        (deadlocks(), 8, 8),
        (locks(), 8, 8),
        (size(), 8, 8),
        (temporary(), 12, 8),
        (replication(), 12, 8),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def up() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "red"), (1, "green")]),
        "Servers up",
        "1 when every PostgreSQL server that is asked answers the exporter. 0: nothing reaches it; look at the "
        "container or the process.",
        ("min(pg_up)", "up"),
        instant=True,
    )


def connections_used(source: Source) -> PanelBuilder:
    used, most = "sum by (instance) (pg_stat_activity_count)", "max by (instance) (pg_settings_max_connections)"
    return ask(
        one_number("percent", limits(source, "postgres_connections_percent")).decimals(0),
        "Connections used",
        "Connections in percent of max_connections, on the server where they are most. Near 100 new ones are "
        "refused: use a pool, or end what idles.",
        (f"max(100 * {used} / {most})", "used"),
        instant=True,
    )


def cache_hits_now() -> PanelBuilder:
    hit, read = (f"sum(rate(pg_stat_database_blks_{what}[5m]))" for what in ("hit", "read"))
    return ask(
        one_number("percent", [(None, "orange"), (90, "green")]).decimals(1),
        "Found in memory",
        "Share of the blocks that lay in PostgreSQL's memory, over 5 minutes. Normal is above 95 %; below it the "
        f"data does not fit into memory. {EMPTY_IS_FINE} nothing was read.",
        (f"100 * {hit} / ({hit} + {read} > 0)", "found"),
        instant=True,
    )


def oldest_transaction() -> PanelBuilder:
    return ask(
        one_number("s", [(None, "green"), (300, "orange"), (3600, "red")]),
        "Longest transaction",
        "How long the transaction runs that runs longest: old ones hold back vacuum. Hours: find it in "
        "pg_stat_activity and end it.",
        ("max(pg_stat_activity_max_tx_duration)", "longest"),
        instant=True,
    )


def connections() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Connections",
        "Connections by what they do now. Many `idle in transaction` hold locks: the application forgets to commit.",
        ("sum by (state) (pg_stat_activity_count)", "{{state}}"),
    )


def transactions() -> PanelBuilder:
    return ask(
        over_time("ops").min(0),
        "Transactions",
        "Transactions a second of each database, over 5 minutes, and those that were rolled back. Many rolled back "
        "are errors of the application.",
        (f"{BY} (rate(pg_stat_database_xact_commit{{{REAL}}}[5m]))", "{{datname}}"),
        (f"{BY} (rate(pg_stat_database_xact_rollback{{{REAL}}}[5m]))", "{{datname}} rolled back"),
    )


def rows_touched() -> PanelBuilder:
    ways = ("fetched", "inserted", "updated", "deleted")
    return ask(
        over_time("ops").min(0),
        "Rows",
        "Rows a second that are fetched, inserted, updated and deleted, over 5 minutes. Far more fetched than "
        "usual: a query without its index.",
        *((f"sum(rate(pg_stat_database_tup_{way}[5m]))", way) for way in ways),
    )


def deadlocks() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Deadlocks and conflicts",
        "Deadlocks, and queries of a replica that were cancelled, within the 5 minutes before. Normal is none: take "
        "locks in the same order everywhere.",
        ("sum(increase(pg_stat_database_deadlocks[5m]))", "deadlocks"),
        ("sum(increase(pg_stat_database_conflicts[5m]))", "conflicts"),
    )


def locks() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Locks",
        "Locks that are held now, by their mode. Many `accessexclusive`: a change of a table holds everything up.",
        ("sum by (mode) (pg_locks_count)", "{{mode}}"),
    )


def size() -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Size",
        "Bytes that each database takes up on the disk. A straight climb tells when the disk is full.",
        (f"max by (datname) (pg_database_size_bytes{{{REAL}}})", "{{datname}}"),
    )


def temporary() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Temporary files",
        "Bytes a second written to temporary files, over 5 minutes: sorting that did not fit into work_mem. Normal "
        "is next to none.",
        (f"{BY} (rate(pg_stat_database_temp_bytes{{{REAL}}}[5m]))", "{{datname}}"),
    )


def replication() -> PanelBuilder:
    return ask(
        over_time("s").min(0),
        "Replication",
        f"How far a replica is behind. Normal is seconds; growing means that it cannot follow. {EMPTY_IS_FINE} the "
        "server is no replica.",
        ("max by (instance) (pg_replication_lag_seconds)", "{{instance}}"),
    )

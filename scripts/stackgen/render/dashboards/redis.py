"""Redis as redis_exporter sees it (profile redis): memory, clients, commands, hits, what is thrown away."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, ask, build, one_number, over_time

TITLE = "Redis"
UID = "watchstack-redis"


def redis(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (up(), 6, 4),
        (memory_used(source), 6, 4),
        (clients_used(source), 6, 4),
        (hits_now(), 6, 4),
        (memory(), 8, 8),
        (clients(), 8, 8),
        (commands(), 8, 8),
        (time_by_command(), 8, 8),
        (keys(), 8, 8),
        (thrown_away(), 8, 8),
        (network(), 12, 8),
        (last_save(), 12, 8),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def up() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "red"), (1, "green")]),
        "Servers up",
        "1 when every Redis server that is asked answers the exporter. 0: nothing reaches it; look at the container "
        "or the process.",
        ("min(redis_up)", "up"),
        instant=True,
    )


def memory_used(source: Source) -> PanelBuilder:
    return ask(
        one_number("percent", limits(source, "redis_memory_percent")).decimals(0),
        "Memory used",
        "Memory in percent of maxmemory, where it is most. Full, keys are thrown away or writes refused. "
        f"{EMPTY_IS_FINE} maxmemory is not set.",
        ("max(100 * redis_memory_used_bytes / (redis_memory_max_bytes > 0))", "used"),
        instant=True,
    )


def clients_used(source: Source) -> PanelBuilder:
    return ask(
        one_number("percent", limits(source, "redis_connections_percent")).decimals(0),
        "Clients used",
        "Connected clients in percent of maxclients, where they are most. Near 100 new ones are refused: look for a "
        "leak of connections.",
        ("max(100 * redis_connected_clients / redis_config_maxclients)", "used"),
        instant=True,
    )


def hits_now() -> PanelBuilder:
    hits, misses = (f"sum(rate(redis_keyspace_{what}_total[5m]))" for what in ("hits", "misses"))
    return ask(
        one_number("percent", [(None, "blue")]).decimals(1),
        "Hits",
        "Share of the look-ups that found their key, over 5 minutes. When it falls the cache helps little: keys "
        f"expire too soon or were lost. {EMPTY_IS_FINE} nothing was looked up.",
        (f"100 * {hits} / ({hits} + {misses} > 0)", "hits"),
        instant=True,
    )


def memory() -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Memory",
        "Memory that Redis uses, and that the kernel gives it: far more is fragmentation. A climb that never ends: "
        "keys without an expiry.",
        ("max by (instance) (redis_memory_used_bytes)", "used {{instance}}"),
        ("max by (instance) (redis_memory_used_rss_bytes)", "resident {{instance}}"),
    )


def clients() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Clients",
        "Connected clients, and those that wait in a blocking command. Normal is level.",
        ("sum by (instance) (redis_connected_clients)", "connected {{instance}}"),
        ("sum by (instance) (redis_blocked_clients)", "blocked {{instance}}"),
    )


def commands() -> PanelBuilder:
    return ask(
        over_time("ops").min(0),
        "Commands",
        "The ten commands that are given most often and how often a second, over 5 minutes. `keys` and `flushall` "
        "have no place here.",
        ("topk(10, sum by (cmd) (rate(redis_commands_total[5m])))", "{{cmd}}"),
    )


def time_by_command() -> PanelBuilder:
    spent = "sum by (cmd) (rate(redis_commands_duration_seconds_total[5m]))"
    return ask(
        over_time("s").min(0),
        "Time of a command",
        "The ten slowest commands and their mean time, over 5 minutes. Normal is well below a millisecond; one that "
        "is slow stops all others.",
        (f"topk(10, {spent} / (sum by (cmd) (rate(redis_commands_total[5m])) > 0))", "{{cmd}}"),
    )


def keys() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Keys",
        "Keys of each database, and those of them that expire. Normal is level, or follows the users.",
        ("sum by (db) (redis_db_keys)", "{{db}}"),
        ("sum by (db) (redis_db_keys_expiring)", "{{db}} expiring"),
    )


def thrown_away() -> PanelBuilder:
    return ask(
        over_time("ops").min(0),
        "Evicted and expired",
        "Keys a second that were thrown away because memory was full, and that had expired, over 5 minutes. Evicted "
        "should be none unless Redis is a cache.",
        ("sum(rate(redis_evicted_keys_total[5m]))", "evicted"),
        ("sum(rate(redis_expired_keys_total[5m]))", "expired"),
    )


def network() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Network",
        "Bytes a second that Redis receives and sends, over 5 minutes. Much for few commands: values are too large.",
        ("sum(rate(redis_net_input_bytes_total[5m]))", "received"),
        ("sum(rate(redis_net_output_bytes_total[5m]))", "sent"),
    )


def last_save() -> PanelBuilder:
    return ask(
        over_time("s").min(0),
        "Since the last save",
        "Time since Redis last wrote its data to the disk. Longer than its settings say: what came since is lost at "
        "a crash.",
        ("time() - min by (instance) (redis_rdb_last_save_timestamp_seconds)", "{{instance}}"),
    )

"""The check of TimescaleDB (C-29, C-33 to C-35): its extension, hypertables, compression, continuous aggregates."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from watchstack.health.check import Check, Result, Status
from watchstack.health.database import Database, settled

EXTENSION = "SELECT extversion AS version FROM pg_extension WHERE extname = 'timescaledb'"
# One row each, as `execute_one` answers one, and without the percent signs that some drivers take for parameters.
# hypertable_compression_stats answers no row where nothing is compressed.
HYPERTABLES = """SELECT coalesce(json_agg(json_build_object(
 'name', h.hypertable_schema || '.' || h.hypertable_name, 'chunks', h.num_chunks,
 'compression_enabled', h.compression_enabled, 'compressed_chunks', c.number_compressed_chunks,
 'before_bytes', c.before_compression_total_bytes, 'after_bytes', c.after_compression_total_bytes
 ) ORDER BY h.hypertable_schema, h.hypertable_name), '[]') AS found
 FROM timescaledb_information.hypertables h LEFT JOIN LATERAL
 (SELECT sum(number_compressed_chunks)::bigint AS number_compressed_chunks,
 sum(before_compression_total_bytes)::bigint AS before_compression_total_bytes,
 sum(after_compression_total_bytes)::bigint AS after_compression_total_bytes
 FROM hypertable_compression_stats(
 (quote_ident(h.hypertable_schema) || '.' || quote_ident(h.hypertable_name))::regclass)) c
 ON h.compression_enabled"""
PLAIN = """SELECT coalesce(json_agg(json_build_object(
 'name', hypertable_schema || '.' || hypertable_name, 'chunks', num_chunks,
 'compression_enabled', compression_enabled, 'compressed_chunks', NULL, 'before_bytes', NULL, 'after_bytes', NULL
 ) ORDER BY hypertable_schema, hypertable_name), '[]') AS found FROM timescaledb_information.hypertables"""
AGGREGATES = """SELECT coalesce(json_agg(view_schema || '.' || view_name ORDER BY view_schema, view_name), '[]')
 AS found FROM timescaledb_information.continuous_aggregates"""
CACHE = """SELECT (blks_hit::numeric / nullif(blks_hit + blks_read, 0))::float AS rate
 FROM pg_stat_database WHERE datname = current_database()"""


class TimescaleCheck:
    """Unhealthy without the extension; what it finds feeds the `timescaledb_*` gauges and the detailed answer.

    slow_ms: degraded when all of its queries together take longer.
    """

    def __init__(self, database: Database, *, slow_ms: float = 3000.0) -> None:
        self._database = database
        self._slow_ms = slow_ms

    async def __call__(self) -> Result:
        began = time.perf_counter()
        try:
            extension = await self._row(EXTENSION)
            took = round((time.perf_counter() - began) * 1000, 2)
            if not extension:
                return Result(Status.UNHEALTHY, "TimescaleDB extension is not installed", {}, took)
            hypertables = [_hypertable(one) for one in _listed(await self._hypertables())]
            aggregates = [str(one) for one in _listed(await self._row(AGGREGATES))]
            rate = (await self._row(CACHE)).get("rate")
        except Exception as error:
            kind = type(error).__name__
            return Result(Status.CRITICAL, f"TimescaleDB error: {error}", response_time_ms=-1, error=kind)
        took = round((time.perf_counter() - began) * 1000, 2)
        version = str(extension["version"])
        details = {"version": version, "hypertables": len(hypertables), "continuous_aggregates": len(aggregates)}
        sections = {
            "timescaledb": {"version": version},
            "hypertables": hypertables,
            "continuous_aggregates": {"count": len(aggregates), "names": aggregates},
        }
        slow = took > self._slow_ms
        status = Status.DEGRADED if slow else Status.HEALTHY
        message = f"TimescaleDB slow: {took:.0f}ms" if slow else "TimescaleDB operational"
        gauges = _gauges(hypertables, len(aggregates), rate)
        return Result(status, message, details, took, sections=sections, gauges=gauges)

    async def _hypertables(self) -> Mapping[str, Any]:
        """Without the figures of compression where the function for them is not there, or not for this user."""
        try:
            return await self._row(HYPERTABLES)
        except Exception:
            return await self._row(PLAIN)

    async def _row(self, sql: str) -> Mapping[str, Any]:
        return await settled(self._database.execute_one(sql)) or {}


def timescaledb_check(database: Database, *, slow_ms: float = 3000.0, **more: Any) -> Check:
    """A check named `timescaledb`; more: further fields of Check."""
    on_timeout = (Status.CRITICAL, "TimescaleDB timeout after {seconds}s")
    fields = {"name": "timescaledb", "description": "Extension, hypertables, aggregates", "on_timeout": on_timeout}
    return Check(function=TimescaleCheck(database, slow_ms=slow_ms), **{**fields, **more})


def _listed(row: Mapping[str, Any]) -> list[Any]:
    found = row["found"]
    return list(json.loads(found) if isinstance(found, str | bytes) else found)  # as the driver hands JSON out


def _hypertable(one: Mapping[str, Any]) -> dict[str, Any]:
    """status: compressed, partly compressed or uncompressed. compression_ratio: bytes before over bytes after."""
    chunks, compressed = int(one["chunks"] or 0), int(one["compressed_chunks"] or 0)
    before, after = one["before_bytes"], one["after_bytes"]
    status = "uncompressed" if not compressed else "compressed" if compressed >= chunks else "partly compressed"
    return {
        "name": str(one["name"]),
        "status": status,
        "chunks": chunks,
        "compressed_chunks": compressed,
        "compression_enabled": bool(one["compression_enabled"]),
        "compression_ratio": round(before / after, 3) if before and after else None,
    }


def _gauges(hypertables: list[dict[str, Any]], aggregates: int, rate: float | None) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {("timescaledb_continuous_aggregates_total",): aggregates}
    if rate is not None:
        found["timescaledb_query_cache_hit_rate",] = rate
    for one in hypertables:
        found["timescaledb_hypertable_chunks_total", one["name"]] = one["chunks"]
        if one["compression_ratio"] is not None:
            found["timescaledb_compression_ratio", one["name"]] = one["compression_ratio"]
    return found

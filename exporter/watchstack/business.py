"""What an application tells of its own work, one class a subject: `monitoring.database.query("select")` and the like.

One observation feeds every name that the preset exports. Label values are bounded, and a user is never one of them.
Nothing here raises into the application. The store lives in measures.py.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from watchstack.measures import Measures
from watchstack.pools import PoolWatch
from watchstack.timed import Timed

_SUCCESS, _FAILURE = "success", "failure"


class _Subject:
    """counted: what begins at 0 as soon as the application uses the subject."""

    counted: tuple[str, ...] = ()

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        measures.touch(*self.counted)

    def _timed(self, name: str, *values: str) -> Timed:
        return Timed(
            lambda seconds, error: self._measures.observe(name, seconds, *values), ticks=self._measures.clocks.ticks
        )


class DatabaseMetrics(_Subject):
    """Queries, connections and the pool (B-09, B-10, B-27, B-47 to B-51)."""

    counted = ("db_connection_errors_total",)

    def __init__(self, measures: Measures) -> None:
        super().__init__(measures)
        self._pool = PoolWatch(self)
        measures.before_scrape.append(self._pool.refresh)

    def query(self, operation: str) -> Timed:
        """Measures a query: `with database.query("select"):`, or as a decorator. operation: few different ones.

        Counts it, its seconds, and its failure when an exception leaves it.
        """

        def begun() -> None:
            if not self._pool.told:
                self._measures.move("db_connections_active", 1)

        def ended(seconds: float, error: Exception | None) -> None:
            if not self._pool.told:
                self._measures.move("db_connections_active", -1)
            self._measures.add("db_queries_total", operation)
            self._measures.observe("db_query_duration_seconds", seconds, operation)
            if error is not None:
                self._measures.add("db_query_errors_total", operation)
            self._pool.refresh(seconds=1.0)

        return Timed(ended, begun=begun, ticks=self._measures.clocks.ticks)

    def connecting(self) -> Timed:
        """Measures an attempt to connect: an exception that leaves it counts as a connection error."""
        return Timed(lambda seconds, error: None if error is None else self.connection_error())

    def connection_error(self) -> None:
        """An attempt to connect to the database failed."""
        self._measures.add("db_connection_errors_total")

    def pool(self, size: int, *, used: int | None = None, idle: int | None = None) -> None:
        """The pool as it is: connections it holds, those checked out, those idle. Active are those used, else `size`
        less the idle ones, else `size` (Y-05)."""
        if used is None and idle is not None:
            used = max(0, size - idle)
        self._pool.told = True
        self._measures.set("db_connection_pool_size", size)
        if used is not None:
            self._measures.set("db_connection_pool_used", used)
        self._measures.set("db_connections_active", size if used is None else used)

    def watch_pool(self, database: Any) -> None:
        """Reads `get_pool_status()` of a database, plain or async (G-46), or the pool of a SQLAlchemy engine: at each
        scrape, and after queries at most once a second, so that every worker process tells of its own."""
        self._pool.watch(database)

    @property
    def watches_pool(self) -> bool:
        """Whether `watch_pool` was given one."""
        return self._pool.watching

    def refresh_pool(self) -> None:
        """Reads the watched pool now."""
        self._pool.refresh()


class TelemetryMetrics(_Subject):
    """Ingested records (B-52 to B-55)."""

    counted = ("telemetry_validation_errors_total", "telemetry_processing_duration_seconds")

    def ingested(self, well: str, source: str, records: int = 1) -> None:
        """Records came in. The rate is worked out of these: the mean of the last minute."""
        self._measures.add("telemetry_ingestion_total", well, source, amount=records)
        self._measures.mark("telemetry_ingestion_rate", records)

    def rejected(self, records: int = 1) -> None:
        """Records failed validation."""
        self._measures.add("telemetry_validation_errors_total", amount=records)

    def processing(self) -> Timed:
        """Measures the processing of a batch."""
        return self._timed("telemetry_processing_duration_seconds")


class DiagnosticsMetrics(_Subject):
    """Analyses and what they found (B-56 to B-58)."""

    counted = (
        "diagnostics_analysis_total", "diagnostics_analysis_duration_seconds", "diagnostics_anomalies_detected_total"
    )  # fmt: skip

    def analysis(self) -> Timed:
        """Measures and counts an analysis."""

        def ended(seconds: float, error: Exception | None) -> None:
            self._measures.add("diagnostics_analysis_total")
            self._measures.observe("diagnostics_analysis_duration_seconds", seconds)

        return Timed(ended, ticks=self._measures.clocks.ticks)

    def anomalies(self, number: int = 1) -> None:
        """An analysis found so many anomalies."""
        self._measures.add("diagnostics_anomalies_detected_total", amount=number)


class Backup(Timed):
    """A backup that runs. size: bytes of what it wrote, to be set before it ends."""

    size: float | None = None


class BackupMetrics(_Subject):
    """Backups (B-59 to B-62)."""

    def run(self, kind: str) -> Backup:
        """Measures a backup of a kind, such as `full`: `with backups.run("full") as backup: backup.size = ...`.

        It failed when an exception leaves it; else its end is the time of the last success.
        """
        measures = self._measures

        class Run(Backup):
            def finish(self, seconds: float, error: Exception | None) -> None:
                measures.add("backup_operations_total", kind, _SUCCESS if error is None else _FAILURE)
                measures.observe("backup_duration_seconds", seconds, kind)
                if self.size is not None:
                    measures.set("backup_size_bytes", self.size)
                if error is None:
                    measures.set("backup_last_success_timestamp", measures.clocks.wall())

        return Run(lambda seconds, error: None, ticks=measures.clocks.ticks)


class TimescaleMetrics(_Subject):
    """TimescaleDB as the application or a check found it (B-63 to B-66)."""

    def hypertable(self, name: str, *, chunks: int | None = None, compression_ratio: float | None = None) -> None:
        """compression_ratio: bytes before compression over bytes after it."""
        if chunks is not None:
            self._measures.set("timescaledb_hypertable_chunks_total", chunks, name)
        if compression_ratio is not None:
            self._measures.set("timescaledb_compression_ratio", compression_ratio, name)

    def continuous_aggregates(self, number: int) -> None:
        self._measures.set("timescaledb_continuous_aggregates_total", number)

    def cache_hit_rate(self, share: float) -> None:
        """share: 0 to 1."""
        self._measures.set("timescaledb_query_cache_hit_rate", share)


class CacheMetrics(_Subject):
    """Look-ups and operations of a cache (B-29, B-30)."""

    def hit(self) -> None:
        self._measures.add("cache_requests_total", "hit")

    def miss(self) -> None:
        self._measures.add("cache_requests_total", "miss")

    def operation(self, name: str) -> Timed:
        """Measures an operation such as `get`."""
        return self._timed("cache_operation_duration_seconds", name)


class UserMetrics(_Subject):
    """What users do, never who they are (B-18, B-19, B-31 to B-33, M-16)."""

    def login(self, *, success: bool) -> None:
        self._measures.add("logins_total", _SUCCESS if success else _FAILURE)

    def sessions(self, number: int) -> None:
        """So many sessions are active."""
        self._measures.set("sessions_active", number)

    def audit(self, event: str) -> None:
        """An audit event of a kind."""
        self._measures.add("audit_events_total", event)

    def registered(self, method: str) -> None:
        """A user registered by a method such as `email`."""
        self._measures.add("user_registrations_total", method)

    def feature(self, name: str) -> None:
        """A feature was used."""
        self._measures.add("feature_usage_total", name)


class AiCall(Timed):
    """A call of a model. cost: US dollars, to be set before it ends."""

    cost: float = 0.0


class AiMetrics(_Subject):
    """Calls of models and what they cost (B-79, B-80)."""

    counted = ("ai_cost_dollars_total",)

    def called(self, model: str, status: str, cost: float = 0.0) -> None:
        """A call ended. status: `success` or `error`. cost: US dollars; what is not above 0 is not added (G-30)."""
        self._measures.add("ai_calls_total", model, status)
        try:
            costly = cost > 0
        except TypeError:  # no number: the store drops it, and says so
            costly = True
        if costly:
            self._measures.add("ai_cost_dollars_total", amount=cost)

    def call(self, model: str) -> AiCall:
        """Counts a call by how it ends: `with ai.call("gpt-4o") as call: call.cost = 0.02`."""
        called = self.called

        class Call(AiCall):
            def finish(self, seconds: float, error: Exception | None) -> None:
                called(model, "success" if error is None else "error", self.cost)

        return Call(lambda seconds, error: None)


class Business:
    """The subjects as attributes; a subject's metrics are there from its first use on."""

    measures: Measures

    @cached_property
    def database(self) -> DatabaseMetrics:
        """Queries, connections, the pool."""
        return DatabaseMetrics(self.measures)

    @cached_property
    def telemetry(self) -> TelemetryMetrics:
        """Ingestion of records."""
        return TelemetryMetrics(self.measures)

    @cached_property
    def diagnostics(self) -> DiagnosticsMetrics:
        """Analyses and anomalies."""
        return DiagnosticsMetrics(self.measures)

    @cached_property
    def backups(self) -> BackupMetrics:
        """Backups."""
        return BackupMetrics(self.measures)

    @cached_property
    def timescale(self) -> TimescaleMetrics:
        """Hypertables, aggregates, compression."""
        return TimescaleMetrics(self.measures)

    @cached_property
    def cache(self) -> CacheMetrics:
        """Hits, misses, operations."""
        return CacheMetrics(self.measures)

    @cached_property
    def users(self) -> UserMetrics:
        """Logins, sessions, audit events, registrations, features."""
        return UserMetrics(self.measures)

    @cached_property
    def ai(self) -> AiMetrics:
        """Calls of models and their cost."""
        return AiMetrics(self.measures)

    def error(self, service: str, error_type: str | BaseException | type[BaseException]) -> None:
        """An error of a part of the application (B-82), by the class name of the exception."""
        if isinstance(error_type, BaseException):
            error_type = type(error_type)
        kind = error_type.__name__ if isinstance(error_type, type) else error_type
        self.measures.add("application_errors_total", service, kind)

"""What an application tells of its own work: the exact lines of each subject, under the names of each preset."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from library_kit import Hands
from prometheus_client import CollectorRegistry
from watchstack.business import Business
from watchstack.catalogue import Preset
from watchstack.exposition import whole
from watchstack.measures import Measures
from watchstack.monitoring import Monitoring
from watchstack.settings import Settings


class Application(Business):
    """The subjects over a registry of their own, and a clock to set by hand."""

    def __init__(self, preset: Preset | None = None, **fields: Any) -> None:
        self.hands = Hands()
        self.registry = CollectorRegistry()
        self.measures = Measures(self.registry, Settings(preset=preset, **fields), clocks=self.hands.clocks())

    def lines(self, start: str) -> list[str]:
        """Without comments and the buckets."""
        every = whole(self.registry).decode().splitlines()
        return [line for line in every if line.startswith(start) and "_bucket{" not in line]


# B-16 B-27 B-47 B-48 B-51
def test_queries_by_operation_and_how_they_end() -> None:
    app = Application()
    with app.database.query("select"):
        app.hands.forward(0.25)

    @app.database.query("insert")
    def insert(row: str) -> str:
        """Puts a row in."""
        app.hands.forward(0.5)
        raise ValueError(row)

    with pytest.raises(ValueError, match="x"):
        insert("x")
    assert insert.__name__ == "insert"
    assert insert.__doc__ == "Puts a row in."
    assert app.lines("db_quer") == [
        'db_queries_total{operation="select"} 1.0',
        'db_queries_total{operation="insert"} 1.0',
        'db_query_duration_seconds_count{operation="select"} 1.0',
        'db_query_duration_seconds_sum{operation="select"} 0.25',
        'db_query_duration_seconds_count{operation="insert"} 1.0',
        'db_query_duration_seconds_sum{operation="insert"} 0.5',
        'db_query_errors_total{operation="insert"} 1.0',
    ]


def test_an_async_query_is_measured_while_it_is_awaited() -> None:
    app = Application()

    @app.database.query("find")
    async def find(number: int) -> int:
        await asyncio.sleep(0)
        app.hands.forward(2.0)
        return number

    async def both() -> list[int]:
        return [await find(1), await find(2)]

    assert asyncio.run(both()) == [1, 2]
    assert asyncio.iscoroutinefunction(find)
    assert app.lines("db_query_duration_seconds_sum") == ['db_query_duration_seconds_sum{operation="find"} 4.0']


def test_a_cancelled_query_is_no_error_and_a_generator_no_query() -> None:
    app = Application()
    with pytest.raises(asyncio.CancelledError), app.database.query("select"):
        raise asyncio.CancelledError
    assert app.lines("db_queries") == ['db_queries_total{operation="select"} 1.0']
    assert app.lines("db_query_errors") == []
    with pytest.raises(TypeError, match="generator"):

        @app.database.query("select")
        def rows() -> Any:
            yield 1


# B-49 B-50
def test_connections_in_use_and_their_errors() -> None:
    app = Application()
    with app.database.query("a"), app.database.query("b"):
        assert app.lines("db_connections_active") == ["db_connections_active 2.0"]
    assert app.lines("db_connection") == ["db_connection_errors_total 0.0", "db_connections_active 0.0"]
    with pytest.raises(OSError, match="refused"), app.database.connecting():
        raise OSError("refused")
    app.database.connection_error()
    with app.database.connecting():
        pass
    assert app.lines("db_connection_errors") == ["db_connection_errors_total 2.0"]


class Pool:
    """The contract of G-46."""

    def __init__(self, **status: Any) -> None:
        self.status = status

    def get_pool_status(self) -> dict[str, Any]:
        return self.status


class AsyncPool(Pool):
    async def get_pool_status(self) -> dict[str, Any]:  # type: ignore[override]
        return self.status


# B-28 B-78 G-46 Y-05
@pytest.mark.parametrize("kind", [Pool, AsyncPool])
@pytest.mark.parametrize(("status", "active"), [({"size": 8, "idle_connections": 6}, "2.0"), ({"size": 8}, "8.0")])
def test_the_pool_is_read_plain_and_async(kind: type[Pool], status: dict[str, Any], active: str) -> None:
    app = Application(Preset.AI)
    pool = kind(**status)
    app.database.watch_pool(pool)
    assert app.lines("holisticos_active_connections") == [f"holisticos_active_connections {active}"]
    assert app.lines("db_connections_active") == [f"db_connections_active {active}"]
    assert app.lines("db_connection_pool_size") == ["db_connection_pool_size 8.0"]
    pool.status = {"size": 9, "idle_connections": 9}
    assert app.lines("holisticos_active_connections") == ["holisticos_active_connections 0.0"]  # read at each scrape


# Y-05
def test_an_async_pool_within_a_running_loop() -> None:
    app = Application(Preset.AI)

    async def inside() -> list[str]:
        app.database.watch_pool(AsyncPool(size=3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return app.lines("holisticos_active_connections")

    assert asyncio.run(inside()) == ["holisticos_active_connections 3.0"]


def test_the_pool_of_a_sqlalchemy_engine() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    app = Application(Preset.FLASK)
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.QueuePool, pool_size=5)
    app.database.watch_pool(engine)
    with engine.connect():
        assert app.lines("db_connection_pool") == ["db_connection_pool_size 5.0", "db_connection_pool_used 1.0"]
    assert app.lines("db_connection_pool_used") == ["db_connection_pool_used 0.0"]
    engine.dispose()


class Broken:
    def get_pool_status(self) -> Any:
        raise RuntimeError("no pool")


def test_a_pool_that_cannot_be_read_harms_nothing() -> None:
    app = Application()
    app.database.watch_pool(Broken())
    app.database.watch_pool(object())
    with app.database.query("select"):
        pass
    assert app.lines("db_queries") == ['db_queries_total{operation="select"} 1.0']


# B-52 B-53 B-54 B-55
def test_telemetry() -> None:
    app = Application(Preset.IOT)
    assert app.telemetry is app.telemetry
    assert app.lines("telemetry") == [
        "telemetry_validation_errors_total 0.0",
        "telemetry_processing_duration_seconds_count 0.0",
        "telemetry_processing_duration_seconds_sum 0.0",
    ]
    for _ in range(60):
        app.telemetry.ingested("well-1", "mqtt", records=10)
        app.hands.forward(1.0)
    app.telemetry.rejected(3)
    with app.telemetry.processing():
        app.hands.forward(0.5)
    app.hands.forward(5.0)
    found = app.lines("telemetry")
    assert 'telemetry_ingestion_total{source="mqtt",well="well-1"} 600.0' in found
    assert "telemetry_validation_errors_total 3.0" in found
    assert "telemetry_processing_duration_seconds_sum 0.5" in found
    rate = float(app.lines("telemetry_ingestion_rate ")[0].split()[1])
    assert 9.0 <= rate <= 10.0
    app.hands.forward(70.0)
    assert app.lines("telemetry_ingestion_rate ") == ["telemetry_ingestion_rate 0.0"]


# B-56 B-57 B-58
def test_diagnostics() -> None:
    app = Application()
    with app.diagnostics.analysis():
        app.hands.forward(75.0)
        app.diagnostics.anomalies(2)
    assert app.lines("diagnostics") == [
        "diagnostics_analysis_total 1.0",
        "diagnostics_analysis_duration_seconds_count 1.0",
        "diagnostics_analysis_duration_seconds_sum 75.0",
        "diagnostics_anomalies_detected_total 2.0",
    ]
    buckets = whole(app.registry).decode()
    assert 'diagnostics_analysis_duration_seconds_bucket{le="60.0"} 0.0' in buckets
    assert 'diagnostics_analysis_duration_seconds_bucket{le="90.0"} 1.0' in buckets


def fail_after(app: Application, seconds: float) -> None:
    app.hands.forward(seconds)
    raise OSError("disk full")


# B-59 B-60 B-61 B-62
def test_backups() -> None:
    app = Application()
    with app.backups.run("full") as backup:
        app.hands.forward(30.0)
        backup.size = 4096
    failing = app.backups.run("full")
    with pytest.raises(OSError, match="disk"), failing:
        fail_after(app, 2.0)
    assert app.lines("backup") == [
        'backup_operations_total{status="success",type="full"} 1.0',
        'backup_operations_total{status="failure",type="full"} 1.0',
        'backup_duration_seconds_count{type="full"} 2.0',
        'backup_duration_seconds_sum{type="full"} 32.0',
        "backup_size_bytes 4096.0",
        "backup_last_success_timestamp 1030.0",
    ]


# B-63 B-64 B-65 B-66
def test_timescale() -> None:
    app = Application()
    app.timescale.hypertable("readings", chunks=12, compression_ratio=8.5)
    app.timescale.hypertable("events", chunks=3)
    app.timescale.continuous_aggregates(2)
    app.timescale.cache_hit_rate(0.97)
    assert app.lines("timescaledb") == [
        'timescaledb_hypertable_chunks_total{hypertable="readings"} 12.0',
        'timescaledb_hypertable_chunks_total{hypertable="events"} 3.0',
        'timescaledb_compression_ratio{hypertable="readings"} 8.5',
        "timescaledb_continuous_aggregates_total 2.0",
        "timescaledb_query_cache_hit_rate 0.97",
    ]


# B-29 B-30
def test_the_cache() -> None:
    app = Application()
    app.cache.hit()
    app.cache.hit()
    app.cache.miss()
    with app.cache.operation("get"):
        app.hands.forward(0.5)
    assert app.lines("cache") == [
        'cache_requests_total{result="hit"} 2.0',
        'cache_requests_total{result="miss"} 1.0',
        'cache_operation_duration_seconds_count{operation="get"} 1.0',
        'cache_operation_duration_seconds_sum{operation="get"} 0.5',
    ]


# B-18 B-19 B-31 B-32 B-33
def test_users() -> None:
    app = Application()
    app.users.login(success=True)
    app.users.login(success=False)
    app.users.sessions(7)
    app.users.audit("role_changed")
    app.users.registered("email")
    app.users.feature("activity_creation")
    assert app.lines("") == [
        *["# HELP logins_total Logins", "# TYPE logins_total counter"],
        *['logins_total{outcome="success"} 1.0', 'logins_total{outcome="failure"} 1.0'],
        *["# HELP sessions_active Sessions that are active", "# TYPE sessions_active gauge", "sessions_active 7.0"],
        *["# HELP audit_events_total Audit events", "# TYPE audit_events_total counter"],
        'audit_events_total{event="role_changed"} 1.0',
        *["# HELP user_registrations_total User registrations", "# TYPE user_registrations_total counter"],
        'user_registrations_total{method="email"} 1.0',
        *["# HELP feature_usage_total Uses of a feature", "# TYPE feature_usage_total counter"],
        'feature_usage_total{feature="activity_creation"} 1.0',
    ]


# B-79 B-80 B-82 B-88 G-45
def test_ai_calls_and_errors_under_every_name_of_the_preset() -> None:
    app = Application(Preset.AI)
    app.ai.called("gpt-4o", "success", 0.02)
    app.ai.called("gpt-4o", "error", 0)
    with app.ai.call("gpt-4o") as call:
        call.cost = 0.5
    with pytest.raises(KeyError), app.ai.call("gpt-4o"):
        raise KeyError
    app.error("routine_generation", TimeoutError("slow"))
    app.error("routine_generation", TimeoutError)
    app.error("routine_generation", "TimeoutError")
    expected = {
        "holisticos_openai_calls_total": [
            '{model="gpt-4o",status="success"} 2.0',
            '{model="gpt-4o",status="error"} 2.0',
        ],
        "holisticos_openai_cost_total": [" 0.52"],
        "holisticos_errors_total": ['{error_type="TimeoutError",service="routine_generation"} 3.0'],
    }
    canonical = {
        "holisticos_openai_calls_total": "ai_calls_total",
        "holisticos_openai_cost_total": "ai_cost_dollars_total",
        "holisticos_errors_total": "application_errors_total",
    }
    for name, ends in expected.items():
        assert app.lines(name) == [name + end for end in ends]
        assert app.lines(canonical[name]) == [canonical[name] + end for end in ends]
    plain = Application()
    plain.ai.called("gpt-4o", "success", 0.02)
    assert plain.lines("holisticos") == []
    assert plain.lines("ai_calls") == ['ai_calls_total{model="gpt-4o",status="success"} 1.0']


# M-16 B-84
def test_values_are_bounded_and_nothing_raises() -> None:
    app = Application(monitoring_label_limit=10)
    for number in range(1000):
        app.users.feature(f"feature-{number}")
        app.ai.called(f"model-{number}", "success", 0.1)
    assert len(app.lines("feature_usage_total{")) == 11
    assert app.lines('feature_usage_total{feature="overflow"}') == ['feature_usage_total{feature="overflow"} 990.0']
    assert len(app.lines("ai_calls_total{")) == 11
    broken: Any = app
    broken.users.feature(object())
    broken.telemetry.ingested("w", "s", records="many")
    broken.database.pool("large")
    broken.ai.called("gpt-4o", "success", None)
    with broken.ai.call("gpt-4o") as call:
        call.cost = None
    broken.timescale.hypertable(None, chunks=None)
    assert app.lines("watchstack_dropped") != []


def test_a_name_that_the_application_has_itself_is_left_to_it() -> None:
    from prometheus_client import Counter

    app = Application()
    own = Counter("logins", "Of the application", ["how"], registry=app.registry)
    own.labels("sso").inc()
    app.users.login(success=True)
    assert app.lines("logins_total") == ['logins_total{how="sso"} 1.0']
    assert app.lines("watchstack_dropped") == ['watchstack_dropped_observations_total{reason="name"} 1.0']


# B-09 B-10 B-63
def test_application_and_health_checks_feed_the_same_gauges() -> None:
    registry = CollectorRegistry()
    monitoring = Monitoring(settings=Settings(preset=Preset.FLASK), registry=registry)
    monitoring.database.pool(8, used=3)
    monitoring.timescale.hypertable("readings", chunks=4)
    found = whole(registry).decode().splitlines()
    assert found.count("db_connection_pool_size 8.0") == 1
    assert found.count("# TYPE db_connection_pool_size gauge") == 1
    assert "db_connection_pool_used 3.0" in found
    assert 'timescaledb_hypertable_chunks_total{hypertable="readings"} 4.0' in found
    assert not [line for line in found if line.startswith("watchstack_dropped")]

"""PostgreSQL's own figures, the startup probe, and TimescaleDB against a real PostgreSQL.

The TimescaleDB extension is in no package registry that this project uses, so a STAND-IN answers for it: a schema with
the extension's documented views and function (names and columns of its information views and of
hypertable_compression_stats), filled with figures. `pg_extension` itself cannot be filled, so the stand-in has a table
of that name in a schema which the connection's search path puts before the catalogue. What is proven is that the
check's queries run on PostgreSQL and read those names rightly, not that an extension of any version has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from library_kit import Ask, drive_wsgi, lines_of
from services_kit import Program, conninfo, driver, postgres, run
from waiting import until
from watchstack import Monitoring, Preset, Settings
from watchstack.health.check import Status
from watchstack.health.database import Limits, PsycopgDatabase, SqlalchemyDatabase, database_check
from watchstack.health.startup import startup_checks
from watchstack.health.timescaledb import timescaledb_check

__all__ = ["postgres"]  # the fixture
pytestmark = pytest.mark.services
PATIENT = Limits(slow_ms=60_000.0, connect_ms=60_000.0)  # a busy machine is no slow database

STAND_IN = """
CREATE SCHEMA standin;
CREATE TABLE standin.pg_extension (extname name, extversion text);
INSERT INTO standin.pg_extension VALUES ('timescaledb', '2.17.2');
CREATE SCHEMA timescaledb_information;
CREATE TABLE timescaledb_information.hypertables (hypertable_schema name, hypertable_name name, owner name,
 num_dimensions smallint, num_chunks bigint, compression_enabled boolean, tablespaces name[]);
CREATE TABLE timescaledb_information.continuous_aggregates (hypertable_schema name, hypertable_name name,
 view_schema name, view_name name, view_owner name, materialized_only boolean, compression_enabled boolean);
CREATE TABLE public.telemetry (time timestamptz);
CREATE TABLE public."Wells Raw" (time timestamptz);
CREATE TABLE public.events (time timestamptz);
INSERT INTO timescaledb_information.hypertables VALUES
 ('public', 'telemetry', 'watch', 1, 12, true, NULL), ('public', 'Wells Raw', 'watch', 1, 4, true, NULL),
 ('public', 'events', 'watch', 2, 3, false, NULL);
INSERT INTO timescaledb_information.continuous_aggregates VALUES
 ('public', 'telemetry', 'public', 'hourly', 'watch', true, false),
 ('public', 'telemetry', 'public', 'daily', 'watch', true, false);
CREATE FUNCTION public.hypertable_compression_stats(hypertable regclass) RETURNS TABLE (total_chunks bigint,
 number_compressed_chunks bigint, before_compression_table_bytes bigint, before_compression_index_bytes bigint,
 before_compression_toast_bytes bigint, before_compression_total_bytes bigint, after_compression_table_bytes bigint,
 after_compression_index_bytes bigint, after_compression_toast_bytes bigint, after_compression_total_bytes bigint,
 node_name name) LANGUAGE sql AS $$
 SELECT 12::bigint, 12::bigint, 0::bigint, 0::bigint, 0::bigint, 950000::bigint, 0::bigint, 0::bigint, 0::bigint,
 100000::bigint, NULL::name WHERE hypertable = 'public.telemetry'::regclass $$;
"""


@pytest.fixture
def timescale(postgres: Program) -> str:
    """The address of a database in which the stand-in answers."""
    psycopg = driver("psycopg")
    with psycopg.connect(conninfo(postgres.port), autocommit=True) as connection:
        connection.execute(STAND_IN)
    return conninfo(postgres.port) + "?options=-csearch_path%3Dstandin,pg_catalog,public"


# C-29 C-33 C-34 C-35
def test_timescaledb_by_a_stand_in(timescale: str) -> None:
    sqlalchemy = driver("sqlalchemy")
    engine = sqlalchemy.create_engine(timescale.replace("postgresql://", "postgresql+psycopg://"))
    for database in (PsycopgDatabase(timescale), SqlalchemyDatabase(engine)):
        found = run(timescaledb_check(database))
        assert (found.status, found.message) == (Status.HEALTHY, "TimescaleDB operational")
        assert found.details == {"version": "2.17.2", "hypertables": 3, "continuous_aggregates": 2}
        raw, events, telemetry = sorted(found.sections["hypertables"], key=lambda one: str(one["name"]))
        assert telemetry == {
            "name": "public.telemetry", "status": "compressed", "chunks": 12, "compressed_chunks": 12,
            "compression_enabled": True, "compression_ratio": 9.5,
        }  # fmt: skip
        assert (raw["name"], raw["status"], raw["compression_ratio"]) == ("public.Wells Raw", "uncompressed", None)
        assert (events["chunks"], events["compression_enabled"]) == (3, False)
        assert found.sections["continuous_aggregates"] == {"count": 2, "names": ["public.daily", "public.hourly"]}
        assert found.gauges["timescaledb_hypertable_chunks_total", "public.events"] == 3
        assert 0 < found.gauges["timescaledb_query_cache_hit_rate",] <= 1
    engine.dispose()


def test_timescaledb_without_the_function_for_compression(timescale: str) -> None:  # C-34
    with driver("psycopg").connect(timescale, autocommit=True) as connection:
        connection.execute("DROP FUNCTION public.hypertable_compression_stats")
    found = run(timescaledb_check(PsycopgDatabase(timescale)))
    assert found.status is Status.HEALTHY
    assert found.gauges["timescaledb_hypertable_chunks_total", "public.telemetry"] == 12
    assert not [series for series in found.gauges if series[0] == "timescaledb_compression_ratio"]


def test_a_database_without_the_extension(postgres: Program) -> None:  # C-29
    database = PsycopgDatabase(conninfo(postgres.port))
    found = run(timescaledb_check(database))
    assert (found.status, found.message) == (Status.UNHEALTHY, "TimescaleDB extension is not installed")
    postgres.stop()
    found = run(timescaledb_check(database))
    assert found.status is Status.CRITICAL
    assert found.message.startswith("TimescaleDB error: ")
    postgres.start()


def test_the_server_s_own_figures(postgres: Program) -> None:  # C-28 C-32 C-37 C-10 C-15
    psycopg = driver("psycopg")
    with psycopg.connect(conninfo(postgres.port)) as held:
        held.execute("SELECT 1")
        version = held.info.server_version // 10000

        def told() -> Mapping[str, Any] | None:
            """Once the connections of before have ended at the server too, and left their figures."""
            sections = run(database_check(PsycopgDatabase(conninfo(postgres.port)), limits=PATIENT)).sections
            figures = sections["database"]  # the one held and the check's own
            alone = (figures["connections"], figures["active_connections"]) == (2, 1)
            return sections if alone and figures["cache_hit_rate"] and figures["transactions_committed"] else None

        sections = until(told)
    assert sections["postgresql"]["version"].startswith(str(version))
    assert sections["postgresql"]["connected"] is True
    figures = sections["database"]
    assert figures["max_connections"] == 100
    assert 0 < figures["cache_hit_rate"] <= 1
    assert figures["transactions_committed"] >= 1


def test_a_connection_to_a_host_that_is_gone_ends(postgres: Program) -> None:
    address = conninfo(postgres.port)
    own = PsycopgDatabase(f"{address}?keepalives_idle=60&connect_timeout=7", seconds=1.0)
    bounds = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 15_000}
    assert PsycopgDatabase(address, seconds=1.0)._bounds == {**bounds, "connect_timeout": 2}
    assert own._bounds.keys() == {"keepalives_interval", "keepalives_count", "tcp_user_timeout"}  # what it says, wins
    assert own.execute_one("SELECT 1 AS one") == {"one": 1}


def test_connecting_takes_too_long(postgres: Program) -> None:  # F-15
    found = run(database_check(PsycopgDatabase(conninfo(postgres.port)), limits=Limits(connect_ms=0.001)))
    assert found.status is Status.DEGRADED
    assert found.message.startswith("Database connect slow: ")


def test_a_pool_near_its_end_and_at_its_end(postgres: Program) -> None:  # F-14 C-42
    sqlalchemy = driver("sqlalchemy")
    address = conninfo(postgres.port).replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(address, pool_size=5, max_overflow=0, pool_timeout=0.2)
    check = database_check(SqlalchemyDatabase(engine), limits=replace(PATIENT, pool_ratio=0.5))
    held = [engine.connect() for _ in range(3)]
    assert run(check).message == "Database pool utilization high: 60%"
    held += [engine.connect(), engine.connect()]
    assert run(check).message.startswith("Database error: QueuePool limit")
    for connection in held:
        connection.close()
    assert run(check).status is Status.HEALTHY
    engine.dispose()


def test_what_the_startup_probe_waits_for(postgres: Program) -> None:  # C-30 C-31
    psycopg = driver("psycopg")
    pool, tables = startup_checks(PsycopgDatabase(conninfo(postgres.port)), ("wells", "plant.telemetry"))
    assert run(pool).message == "Database pool initialised"
    assert run(tables).message == "Required tables missing: wells, plant.telemetry"
    with psycopg.connect(conninfo(postgres.port), autocommit=True) as connection:
        connection.execute("CREATE TABLE wells (id int); CREATE SCHEMA plant; CREATE TABLE plant.telemetry (id int)")
    assert run(tables).message == "Required tables exist"
    postgres.stop()
    assert run(pool).status is run(tables).status is Status.CRITICAL
    postgres.start()


# A-31 A-33 A-34 C-36 B-63 B-64 B-65 B-66 X-03
def test_the_iot_endpoints_over_a_real_database(postgres: Program, timescale: str) -> None:
    environ = {
        "DATABASE_URL": timescale, "HEALTH_REQUIRED_TABLES": "telemetry,wells", "HEALTH_CHECK_INTERVAL": "0.2",
        "DB_QUERY_SLOW_THRESHOLD_MS": "60000", "DB_CONNECTION_TIMEOUT_THRESHOLD_MS": "60000",
    }  # fmt: skip
    monitoring = Monitoring(settings=Settings.from_environ(environ, preset=Preset.IOT))
    app = Flask("wells")
    monitoring.init_app(app)

    def get(path: str) -> tuple[str, Any]:
        reply = drive_wsgi(app, Ask(path=path, headers=(("accept", "application/json"),)))
        return reply.status, json.loads(reply.body)

    try:
        status, body = get("/health/detailed")
        assert status == "200"
        assert body["postgresql"]["connected"] is True
        assert body["timescaledb"] == {"version": "2.17.2"}
        assert {one["name"]: one["chunks"] for one in body["hypertables"]} == {
            "public.telemetry": 12, "public.Wells Raw": 4, "public.events": 3,
        }  # fmt: skip
        assert body["continuous_aggregates"]["count"] == 2
        assert body["database"]["active_connections"] >= 1
        assert body["system"]["memory_percent"] > 0
        assert body["system"]["disk_percent"] > 0
        assert (get("/health/ready")[0], get("/health/startup")[0]) == ("200", "503")
        assert get("/health/startup")[1]["checks"]["required_tables"]["status"] == "unhealthy"
        text = drive_wsgi(app, Ask(path="/health/metrics")).body
        assert lines_of(text, "timescaledb_hypertable_chunks_total")
        assert 'timescaledb_compression_ratio{hypertable="public.telemetry"} 9.5' in text.decode()
        assert "timescaledb_continuous_aggregates_total 2.0" in text.decode()
        with driver("psycopg").connect(timescale, autocommit=True) as connection:
            connection.execute("CREATE TABLE public.wells (id int)")
            connection.execute("DELETE FROM standin.pg_extension")
        assert get("/health/startup")[0] == "200"

        def unready() -> bool:
            status, body = get("/health/ready")
            return status == "503" and bool(body["checks"]["timescaledb"]["status"] == "unhealthy")

        until(unready)
        assert get("/health/live")[0] == "200"
    finally:
        monitoring.stop()

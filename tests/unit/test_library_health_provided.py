"""The checks that settings and preset bring, what takes their place, bad settings, and the metrics that they feed."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from flask import Flask
from health_kit import FINE, Pooled, Redis
from library_kit import Ask, drive_wsgi, lines_of
from shop_kit import Still
from waiting import DEADLINE, until
from watchstack import Monitoring, Preset, SettingError, Settings
from watchstack.health.check import Check, Result, Status
from watchstack.health.mongodb import mongodb_client

EVERYTHING = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/x", "MONGODB_URL": "mongodb://127.0.0.1:1/",
    "REDIS_URL": "redis://127.0.0.1:1", "OPENAI_API_KEY": "sk-1",
    "HEALTH_EXTERNAL_APIS": "supabase=https://x.supabase.co, stripe=https://api.stripe.com",
    "HEALTH_NETWORK_TARGETS": "localhost:443,[::1]:80", "HEALTH_REQUIRED_TABLES": "wells",
}  # fmt: skip


STORES = {"system", "database", "mongodb", "redis", "openai", "supabase", "stripe", "network"}


BROUGHT: list[tuple[str | None, dict[str, str], set[str]]] = [
    (None, {}, {"system"}),
    (None, EVERYTHING, STORES),
    ("flask", EVERYTHING, STORES),
    ("flask", {}, {"system"}),
    ("api", {}, {"system", "memory", "cpu", "disk", "network"}),
    ("api", {"MONGODB_URL": "mongodb://127.0.0.1:1/"}, {"system", "memory", "cpu", "disk", "network", "database"}),
    ("framework", {}, {"system", "memory", "cpu", "disk", "responsiveness"}),
    ("framework", {"REDIS_URL": "redis://127.0.0.1:1"},
     {"system", "memory", "cpu", "disk", "responsiveness", "cache"}),
    ("iot", {}, {"system"}),
    ("iot", {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, {"system", "database", "timescaledb"}),
    ("iot", {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "HEALTH_TIMESCALEDB": "false"}, {"system", "database"}),
    ("ai", {}, {"system", "redis", "responsiveness"}),
    ("ai", {"OPENAI_API_KEY": "sk-1", "DATABASE_URL": "sqlite://"},
     {"system", "redis", "responsiveness", "openai", "database"}),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "environ", "names"), BROUGHT)
def test_a_check_is_there_with_its_setting(preset: str | None, environ: dict[str, str], names: set[str]) -> None:
    health = Monitoring(settings=Settings.from_environ(environ, preset=preset)).health
    assert {check.name for check in health.checks} == names
    assert all(check.provided for check in health.checks)
    startup = {"database_pool"} if "DATABASE_URL" in environ else set()
    assert {check.name for check in health.startup} == startup | (
        {"required_tables"} if "HEALTH_REQUIRED_TABLES" in environ else set()
    )


def test_a_check_without_its_driver_is_not_there_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import importlib
    import importlib.util

    real = importlib.import_module

    def missing(name: str, *more: Any) -> Any:
        if name in ("psycopg", "pymongo", "redis"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING, "watchstack.health"):
        health = Monitoring(settings=Settings.from_environ(EVERYTHING)).health
    assert {check.name for check in health.checks} == {"system", "supabase", "stripe", "network"}
    for name in ("DATABASE_URL", "MONGODB_URL", "REDIS_URL", "OPENAI_API_KEY"):
        assert f"{name} is not checked: " in caplog.text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEALTH_EXTERNAL_APIS", "stripe"), ("HEALTH_EXTERNAL_APIS", "stripe=ftp://x"),
        ("HEALTH_EXTERNAL_APIS", "=https://x"), ("HEALTH_EXTERNAL_APIS", "system=https://x"),
        ("HEALTH_EXTERNAL_APIS", "simple=https://x"), ("HEALTH_EXTERNAL_APIS", "a=https://x,a=https://y"),
        ("HEALTH_NETWORK_TARGETS", "localhost"),
        ("HEALTH_NETWORK_TARGETS", "localhost:0"), ("HEALTH_NETWORK_TARGETS", ":443"),
        ("MONGODB_URL", "http://x"), ("MONGODB_URL", "mongodb://x/?authMechanism=GSSAPI"),
        ("REDIS_URL", "http://x"), ("DATABASE_URL", "nonsense"),
    ],
)  # fmt: skip
def test_a_bad_setting_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{variable}="):
        Monitoring(settings=Settings.from_environ({variable: value}))


def test_an_api_cannot_have_the_name_of_a_check_of_the_preset() -> None:
    for name in ("memory", "network", "responsiveness"):
        preset = "api" if name == "network" else "framework"
        with pytest.raises(SettingError, match="a name that no other check has"):
            Monitoring(settings=Settings.from_environ({"HEALTH_EXTERNAL_APIS": f"{name}=https://x"}, preset=preset))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGODB_URL", "mongodb://user:hunter2@[bad"),
        ("DATABASE_URL", "postgresql://user:p@hunter2@host/x"),
        ("DATABASE_URL", "postgresql://user:p@host:hunter2/x"),
        ("DATABASE_URL", "postgresql://user:hunter2@host/x?no=such"),
        ("DATABASE_URL", "mysql+no-such-driver://user:hunter2@host/x"),
        ("DATABASE_URL", "mysql+pymysql://user:p@host:hunter2@host/x"),
        ("MONGODB_URL", "mongodb://user:p/hunter2@host/x"),
        ("REDIS_URL", "rediss2://:hunter2@host"),
        ("REDIS_URL", "redis://:hunter2/x@host"),
        ("REDIS_URL", "redis://user:hunter2#x@host"),
        ("HEALTH_EXTERNAL_APIS", "shop=ftp://hunter2"),
    ],
)
def test_a_secret_url_is_not_in_the_error(variable: str, value: str) -> None:  # M-16
    with pytest.raises(SettingError, match=f"^{variable}=") as caught:
        Monitoring(settings=Settings.from_environ({variable: value}))
    assert "hunter2" not in str(caught.value)


def test_a_time_in_the_url_of_mongodb_wins() -> None:
    client = mongodb_client("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300&appName=x", seconds=8.0)
    assert client.options.server_selection_timeout == 0.3
    assert client.options.pool_options.connect_timeout == 8.0
    client.close()


def test_an_application_s_own_check_takes_the_place_of_one_that_the_settings_brought() -> None:
    monitoring = Monitoring(settings=Settings(preset=Preset.AI), sampler=Still())
    health, gate = monitoring.health, threading.Event()
    health.add(Check("slow", lambda: Result(Status.HEALTHY if gate.wait(DEADLINE) else Status.CRITICAL), provided=True))
    app = Flask("own")
    monitoring.init_app(app)
    old = until(lambda: health.runner._flying.get("slow"))
    health.add(Check("slow", lambda: FINE))
    health.add(Check("redis", lambda: FINE))
    for name in ("slow", "redis"):
        assert health.runner.latest([health.checks[name]])[0].result == FINE
        with pytest.raises(ValueError, match="registered already"):
            health.add(Check(name, lambda: FINE))
        with pytest.raises(ValueError, match="registered already"):
            health.add(Check(name, lambda: FINE, provided=True))
    gate.set()
    until(lambda: old.returned and old.outcome)  # the run of the old check ends, and is not the newest outcome
    assert health.runner.latest([health.checks["slow"]])[0].result == FINE
    monitoring.stop()


def test_what_the_check_before_has_found_is_not_told_of_the_new_one() -> None:
    health = Monitoring(settings=Settings()).health
    old = health.add(Check("one", lambda: Result(Status.CRITICAL), provided=True))
    assert health.runner.latest([old])[0].result.status is Status.CRITICAL
    new = health.add(Check("one", lambda: FINE))
    assert health.runner.latest([new])[0].result == FINE


def test_an_application_s_database_takes_the_place_of_the_settings_everywhere() -> None:
    environ = {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "HEALTH_REQUIRED_TABLES": "wells"}
    health = Monitoring(settings=Settings.from_environ(environ, preset="iot")).health
    own = Pooled()
    health.watch_database(own)
    functions: list[Any] = [health.checks[name].function for name in ("database", "timescaledb")]
    functions += [check.function for check in health.startup]
    assert [one._database for one in functions] == [own] * 4
    assert health.watch_timescaledb(own).provided is False
    with pytest.raises(ValueError, match="registered already"):
        health.watch_database(own)
    other = Monitoring(settings=Settings(preset=Preset.IOT, health_timescaledb=True)).health
    first = other.watch_timescaledb(own)
    other.watch_database(own)
    assert other.checks["timescaledb"] is first


def test_what_checks_find_of_stores_feeds_the_metrics() -> None:  # B-09 B-10 B-11 B-12 B-32 B-63 B-64 B-65 B-66
    monitoring = Monitoring(settings=Settings(), sampler=Still())
    app = Flask("fed")
    pool = {"size": 8, "idle_connections": 5}
    monitoring.health.watch_database(Pooled(pool))
    monitoring.health.watch_redis(Redis(4096))
    monitoring.health.watch_sessions(lambda: 12)
    gauges = {
        ("timescaledb_hypertable_chunks_total", "public.telemetry"): 12,
        ("timescaledb_compression_ratio", "public.telemetry"): 9.5,
        ("timescaledb_continuous_aggregates_total",): 3, ("timescaledb_query_cache_hit_rate",): 0.99,
    }  # fmt: skip
    monitoring.health.add(Check("timescaledb", lambda: Result(Status.HEALTHY, gauges=gauges)))
    monitoring.init_app(app)
    drive_wsgi(app, Ask(path="/health/standard"))
    text = drive_wsgi(app, Ask(path="/metrics")).body
    assert sorted(lines_of(text, "db_connection_pool", "redis_", "sessions_", "timescaledb_")) == [
        "db_connection_pool_size 8.0",
        "db_connection_pool_used 3.0",
        "redis_connected_clients 2.0",
        "redis_memory_bytes 4096.0",
        "sessions_active 12.0",
        'timescaledb_compression_ratio{hypertable="public.telemetry"} 9.5',
        "timescaledb_continuous_aggregates_total 3.0",
        'timescaledb_hypertable_chunks_total{hypertable="public.telemetry"} 12.0',
        "timescaledb_query_cache_hit_rate 0.99",
    ]
    monitoring.stop()

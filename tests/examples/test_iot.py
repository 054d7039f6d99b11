"""The IoT example against its document: the rows of A, B, C, F and G that name the system [003].

Its back end is PostgreSQL. TimescaleDB is not to be had, so db/timescaledb-stand-in.sql of the example STANDS IN for
the names that the checks read: what is proven is that they are read and told, not that an extension has them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples_kit import EXAMPLES, Example, running, scraping
from services_kit import Program, conninfo, driver
from waiting import until

pytestmark = pytest.mark.services
SEARCH = "?options=-csearch_path%3Dstandin,pg_catalog,public"
METRICS = "/health/metrics"


@pytest.fixture(scope="module")
def timescale(postgres: Program) -> str:
    """The address of the database, in which the stand-in answers."""
    text = (EXAMPLES / "iot/db/schema.sql").read_text() + (EXAMPLES / "iot/db/timescaledb-stand-in.sql").read_text()
    with driver("psycopg").connect(conninfo(postgres.port), autocommit=True) as connection:
        connection.execute(text)
        connection.execute("CREATE MATERIALIZED VIEW hourly AS SELECT count(*) FROM telemetry")
    return conninfo(postgres.port) + SEARCH


@pytest.fixture(scope="module")
def make(timescale: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Example]:
    """The example with its back end; environ: over what it is started with."""

    def one(**environ: str) -> Example:
        folder = tmp_path_factory.mktemp("iot")
        own = {
            "DATABASE_URL": timescale, "HEALTH_CHECK_INTERVAL": "0.3", "HEALTH_CHECK_TIMEOUT": "10",
            "BACKUP_FILE": str(folder / "backup.jsonl"),
        }  # fmt: skip
        return Example("iot", "run.py", port=8000, folder=folder, **{**own, **environ})

    return one


@pytest.fixture(scope="module")
def iot(make: Callable[..., Example]) -> Iterator[Example]:
    with running(make(), "/health/live") as example:
        example.drive()
        yield example


def test_detailed(iot: Example) -> None:  # A-31 C-32 C-33 C-34 C-35 C-36 C-37 N-31
    until(lambda: iot.ask("/health/detailed").json()["status"] == "healthy")
    found = json.loads(iot.shell("curl http://localhost:8000/health/detailed"))
    assert found["status"] == "healthy"
    assert found["postgresql"]["connected"] is True
    assert found["postgresql"]["version"]
    assert found["timescaledb"] == {"version": "stand-in"}
    assert [(one["name"], one["chunks"]) for one in found["hypertables"]] == [("public.telemetry", 1)]
    assert found["continuous_aggregates"] == {"count": 1, "names": ["public.hourly"]}
    assert {"memory_percent", "cpu_percent", "disk_percent"} <= found["system"].keys()
    assert found["database"]["active_connections"] >= 1


def test_probes(iot: Example) -> None:  # A-32 A-33 A-34 C-27 C-28 C-29 C-30 C-31 N-14 N-15 N-16
    assert iot.ask("/health/live").status == 200
    until(lambda: iot.ask("/health/ready").status == 200)
    ready = iot.ask("/health/ready").json()
    assert {"database", "timescaledb"} <= ready["checks"].keys()
    startup = iot.ask("/health/startup")
    assert startup.status == 200
    assert startup.json()["checks"].keys() == {"database_pool", "required_tables"}


def test_metrics_by_name_and_labels(iot: Example) -> None:  # A-35 B-42 B-43 B-47 B-52 B-54 B-58 B-59 B-61 B-86 X-01
    assert iot.ask(METRICS).headers["content-type"].startswith("text/plain; version=")
    assert iot.ask(METRICS, accept="application/json").json()["status"] == "healthy"
    found = iot.samples(METRICS)
    labels = 'endpoint="/api/telemetry",method="POST",path="/api/telemetry"'
    assert found[f'http_requests_total{{{labels},status="201"}}'] == 4
    assert found[f'http_requests_total{{{labels},status="400"}}'] == 2
    route = 'endpoint="/api/wells/<well>/analysis"'
    assert any(name.startswith(f"http_request_duration_seconds_count{{{route}") for name in found)
    assert not [name for name in found if "esp-1/analysis" in name]
    assert found['telemetry_ingestion_total{source="mqtt",well="esp-1"}'] == 8
    assert found["telemetry_validation_errors_total"] == 4
    assert found["diagnostics_anomalies_detected_total"] >= 1
    assert found['backup_operations_total{status="success",type="full"}'] == 2
    assert found["backup_size_bytes"] == (iot.log.parent / "backup.jsonl").stat().st_size
    assert found['db_queries_total{operation="insert"}'] == 4


def test_prometheus_answers_each_metric_by_name(
    iot: Example, program: Callable[..., Path], tmp_path: Path
) -> None:  # B-44 B-45 B-46 B-48 B-49 B-50 B-53 B-55 B-56 B-57 B-60 B-62 B-63 B-64 B-65 B-66 L-24
    names = [
        "http_requests_total", "http_request_duration_seconds", "http_requests_in_progress", "http_request_size_bytes",
        "http_response_size_bytes", "db_queries_total", "db_query_duration_seconds", "db_connections_active",
        "db_connection_errors_total", "telemetry_ingestion_total", "telemetry_ingestion_rate",
        "telemetry_validation_errors_total", "telemetry_processing_duration_seconds", "diagnostics_analysis_total",
        "diagnostics_analysis_duration_seconds", "diagnostics_anomalies_detected_total", "backup_operations_total",
        "backup_duration_seconds", "backup_size_bytes", "backup_last_success_timestamp",
        "timescaledb_hypertable_chunks_total", "timescaledb_compression_ratio",
        "timescaledb_continuous_aggregates_total", "timescaledb_query_cache_hit_rate", "application_info",
    ]  # fmt: skip
    system = [  # B-67 B-68 B-69 B-70 B-71 B-72 B-73 B-74
        "system_cpu_usage_percent", "system_memory_usage_percent", "system_memory_available_bytes",
        "system_disk_usage_percent", "system_disk_available_bytes", "system_network_bytes_sent",
        "system_network_bytes_received",
    ]  # fmt: skip
    job = EXAMPLES / "iot/monitoring/prometheus.yml"
    with scraping(program("prometheus"), job, "iot", iot.port, tmp_path) as prometheus:
        prometheus.answer_to([*names, *system])
        assert prometheus.labels("http_requests_total") == {frozenset({"method", "endpoint", "path", "status"})}
        assert prometheus.labels("telemetry_ingestion_total") == {frozenset({"well", "source"})}
        assert prometheus.silent(["no_such_metric"]) == ["no_such_metric"]
    families = re.findall(r"^# TYPE (\S+) ", iot.ask(METRICS).text, re.MULTILINE)
    assert len(set(families)) > 40  # B-75 X-20


def test_python_of_the_document(iot: Example) -> None:  # G-25 G-26 G-28
    lines = """
from app.core import database, telemetry
from app.api.routes.health import health_routes
import app.core.metrics, app.api.middleware.monitoring
telemetry.ingested("well-1", "mqtt", records=2)
print(sorted(path for path in health_routes.paths if path.startswith("/health/")))
"""
    said = iot.python(lines)
    for path in ("/health/detailed", "/health/live", "/health/metrics", "/health/ready", "/health/startup"):
        assert f"'{path}'" in said


def test_commands_of_the_document(iot: Example) -> None:  # N-31
    told = iot.shell("curl http://localhost:8000/health/metrics")
    assert "# TYPE telemetry_ingestion_total counter" in told


def test_the_database_goes_and_returns(iot: Example, postgres: Program) -> None:  # C-28 B-50 Y-10
    postgres.stop()
    try:
        until(lambda: iot.ask("/health/ready").status == 503)
        assert iot.ask("/health/live").status == 200
        assert iot.ask("/health/detailed").json()["status"] in ("unhealthy", "critical")
        assert _ingest(iot).status == 503
        found = iot.samples(METRICS)
        assert found["db_connection_errors_total"] >= 1
        assert iot.ask("/api/backups", "POST").status == 503
        assert iot.samples(METRICS)['backup_operations_total{status="failure",type="full"}'] == 1
    finally:
        postgres.start()
    until(lambda: iot.ask("/health/ready").status == 200)
    assert _ingest(iot).status == 201


def test_tables_and_extension_that_are_missing(make: Callable[..., Example], timescale: str) -> None:  # C-29 C-31 A-34
    with driver("psycopg").connect(timescale, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    bare = timescale.replace("/postgres?", "/bare?")
    with running(make(DATABASE_URL=bare), "/health/live") as example:
        assert example.ask("/health/startup").status == 503
        assert example.ask("/health/startup").json()["checks"]["required_tables"]["status"] == "unhealthy"
        until(lambda: example.ask("/health/ready").json()["checks"]["timescaledb"]["status"] == "unhealthy")
        assert example.ask("/health/ready").status == 503
        assert _ingest(example).status == 201  # makes the tables
        until(lambda: example.ask("/health/startup").status == 200)
    with running(make(DATABASE_URL=bare, HEALTH_TIMESCALEDB="false"), "/health/live") as example:
        until(lambda: example.ask("/health/ready").status == 200)


def test_it_starts_without_its_database(make: Callable[..., Example]) -> None:  # C-27 Y-10
    with running(make(DATABASE_URL="postgresql://watch@127.0.0.1:1/postgres"), "/health/live") as example:
        assert (example.ask("/health/live").status, example.ask("/health/ready").status) == (200, 503)
        assert _ingest(example).status == 503


def test_the_script_leads_to_the_stack(tmp_path: Path) -> None:  # L-34 L-35
    """With a `stack` that writes down how it was called; `./stack up` itself is tested elsewhere."""
    script = tmp_path / "examples" / "iot" / "monitoring" / "start-monitoring.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((EXAMPLES / "iot/monitoring/start-monitoring.sh").read_bytes())
    script.chmod(0o755)
    stack = tmp_path / "stack"
    stack.write_text('#!/bin/sh\necho "stack $*"\n')
    stack.chmod(0o755)
    done = subprocess.run(
        ["./start-monitoring.sh", "--engine", "native"], cwd=script.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["stack up --engine native", "", "stack status", ""]
    told = (EXAMPLES / "iot/monitoring/README.md").read_text()
    for word in ("./start-monitoring.sh", "http://localhost:9090", "http://localhost:3000", "On Linux", "172.17.0.1"):
        assert word in told


def _ingest(example: Example) -> Any:
    return example.ask("/api/telemetry", "POST", {"well": "esp-1", "source": "mqtt", "readings": [1.0]})

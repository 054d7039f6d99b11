"""The application's own metrics under gunicorn with several workers: what each counts adds up for any of them."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from services_kit import ended
from support import ROOT, choose_ports
from waiting import DEADLINE, until

pytestmark = pytest.mark.services

REQUESTS = 400
APP = """
from flask import Flask
from watchstack.api import add_monitoring_middleware, get_monitoring, monitor_database_operation

monitoring = get_monitoring()
app = add_monitoring_middleware(Flask("shop"))

@monitor_database_operation("insert")
def insert(): pass

@app.route("/work/<int:number>")
def work(number):
    insert()
    with monitoring.backups.run("full") as backup:
        backup.size = number
    monitoring.telemetry.ingested(f"well-{number % 3}", "mqtt", 2)
    monitoring.ai.called("gpt-4o", "success", 0.25)
    monitoring.measures.increment_counter("jobs_total", {"kind": "a"})
    monitoring.measures.record_histogram("rows", number, buckets=(100, 1000))
    monitoring.measures.set_gauge("active_users", 150)
    return "done"
"""


def get(port: int, path: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def scrape(port: int) -> dict[str, float]:
    lines = get(port, "/health/metrics?format=prometheus").splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@pytest.fixture(params=[(), ("--preload",)], ids=["each loads the application", "preloaded"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """Of gunicorn with 4 workers."""
    found = choose_ports(1)[0]
    (tmp_path / "shared").mkdir()
    (tmp_path / "shop.py").write_text(APP)
    environment = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared"),
        "PYTHONPATH": str(ROOT / "exporter"),
        "MONITORING_PRESET": "iot",
    }
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{found}", "--no-control-socket", "-w", "4"]
    command += ["--timeout", f"{3 * DEADLINE:.0f}"]  # on a busy machine
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, *request.param, "shop:app"], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
        try:
            until(lambda: get(found, "/health/live"), why=(tmp_path / "log").read_text)
            yield found
        finally:
            process.terminate()
            ended(process)


# B-20 B-47 B-52 B-59 B-79
def test_the_numbers_of_all_workers_add_up(port: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda number: get(port, f"/work/{number}"), range(REQUESTS))) == {"done"}
    for _ in range(6):  # whichever worker answers
        found = scrape(port)
        assert found['db_queries_total{operation="insert"}'] == REQUESTS
        assert found['db_query_duration_seconds_count{operation="insert"}'] == REQUESTS
        assert found['backup_operations_total{status="success",type="full"}'] == REQUESTS
        assert found['jobs_total{kind="a"}'] == REQUESTS
        assert found['rows_bucket{le="100.0"}'] == 101
        assert found['rows_bucket{le="+Inf"}'] == REQUESTS
        assert found['ai_calls_total{model="gpt-4o",status="success"}'] == REQUESTS
        assert found["ai_cost_dollars_total"] == REQUESTS / 4
        assert (
            sum(value for key, value in found.items() if key.startswith("telemetry_ingestion_total{")) == 2 * REQUESTS
        )
        assert found["active_users"] == 150
        assert found["db_connections_active"] == 0
        assert not [key for key in found if key.startswith("watchstack_dropped")]

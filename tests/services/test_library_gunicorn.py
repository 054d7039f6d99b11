"""Several worker processes under gunicorn: what they count adds up, also when one is killed and replaced."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from services_kit import ended
from support import ROOT, choose_ports
from waiting import DEADLINE, until

pytestmark = pytest.mark.services

REQUESTS = 10_000
CLIENTS = 25  # at a time
A_CONNECTION = 40  # requests over one connection: each then meets another worker
APP = """
import os, time
from flask import Flask
from prometheus_client import Counter, Gauge
from watchstack import Monitoring

app = Flask("shop")
sold = Counter("sold", "Items sold", ["kind"])
open_now = Gauge("open_now", "Open", multiprocess_mode="livesum")
Monitoring(app)

@app.route("/items/<item>")
def items(item):
    sold.labels("tea").inc()
    return "item"

@app.route("/pid")
def pid():
    open_now.set(1)
    return str(os.getpid())

@app.route("/slow")
def slow():
    time.sleep(60)
    return "late"

@app.route("/broken")
def broken():
    raise KeyError("on purpose")
"""


class Server:
    """gunicorn with 4 workers on a free port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = choose_ports(1)[0]
        shared = folder / "shared"
        shared.mkdir()
        (folder / "shop.py").write_text(APP)
        environment = {
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(shared),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "exporter"), os.environ.get("PYTHONPATH", "")]),
            "MONITORING_PRESET": "framework",
            "PROMETHEUS_PATH": "/metrics",
        }
        bind = ["-b", f"127.0.0.1:{self.port}", "--no-control-socket", "-w", "4", "--threads", "2"]
        # a client that has to wait for its turn on a busy machine finds its connection and its worker where they were
        bind += ["--keep-alive", f"{DEADLINE:.0f}", "--timeout", f"{3 * DEADLINE:.0f}", "--graceful-timeout", "5"]
        self.log = (folder / "log").open("w+")
        command = [sys.executable, "-m", "gunicorn", *bind, *options, "shop:app"]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )

    def get(self, path: str, connection: http.client.HTTPConnection | None = None) -> str:
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def send(self, count: int) -> None:
        """`count` requests of CLIENTS clients at a time, each of which must be answered."""

        def client(first: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
            with contextlib.closing(connection):
                for number in range(first, first + A_CONNECTION):
                    connection.request("GET", f"/items/{number}")
                    assert connection.getresponse().read() == b"item"

        with ThreadPoolExecutor(CLIENTS) as pool:
            assert list(pool.map(client, range(0, count, A_CONNECTION))) == [None] * (count // A_CONNECTION)

    def scrape(self) -> dict[str, float]:
        lines = self.get("/metrics").splitlines()
        return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def workers(self) -> set[int]:
        """Process ids; asking over HTTP could miss one whose threads are busy."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def stop(self) -> None:
        self.process.terminate()
        try:
            ended(self.process)
        finally:
            self.log.close()


@pytest.fixture(params=[(), ("--preload",)], ids=["each loads the application", "preloaded"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path, *request.param)
    try:
        until(lambda: len({one.get("/pid") for _ in range(12)}) == 4)
        yield one
    finally:
        one.stop()


def test_counters_add_up_over_workers_and_after_a_kill(server: Server) -> None:
    requests = 'http_requests_total{endpoint="/items/<item>",method="GET",path="/items/<item>",status="200"}'
    duration = 'http_request_duration_seconds_count{endpoint="/items/<item>",method="GET"}'
    in_progress = 'http_requests_in_progress{method="GET"}'

    server.send(REQUESTS // 2)
    until(lambda: server.scrape()[requests] >= REQUESTS // 2)  # a worker counts after its client has the last byte
    for _ in range(8):  # whichever worker answers
        found = server.scrape()
        assert found[requests] == found[duration] == found['sold_total{kind="tea"}'] == REQUESTS // 2
    assert found["open_now"] == 4.0
    until(lambda: server.scrape()[in_progress] == 1.0)  # the scrape itself
    checked = 'health_check_duration_seconds_count{component="system",endpoint="background"}'
    until(lambda: server.scrape().get(checked, 0.0) >= 4.0)  # every worker checks, preloaded or not
    one_process = found["memory_usage_bytes"] / 4
    assert one_process > 10e6
    server.get("/broken")
    held = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    held.request("GET", "/slow")
    until(lambda: [server.scrape()[in_progress] for _ in range(3)] == [2.0] * 3)
    before = server.workers()
    assert len(before) == 4
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(server.workers() - before) == 4)
    until(lambda: {int(server.get("/pid")) for _ in range(12)} == server.workers())  # each of them has opened again
    held.close()
    found = server.scrape()
    assert found[requests] == found['sold_total{kind="tea"}'] == REQUESTS // 2
    until(lambda: server.scrape()[in_progress] == 1.0)  # what the killed one held is gone
    assert found["open_now"] == 4.0
    assert found['http_exceptions_total{endpoint="/broken",error_type="KeyError",method="GET"}'] == 1.0
    assert found["memory_usage_bytes"] < 8 * one_process
    server.send(REQUESTS // 2)
    until(lambda: server.scrape()[requests] >= REQUESTS)
    found = server.scrape()
    assert found[requests] == found[duration] == found['sold_total{kind="tea"}'] == REQUESTS
    bucket = 'http_request_duration_seconds_bucket{endpoint="/items/<item>",le="+Inf",method="GET"}'
    assert found[bucket] == REQUESTS
    assert found["watchstack_recording_failures_total"] == 0.0

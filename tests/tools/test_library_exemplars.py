"""The real Prometheus scrapes an application of ours and answers with the trace that a slow request belonged to."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from console_parts import part_running
from flask import Flask
from support import choose_ports
from waiting import until
from watchstack import Monitoring, Settings
from werkzeug.serving import make_server

pytestmark = pytest.mark.tools

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def application() -> Iterator[str]:
    """The address of a monitored Flask application."""
    app = Flask("shop")

    @app.route("/items/<item>")
    def items(item: str) -> str:
        return "item"

    monitoring = Monitoring(app, settings=Settings(metrics_collection_interval=3600))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        monitoring.stop()


@pytest.fixture
def prometheus(program: Callable[..., Path], application: str, tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus that keeps exemplars and scrapes the application every second."""
    [port] = choose_ports(1)
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": [application]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    command = [
        str(program("prometheus")),
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with part_running(command, f"http://127.0.0.1:{port}/-/ready", tmp_path):
        yield f"http://127.0.0.1:{port}"


def ask(address: str, path: str, **query: str) -> Any:
    """The data of Prometheus's answer."""
    with urllib.request.urlopen(f"{address}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
        return json.load(answer)["data"]


def test_prometheus_answers_with_the_trace_of_a_request(application: str, prometheus: str) -> None:
    request = urllib.request.Request(f"http://{application}/items/7")
    request.add_header("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
    before = time.time()
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.read() == b"item"
    query = {"query": "http_request_duration_seconds_bucket", "start": str(before - 60), "end": str(before + 600)}
    [series] = until(lambda: ask(prometheus, "/api/v1/query_exemplars", **query), why="Prometheus has the exemplar")
    assert series["seriesLabels"]["endpoint"] == "/items/<item>"
    assert series["seriesLabels"]["job"] == "shop"
    [exemplar] = series["exemplars"]
    assert exemplar["labels"] == {"trace_id": TRACE}
    assert 0 < float(exemplar["value"]) < time.time() - before
    assert before - 0.001 <= exemplar["timestamp"] <= time.time()  # Prometheus keeps milliseconds

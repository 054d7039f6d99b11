"""A real Prometheus asks an application that wants a token, with the configuration that stack.yml gives."""

from __future__ import annotations

import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from console_parts import part_running
from stackgen.engines.native_placement import placement
from stackgen.render import render
from support import choose_ports
from trees import load_text
from waiting import until

pytestmark = pytest.mark.tools

TOKEN = "only-for-this-test"


class Metrics(BaseHTTPRequestHandler):
    """Metrics for whoever shows the token, 401 for everybody else."""

    def do_GET(self) -> None:
        good = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        body = b"shop_orders_total 7\n" if good else b"no\n"
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def shop() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def prometheus(shop: int, tmp_path: Path, program: Callable[..., Path]) -> Iterator[str]:
    """Prometheus on the generated configuration, with the service's job alone, asking each second."""
    services = f"[{{name: shop, targets: [127.0.0.1:{shop}], bearer_token_file: shop-token}}]"
    model = load_text(tmp_path, f"environment: test\nservices: {services}\n")
    config = yaml.safe_load(render(model, placement(tmp_path))["prometheus/prometheus.yml"])
    jobs = [job for job in config["scrape_configs"] if job["job_name"] == "shop"]
    small = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    (tmp_path / "prometheus.yml").write_text(json.dumps(small))
    (tmp_path / "secrets").mkdir()
    (port,) = choose_ports(1)
    command = [str(program("prometheus")), "--config.file=prometheus.yml", "--storage.tsdb.path=data",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with part_running(command, f"http://127.0.0.1:{port}/-/ready", tmp_path):
        yield f"http://127.0.0.1:{port}"


def ask(prometheus: str, path: str, **query: str) -> Any:
    """What stands under `data` in Prometheus's answer."""
    with urllib.request.urlopen(f"{prometheus}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
        return json.load(answer)["data"]


def number(prometheus: str, expr: str) -> float | None:
    result = ask(prometheus, "/api/v1/query", query=expr)["result"]
    return float(result[0]["value"][1]) if result else None


def why(prometheus: str) -> str:
    (target,) = ask(prometheus, "/api/v1/targets")["activeTargets"]
    return str(target["lastError"])


def test_metrics_come_with_the_token_and_not_without_it(prometheus: str, tmp_path: Path) -> None:
    """Without the file, with a wrong one, with the right one: Prometheus reads it anew each time."""
    token = tmp_path / "secrets" / "shop-token"
    until(lambda: number(prometheus, "up") == 0, why="the target is down without a token")
    token.write_text("another\n")
    until(lambda: "401" in why(prometheus), why="the application refuses a wrong token")
    assert number(prometheus, "shop_orders_total") is None
    token.write_text(f"{TOKEN}\n")
    until(lambda: number(prometheus, "shop_orders_total and on (job) up == 1") == 7, why="the metrics come")
    assert TOKEN not in (tmp_path / "prometheus.yml").read_text()

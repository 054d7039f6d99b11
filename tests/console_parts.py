"""The parts that are asked, run by themselves: Prometheus, Alertmanager and Loki, with the least configuration."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import answers, choose_ports
from waiting import DEADLINE, until

Find = Callable[..., Path]
LOKI = """
auth_enabled: false
analytics: {{reporting_enabled: false}}
server:
  http_listen_address: 127.0.0.1
  http_listen_port: {http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: {grpc}
common:
  path_prefix: {folder}
  instance_addr: 127.0.0.1
  replication_factor: 1
  ring: {{kvstore: {{store: inmemory}}}}
  storage: {{filesystem: {{chunks_directory: {folder}/chunks, rules_directory: {folder}/rules}}}}
schema_config:
  configs:
    - {{from: '2024-01-01', store: tsdb, object_store: filesystem, schema: v13, index: {{prefix: index_, period: 24h}}}}
ingester: {{lifecycler: {{min_ready_duration: 0s, final_sleep: 0s}}}}
ruler: {{poll_interval: 1s}}
limits_config: {{max_entries_limit_per_query: 5000, max_query_series: 5000}}
frontend_worker: {{frontend_address: '127.0.0.1:{grpc}'}}
"""


@contextmanager
def run_alertmanager(program: Find, folder: Path) -> Iterator[str]:
    """The address of an Alertmanager that tells nobody. program: the fixture of that name; folder: made for it."""
    [port] = choose_ports(1)
    folder.mkdir()
    (folder / "config.yml").write_text("route: {receiver: r}\nreceivers: [{name: r}]\n")
    command = [str(program("alertmanager")), "--config.file=config.yml", "--storage.path=data",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
    with part_running(command, f"http://127.0.0.1:{port}/-/ready", folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def run_prometheus(program: Find, folder: Path, rules: str = "") -> Iterator[str]:
    """The address of a Prometheus that scrapes itself each second as `job="own"`. rules: a file of rules as text."""
    [port] = choose_ports(1)
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "own.yml").write_text(rules or "groups: []\n")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules/*.yml]\n"
        f"scrape_configs: [{{job_name: own, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    command = [str(program("prometheus")), "--config.file=prometheus.yml", "--storage.tsdb.path=data",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with part_running(command, f"http://127.0.0.1:{port}/-/ready", folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def run_loki(program: Find, folder: Path) -> Iterator[str]:
    """The address of a Loki without rules."""
    http, grpc = choose_ports(2)
    folder.mkdir()
    (folder / "loki.yml").write_text(LOKI.format(http=http, grpc=grpc, folder=folder))
    with part_running([str(program("loki")), "-config.file=loki.yml"], f"http://127.0.0.1:{http}/ready", folder):
        yield f"http://127.0.0.1:{http}"


def stream(labels: dict[str, str], *lines: str) -> dict[str, Any]:
    """Lines as Loki's push API takes them, a millisecond apart, the last one just now."""
    now = time.time_ns()
    values = [[str(now - 1_000_000 * (len(lines) - number)), line] for number, line in enumerate(lines)]
    return {"stream": labels, "values": values}


def post_json(url: str, content: object) -> None:
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        answer.read()


@contextmanager
def part_running(command: list[str], ready: str, folder: Path, log: str = "log") -> Iterator[None]:
    """A part's process in `folder` from when the address `ready` answers. log: name of the file for its output."""
    path = folder / log
    with path.open("w") as said, subprocess.Popen(command, cwd=folder, stdout=said, stderr=said) as server:
        try:
            until(lambda: answers(ready) or server.poll() is not None, why=path.read_text)
            assert server.poll() is None, path.read_text()
            yield
        finally:
            server.terminate()
            server.wait(DEADLINE)

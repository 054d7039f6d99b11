"""A small town for the console's pages of knowledge: a real Prometheus with the shipped rules over a local server that
exposes what a shop, a host and containers would, and over targets that are broken in as many ways as there are."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console_parts import Find, part_running
from standin import Answer, Reply, standing_in
from support import ROOT, choose_ports

NASTY = '<img src=x onerror=alert(1)>" {{ 7*7 }}'
FOREIGN = """
groups:
  - name: promises
    rules:
      - {record: 'slo:objective:ratio', expr: vector(0.999), labels: &shop {service: shop, slo: availability}}
      - {record: 'slo:errors:rate5m', expr: vector(2), labels: *shop}
      - {record: 'slo:requests:rate5m', expr: vector(1000), labels: *shop}
      - {record: 'slo:error_budget_remaining:ratio', expr: vector(-1), labels: *shop}
  - name: broken
    rules:
      - alert: TwoAtOnce
        expr: up{job="shop"} * on () group_left () up
        labels: {severity: warning}
      - alert: "Nasty"
        expr: nasty > 0
        labels: {severity: info, team: web}
        annotations: {summary: "about {{ $labels.what }}"}
"""


def shop(seconds: float) -> str:
    """What the shop exposes; counters grow by the second. One request in ten fails, its cache check does."""
    good, bad = round(90 * seconds), round(10 * seconds)
    lines = [
        f'http_requests_total{{method="GET",endpoint="/items",path="/items",status="200"}} {good}',
        f'http_requests_total{{method="GET",endpoint="/items",path="/items",status="500"}} {bad}',
        *(f'http_request_duration_seconds_bucket{{method="GET",endpoint="/items",le="{le}"}} {count}'
          for le, count in (("0.1", good // 2), ("1", good), ("2.5", good + bad), ("+Inf", good + bad))),
        f'http_request_duration_seconds_sum{{method="GET",endpoint="/items"}} {0.4 * (good + bad)}',
        f'http_request_duration_seconds_count{{method="GET",endpoint="/items"}} {good + bad}',
        'health_check_status{endpoint="all",component="database"} 1',
        'health_check_status{endpoint="all",component="cache"} 0',
        'application_info{version="2.7.1",environment="test"} 1',
        f"nasty{{what={json.dumps(NASTY)}}} 1",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def host(seconds: float) -> str:
    """The exporter: memory over its threshold, and a collector of containers."""
    lines = [
        f"system_cpu_usage_percent {20 + seconds % 30}",
        "system_memory_usage_percent 84",
        "system_memory_available_bytes 2.5e9",
        'system_disk_usage_percent{mount_point="/"} 41',
        'system_disk_usage_percent{mount_point="/data"} 96.5',
        'system_disk_available_bytes{mount_point="/"} 4e10',
        'system_disk_available_bytes{mount_point="/data"} 2e9',
        f"system_network_bytes_received {2e6 * seconds}",
        f"system_network_bytes_sent {3e5 * seconds}",
        'container_info{project="town",compose_service="shop",name="town-shop-1",image="shop",id="1"} 1',
        'container_cpu_usage_seconds_total{project="town",compose_service="shop",name="town-shop-1"}'
        f" {0.4 * seconds}",
        'container_memory_usage_bytes{project="town",compose_service="shop",name="town-shop-1"} 3e8',
        'container_memory_limit_bytes{project="town",compose_service="shop",name="town-shop-1"} 5e8',
        'container_health{project="town",compose_service="shop",name="town-shop-1"} 0',
        'container_state{project="town",compose_service="shop",name="town-shop-1",state="running"} 1',
        'container_restarts_total{project="town",compose_service="shop",name="town-shop-1"} 2',
        f"process_resident_memory_bytes {9e7}",
    ]
    return "\n".join(lines) + "\n"


PAGES: dict[str, tuple[int, str, Callable[[float], str]]] = {
    "/shop": (200, "text/plain; version=0.0.4", shop),
    "/host": (200, "text/plain; version=0.0.4", host),
    "/html": (200, "text/html", lambda _: "<html><body>Hello</body></html>"),
    "/closed": (401, "text/plain", lambda _: "who are you"),
    "/many": (200, "text/plain; version=0.0.4", lambda _: "".join(f'flood{{n="{n}"}} 1\n' for n in range(50))),
    "/slow": (200, "text/plain; version=0.0.4", lambda _: time.sleep(2.5) or ""),  # type: ignore[func-returns-value]
}


def exposed() -> Answer:
    """What the town's one server answers: PAGES."""
    began = time.time() - 1000

    def answer(_: str, target: str) -> Reply:
        status, kind, text = PAGES.get(target, (404, "text/plain", lambda _: "none"))
        return status, {"Content-Type": kind}, text(time.time() - began).encode()

    return answer


def _jobs(address: str, own: str) -> list[dict[str, Any]]:
    """Job, page, service, and what else the job says."""
    told = [
        ("prometheus", own, "/metrics", "watchstack", {}),
        ("shop", address, "/shop", "shop", {}),
        ("exporter", address, "/host", "watchstack", {}),
        ("refused", "127.0.0.1:1", "/metrics", "till", {}),
        ("html", address, "/html", "site", {}),
        ("closed", address, "/closed", "vault", {}),
        ("absent", address, "/nowhere", "vault", {}),
        ("many", address, "/many", "flood", {"sample_limit": 10}),
        ("slow", address, "/slow", "snail", {"scrape_timeout": "500ms"}),
        ("unnamed", "no-such-host.invalid:80", "/metrics", NASTY, {}),
    ]
    return [
        {"job_name": job, "metrics_path": path, **more,
         "static_configs": [{"targets": [target], "labels": {"service": service, "team": "web", "preset": "flask"}}]}
        for job, target, path, service, more in told
    ]  # fmt: skip


@contextmanager
def run_town(program: Find, folder: Path) -> Iterator[str]:
    """The town's Prometheus, scraping and judging each second, with the shipped rules and foreign ones. Its address."""
    [port] = choose_ports(1)
    (folder / "rules").mkdir(parents=True)
    for file in (ROOT / "prometheus" / "rules").glob("*.yml"):
        if file.name != "watchdog.yml":  # so that a rule of the sources is not loaded
            shutil.copy(file, folder / "rules")
    (folder / "rules" / "foreign.yml").write_text(FOREIGN)
    with standing_in(exposed()) as town:
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules/*.yml"],
            "scrape_configs": _jobs(town.address, f"127.0.0.1:{port}"),
        }
        (folder / "prometheus.json").write_text(json.dumps(config))  # JSON is YAML
        command = [str(program("prometheus")), "--config.file=prometheus.json", "--storage.tsdb.path=data",
                   f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]  # fmt: skip
        with part_running(command, f"http://127.0.0.1:{port}/-/ready", folder):
            yield f"http://127.0.0.1:{port}"


def lay_sources(folder: Path) -> None:
    """The committed rules.json, as the console finds it; a service is added that nobody scrapes."""
    told = json.loads((ROOT / "console" / "rules.json").read_bytes())
    told["services"] = ["shop", "forgotten"]
    (folder / "config" / "rules.json").write_text(json.dumps(told))

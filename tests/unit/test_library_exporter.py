"""The exporter service: its endpoints without a server, and once as the real process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from library_kit import Ask, Hands, drive_wsgi
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from support import ROOT, choose_ports
from waiting import DEADLINE, until
from watchstack.exporter.app import build
from watchstack.host import HostSampler


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def sampler(hands: Hands) -> HostSampler:
    return HostSampler(interval=5, clocks=hands.clocks())


def test_ready_once_the_host_is_sampled_and_not_when_sampling_stops(hands: Hands, sampler: HostSampler) -> None:
    app = build(sampler, CollectorRegistry())
    reply = drive_wsgi(app, Ask(path="/health/ready"))
    assert (reply.status, json.loads(reply.body)["message"]) == ("503", "the host is not sampled yet")
    sampler.sample()
    reply = drive_wsgi(app, Ask(path="/health/ready"))
    assert (reply.status, json.loads(reply.body)) == ("200", {"status": "healthy"})
    hands.forward(31)
    reply = drive_wsgi(app, Ask(path="/health/ready"))
    assert (reply.status, json.loads(reply.body)["message"]) == ("503", "the host was last sampled 31 s ago")
    assert drive_wsgi(app, Ask(path="/health/live")).status == "200"


def test_other_paths_and_methods(sampler: HostSampler) -> None:
    app = build(sampler, CollectorRegistry())
    assert drive_wsgi(app, Ask(path="/nothing")).status == "404"
    refused = drive_wsgi(app, Ask("POST", "/metrics"))
    assert (refused.status, refused.headers["allow"]) == ("405", "GET, HEAD")
    head = drive_wsgi(app, Ask("HEAD", "/metrics"))
    assert (head.status, head.body) == ("200", b"")


def test_metrics_hold_the_host_the_process_and_the_exporter_itself(sampler: HostSampler) -> None:
    app = build(sampler, CollectorRegistry())
    sampler.sample()
    drive_wsgi(app, Ask(path="/metrics"))
    text = drive_wsgi(app, Ask(path="/metrics")).body.decode()
    found = {family.name: family for family in text_string_to_metric_families(text)}
    for name in (
        "system_memory_usage_percent",
        "system_disk_usage_percent",
        "system_network_bytes_sent",
        "process_resident_memory_bytes",
        "http_requests",
        "http_request_duration_seconds",
        "http_requests_in_progress",
        "http_request_size_bytes",
        "http_response_size_bytes",
    ):
        assert found[name].samples, name


@pytest.fixture
def process() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    (port,) = choose_ports(1)
    address = f"127.0.0.1:{port}"
    environ = {**os.environ, "EXPORTER_LISTEN": address, "PYTHONPATH": str(ROOT / "exporter")}
    command = [sys.executable, "-m", "watchstack.exporter"]
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield f"http://{address}", child
    finally:
        child.kill()
        child.communicate()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return str(answer.read().decode())


def test_the_process_serves_and_ends_on_sigterm(process: tuple[str, subprocess.Popen[str]]) -> None:
    address, child = process
    until(lambda: child.poll() is not None or json.loads(_get(address + "/health/ready")) == {"status": "healthy"})
    assert child.poll() is None
    cpu = until(lambda: re.search(r"^system_cpu_usage_percent (\S+)$", _get(address + "/metrics"), re.MULTILINE))
    assert cpu is not None
    assert 0 <= float(cpu[1]) <= 100
    child.send_signal(signal.SIGTERM)
    assert child.wait(DEADLINE) == 0


def test_a_bad_address_is_told(tmp_path: Path) -> None:
    environ = {**os.environ, "EXPORTER_LISTEN": "nowhere", "PYTHONPATH": str(ROOT / "exporter")}
    done = subprocess.run(
        [sys.executable, "-m", "watchstack.exporter"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 2
    assert "EXPORTER_LISTEN='nowhere' is not allowed" in done.stderr

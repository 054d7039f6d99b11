"""The container collector on a real Docker engine: an OOM kill, restarts, health, logs, a hundred containers."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from support import choose_ports, unavailable
from waiting import until
from watchstack.containers import ContainerCollector, Sampler
from watchstack.containers.api import ApiServer
from watchstack.containers.collector import FRESH, Errors
from watchstack.containers.engine import Engine
from watchstack.containers.events import Events
from watchstack.containers.settings import Endpoint
from watchstack.serve import Address

pytestmark = pytest.mark.compose
MARK = "watchstack.test.containers"
MANY = 100


@pytest.fixture(scope="module")
def client(docker_host: str) -> Iterator[docker.DockerClient]:
    made = docker.DockerClient(docker_host, timeout=60)
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(client: docker.DockerClient) -> Iterator[str]:
    """An image that holds a static busybox and nothing else."""
    busybox = shutil.which("busybox")
    if (
        busybox is None
        or "not a dynamic" not in subprocess.run(["ldd", busybox], check=False, capture_output=True, text=True).stderr
    ):
        unavailable("no static busybox on this machine (Debian: busybox-static)")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(busybox, "bin/busybox")
        for name in ("sh", "sleep", "tail", "dd", "cat", "test"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
    name, tag = "watchstack-local/test-busybox", uuid.uuid4().hex[:8]
    client.api.import_image_from_data(content.getvalue(), repository=name, tag=tag)
    yield f"{name}:{tag}"
    client.images.remove(f"{name}:{tag}", force=True)


@pytest.fixture
def run(client: docker.DockerClient, image: str) -> Iterator[Callable[..., Any]]:
    """Starts a container of the test, which is removed afterwards."""
    mark = uuid.uuid4().hex

    def start(command: str, name: str = "", **options: Any) -> Any:
        labels = {MARK: mark, "com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
        return client.containers.run(
            image,
            ["sh", "-c", command],
            name=name or f"ws-test-{uuid.uuid4().hex[:10]}",
            labels=labels,
            detach=True,
            **options,
        )

    yield start
    mine = client.containers.list(all=True, filters={"label": f"{MARK}={mark}"})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda container: container.remove(force=True), mine))


class Rig:
    """The collector over the real socket. Its events are told from the moment of its making on."""

    def __init__(self, host: str) -> None:
        self.offset = 0.0
        self.registry = CollectorRegistry()
        errors = Errors()
        engine = Engine(Endpoint.parse(host))
        self.sampler = Sampler(engine, 500, errors.count, clock=lambda: time.monotonic() + self.offset)
        self.events = Events(engine, lambda: errors.count("events"))
        self.registry.register(ContainerCollector(self.sampler, self.events, errors))
        self.events.start()

    def scrape(self) -> dict[str, float]:
        """What a scrape gives that waits for a round which began after this call, however long Docker takes."""
        self.offset += FRESH
        assert self.sampler.sample(patience=60) is not None, self.sampler.problem
        return self.shown()

    def shown(self) -> dict[str, float]:
        """What Prometheus would be given now."""
        lines = generate_latest(self.registry).decode().splitlines()
        return {name: float(value) for line in lines if line[0] != "#" for name, value in [line.rsplit(" ", 1)]}

    def value(self, container: Any, metric: str, more: str = "") -> float | None:
        return self.scrape().get(f'{metric}{{compose_service="web",name="{container.name}",project="shop"{more}}}')

    def has(self, container: Any, metric: str, value: float, more: str = "") -> None:
        """Waits until it does: Docker tells of what happened when it gets to it."""
        until(
            lambda: self.value(container, metric, more) == value, why=f"{metric}{more} of {container.name} is {value}"
        )


@pytest.fixture
def rig(docker_host: str) -> Iterator[Rig]:
    made = Rig(docker_host)
    yield made
    made.events.stop()
    made.sampler.stop()


def test_the_numbers_are_those_of_docker_stats(rig: Rig, run: Callable[..., Any], client: docker.DockerClient) -> None:
    count = "i=0; while test $i -lt 300000; do i=$((i+1)); done"
    work = f"dd if=/dev/zero of=/tmp/x bs=1M count=20; {count}; echo worked; sleep 600"
    container = run(work, mem_limit="64m")
    until(lambda: b"worked" in container.logs(), why="it has worked and only sleeps now")
    until(lambda: (rig.value(container, "container_cpu_usage_seconds_total") or 0) > 0.1)
    labels = f'{{compose_service="web",name="{container.name}",project="shop"}}'

    def alike() -> dict[str, float]:
        """A scrape whose numbers are those of `docker stats` a moment later: the kernel moves pages meanwhile."""
        found = rig.scrape()
        shown = client.api.stats(container.id, stream=False, one_shot=True)
        memory, cpu = shown["memory_stats"], shown["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        inactive = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file"))
        used = pytest.approx(memory["usage"] - inactive, rel=0.1, abs=2**20)
        worked = pytest.approx(cpu, rel=0.2, abs=0.5)
        same = found[f"container_memory_usage_bytes{labels}"] == used
        return found if same and found[f"container_cpu_usage_seconds_total{labels}"] == worked else {}

    found = until(alike, why="memory and CPU are those of docker stats")
    assert found[f"container_memory_limit_bytes{labels}"] == 64 * 1024 * 1024
    assert f"container_network_receive_bytes_total{labels}" in found
    assert (
        found[f'container_state{{compose_service="web",name="{container.name}",project="shop",state="running"}}'] == 1
    )
    assert f"container_health{labels}" not in found
    assert found["container_collector_docker_up"] == 1


def test_an_oom_kill_is_seen(rig: Rig, run: Callable[..., Any]) -> None:
    """The kernel ends a child, the container ends when Docker has heard of that: were the child its first process,
    Docker could hear of the end before it hears of the kill, and would never call it one."""
    command = "tail /dev/zero; until test -e /tmp/end; do sleep 0.1; done; exit 137"
    container = run(command, mem_limit="16m", memswap_limit="16m")
    until(lambda: (rig.value(container, "container_oom_events_total") or 0) >= 1, why="Docker tells of the kill")
    assert rig.value(container, "container_ends_total") == 0
    assert container.exec_run(["dd", "if=/dev/zero", "of=/tmp/end", "bs=1", "count=1"]).exit_code == 0
    rig.has(container, "container_state", 1, ',state="exited"')
    rig.has(container, "container_oom_killed", 1)
    rig.has(container, "container_ends_total", 1)


def test_restarts_are_counted(rig: Rig, run: Callable[..., Any]) -> None:
    container = run("exit 1", restart_policy={"Name": "on-failure", "MaximumRetryCount": 3})
    rig.has(container, "container_restarts_total", 3)
    rig.has(container, "container_ends_total", 4)


def test_health_turns_with_the_check(rig: Rig, run: Callable[..., Any]) -> None:
    second = 10**9
    check = {"test": ["CMD", "test", "!", "-e", "/tmp/ill"], "interval": second // 2, "retries": 1}
    container = run("sleep 600", healthcheck=check)
    rig.has(container, "container_health", 1)
    assert container.exec_run(["dd", "if=/dev/zero", "of=/tmp/ill", "bs=1", "count=1"]).exit_code == 0
    rig.has(container, "container_health", 0)


def test_containers_that_come_and_go_never_break_a_scrape(rig: Rig, run: Callable[..., Any]) -> None:
    for _ in range(6):
        container = run("sleep 600")
        container.kill()
        container.remove()
        found = rig.scrape()
        assert found["container_collector_docker_up"] == 1
        assert not any(container.name in name for name in found)
    assert found['container_collector_errors_total{operation="inspect"}'] == 0
    assert found['container_collector_errors_total{operation="stats"}'] == 0


def test_a_hundred_containers_are_scraped_in_time(rig: Rig, run: Callable[..., Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run("sleep 600", network_mode="none", mem_limit="8m", stop_signal="KILL"), range(MANY)))
    rig.scrape()
    took: list[float] = []

    def in_time() -> bool:
        """Whether a scrape that finds no fresh numbers was answered within two seconds, and with young ones."""
        rig.offset += FRESH
        began = time.monotonic()
        found = rig.shown()
        took.append(time.monotonic() - began)
        assert found["container_collector_containers"] >= MANY
        return took[-1] < 2 and found["container_collector_sample_age_seconds"] < 15

    until(in_time, why=lambda: f"{MANY} containers are scraped in time, not {took}")
    print(f"scrapes of {MANY} real containers: {', '.join(f'{one:.2f} s' for one in took)}")
    assert max(took) < 10, "the scrape's own bound, however busy the machine is"


def test_promtail_reads_container_logs_through_the_api(
    tmp_path: Path, run: Callable[..., Any], program: Callable[..., Path], docker_host: str
) -> None:
    """The real Promtail: discovery, inspect and a followed log through the allowlist; nothing of it is refused."""
    promtail = program("promtail")
    registry = CollectorRegistry()
    api = ApiServer(Address("127.0.0.1", 0), Endpoint.parse(docker_host), registry)
    api.start(poll=0.05)
    (port,) = choose_ports(1)
    config = tmp_path / "promtail.yml"
    config.write_text(
        f"""
server: {{http_listen_address: 127.0.0.1, http_listen_port: {port}, grpc_listen_port: 0}}
positions: {{filename: {tmp_path}/positions.yaml}}
clients: [{{url: "http://127.0.0.1:1/loki/api/v1/push"}}]
scrape_configs:
  - job_name: containers
    docker_sd_configs: [{{host: "tcp://127.0.0.1:{api.port}", refresh_interval: 1s}}]
    relabel_configs:
      - {{source_labels: [__meta_docker_container_label_com_docker_compose_service], target_label: compose_service}}
      - {{source_labels: [__meta_docker_container_name], regex: "/(.*)", target_label: container}}
"""
    )
    container = run("i=0; while test $i -lt 1000; do echo line-$i; i=$((i+1)); sleep 1; done")
    out = tmp_path / "out"
    with out.open("wb") as stream:
        process = subprocess.Popen(
            [str(promtail), "-dry-run", f"-config.file={config}"], stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        lines = until(lambda: [line for line in out.read_text().splitlines() if "line-8" in line], 120)
        assert f'container="{container.name}"' in lines[0]
        assert 'compose_service="web"' in lines[0]
        sample = registry.get_sample_value
        assert sample("container_api_refused_total") == 0
        assert sample("container_api_failed_total") == 0
        # one stream held open, not one for each refresh
        assert (sample("container_api_requests_total", {"kind": "logs"}) or 0) <= len(docker_list(port=api.port)) + 1
    finally:
        process.kill()
        process.wait()
        api.stop()


def docker_list(port: int) -> list[Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1.41/containers/json", timeout=10) as answer:
        found = json.load(answer)
        assert isinstance(found, list)
        return found

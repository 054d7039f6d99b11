"""Fixtures of the Grafana tier: a native stack with some data, and Grafana's server on the generated provisioning."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest
import yaml
from grafana_support import PASSWORD, Grafana
from native_support import example_ports
from running import RunningStack
from stackgen.engines import native_examples
from stackgen.engines.native_placement import placement
from stackgen.live import Asker, ThroughGrafana
from stackgen.load import load
from stackgen.parts.errors import PartError
from stackgen.parts.extras import EXTRAS
from stackgen.parts.resolve import build, grafana_home, resolve
from stackgen.parts.table import PARTS
from stackgen.placement import Place, Placement
from stackgen.render import render
from support import ROOT, choose_ports, copy_checkout, port_variables, unavailable
from waiting import until

# Grafana's last word when it does not see the organization that it has just made in a new database (grafana#68644).
UNSEEN = "failed to create default organization: UNIQUE constraint failed: org.id"


@pytest.fixture(scope="session")
def exporter_ports() -> dict[str, int]:
    """Port by the name of the exporter."""
    return dict(zip(("postgres-exporter", "redis-exporter"), choose_ports(2), strict=True))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, exporter_ports: dict[str, int]) -> Iterator[RunningStack]:
    """The native stack with the five examples, so that every preset has a service; all of it healthy."""
    root = copy_checkout(tmp_path_factory.mktemp("grafana") / "watchstack")
    watched = [
        f"{{name: shop-{name}, targets: [host.docker.internal:{port}]}}" for name, port in exporter_ports.items()
    ]
    sources = (root / "stack.yml").read_text()
    (root / "stack.yml").write_text(sources.replace("services: []", f"services: [{', '.join(watched)}]"))
    stack = RunningStack(root, port_variables() | example_ports(), "native")
    try:
        stack.up("--examples", "--wait")
        yield stack
    finally:
        stack.destroy()


@pytest.fixture(scope="session", autouse=True)
def exporters(stack: RunningStack, exporter_ports: dict[str, int]) -> Iterator[set[str]]:
    """The exporters that are to be had, beside the examples' PostgreSQL and Redis. From the start: rates need time."""
    postgres, redis = (stack.ports[native_examples.variable(f"example-{name}")] for name in ("postgres", "redis"))
    environment = {
        **os.environ,
        "DATA_SOURCE_NAME": f"postgresql://watch@127.0.0.1:{postgres}/postgres?sslmode=disable",
        "REDIS_ADDR": f"redis://127.0.0.1:{redis}",
    }
    started: dict[str, subprocess.Popen[bytes]] = {}
    for name, port in exporter_ports.items():
        with suppress(PartError):
            command = [str(resolve(EXTRAS[name]).server), f"--web.listen-address=127.0.0.1:{port}"]
            quiet = subprocess.DEVNULL
            started[name] = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    yield set(started)
    for process in started.values():
        process.terminate()
        process.wait(60)


def with_grafana(stack: RunningStack, port: int) -> Placement:
    """The native placement of the running stack, with Grafana in it; the dashboards are those of the checkout."""
    ports = {name: int(stack.ports[part.port_variable]) for name, part in PARTS.items() if part.native}
    native = placement(stack.root, ports)
    places = {**native.places, "grafana": Place("127.0.0.1", port, config=str(stack.root / "grafana"))}
    return Placement(engine="native", places=places, docker_host=native.docker_host, logs=native.logs)


def of_compose() -> dict[str, str]:
    """What docker-compose.yml sets for Grafana."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return dict(services["grafana"]["environment"])


@pytest.fixture(scope="session")
def grafana(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    """Grafana's server on exactly what the renderer gives for the running stack."""
    folder = tmp_path_factory.mktemp("server")
    try:
        server = build(EXTRAS["grafana-server"])
    except PartError as error:
        unavailable(str(error))
    (port,) = choose_ports(1)
    model, _ = load(stack.root)
    for path, content in render(model, with_grafana(stack, port)).items():
        if path.startswith("grafana/provisioning/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    settings = {
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "logs"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_PATHS_PROVISIONING": str(folder / "grafana" / "provisioning"),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_SECURITY_ADMIN_PASSWORD": PASSWORD,
        "GF_ANALYTICS_ENABLED": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_LOG_MODE": "console",
        "GF_SECURITY_DISABLE_BRUTE_FORCE_LOGIN_PROTECTION": "true",  # tests try wrong passwords, then the right one
        **{
            name: value
            for name, value in of_compose().items()
            if name.startswith(("GF_AUTH_", "GF_USERS_", "GF_DATABASE_"))
        },
    }
    stack.command("render")
    (folder / "plugins").mkdir()
    for name in ("alerting", "notifiers", "plugins"):  # as the image has them
        (folder / "grafana" / "provisioning" / name).mkdir()
    log = folder / "grafana.log"

    def start() -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            return subprocess.Popen(
                [str(server.server), "server", "--homepath", str(grafana_home(server))],
                env={**os.environ, **settings},
                stdout=output,
                stderr=output,
                cwd=folder,
            )

    own, process = Grafana(f"http://127.0.0.1:{port}", log), start()

    def ready() -> bool:
        nonlocal process
        if process.poll() is not None and UNSEEN in own.log:
            process = start()  # as Compose does
        assert process.poll() is None, own.log
        return own.ready()

    try:
        until(ready, 180, "Grafana's server answers")  # a new database: hundreds of migrations
        generated = len(list((stack.root / "grafana" / "dashboards").glob("*.json")))
        until(lambda: len(own.call("/api/search?type=dash-db")) >= generated, why="the dashboards are provisioned")
        yield own
    finally:
        process.terminate()
        process.wait(90)


@pytest.fixture(scope="session")
def asker(grafana: Grafana) -> Asker:
    """What `./stack check --live` asks with where Grafana runs."""
    return ThroughGrafana(grafana.url, "admin", PASSWORD)

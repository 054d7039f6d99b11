"""Compose itself accepts docker-compose.yml, with every profile and overlay. No engine is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from stackgen.engines import docker_examples, docker_status
from stackgen.engines.base import EngineError
from stackgen.engines.docker_compose import PROFILES, Compose, find
from support import ROOT, unavailable

pytestmark = pytest.mark.tools

BASE = ("docker-compose.yml",)
WITH_ALLOY = (*BASE, "compose/alloy.yml")
WITH_EXAMPLES = (*BASE, docker_examples.OVERLAY)
ALWAYS = {
    *("init", "prometheus", "alertmanager", "grafana", "loki", "promtail"),
    *("node-exporter", "exporter", "console", "containers"),
}


def config(files: tuple[str, ...], profiles: tuple[str, ...] = (), **variables: str) -> dict[str, Any]:
    """What Compose makes of the files, as JSON."""
    try:
        command = find(os.environ)
    except EngineError as error:
        unavailable(f"{error} {error.hint}")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    compose = Compose(command, ROOT, "watchstack", environment, files, profiles)
    return dict(json.loads(compose.read("config", "--format", "json")))


def test_the_shipped_file() -> None:  # L-39
    made = config(BASE)
    assert set(made["services"]) == ALWAYS
    assert made["services"]["prometheus"]["ports"] == [
        {"mode": "ingress", "host_ip": "127.0.0.1", "target": 9090, "published": "9090", "protocol": "tcp"}
    ]


@pytest.mark.parametrize(
    ("profile", "added"),
    [
        ("redis", {"redis", "redis-exporter"}),
        ("postgres", {"postgres", "postgres-exporter"}),
        ("blackbox", {"blackbox-exporter"}),
    ],
)
def test_each_profile(profile: str, added: set[str]) -> None:  # L-15, L-17
    assert set(config(BASE, (profile,))["services"]) == ALWAYS | added


def test_alloy_takes_promtails_place() -> None:
    services = config(WITH_ALLOY)["services"]
    assert set(services) == (ALWAYS - {"promtail"}) | {"alloy"}
    assert "alloy-data" in {volume["source"] for volume in services["init"]["volumes"]}
    assert set(config(WITH_ALLOY, PROFILES)["services"]) >= {"alloy", "promtail", "redis"}


def test_with_the_examples_the_parts_read_the_tree_that_has_their_jobs() -> None:
    services = config(WITH_EXAMPLES, EXAMPLE_FLASK_PORT="25000")["services"]
    assert set(services) == ALWAYS | set(docker_status.EXAMPLES)
    for name, target in (("prometheus", "/etc/prometheus"), ("loki", "/etc/loki"), ("console", "/etc/watchstack")):
        (source,) = (mount["source"] for mount in services[name]["volumes"] if mount["target"] == target)
        assert Path(source) == ROOT / ".stack" / "examples" / name, "in the place of the checkout's, not beside it"
    assert services["example-flask"]["ports"][0]["published"] == "25000"
    assert services["example-world"].get("volumes", []) == []
    assert set(config((*WITH_ALLOY, WITH_EXAMPLES[1]))["services"]) >= {"alloy", "example-iot"}


def test_variables_move_ports_and_images() -> None:  # O-08, P-07
    services = config(BASE, GRAFANA_PORT="3001", LOKI_IMAGE="mine:1", PROMETHEUS_RETENTION="90d")["services"]
    assert services["grafana"]["ports"][0]["published"] == "3001"
    assert services["grafana"]["environment"]["GF_SERVER_ROOT_URL"] == "http://127.0.0.1:3001"
    assert services["loki"]["image"] == "mine:1"
    assert "--storage.tsdb.retention.time=90d" in services["prometheus"]["command"]


def test_a_file_that_compose_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {a: {imag: x}}\n")
    with pytest.raises(EngineError, match="imag"):
        Compose(find(os.environ), tmp_path, "x", dict(os.environ)).read("config", "-q")

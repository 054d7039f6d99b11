"""docker-compose.yml, its overlays, the table of parts, the placement and what init lays out say the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from stackgen.engines.docker_placement import COMPOSE
from stackgen.images.own import CODE_LABEL, OWN
from stackgen.load import load
from stackgen.parts.table import OWN_IMAGE, OWN_UID, PARTS, PYTHON_IMAGE
from support import ROOT
from watchstack import init


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


OVERLAY = dict(yaml.safe_load((ROOT / "compose" / "alloy.yml").read_text(encoding="utf-8")))
EXAMPLES = dict(yaml.safe_load((ROOT / "docker-compose.examples.yml").read_text(encoding="utf-8")))
SERVICES = {**compose()["services"], "alloy": OVERLAY["services"]["alloy"]}
DECLARED = {*compose()["volumes"], *OVERLAY["volumes"], *EXAMPLES["volumes"]}
UNPUBLISHED = {"alloy", "containers", "postgres-exporter", "promtail", "redis-exporter"}
IN_BOTH = sorted(set(PARTS) & set(SERVICES))
DEFAULT = re.compile(r"\$\{(\w+):-([^}]*)\}")


def test_every_part_is_a_service() -> None:  # L-01, L-07, L-11, L-12, L-13, L-14, L-19
    assert set(PARTS) <= set(SERVICES)


@pytest.mark.parametrize("name", IN_BOTH)
def test_image_and_variable_are_the_tables(name: str) -> None:  # L-04
    match = DEFAULT.fullmatch(SERVICES[name]["image"])
    assert match is not None
    part = PARTS[name]
    assert match.groups() == ("WATCHSTACK_IMAGE" if part.image == OWN_IMAGE else part.variable, part.image)
    assert ":latest" not in part.image
    assert part.image == OWN_IMAGE or "@sha256:" in part.image


@pytest.mark.parametrize("name", IN_BOTH)
def test_port_and_variable_are_the_tables(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    wanted = f"127.0.0.1:${{{PARTS[name].port_variable}:-{PARTS[name].port}}}:{PARTS[name].inner_port}"
    assert ports == ([] if name in UNPUBLISHED else [wanted])


@pytest.mark.parametrize("name", sorted(set(IN_BOTH) - {"alloy"}))
def test_profile_is_the_tables(name: str) -> None:
    assert SERVICES[name].get("profiles", []) == ([PARTS[name].profile] if PARTS[name].profile else [])


def test_the_log_collector_publishes_no_port() -> None:  # L-13
    assert "ports" not in SERVICES["promtail"]
    assert "ports" not in SERVICES["containers"]


def test_ports_that_documents_name() -> None:  # L-01, L-07, L-11, L-12, L-14, L-15
    named = {"prometheus": 9090, "grafana": 3000, "alertmanager": 9093, "loki": 3100, "node-exporter": 9100}
    for name, port in {**named, "redis": 6379}.items():
        assert SERVICES[name]["ports"][0].endswith(f"-{port}}}:{port}")


def test_flags_of_prometheus() -> None:  # L-02, L-05
    command = SERVICES["prometheus"]["command"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in command
    assert "--storage.tsdb.path=/prometheus" in command
    kept = load(ROOT)[0].stack.retention.metrics
    assert f"--storage.tsdb.retention.time=${{PROMETHEUS_RETENTION:-{kept}}}" in command
    assert not [flag for flag in command if flag.startswith("--web.enable")]


def test_folders_are_mounted_never_single_files() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_dir(), f"{name} mounts {source}"


def test_mounts_are_where_the_placement_says() -> None:
    for name, place in COMPOSE.places.items():
        mounts = [mount.split(":") for mount in SERVICES.get(name, {}).get("volumes", ())]
        targets = {mount[1] for mount in mounts}
        if name in SERVICES and place.secrets:
            assert place.secrets in targets, name
        if name in SERVICES and place.config:
            assert any(target == place.config or target.startswith(place.config + "/") for target in targets), name
        if name in SERVICES and place.data:
            assert any(target.startswith(place.data) for target in targets), name


def mounted(service: dict[str, Any]) -> dict[str, str]:
    """Named volumes of a service, to where they are mounted."""
    pairs = [mount.split(":")[:2] for mount in service.get("volumes", ())]
    return {source: target for source, target in pairs if not source.startswith((".", "/", "$"))}


def of_init() -> dict[str, str]:
    return {
        volume: target
        for services in (SERVICES, OVERLAY["services"], EXAMPLES["services"])
        for volume, target in mounted(services["init"]).items()
    }


def test_init_lays_out_every_volume() -> None:  # L-08
    wanted = {f"{name}-data": f"/volumes/data/{name}" for name in init.WRITERS}
    wanted |= {f"{name}-secrets": f"/volumes/secrets/{name}" for name in init.READERS}
    assert of_init() == wanted
    assert set(wanted) == DECLARED


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"init"}))
def test_volumes_belong_to_the_part_that_mounts_them(name: str) -> None:
    for volume in mounted(SERVICES[name]):
        assert volume.rpartition("-")[0] == name
        reader = init.READERS.get(name)
        uid, gid = init.WRITERS[name] if volume.endswith("-data") else (reader.uid, reader.gid) if reader else (-1, -1)
        assert SERVICES[name]["user"] == f"{uid}:{gid}"


@pytest.mark.parametrize("name", sorted(set(IN_BOTH) - {"containers"}))
def test_users_are_the_tables(name: str) -> None:
    assert SERVICES[name]["user"].split(":")[0] == str(PARTS[name].uid)


def test_only_init_is_waited_for() -> None:
    for name, service in SERVICES.items():
        wanted = {} if name == "init" else {"init": {"condition": "service_completed_successfully"}}
        assert service.get("depends_on", {}) == wanted, name


def test_every_service_tells_its_health() -> None:
    silent = [name for name, service in SERVICES.items() if "healthcheck" not in service]
    assert silent == ["init", "redis-exporter"]  # one ends, the other's image holds its program alone


def test_own_image_and_user() -> None:
    assert init.OWN == OWN_UID
    own = [name for name, part in PARTS.items() if part.image == OWN_IMAGE]
    assert {SERVICES[name]["image"] for name in [*own, "init"]} == {f"${{WATCHSTACK_IMAGE:-{OWN_IMAGE}}}"}
    argument = DEFAULT.fullmatch(SERVICES["init"]["build"]["args"]["PYTHON_IMAGE"])
    assert argument is not None
    assert argument.groups() == ("PYTHON_IMAGE", PYTHON_IMAGE)
    dockerfile = (ROOT / "exporter" / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {OWN_UID}:{OWN_UID}\n" in dockerfile
    assert f"ARG PYTHON_IMAGE={PYTHON_IMAGE}\n" in dockerfile
    assert SERVICES["init"]["build"]["args"]["CODE"] == f"${{{OWN.code_variable}:-}}"
    assert f"LABEL {CODE_LABEL}=$CODE\n" in dockerfile


def test_grafana_lets_nobody_in_without_the_made_password() -> None:  # M-03, M-17, X-18
    settings = SERVICES["grafana"]["environment"]
    assert settings["GF_SECURITY_ADMIN_PASSWORD__FILE"] == f"/run/watchstack-secrets/{init.GRAFANA_PASSWORD}"
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == settings["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert settings["GF_SNAPSHOTS_EXTERNAL_ENABLED"] == "false"
    assert init.GRAFANA_PASSWORD in init.MADE
    assert not {name for name in settings if "PASSWORD" in name or "SECRET" in name} - {
        "GF_SECURITY_ADMIN_PASSWORD__FILE"
    }


def test_writers_of_grafanas_database_wait_for_each_other() -> None:
    """Without it about every second start has a writer that is refused; the Grafana tier shows that none is with it."""
    assert SERVICES["grafana"]["environment"]["GF_DATABASE_URL"] == "sqlite3://?_txlock=immediate"


FILES = [*sorted(ROOT.glob("docker-compose*.yml")), *sorted((ROOT / "compose").glob("*.yml"))]
NONE = "example"  # the key that the examples' outside world asks for


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_service_holds_a_password_in_its_environment(path: Any) -> None:  # M-08, M-14
    for name, service in (yaml.safe_load(path.read_text()).get("services") or {}).items():
        environment = service.get("environment") or {}
        told = environment if isinstance(environment, dict) else dict(one.split("=", 1) for one in environment)
        secret = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY\b|API_KEY")
        held = {key: value for key, value in told.items() if secret.search(key) and not str(value).startswith("/run/")}
        assert set(held.values()) <= {NONE}, name

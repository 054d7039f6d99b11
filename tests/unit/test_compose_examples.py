"""docker-compose.examples.yml says what native_examples knows; the tree that its parts mount is put and taken away."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.engines import docker_compose, docker_examples, docker_images, docker_status, native_examples
from stackgen.engines.base import Context, EngineError, State
from stackgen.engines.docker import DockerEngine
from stackgen.images import own
from stackgen.load import load
from stackgen.model import Model
from stackgen.parts.table import OWN_UID, PYTHON_IMAGE
from support import ROOT
from watchstack import init

OVERLAY = dict(yaml.safe_load((ROOT / docker_examples.OVERLAY).read_text(encoding="utf-8")))
SERVICES = OVERLAY["services"]
BASE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
EXAMPLES = {name: service for name, service in SERVICES.items() if name.startswith(native_examples.PREFIX)}
PORTS = {"world": native_examples.BACKENDS["world"], "redis": 6379, "postgres": 5432, "mongodb": 27017}  # inside
APPLICATIONS = pytest.mark.parametrize("one", native_examples.EXAMPLES, ids=lambda one: one.preset)
HARDENED = ("depends_on", "restart", "read_only", "cap_drop", "security_opt", "pids_limit", "logging", "networks")


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    """A folder like a checkout, where the examples are wanted."""
    native_examples.want(tmp_path / ".stack", {"EXAMPLE_FLASK_PORT": "25000"})
    return tmp_path


def model() -> Model:
    return load(ROOT)[0]


# The overlay


def test_its_services_are_the_parts_of_the_native_stack() -> None:
    assert set(EXAMPLES) == set(native_examples.default_ports()) == set(docker_status.EXAMPLES)
    assert set(SERVICES) - set(EXAMPLES) == {"init", "prometheus", "loki", "console"}


@APPLICATIONS
def test_an_application_runs_as_it_does_natively(one: native_examples.Example, wanted: Path) -> None:
    plan = next(plan for plan in native_examples.plans(wanted) if plan.name == one.name)
    service = EXAMPLES[one.name]
    first, *rest = one.command
    assert service["command"] == ["python", *((first, *rest) if first == "-m" else (f"/opt/examples/{first}", *rest))]
    environment = dict(service["environment"])
    assert environment.keys() == plan.variables.keys() - {"MONITORING_ADMIN_TOKEN"} | {"HOST"}
    known = {back_end: f"{port}@{back_end}" for back_end, port in PORTS.items()}
    for name, value in one.variables.items():
        told = re.sub(r"127\.0\.0\.1:(\d+)@(\w+)", r"example-\2:\1", value.format_map(known))
        assert environment[name] == told
    for name in ("HEALTH_CPU_PER_CORE", "HEALTH_CHECK_INTERVAL"):
        assert environment[name] == plan.variables[name]
    assert environment["PORT"] == str(one.port)
    assert environment["PYTHONPATH"] == f"/opt/examples/{one.preset}:/opt/exporter"
    assert environment["MONITORING_ADMIN_TOKEN_FILE"] == f"/run/watchstack-secrets/{init.EXAMPLES_TOKEN}"
    assert service["ports"] == [f"127.0.0.1:${{{native_examples.variable(one.name)}:-{one.port}}}:{one.port}"]
    assert service["healthcheck"]["test"] == ["CMD", "healthy", str(one.port), one.ready]


def test_the_world_drives_all_of_them() -> None:
    world = EXAMPLES["example-world"]["command"]
    driven = [f"{one.preset}=http://{one.name}:{one.port}" for one in native_examples.EXAMPLES]
    assert world == ["python", "/opt/examples/world.py", str(PORTS["world"]), *driven]


def test_only_the_applications_publish_a_port() -> None:
    assert {name for name, service in EXAMPLES.items() if "ports" in service} == set(docker_examples.PUBLISHED)
    assert not set(docker_examples.PUBLISHED) & docker_status.UNPUBLISHED


def test_every_one_is_as_hardened_as_the_stack_and_tells_its_health() -> None:
    for name, service in EXAMPLES.items():
        assert {key: service[key] for key in HARDENED} == {key: BASE["loki"][key] for key in HARDENED}, name
        assert service["healthcheck"]["interval"] == "5s", name


def test_images_are_the_pinned_ones() -> None:
    for name, (variable, image) in docker_examples.BACKENDS.items():
        assert EXAMPLES[name]["image"] == f"${{{variable}:-{image}}}"
        assert "@sha256:" in image
    ours = [service for name, service in EXAMPLES.items() if name not in docker_examples.BACKENDS]
    assert {service["image"] for service in ours} == {f"${{{own.EXAMPLES.variable}:-{own.EXAMPLES.reference}}}"}
    assert {service["user"] for service in ours} == {f"{OWN_UID}:{OWN_UID}"}
    assert own.EXAMPLES.service in EXAMPLES
    built = EXAMPLES[own.EXAMPLES.service]["build"]
    assert built["dockerfile"] == own.EXAMPLES.dockerfile
    assert built["args"]["CODE"] == f"${{{own.EXAMPLES.code_variable}:-}}"
    assert built["args"]["PYTHON_IMAGE"] == f"${{PYTHON_IMAGE:-{PYTHON_IMAGE}}}"
    dockerfile = (ROOT / own.EXAMPLES.dockerfile).read_text(encoding="utf-8")
    assert f"ARG PYTHON_IMAGE={PYTHON_IMAGE}\n" in dockerfile
    assert f"USER {OWN_UID}:{OWN_UID}\n" in dockerfile
    assert f"LABEL {own.CODE_LABEL}=$CODE\n" in dockerfile


def test_mounts_are_the_tree_and_what_is_checked_for_readers() -> None:
    for name in ("prometheus", "loki", "console"):
        (mount,) = SERVICES[name]["volumes"]
        source, target, mode = mount.split(":")
        assert source == f"./.stack/{docker_examples.TREE}/{name}"
        assert f"./{name}:{target}:{mode}" in BASE[name]["volumes"], "it takes the place of the checkout's folder"
    mounted = {mount.split(":")[0] for service in EXAMPLES.values() for mount in service.get("volumes", ())}
    assert mounted == {*(f"./{name}" for name in docker_examples.MOUNTED), docker_examples.SECRETS}
    assert all((ROOT / name).is_dir() for name in docker_examples.MOUNTED)


def test_their_token_is_laid_for_them_alone() -> None:
    assert SERVICES["init"]["volumes"] == [f"{docker_examples.SECRETS}:/volumes/secrets/{init.EXAMPLES}"]
    assert (init.READERS[init.EXAMPLES].uid, init.READERS[init.EXAMPLES].gid) == (OWN_UID, OWN_UID)
    readers = {
        name
        for name, one in EXAMPLES.items()
        if f"{docker_examples.SECRETS}:/run/watchstack-secrets:ro" in one.get("volumes", ())
    }
    assert readers == set(docker_examples.PUBLISHED)


# The tree


def test_the_same_jobs_and_labels_as_natively(wanted: Path) -> None:
    inside = native_examples.with_examples(model(), wanted, inside=True).stack.services
    natively = native_examples.with_examples(model(), wanted).stack.services
    for one, there in zip(inside, natively, strict=True):
        assert one.targets == (f"{one.name}:{there.targets[0].partition(':')[2].replace('25000', '15000')}",)
        assert (one.name, one.preset, one.metrics_path, one.interval, one.slo) == (
            *(there.name, there.preset, there.metrics_path, there.interval, there.slo),
        )


def test_the_tree_is_put_for_everybody_to_read_and_taken_away(wanted: Path) -> None:
    assert docker_examples.tree(wanted) == wanted / ".stack" / "examples"
    files = docker_examples.contents(wanted, model())
    assert b"example-flask:15000" in files["prometheus/prometheus.yml"]
    before = os.umask(0o077)
    try:
        docker_examples.put(wanted, files)
    finally:
        os.umask(before)
    assert docker_examples.read(wanted) == files
    for path in docker_examples.tree(wanted).rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    folder = docker_examples.tree(wanted) / "prometheus"
    mounted = folder.stat().st_ino
    less = {name: content for name, content in files.items() if not name.startswith("prometheus/tests/")}
    docker_examples.put(wanted, less | {"prometheus/prometheus.yml": b"other\n"})
    assert docker_examples.read(wanted) == less | {"prometheus/prometheus.yml": b"other\n"}
    assert folder.stat().st_ino == mounted, "a mounted folder stays the same"
    docker_examples.drop(wanted)
    assert docker_examples.read(wanted) == {}
    native_examples.leave(wanted / ".stack")
    assert docker_examples.tree(wanted) == wanted


def test_hand_written_targets_and_templates_lie_in_it_too(wanted: Path) -> None:
    (wanted / "prometheus" / "targets").mkdir(parents=True)
    (wanted / "prometheus" / "targets" / "shop.json").write_text("[]")
    (wanted / "alertmanager" / "templates").mkdir(parents=True)
    (wanted / "alertmanager" / "templates" / "own.tmpl").write_text("x")
    files = docker_examples.contents(wanted, model())
    assert files["prometheus/targets/shop.json"] == b"[]"
    assert files["alertmanager/templates/own.tmpl"] == b"x"


def test_a_tree_that_cannot_be_written_says_where(wanted: Path) -> None:
    (wanted / ".stack" / "examples").write_text("in the way")
    with pytest.raises(EngineError, match=r"\.stack/examples"):
        docker_examples.put(wanted, {"prometheus/prometheus.yml": b""})


# The engine


def engine(root: Path) -> DockerEngine:
    return DockerEngine(Context(root, model(), {}))


def test_the_engine_knows_them_while_they_are_wanted(wanted: Path) -> None:
    made = engine(wanted)
    assert set(made.wanted) >= set(EXAMPLES)
    assert made._ports()["example-flask"] == 25000
    assert docker_examples.variables(wanted)["EXAMPLE_FLASK_PORT"] == "25000"
    parts = {part.part: part for part in docker_status.statuses({}, made.wanted, made._ports())}
    assert (parts["example-flask"].state, parts["example-flask"].address) == (State.STOPPED, "http://127.0.0.1:25000")
    assert parts["example-redis"].address == ""
    native_examples.leave(wanted / ".stack")
    assert not set(engine(wanted).wanted) & set(EXAMPLES)


def test_their_images_are_chosen_as_those_of_the_parts() -> None:
    class Nothing:
        images: Any = None

        def get(self, name: str) -> None:
            raise docker_images.ImageNotFound(name)

    client: Any = Nothing()
    client.images = client
    found = docker_images.choose(client, docker_status.EXAMPLES, {"MONGODB_IMAGE": "mine:1"}, {})
    assert found.absent == ("example-redis", "example-postgres", "example-mongodb")
    assert found.variables == {"MONGODB_IMAGE": "mine:1"}
    assert found.examples == own.EXAMPLES.reference
    assert docker_images.choose(client, [], {own.EXAMPLES.variable: "mine:2"}, {}).examples == "mine:2"


def test_ending_takes_the_overlay_along_and_destroying_forgets_them(
    wanted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_compose, "find", lambda _environment: ("compose",))
    docker_examples.put(wanted, {"prometheus/prometheus.yml": b""})
    made = engine(wanted)
    assert docker_examples.OVERLAY in made._compose().files
    ended: list[tuple[str, ...]] = []
    monkeypatch.setattr(made, "_end", lambda *words: ended.append(words))
    made.down()
    assert made._compose().environment["EXAMPLE_FLASK_PORT"] == "25000", "the next up says whether they stay"
    made.destroy()
    assert ended == [(), ("--volumes",)]
    assert not docker_examples.wanted(wanted)
    assert docker_examples.read(wanted) == {}
    assert docker_examples.OVERLAY not in made._compose().files
    assert docker_examples.OVERLAY in made._compose(every_file=True).files

"""The docker engine's parts that need no Docker: images, states, what containers have read, the choices."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound
from stackgen.engines import docker_client, docker_config, docker_images, docker_status
from stackgen.engines.base import Context, EngineError, State
from stackgen.engines.docker import DockerEngine
from stackgen.images import own
from stackgen.model import Model, Stack
from stackgen.parts.table import OWN_IMAGE, PARTS
from support import choose_ports

PORTS = {name: part.port for name, part in PARTS.items()}


# Images


class FakeClient:
    """An engine that holds some images."""

    def __init__(self, *here: str) -> None:
        self.images = self
        self._here = here

    def get(self, name: str) -> str:
        if name not in self._here:
            raise ImageNotFound(name)
        return name


STAND_INS = {"LOKI_IMAGE": "watchstack-local/loki:3.7.8", "WATCHSTACK_IMAGE": "watchstack-local/watchstack:0.1.0"}
LOKI = PARTS["loki"].image


@pytest.mark.parametrize(
    ("here", "environment", "chosen", "absent"),
    [
        ((LOKI, *STAND_INS.values()), {}, None, ()),  # the pinned image goes before a stand-in
        ((STAND_INS["LOKI_IMAGE"],), {}, STAND_INS["LOKI_IMAGE"], ()),
        ((), {}, None, ("loki",)),  # a stand-in that is written down, but no longer there
        ((LOKI,), {"LOKI_IMAGE": "mine:1"}, "mine:1", ("loki",)),  # what the user says is taken as it is
    ],
)
def test_which_image_is_taken(
    here: tuple[str, ...], environment: dict[str, str], chosen: str | None, absent: tuple[str, ...]
) -> None:
    client: Any = FakeClient(*here)
    found = docker_images.choose(client, ["loki", "console"], environment, STAND_INS)
    assert found.variables.get("LOKI_IMAGE") == chosen
    assert found.absent == absent


def test_our_own_image_is_told_apart() -> None:
    client: Any = FakeClient(STAND_INS["WATCHSTACK_IMAGE"])
    found = docker_images.choose(client, ["console"], {}, STAND_INS)
    assert (found.own, found.here, found.absent) == (own.OWN.name, {own.OWN.name}, ())
    assert found.variables == {"WATCHSTACK_IMAGE": own.OWN.name, "EXAMPLES_IMAGE": own.EXAMPLES.name}
    assert docker_images.choose(client, ["console"], {}, {}).own == OWN_IMAGE


@pytest.mark.parametrize(
    ("image", "version", "stands_in"),
    [
        ("prom/prometheus:v3.13.3@sha256:00", "3.13.3", False),
        ("postgres:17.10-alpine@sha256:00", "17.10", False),
        ("watchstack-local/promtail:3.6.4", "3.6.4", True),
        ("watchstack-local/watchstack:0.1.0", "0.1.0", False),
        ("registry:5000/loki", "", False),
    ],
)
def test_what_an_image_tells(image: str, version: str, stands_in: bool) -> None:
    assert docker_images.version(image) == version
    assert docker_images.stands_in(image) is stands_in


# States


def inspected(status: str, image: str = LOKI, restarts: int = 0, **state: Any) -> dict[str, Any]:
    times = {"StartedAt": "2026-01-02T03:04:05.123456789Z", "FinishedAt": "0001-01-01T00:00:00Z"}
    return {
        "Id": "1",
        "RestartCount": restarts,
        "State": {"Status": status, "ExitCode": 0, **times, **state},
        "Config": {"Image": image, "Labels": {}},
    }


def health(status: str, output: str = "") -> dict[str, Any]:
    return {"Status": status, "Log": [{"Output": "older"}, {"Output": output}]}


@pytest.mark.parametrize(
    ("attributes", "state", "detail"),
    [
        (inspected("running", Health=health("healthy")), State.HEALTHY, ""),
        (
            inspected("running", "watchstack-local/loki:3.7.8", Health=health("healthy")),
            State.HEALTHY,
            "stand-in watchstack-local/loki:3.7.8",
        ),
        (inspected("running", Health=health("starting")), State.STARTING, ""),
        (inspected("running", Health=health("unhealthy", "refused\n")), State.UNHEALTHY, "refused"),
        (inspected("running"), State.HEALTHY, "runs; its image can hold no health check"),
        (inspected("restarting", restarts=4, ExitCode=2), State.UNHEALTHY, "ended with exit code 2; restarted 4 times"),
        (
            inspected("restarting", restarts=1, OOMKilled=True),
            State.UNHEALTHY,
            "ended: it needed more memory than its limit; restarted 1 times",
        ),
        (inspected("created"), State.STARTING, "waits for init"),
        (inspected("created", Error="port is taken"), State.FAILED, "port is taken"),
        (inspected("exited"), State.STOPPED, ""),
        (inspected("exited", ExitCode=137), State.STOPPED, "ended with exit code 137"),
        (inspected("paused"), State.UNHEALTHY, "paused: docker unpause lets it go on"),
    ],
)
def test_state_of_a_container(attributes: dict[str, Any], state: State, detail: str) -> None:
    (part,) = docker_status.statuses({"loki": attributes}, [], PORTS)
    assert (part.part, part.version, part.state, part.detail) == ("loki", "3.7.8", state, detail)
    assert part.address == "http://127.0.0.1:3100"


def test_a_part_without_container_is_stopped_and_a_failed_init_is_told_first() -> None:
    found = {"init": inspected("exited", ExitCode=1), "console": inspected("created", OWN_IMAGE)}
    parts = docker_status.statuses(found, ["loki", "console"], PORTS)
    assert [(part.part, part.state) for part in parts] == [
        ("init", State.FAILED),
        ("loki", State.STOPPED),
        ("console", State.STARTING),
    ]
    assert parts[0].detail == "ended with exit code 1: ./stack logs init"
    assert parts[1].since == 0.0


def test_since_is_the_last_start() -> None:
    (part,) = docker_status.statuses({"loki": inspected("running")}, [], PORTS)
    assert time.gmtime(part.since)[:6] == (2026, 1, 2, 3, 4, 5)


def test_another_checkouts_containers_are_foreign(tmp_path: Path) -> None:
    attributes = inspected("running")
    attributes["Config"]["Labels"] = {docker_status.FOLDER: str(tmp_path / "other")}
    assert docker_status.foreign({"loki": attributes}, tmp_path) == str(tmp_path / "other")
    assert docker_status.foreign({"loki": attributes}, tmp_path / "other") == ""


# Configuration


@pytest.fixture
def checkout_like(tmp_path: Path) -> Path:
    for name in docker_config.MOUNTED:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "loki" / "loki.yml").write_text("a: 1\n")
    (tmp_path / "loki" / "promtail.yml").write_text("b: 1\n")
    return tmp_path


def test_only_the_part_whose_file_changed_is_stale(checkout_like: Path) -> None:
    before = docker_config.digests(checkout_like)
    (checkout_like / "loki" / "promtail.yml").write_text("b: 2\n")
    (checkout_like / "grafana" / "dashboards").mkdir()
    (checkout_like / "grafana" / "dashboards" / "one.json").write_text("{}")
    after = docker_config.digests(checkout_like)
    assert {name for name in before if before[name] != after[name]} == {"promtail"}


def test_what_was_read_is_noted(checkout_like: Path) -> None:
    state = checkout_like / ".stack"
    assert docker_config.seen(state) == {}
    docker_config.note(state, checkout_like, ["loki"])
    docker_config.note(state, checkout_like, ["promtail", "no-such-part"])
    assert docker_config.seen(state) == {
        name: digest for name, digest in docker_config.digests(checkout_like).items() if name in ("loki", "promtail")
    }


@pytest.mark.parametrize("name", ["loki/loki.yml", "loki", "docs/runbooks"])
def test_what_containers_cannot_read_is_named(checkout_like: Path, name: str) -> None:
    docker_config.check_readable(checkout_like)
    path = checkout_like / name
    path.chmod(stat.S_IRWXU if path.is_dir() else 0o600)
    with pytest.raises(EngineError, match=rf"^{name} can be read by its owner alone") as error:
        docker_config.check_readable(checkout_like)
    assert "chmod -R a+rX" in error.value.hint


def test_an_editors_lock_is_passed_over(checkout_like: Path) -> None:
    """A link to nowhere, beside a file that is being edited."""
    (checkout_like / "alertmanager" / ".#mail.tmpl").symlink_to("somebody@host.4711:1")
    docker_config.check_readable(checkout_like)
    assert set(docker_config.digests(checkout_like)) == set(docker_config.READ_AT_START)


# The engine's own choices


def engine(tmp_path: Path, stack: Stack, **environment: str) -> DockerEngine:
    return DockerEngine(Context(tmp_path, Model(stack, (), ""), environment))


def test_parts_of_a_model(tmp_path: Path) -> None:
    shipped = set(engine(tmp_path, Stack()).wanted)
    assert {"prometheus", "grafana", "promtail", "containers"} <= shipped
    assert not shipped & {"alloy", "redis", "postgres", "blackbox-exporter"}
    other = set(engine(tmp_path, Stack(collector="alloy", profiles=("redis",))).wanted)
    assert other - shipped == {"alloy", "redis", "redis-exporter"}
    assert shipped - other == {"promtail"}


def test_a_port_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="GRAFANA_PORT='high' is no port for grafana"):
        engine(tmp_path, Stack(), GRAFANA_PORT="high")._ports()


def test_two_parts_on_one_port_are_told_before_anything_starts(tmp_path: Path) -> None:
    """One that does not run, or publishes no port, is in nobody's way."""
    chosen = {
        part.port_variable: str(port) for part, port in zip(PARTS.values(), choose_ports(len(PARTS)), strict=True)
    }
    one = engine(tmp_path, Stack(), **chosen | {"LOKI_PORT": chosen["GRAFANA_PORT"]})
    with pytest.raises(EngineError, match=f"port {chosen['GRAFANA_PORT']} is meant for both loki and grafana") as error:
        one._check_ports(set())
    assert "change LOKI_PORT or GRAFANA_PORT" in error.value.hint
    engine(tmp_path, Stack(), **chosen | {"REDIS_PORT": chosen["GRAFANA_PORT"]})._check_ports(set())


def test_an_unknown_part_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no part 'promethus'"):
        list(engine(tmp_path, Stack()).logs("promethus", follow=False, tail=1))


class Recorded:
    """Compose that only notes what it is told. variables: those it was made with."""

    def __init__(self, variables: dict[str, str], ran: list[tuple[str, ...]]) -> None:
        self.variables = variables
        self.ran = ran

    def run(self, *words: str, **_options: Any) -> None:
        self.ran.append(words)


@pytest.mark.parametrize(
    ("before", "after", "reads_again"),
    [("old", "new", False), ("old", "old", True), ("", "new", False)],
)
def test_a_container_is_made_anew_of_the_image_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, reads_again: bool
) -> None:
    """before, after: the container's id, "" for none."""
    found = [{"prometheus": inspected("running", "mine:1") | {"Id": name}} if name else {} for name in (before, after)]
    monkeypatch.setattr(docker_client, "connect", lambda _environment, **_: FakeClient())
    monkeypatch.setattr(FakeClient, "close", lambda _self: None, raising=False)
    monkeypatch.setattr(DockerEngine, "_mine", lambda _self, _client: found.pop(0))
    monkeypatch.setattr(DockerEngine, "_lay_secrets", lambda _self: None)
    ran: list[tuple[str, ...]] = []
    made: list[Recorded] = []

    def compose(_self: DockerEngine, variables: dict[str, str]) -> Recorded:
        made.append(Recorded(variables, ran))
        return made[-1]

    monkeypatch.setattr(DockerEngine, "_compose", compose)
    engine(tmp_path, Stack()).make_anew("prometheus", {"PROMETHEUS_RETENTION": "30d"})
    image = {"PROMETHEUS_IMAGE": "mine:1"} if before else {}
    assert made[0].variables == {**image, "PROMETHEUS_RETENTION": "30d"}
    assert ran[0][0] == "up"
    assert {"--no-deps", "--no-build", "never", "prometheus"} <= set(ran[0])
    assert ran[1:] == ([("kill", "-s", "HUP", "prometheus")] if reads_again else [])
    assert "prometheus" in docker_config.seen(tmp_path / ".stack")

"""The whole stack in containers: an interrupt, health as the engine says, targets, logs, secrets, data."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from compose_support import PARTS, ComposeStack
from faults import inbox
from stackgen.images import envfile
from waiting import until
from watchstack import init

pytestmark = pytest.mark.compose

WITH_PROFILES = PARTS | {"redis", "redis-exporter", "postgres", "postgres-exporter", "blackbox-exporter"}
NO_CHECK = {"redis-exporter"}  # its image holds nothing that could ask
STRANGER = "12345:12345"


@pytest.fixture(scope="module")
def stack(make_stack: Callable[[str], ComposeStack]) -> ComposeStack:
    """One stack for this module; the first test starts and interrupts it, the second starts it for the others."""
    return make_stack("stack")


@pytest.fixture(scope="module")
def started(stack: ComposeStack) -> tuple[ComposeStack, str, float]:
    """The stack, what `up --wait` said, and how long it took in seconds."""
    began = time.monotonic()
    said = stack.command("up", "--wait").stdout  # chooses the engine by itself
    return stack, said, time.monotonic() - began


def grafana(stack: ComposeStack, path: str, body: dict[str, Any] | None = None) -> Any:
    """JSON of Grafana's API, signed in with the generated password."""
    password = (stack.root / "secrets" / init.GRAFANA_PASSWORD).read_text().strip()
    request = urllib.request.Request(
        stack.url("grafana") + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode(),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_an_interrupt_leaves_no_container(stack: ComposeStack) -> None:
    """That `up` works afterwards is for all the tests below."""
    said = stack.interrupted(
        "up",
        "--engine",
        "docker",
        "--wait",
        when=lambda: until(lambda: len(stack.containers()) > 3, 120, "containers appear"),
    )
    assert "interrupted" in said
    assert stack.containers() == {}
    assert stack.networks(said) == []


def test_every_part_is_healthy_as_the_engine_says(
    started: tuple[ComposeStack, str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    stack, said, took = started
    with capsys.disabled():
        print(f"\nup --wait in containers, stand-ins here: {took:.1f} s (bound 40 s on a quiet machine)")
    assert "engine: docker (containers through Compose), because a Docker engine answers" in said
    assert "secrets/grafana-admin-password" in said
    assert stack.url("grafana") in said
    assert stack.healths() == dict.fromkeys(PARTS, "healthy")
    ended = stack.containers()["init"]["State"]
    assert (ended["Status"], ended["ExitCode"]) == ("exited", 0)
    status = stack.status()
    assert set(status) == PARTS
    assert {part["state"] for part in status.values()} == {"healthy"}
    assert status["prometheus"]["address"] == stack.url("prometheus")
    assert status["promtail"]["address"] == ""


def test_every_container_is_hardened_as_it_runs(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    for name, attributes in stack.containers().items():
        host = attributes["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert not host["Privileged"], name
        addresses = [one["HostIp"] for ports in (host["PortBindings"] or {}).values() for one in ports]
        assert set(addresses) <= {"127.0.0.1"}, name
        mounts = [mount["Source"] for mount in attributes["Mounts"]]
        assert ("docker.sock" in " ".join(mounts)) == (name == "containers"), name
        if name not in ("init", "containers"):
            assert not attributes["Config"]["User"].startswith("0"), name


def test_every_target_is_up(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    until(stack.all_up, 120, "every target is up")


def test_loki_returns_a_line_of_a_container(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    mine = f'{{project="{stack.project}", compose_service="prometheus"}}'
    until(lambda: any("level=" in line for line in stack.loki_lines(mine)), 120, "a line is there")


def test_the_host_is_measured_not_the_container(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    found = until(lambda: stack.query("node_memory_MemTotal_bytes"), 120)
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(file.readline().split()[1]) * 1024
    assert float(found[0]["value"][1]) == total


def test_container_metrics_of_every_part(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    mine = f'project="{stack.project}"'

    def measured() -> set[str]:
        found = stack.query(f"container_memory_usage_bytes{{{mine}}}")
        return {one["metric"]["compose_service"] for one in found}

    until(lambda: measured() >= PARTS, 120, "every container is measured")
    well = until(lambda: stack.query(f"container_health{{{mine}}}"), 120, "and its health")
    assert {one["value"][1] for one in well} == {"1"}


@pytest.mark.parametrize("reader", ["alertmanager", "console", "grafana", "postgres", "redis"])
def test_secrets_are_read_by_their_reader_alone(started: tuple[ComposeStack, str, float], reader: str) -> None:
    stack = started[0]
    uid = init.READERS[reader].uid
    found = stack.inspect_volume(f"{reader}-secrets", f"{uid}:{uid}")
    assert found
    accounts = {file["name"] for file in found} & {init.CONSOLE_ADMIN, init.CONSOLE_VIEWER}
    assert accounts == ({init.CONSOLE_ADMIN, init.CONSOLE_VIEWER} if reader == "console" else set())
    for file in found:
        assert (file["mode"], file["uid"], file["readable"]) == (0o400, uid, True), file
    seen = stack.inspect_volume(f"{reader}-secrets", STRANGER)
    assert seen
    assert not any(file["readable"] for file in seen)


def test_secrets_of_the_checkout_are_their_owners_alone(started: tuple[ComposeStack, str, float]) -> None:
    folder = started[0].root / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {name: (folder / name).stat().st_mode & 0o777 for name in init.MADE} == dict.fromkeys(init.MADE, 0o600)


def test_no_secret_is_in_the_engines_description_of_a_container(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    described = json.dumps(stack.containers())
    for name in init.MADE:
        assert (stack.root / "secrets" / name).read_text().strip() not in described, name


def test_grafana_has_the_generated_dashboard_with_data(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    assert grafana(stack, "/api/health")["database"] == "ok"
    shown = lambda: {item["uid"] for item in grafana(stack, "/api/search?type=dash-db")}  # noqa: E731
    until(lambda: "watchstack-overview" in shown(), 120, "it has read the folder")
    assert grafana(stack, "/api/datasources/uid/prometheus/health")["status"] == "OK"
    query = {"refId": "A", "datasource": {"uid": "prometheus"}, "expr": "up", "instant": True}
    asked = {"queries": [query], "from": "now-5m", "to": "now"}
    until(lambda: grafana(stack, "/api/ds/query", asked)["results"]["A"]["frames"], 120, "it has data")


def test_grafana_lets_nobody_in_without_the_password(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    with pytest.raises(urllib.error.HTTPError) as refused:
        stack.get("grafana", "/api/search")
    refused.value.close()
    assert refused.value.code == 401


def test_rules_are_healthy(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]

    def health(*, seldom: bool) -> set[str]:
        """Of the rules that are evaluated within two minutes of the start, or of those whose turn comes later."""
        groups = stack.get("prometheus", "/api/v1/rules")["data"]["groups"]
        return {rule["health"] for group in groups if (group["interval"] > 60) is seldom for rule in group["rules"]}

    until(lambda: health(seldom=False) == {"ok"}, 240, "every rule was evaluated well")
    assert health(seldom=True) <= {"ok", "unknown"}


def test_apply_reloads_and_a_second_up_leaves_what_is_right(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    before = {name: attributes["Id"] for name, attributes in stack.containers().items()}
    path = stack.root / "stack.yml"
    path.write_text(path.read_text().replace("environment: production", "environment: elsewhere"))
    said = stack.command("apply").stdout
    assert "reloading prometheus" in said
    assert "live: stack_config_info" in said
    assert "elsewhere" in stack.get("prometheus", "/api/v1/status/config")["data"]["yaml"]
    assert "engine: docker (containers through Compose), because it was asked for" in stack.up("--wait").stdout
    after = {name: attributes["Id"] for name, attributes in stack.containers().items()}
    assert after.pop("init")
    assert after == {name: one for name, one in before.items() if name != "init"}
    assert stack.healths() == dict.fromkeys(PARTS, "healthy")


def test_logs_of_a_part_are_shown(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    shown = stack.command("logs", "prometheus", "--tail", "3").stdout.splitlines()
    assert len(shown) == 3
    wrong = stack.command("logs", "promtheus", check=False)
    assert wrong.returncode == 4
    assert "prometheus" in wrong.stderr


def test_every_panel_has_data_or_says_why_not(started: tuple[ComposeStack, str, float]) -> None:
    """The stack as it comes, without a service: `check --live` through Grafana, with the password from secrets."""
    stack = started[0]
    said: list[str] = []

    def fine() -> bool:
        """Whether it finds nothing any more: rates need their samples."""
        done = stack.command("check", "--live", check=False)
        said[:] = [done.stdout + done.stderr]
        if done.returncode:
            time.sleep(3)  # each look costs the whole processor
        return done.returncode == 0

    until(fine, 240, lambda: said[0])
    assert "asked through Grafana in" in said[0]


def test_down_leaves_nothing_but_the_data_and_up_finds_it(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    until(lambda: stack.query("up{job='exporter'}"), 120, "there is a series")
    moment = time.time()
    alert = [{"labels": {"alertname": "ToBeKept", "severity": "warning"}}]
    request = urllib.request.Request(
        stack.url("alertmanager") + "/api/v2/alerts",
        data=json.dumps(alert).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    until(lambda: "ToBeKept" in {entry["alertname"] for entry in inbox(stack)}, 120, "the inbox has it")
    known = {entry["id"] for entry in inbox(stack)}
    volumes = set(stack.volumes())
    assert f"{stack.project}_prometheus-data" in volumes
    said = stack.command("down").stdout
    assert stack.containers() == {}
    assert stack.networks(said) == []
    assert set(stack.volumes()) == volumes
    assert stack.command("status", check=False).returncode == 1

    path = stack.root / "stack.yml"
    path.write_text(path.read_text() + "\nprofiles: [redis, postgres, blackbox]\n")
    stack.up("--wait")
    series = stack.get("prometheus", "/api/v1/query", query="up{job='exporter'}", time=str(moment))["data"]["result"]
    assert series, "a series from before is there"
    assert known <= {entry["id"] for entry in inbox(stack)}


def test_profiles_bring_their_parts_and_exporters(started: tuple[ComposeStack, str, float]) -> None:  # P-02
    stack = started[0]
    assert stack.healths() == {name: "none" if name in NO_CHECK else "healthy" for name in WITH_PROFILES}
    jobs = {"redis-exporter", "postgres-exporter", "blackbox-exporter"}
    until(lambda: stack.all_up(jobs), 120, "the exporters are scraped")
    until(lambda: {one["value"][1] for one in stack.query("redis_up")} == {"1"}, 120, "Redis is reached")
    until(lambda: {one["value"][1] for one in stack.query("pg_up")} == {"1"}, 120, "PostgreSQL is reached")


def test_destroy_leaves_no_volume(started: tuple[ComposeStack, str, float]) -> None:
    stack = started[0]
    said = stack.command("destroy", "--yes").stdout
    assert stack.containers() == {}
    assert stack.networks(said) == []
    assert stack.volumes() == []
    assert (stack.root / "secrets" / init.INBOX_TOKEN).exists()
    assert envfile.read(stack.root / ".stack") == stack.images

"""docker-compose.yml is as tight as it says: compose-lint finds the reasoned suppressions and nothing else, and every
hardening line that is taken away is noticed."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

pytestmark = pytest.mark.tools

SUPPRESSIONS = ROOT / ".compose-lint.yml"
ALLOY, EXAMPLES = "compose/alloy.yml", "docker-compose.examples.yml"  # the overlays
HARDENING = ("read_only", "cap_drop", "security_opt", "pids_limit", "mem_limit", "cpus", "user", "logging")
HOST_PATHS = {  # everything of the host that is mounted, beside the socket; all of it for node-exporter
    *("/", "/sys", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/vmstat"),
    *("/proc/sys", "/proc/1/mountinfo", "/proc/1/net"),
}
Finding = tuple[str, str]  # rule, service


def base() -> dict[str, Any]:
    """docker-compose.yml with its anchors resolved."""
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def overlaid(compose: dict[str, Any], file: str) -> dict[str, Any]:
    """What an overlay makes of it."""
    overlay = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    merged = copy.deepcopy(compose)
    for name, service in overlay["services"].items():
        known = merged["services"].get(name, {})
        volumes = [*known.get("volumes", ()), *service.get("volumes", ())]
        merged["services"][name] = {**known, **service, "volumes": volumes}
    merged["volumes"] |= overlay["volumes"]
    return merged


def lint(folder: Path, files: dict[str, dict[str, Any]]) -> dict[str, set[Finding]]:
    """compose-lint's findings that no suppression covers, by file. One run for all of them."""
    return {
        name: {item for item, covered in found.items() if not covered} for name, found in run(folder, files).items()
    }


def run(folder: Path, files: dict[str, dict[str, Any]]) -> dict[str, dict[Finding, bool]]:
    for name, content in files.items():
        (folder / f"{name}.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "compose_lint", "--format", "json", "--fail-on", "low", "--config"]
    done = subprocess.run(
        [*command, str(SUPPRESSIONS), *(str(folder / f"{name}.yml") for name in files)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, dict[Finding, bool]] = {name: {} for name in files}
    for item in json.loads(done.stdout)["findings"]:
        found[Path(item["file"]).stem][item["rule_id"], item["service"]] = item["suppressed"]
    return found


def own_rules(compose: dict[str, Any]) -> set[Finding]:
    """What compose-lint has no rule for: limits of processes and logs, a user, ports on loopback, mounts, networks."""
    found: set[Finding] = set()
    for name, service in compose["services"].items():
        missing = [key for key in HARDENING if not service.get(key)]
        found |= {(f"no {key}", name) for key in missing}
        if not service.get("logging", {}).get("options", {}).get("max-size"):
            found.add(("unbounded log", name))
        found |= {
            ("port not on loopback", name) for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")
        }
        mounts = [str(mount) for mount in service.get("volumes", ())]
        of_host = {mount.split(":")[0] for mount in mounts if mount.startswith("/")}
        if of_host - (HOST_PATHS if name == "node-exporter" else set()):
            found.add(("host path", name))
        if any(not mount.endswith(":ro") for mount in mounts if mount[0] in "./$" and name != "init"):
            found.add(("writable host path", name))
        found |= {("docker socket", name) for mount in mounts if "docker.sock" in mount and name != "containers"}
        if "docker-api" in service.get("networks", ()) and name not in ("containers", "promtail", "alloy"):
            found.add(("on the internal network", name))
    if not compose["networks"]["docker-api"].get("internal"):
        found.add(("network not internal", "docker-api"))
    return found


def faults(folder: Path, files: dict[str, dict[str, Any]]) -> dict[str, set[Finding]]:
    linted = lint(folder, files)
    return {name: linted[name] | own_rules(content) for name, content in files.items()}


def test_nothing_is_found_but_the_listed_suppressions(tmp_path: Path) -> None:  # M-02
    files = {"base": base(), "alloy": overlaid(base(), ALLOY), "examples": overlaid(base(), EXAMPLES)}
    assert faults(tmp_path, files) == {"base": set(), "alloy": set(), "examples": set()}


def test_every_suppression_is_still_needed(tmp_path: Path) -> None:
    listed = {
        (rule, service)
        for rule, entry in yaml.safe_load(SUPPRESSIONS.read_text(encoding="utf-8"))["rules"].items()
        for service in entry["exclude_services"]
    }
    found = run(tmp_path, {"all": overlaid(overlaid(base(), ALLOY), EXAMPLES)})["all"]
    assert {item for item, covered in found.items() if covered} == listed


def mutations() -> Iterable[tuple[str, Callable[[dict[str, Any]], None]]]:
    """Every way to loosen one line: a key of a service taken away, a port opened, the internal network opened."""
    for name, service in base()["services"].items():
        for key in HARDENING:
            yield f"{name}-without-{key}", lambda compose, name=name, key=key: compose["services"][name].pop(key)
        if service.get("ports"):
            yield f"{name}-open-port", lambda compose, name=name: open_port(compose["services"][name])
    for name in ("init", "prometheus"):
        yield f"{name}-privileged", lambda compose, name=name: compose["services"][name].update(privileged=True)
    yield "docker-api-open", lambda compose: compose["networks"]["docker-api"].pop("internal")
    yield (
        "socket-elsewhere",
        lambda compose: compose["services"]["grafana"]["volumes"].append(
            "/var/run/docker.sock:/var/run/docker.sock:ro"
        ),
    )
    yield "host-path", lambda compose: compose["services"]["node-exporter"]["volumes"].append("/etc:/host/etc:ro")
    yield "writable", lambda compose: compose["services"]["loki"]["volumes"].append("./rules:/rules")
    yield "latest", lambda compose: compose["services"]["loki"].update(image="grafana/loki:latest")


def open_port(service: dict[str, Any]) -> None:
    service["ports"] = [port.removeprefix("127.0.0.1:") for port in service["ports"]]


def test_each_hardening_line_taken_away_is_noticed(tmp_path: Path) -> None:
    files = {}
    for name, change in mutations():
        changed = copy.deepcopy(base())
        change(changed)
        files[name] = changed
    assert len(files) > 100
    unnoticed = [name for name, found in faults(tmp_path, files).items() if not found]
    assert unnoticed == []

"""What the containers of the stack are doing, from what the Docker engine says of each. Nothing is started here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import docker

from stackgen.engines import docker_images, native_examples
from stackgen.engines.base import PartStatus, State
from stackgen.parts.table import PARTS

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
FOLDER = "com.docker.compose.project.working_dir"
ONE_OFF = "com.docker.compose.oneoff"
INIT = "init"
LOG_COLLECTORS = ("promtail", "alloy")
EXAMPLES = tuple(native_examples.default_ports())
UNPUBLISHED = frozenset({"alloy", "containers", "postgres-exporter", "promtail", "redis-exporter"}) | {
    native_examples.PREFIX + name for name in native_examples.BACKENDS
}
NO_ADDRESS = UNPUBLISHED | {"redis", "postgres"}  # nothing that a browser could open

Containers = Mapping[str, Mapping[str, Any]]


def containers(client: docker.DockerClient, project: str) -> dict[str, dict[str, Any]]:
    """What `inspect` says of each container of the project, by service."""
    found = client.containers.list(all=True, filters={"label": f"{PROJECT}={project}"}, ignore_removed=True)
    return {
        one.labels[SERVICE]: one.attrs
        for one in found
        if SERVICE in one.labels and one.labels.get(ONE_OFF, "False") != "True"
    }


def foreign(found: Containers, root: Path) -> str:
    """The other folder whose stack has this project's name, "" when the containers are this checkout's."""
    for attributes in found.values():
        folder = attributes["Config"]["Labels"].get(FOLDER, "")
        if folder and Path(folder).resolve() != root.resolve():
            return str(folder)
    return ""


def runs(attributes: Mapping[str, Any]) -> bool:
    """Whether a container is up or on its way."""
    return attributes["State"]["Status"] in ("running", "restarting", "paused")


def statuses(found: Containers, wanted: Iterable[str], ports: Mapping[str, int]) -> list[PartStatus]:
    """The parts in the order of the table, then the examples: those that are wanted and those that have a container."""
    wanted = set(wanted)
    known = [name for name in (*PARTS, *EXAMPLES) if name in wanted or name in found]
    parts = [_part(name, found.get(name), ports.get(name, 0)) for name in known]
    init = found.get(INIT)
    if init is not None and init["State"]["Status"] == "exited" and init["State"]["ExitCode"]:
        parts.insert(0, _failed_init(init))
    return parts


def _part(name: str, attributes: Mapping[str, Any] | None, port: int) -> PartStatus:
    address = "" if name in NO_ADDRESS or not port else f"http://127.0.0.1:{port}"
    pinned = PARTS[name].version if name in PARTS else native_examples.VERSION
    if attributes is None:
        return PartStatus(name, pinned, State.STOPPED, address, 0.0)
    image = str(attributes["Config"]["Image"])
    state, detail = _state(attributes["State"], attributes.get("RestartCount", 0))
    if state is State.HEALTHY and docker_images.stands_in(image):
        detail = detail or f"stand-in {image}"
    version = docker_images.version(image) or pinned
    return PartStatus(name, version, state, address, _since(attributes["State"]), detail)


def _state(state: Mapping[str, Any], restarts: int) -> tuple[State, str]:
    status = state["Status"]
    if status == "running":
        return _running(state)
    if status == "restarting":
        return State.UNHEALTHY, f"{_end(state)}; restarted {restarts} times"
    if status == "created":
        problem = state.get("Error") or ""
        return (State.FAILED, problem) if problem else (State.STARTING, "waits for init")
    if status == "paused":
        return State.UNHEALTHY, "paused: docker unpause lets it go on"
    return State.STOPPED, "" if state.get("ExitCode") in (0, 143) else _end(state)


def _running(state: Mapping[str, Any]) -> tuple[State, str]:
    health = state.get("Health")
    if not health:
        return State.HEALTHY, "runs; its image can hold no health check"
    last = (health.get("Log") or [{}])[-1].get("Output", "").strip().replace("\n", " ")[:200]
    if health["Status"] == "healthy":
        return State.HEALTHY, ""
    if health["Status"] == "starting":
        return State.STARTING, last
    return State.UNHEALTHY, last or "its health check fails"


def _end(state: Mapping[str, Any]) -> str:
    if state.get("OOMKilled"):
        return "ended: it needed more memory than its limit"
    return f"ended with exit code {state.get('ExitCode')}"


def _failed_init(attributes: Mapping[str, Any]) -> PartStatus:
    state = attributes["State"]
    version = docker_images.version(str(attributes["Config"]["Image"]))
    return PartStatus(INIT, version, State.FAILED, "", _since(state), f"{_end(state)}: ./stack logs init")


def _since(state: Mapping[str, Any]) -> float:
    """Unix seconds of the last start or end, 0 when it never ran."""
    text = str(state["StartedAt"] if state["Status"] == "running" else state.get("FinishedAt") or state["StartedAt"])
    if text.startswith("0001"):
        return 0.0
    try:
        return datetime.fromisoformat(text[:19] + "+00:00" if text.endswith("Z") else text).timestamp()
    except ValueError:
        return 0.0

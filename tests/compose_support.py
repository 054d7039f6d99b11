"""Helpers of the Compose tier: a Docker engine, this stack in containers, what the engine itself says of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException
from running import RunningStack
from stackgen.engines import docker_rest
from stackgen.engines.docker_compose import find
from stackgen.images import envfile
from stackgen.parts import cache
from support import unavailable
from waiting import until

DEFAULT_HOST = "unix:///var/run/docker.sock"
ANSWERS_WITHIN = 120.0  # seconds for a dockerd that was just started
PREFIX = "watchstack-test-"  # what the names of the tests' projects begin with
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
PARTS = {
    "prometheus", "alertmanager", "node-exporter", "loki", "promtail", "grafana", "exporter", "console", "containers"
}  # fmt: skip


def answers(host: str) -> bool:
    """Whether a Docker engine is there."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(host.removeprefix("unix://"))
            except OSError:
                return False
    client = docker.APIClient(base_url=host, version="1.41", timeout=10)
    try:
        return bool(client.ping())
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()


@contextmanager
def engine() -> Iterator[str]:
    """The address of a Docker engine: the one that answers, else one that is started for the tests and ended again."""
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if answers(host):
        yield host
        return
    for program in ("dockerd", "iptables", "containerd"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            unavailable(f"no Docker engine answers at {host}, and {program} is not installed")
    if os.geteuid() != 0:
        unavailable(f"no Docker engine answers at {host}, and only root can start one")
    with _started() as host:
        yield host


@contextmanager
def _started() -> Iterator[str]:
    """A dockerd of its own; its images stay below the cache, so that stand-ins are built once."""
    with tempfile.TemporaryDirectory(prefix="docker-", dir="/tmp") as name, cache.lock("docker-engine"):
        folder = Path(name)
        host = f"unix://{folder}/docker.sock"
        log = folder / "log"
        dying = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []  # never outlives the tests
        command = [*dying, "dockerd", "--data-root", str(cache.below("docker")), "--exec-root", str(folder / "exec")]
        command += ["--pidfile", str(folder / "pid"), "--host", host]
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            limit = time.monotonic() + ANSWERS_WITHIN
            while not answers(host):
                if process.poll() is not None or time.monotonic() > limit:
                    said = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                    unavailable(f"dockerd does not come up here:\n{said}")
                time.sleep(0.2)
            _sweep(host)
            yield host
        finally:
            _end(process)


def _sweep(host: str) -> None:
    """Removes what killed runs have left on the tests' own engine, and networks that only its restart lets go."""
    client = docker.DockerClient(base_url=host, timeout=60)
    try:
        found = [*client.containers.list(all=True), *client.networks.list(filters={"label": PROJECT})]
        marks = {(one.attrs.get("Labels") or one.attrs["Config"]["Labels"] or {}).get(PROJECT, "") for one in found}
        for project in sorted(mark for mark in marks if mark.startswith(PREFIX)):
            remove_project(client, project)
    finally:
        client.close()


def remove_project(client: docker.DockerClient, project: str) -> list[str]:
    """Leaves nothing of a Compose project on the engine; what it says of networks that Docker holds."""
    said: list[str] = []
    mine = {"label": f"{PROJECT}={project}"}

    def ended() -> bool:
        """Whether no container is left; one may be on its way out already."""
        for one in client.containers.list(all=True, filters=mine, ignore_removed=True):
            with suppress(APIError):
                one.remove(force=True)
        return not client.containers.list(all=True, filters=mine, ignore_removed=True)

    until(ended, why=f"every container of {project} goes")
    docker_rest.remove(client, project, volumes=True, say=said.append)
    return said


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends dockerd, which ends its containerd."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class ComposeStack(RunningStack):
    """`./stack` of one checkout with an engine, stand-ins and a project name of its own."""

    def __init__(self, root: Path, ports: dict[str, str], host: str, images: dict[str, str]) -> None:
        self.host = host
        self.project = PREFIX + uuid.uuid4().hex[:8]
        variables = {"DOCKER_HOST": host, "COMPOSE_PROJECT_NAME": self.project}
        super().__init__(root, ports, "docker", **variables)
        self.images = images
        self.client = docker.DockerClient(base_url=host, timeout=60)
        envfile.write(root / ".stack", images)

    @property
    def own_image(self) -> str:
        """The image of the project's own parts."""
        return self.images["WATCHSTACK_IMAGE"]

    def compose(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Plain Compose in the checkout, as a person calls it."""
        done = subprocess.run(
            [*find(self.environment), *words],
            cwd=self.root,
            env={**self.environment, "DOCKER_SOCKET": self.host.removeprefix("unix://"), "PWD": str(self.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"compose {' '.join(words)} exited {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def up_fails(self) -> subprocess.CompletedProcess[str]:
        """`./stack up` that is expected to give up."""
        return self.command("up", "--engine", "docker", check=False)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What `docker inspect` says of each service's container, the ended ones too."""
        mine = {"label": f"{PROJECT}={self.project}"}
        found = self.client.containers.list(all=True, filters=mine, ignore_removed=True)
        return {one.labels[SERVICE]: one.attrs for one in found}

    def freeze(self, part: str) -> None:
        """The part stops answering; the engine sees a running container."""
        self.client.containers.get(self.containers()[part]["Id"]).kill("SIGSTOP")

    def thaw(self, part: str) -> None:
        self.client.containers.get(self.containers()[part]["Id"]).kill("SIGCONT")

    def all_up(self, jobs: Iterable[str] = frozenset(PARTS)) -> bool:
        """Whether these are scraped and every target answers."""
        found = self.targets()
        return {name.split()[0] for name in found} >= set(jobs) and set(found.values()) == {"up"}

    def healths(self) -> dict[str, str]:
        """`State.Health.Status` of each service but init; "none" where the image can hold no check."""
        return {
            name: (attributes["State"].get("Health") or {"Status": "none"})["Status"]
            for name, attributes in self.containers().items()
            if name != "init"
        }

    def networks(self, said: str = "") -> list[str]:
        """Networks that are there, but those of which a command said that Docker holds them (see docker_rest)."""
        names = (str(one.name) for one in self.client.networks.list(filters={"label": f"{PROJECT}={self.project}"}))
        return [name for name in names if f"{name} stays: Docker holds it though nothing is attached" not in said]

    def volumes(self) -> list[str]:
        return [one.name for one in self.client.volumes.list(filters={"label": f"{PROJECT}={self.project}"})]

    def inside(self, volume: str, script: str, user: str) -> str:
        """What a Python script prints in a container that has this volume at /v and runs as this user."""
        said = self.client.containers.run(
            self.own_image,
            ["python", "-c", script],
            user=user,
            volumes={f"{self.project}_{volume}": {"bind": "/v", "mode": "ro"}},
            network_mode="none",
            cap_drop=["ALL"],
            remove=True,
        )
        return bytes(said).decode()

    def inspect_volume(self, volume: str, user: str) -> list[dict[str, Any]]:
        """Every file of a volume as this user sees it: name, mode, uid and whether it can be read."""
        return list(json.loads(self.inside(volume, _LOOK, user)))

    def loki_lines(self, selector: str) -> list[str]:
        found = self.get("loki", "/loki/api/v1/query_range", query=selector, limit="5")["data"]["result"]
        return [line for stream in found for _, line in stream["values"]]

    def compose_down(self) -> str:
        """Plain `compose down -v`; what is to be said of a network that Docker holds."""
        done = self.compose("--env-file", ".stack/images.env", "down", "-v", check=False)
        if not done.returncode:
            return ""
        assert "has active endpoints" in done.stderr, done.stderr
        assert self.containers() == {}
        return "\n".join(remove_project(self.client, self.project))

    def close(self) -> None:
        """Leaves nothing of this stack on the engine, whatever the test did."""
        if self.containers() or self.networks() or self.volumes():
            self.command("destroy", "--yes", check=False)
            remove_project(self.client, self.project)
        self.client.close()


_LOOK = """
import json, os
found = []
try:
    names = sorted(os.listdir("/v"))
except PermissionError:
    names = None
for name in names or ():
    status = os.stat("/v/" + name)
    try:
        readable = bool(open("/v/" + name, "rb").read())
    except PermissionError:
        readable = False
    found.append({"name": name, "mode": status.st_mode & 0o7777, "uid": status.st_uid, "readable": readable})
print(json.dumps(found if names is not None else [{"name": "", "readable": False}]))
"""

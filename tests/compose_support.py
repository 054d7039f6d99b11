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
import urllib.error
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from running import RunningStack
from stackgen.engines.docker_compose import find
from stackgen.images import envfile
from stackgen.parts import cache
from support import unavailable

T = TypeVar("T")
DEFAULT_HOST = "unix:///var/run/docker.sock"
ANSWERS_WITHIN = 60.0  # seconds for a dockerd that was just started
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"


def until(what: Callable[[], T | None], seconds: float = 30.0, why: str = "") -> T:
    """Polls until `what` gives something true; a part that does not answer counts as not yet. Fails after `seconds`."""
    limit = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < limit:
        try:
            if value := what():
                return value
            last = value
        except (OSError, urllib.error.URLError, ValueError) as error:
            last = error
        time.sleep(0.25)
    raise AssertionError(f"not within {seconds:.0f} s: {why or what}; last: {last!r}")


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
            yield host
        finally:
            _end(process)


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
        self.project = f"watchstack-test-{uuid.uuid4().hex[:8]}"
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
        found = self.client.containers.list(all=True, filters={"label": f"{PROJECT}={self.project}"})
        return {one.labels[SERVICE]: one.attrs for one in found}

    def freeze(self, part: str) -> None:
        """The part stops answering; the engine sees a running container."""
        self.client.containers.get(self.containers()[part]["Id"]).kill("SIGSTOP")

    def thaw(self, part: str) -> None:
        self.client.containers.get(self.containers()[part]["Id"]).kill("SIGCONT")

    def healths(self) -> dict[str, str]:
        """`State.Health.Status` of each service but init; "none" where the image can hold no check."""
        return {
            name: (attributes["State"].get("Health") or {"Status": "none"})["Status"]
            for name, attributes in self.containers().items()
            if name != "init"
        }

    def networks(self) -> list[str]:
        return [str(one.name) for one in self.client.networks.list(filters={"label": f"{PROJECT}={self.project}"})]

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

    def close(self) -> None:
        """Leaves nothing of this stack on the engine, whatever the test did."""
        self.command("destroy", "--yes", check=False)
        for one in self.client.containers.list(all=True, filters={"label": f"{PROJECT}={self.project}"}):
            one.remove(force=True)
        for network in self.client.networks.list(filters={"label": f"{PROJECT}={self.project}"}):
            until(partial(_removed, network), 30, f"{network.name} goes")
        for volume in self.client.volumes.list(filters={"label": f"{PROJECT}={self.project}"}):
            volume.remove(force=True)
        self.client.close()


def _removed(network: Any) -> bool:
    """Lets go of what a container left that went while it was being attached; Docker may take a while to notice."""
    try:
        network.reload()
        for key, endpoint in (network.attrs["Containers"] or {}).items():
            for name in (key, endpoint.get("Name", "")):
                with suppress(APIError):
                    network.disconnect(name, force=True)
        network.remove()
    except NotFound:
        return True
    except APIError:
        return False
    return True


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

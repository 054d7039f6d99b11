"""What Compose could not remove after the containers had gone: networks that Docker holds, and volumes.

Docker loses count of a network's ends now and then when containers come and go at once (moby#42119): the network cannot
be removed then until the engine is restarted, though nothing is attached to it. Nobody is harmed by that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, NotFound

from stackgen.engines.base import EngineError
from stackgen.engines.docker_status import PROJECT

LET_GO = 10.0  # seconds for Docker to notice that a container is gone
LOOK = 0.5


def remove(client: docker.DockerClient, project: str, *, volumes: bool, say: Callable[[str], None]) -> None:
    """Removes the networks of a project that has no container any more, and its volumes; says which network stays, and
    why. Raises EngineError for a volume that stays.
    """
    mine = {"label": f"{PROJECT}={project}"}
    for network in client.networks.list(filters=mine):
        if stays := _network(client, network):
            say(f"the network {network.name} stays: {stays}; the next ./stack up uses it")
    for volume in client.volumes.list(filters=mine) if volumes else ():
        try:
            volume.remove(force=True)
        except NotFound:
            continue
        except APIError as error:
            raise EngineError(
                f"the volume {volume.name} cannot be removed: {error.explanation}", "./stack destroy tries again"
            ) from error


def _network(client: docker.DockerClient, network: Any) -> str:
    """Why the network stays, "" when it is gone."""
    limit = time.monotonic() + LET_GO
    while True:
        try:
            network.reload()
            ends = network.attrs.get("Containers") or {}
            others = [str(end.get("Name") or key) for key, end in ends.items() if _exists(client, key)]
            if others:
                return f"{', '.join(sorted(others))} of yours is attached to it"
            for end in ends.values():  # of containers that are gone: the name alone lets go of them
                with suppress(APIError):
                    client.api.disconnect_container_from_network(end.get("Name", ""), network.id, force=True)
            network.remove()
        except NotFound:
            return ""
        except APIError as error:
            if time.monotonic() > limit:
                return f"Docker holds it though nothing is attached to it, until it is restarted ({error.explanation})"
            time.sleep(LOOK)
        else:
            return ""


def _exists(client: docker.DockerClient, container: str) -> bool:
    try:
        client.api.inspect_container(container)
    except NotFound:
        return False
    return True

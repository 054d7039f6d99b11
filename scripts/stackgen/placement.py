"""Where each part lives as the other parts see it: address, data, config and secret folder. No rendering here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One part's place.

    host, port: how other parts of the stack reach it.
    config, data, secrets: absolute folders as the part itself sees them (inside its container, or on the host).
    """

    host: str
    port: int
    config: str = ""
    data: str = ""
    secrets: str = ""

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class Placement:
    """All places of one engine.

    engine: "docker" or "native".
    places: by part name of `stackgen.parts.table`.
    docker_host: what replaces `host.docker.internal` in targets and probes.
    logs: folder that holds the parts' own log files as the log collector sees it; empty where logs come from Docker.
    """

    engine: str
    places: Mapping[str, Place]
    docker_host: str
    logs: str = ""

    def __getitem__(self, part: str) -> Place:
        return self.places[part]

    def target(self, address: str) -> str:
        """A target of stack.yml as this engine reaches it."""
        return address.replace("host.docker.internal", self.docker_host)

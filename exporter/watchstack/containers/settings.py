"""What the environment says about the container collector: the one module of it that reads variables."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from watchstack.serve import Address
from watchstack.settings import SettingError

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Endpoint:
    """Where the Docker daemon listens: a Unix socket (`path`), or `host` and `port` of plain TCP."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str, variable: str = "DOCKER_HOST") -> Endpoint:
        """`unix:///path`, `tcp://host:port` or `http://host:port`. Raises SettingError."""
        scheme, separator, rest = text.partition("://")
        if separator and scheme == "unix" and rest.startswith("/"):
            return cls(path=rest)
        if separator and scheme in ("tcp", "http") and rest:
            try:
                address = Address.parse(rest.rstrip("/"), variable)
            except SettingError:
                pass
            else:
                if rest[0] != ":" and address.port:
                    return cls(host=address.host, port=address.port)
        raise SettingError(variable, text, "give unix:///path/to/docker.sock or tcp://host:port")

    def connect(self, timeout: float) -> socket.socket:
        """A connected socket. Raises OSError."""
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.connect(self.path)
        except BaseException:
            sock.close()
            raise
        return sock

    def __str__(self) -> str:
        return f"unix://{self.path}" if self.path else f"tcp://{Address(self.host, self.port)}"


@dataclass(frozen=True)
class Settings:
    """listen: metrics and health. api: the GET-only Docker API for the log collector, None for off.

    limit: containers that are measured; beyond it the newest running ones are kept and the rest counted.
    """

    listen: Address
    api: Address | None
    docker: Endpoint
    limit: int = 500

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingError for the first variable that holds what it may not."""
        api = environment.get("CONTAINERS_API_LISTEN", "")
        limit = environment.get("CONTAINERS_LIMIT", "") or "500"
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= 10_000):
            raise SettingError("CONTAINERS_LIMIT", limit, "give a whole number from 1 to 10000")
        return cls(
            listen=Address.parse(environment.get("CONTAINERS_LISTEN", "127.0.0.1:9102"), "CONTAINERS_LISTEN"),
            api=Address.parse(api, "CONTAINERS_API_LISTEN") if api else None,
            docker=Endpoint.parse(environment.get("DOCKER_HOST") or DEFAULT_HOST),
            limit=int(limit),
        )

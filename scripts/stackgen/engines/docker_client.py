"""The connection to the Docker engine, and in words why there is none. What is asked over it lives elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker
import requests
from docker.context import ContextAPI
from docker.errors import DockerException

from stackgen.engines.base import EngineError

OLDEST = (20, 10)  # of the engine: host-gateway, health checks and limits as docker-compose.yml uses them
ANSWER_WITHIN = 10  # seconds
DEFAULT_HOST = "unix:///var/run/docker.sock"


def host(environment: Mapping[str, str]) -> str:
    """Where the engine listens, as the docker command finds it: DOCKER_HOST, else the context in use."""
    named = environment.get("DOCKER_HOST", "")
    if named:
        return named
    try:
        context = ContextAPI.get_context(environment.get("DOCKER_CONTEXT") or None)
    except (DockerException, OSError, ValueError):
        return DEFAULT_HOST
    where = getattr(context, "Host", None) if context is not None else None
    return where if isinstance(where, str) and where else DEFAULT_HOST


def socket_path(where: str) -> Path | None:
    """The engine's socket on this machine, None when it is reached over the network."""
    return Path(where.removeprefix("unix://")) if where.startswith("unix://") else None


def connect(environment: Mapping[str, str], *, timeout: int = ANSWER_WITHIN) -> docker.DockerClient:
    """A client whose engine has answered and is new enough. Raises EngineError with what to do."""
    where = host(environment)
    path = socket_path(where)
    if path is not None:
        _knock(path)
    try:
        client = docker.DockerClient(base_url=where.replace("http+docker://", ""), timeout=timeout, version="auto")
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        raise EngineError(
            f"no Docker engine answers at {where}: {_reason(error)}",
            "start Docker, or ./stack up --engine native, which needs none",
        ) from error
    try:
        version = str(client.version()["Version"])
    except (DockerException, requests.RequestException, KeyError) as error:
        client.close()
        raise EngineError(f"the Docker engine at {where} does not tell its version: {_reason(error)}") from error
    if numbers(version) < OLDEST:
        client.close()
        oldest = ".".join(map(str, OLDEST))
        raise EngineError(
            f"the Docker engine is {version}, older than {oldest}, the oldest that will do",
            "update Docker, or ./stack up --engine native",
        )
    return client


@contextmanager
def connected(environment: Mapping[str, str], *, timeout: int = ANSWER_WITHIN) -> Iterator[docker.DockerClient]:
    """`connect` for the length of a `with`; failures of requests inside it become EngineErrors."""
    client = connect(environment, timeout=timeout)
    try:
        yield client
    except (DockerException, requests.RequestException) as error:
        raise EngineError(f"the Docker engine failed: {_reason(error)}", "see the log of the Docker daemon") from error
    finally:
        client.close()


def numbers(version: str) -> tuple[int, int]:
    """Major and minor number of a version, (0, 0) for none."""
    found = [part for part in version.lstrip("v").replace("-", ".").replace("+", ".").split(".")[:2] if part.isdigit()]
    return (int(found[0]), int(found[1])) if len(found) == 2 else (0, 0)


def _knock(path: Path) -> None:
    """Finds out why a socket cannot be used, in words that say what to do. Raises EngineError."""
    native = "./stack up --engine native needs none"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_WITHIN)
        try:
            probe.connect(str(path))
        except FileNotFoundError as error:
            raise EngineError(f"no Docker engine runs here: {path} is not there", f"start Docker; {native}") from error
        except PermissionError as error:
            raise EngineError(
                f"this user may not use the Docker engine: no permission on {path}",
                f"have the user added to the group of {path} ({_group(path)}) and sign in again; {native}",
            ) from error
        except ConnectionRefusedError as error:
            raise EngineError(
                f"no Docker engine runs here: nothing listens at {path}", f"start Docker; {native}"
            ) from error
        except OSError as error:
            raise EngineError(f"{path} cannot be used: {error.strerror or error}", f"start Docker; {native}") from error


def _group(path: Path) -> str:
    try:
        return path.group()
    except (OSError, KeyError):
        return "docker"


def _reason(error: BaseException) -> str:
    explanation = getattr(error, "explanation", None)
    text = str(explanation or error) or type(error).__name__
    return text if len(text) < 300 else text[:300] + "…"


def mounted_socket(environment: Mapping[str, str]) -> str:
    """What docker-compose.yml mounts as the engine's socket: DOCKER_SOCKET, else the one in use, "" for the default."""
    if environment.get("DOCKER_SOCKET"):
        return environment["DOCKER_SOCKET"]
    path = socket_path(host(environment))
    return str(path) if path is not None and os.fspath(path) != "/var/run/docker.sock" else ""

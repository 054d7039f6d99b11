"""Which engine runs the stack, and why. The engines themselves live in `docker` and `native`.

`.stack/engine` remembers the last choice: each engine keeps data of its own, so it is not changed behind anyone's back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stackgen.engines.base import EngineError
from stackgen.engines.native_files import replace, unwritable
from stackgen.parts.table import PARTS

if TYPE_CHECKING:
    import docker

ENGINES = ("docker", "native")
ANSWER_WITHIN = 5  # seconds for an answer of the Docker engine
PULL_WITHIN = 15  # seconds for the registry to tell of one image
OWN_DATA = "each engine keeps its own data: what one has recorded the other does not see"

Probe = Callable[[Mapping[str, str], Path], str]
Running = Callable[[str], bool]


@dataclass(frozen=True)
class Choice:
    """engine: "docker" or "native". reason: why, in words that follow "because". note: what else there is to know."""

    engine: str
    reason: str
    note: str = ""


def remembered(state: Path) -> str:
    """The engine that was used last, "" when there was none. Raises EngineError when the file names no engine."""
    try:
        name = (state / "engine").read_text("utf-8").strip()
    except OSError:
        return ""
    if name not in ENGINES:
        raise EngineError(f"{state / 'engine'} names the unknown engine {name!r}", "remove that file")
    return name


def remember(state: Path, engine: str) -> None:
    """Writes the choice down. Raises EngineError when `.stack` cannot be written."""
    path = state / "engine"
    try:
        replace(path, f"{engine}\n".encode())
    except OSError as error:
        raise unwritable(path, error) from error


def choose(state: Path, environment: Mapping[str, str], asked: str | None, running: Running, probe: Probe) -> Choice:
    """The engine for `up`.

    asked: what the user asked for, None to choose. running: tells whether an engine runs this stack now.
    probe: why Docker cannot run the stack, "" when it can. Raises EngineError when the other engine runs, or when the
    one that was used last cannot run and the user did not ask for the other.
    """
    last = remembered(state)
    now = next((name for name in ENGINES if running(name)), "")
    if asked:
        if now and now != asked:
            raise EngineError(
                f"the {now} engine runs this stack, so {asked} cannot start it", f"./stack down first; {OWN_DATA}"
            )
        return Choice(asked, "it was asked for", OWN_DATA if last and last != asked else "")
    if now:
        return Choice(now, "it runs already")
    if last == "native":
        return Choice(last, "it was used last; --engine docker changes that")
    why_not = probe(environment, state)
    if last == "docker":
        if why_not:
            raise EngineError(
                f"this stack ran with docker last, and now {why_not}",
                f"start or repair Docker, or ./stack up --engine native; {OWN_DATA}",
            )
        return Choice(last, "it was used last; --engine native changes that")
    if why_not:
        return Choice("native", why_not)
    return Choice("docker", "a Docker engine answers and every image is here or can be pulled")


def docker_probe(environment: Mapping[str, str], state: Path) -> str:
    """Why Docker cannot run the stack, "" when it can: the engine answers, images can be had, Compose is there."""
    from stackgen.engines import docker_client, docker_compose, docker_images  # late: native does without them
    from stackgen.images import envfile

    needed = [name for name, part in PARTS.items() if part.image and part.profile == ""]
    try:
        with docker_client.connected(environment, timeout=ANSWER_WITHIN) as client:
            images = docker_images.choose(client, needed, environment, envfile.read(state))
            missing = (environment.get(PARTS[name].variable) or PARTS[name].image for name in images.absent)
            lacking = _not_to_be_pulled(client, missing)
        if not lacking:
            docker_compose.find(environment)
    except EngineError as error:
        return str(error)
    return f"the image {lacking} is not here and cannot be pulled (./stack images builds stand-ins)" if lacking else ""


def _not_to_be_pulled(client: docker.DockerClient, images: Iterable[str]) -> str:
    """The first image that its registry does not know or that no registry answers for, without its digest."""
    import requests
    from docker.errors import DockerException

    client.api.timeout = PULL_WITHIN
    for image in images:
        try:
            client.images.get_registry_data(image)
        except (DockerException, requests.RequestException):
            return image.partition("@")[0]
    return ""

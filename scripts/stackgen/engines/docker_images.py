"""Which image each service runs: the pinned one, one that the environment names, a stand-in. None is built here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound

from stackgen.parts.table import OWN_IMAGE, PARTS

OWN_VARIABLE = "WATCHSTACK_IMAGE"
LOCAL = "watchstack-local/"  # what the names of stand-ins begin with


@dataclass(frozen=True)
class Images:
    """variables: what Compose gets. absent: parts whose image is neither here nor stood in for.

    own: reference of our own image; own_here: it is on the engine.
    """

    variables: Mapping[str, str]
    absent: tuple[str, ...]
    own: str
    own_here: bool


def choose(
    client: docker.DockerClient, parts: Iterable[str], environment: Mapping[str, str], stand_ins: Mapping[str, str]
) -> Images:
    """What the environment names is taken as it is; else the pinned image if it is here, else a stand-in if it is."""
    here = _Here(client)
    variables: dict[str, str] = {}
    absent = []
    for name in parts:
        part = PARTS[name]
        if part.image == OWN_IMAGE:
            continue
        image = _pick(part.variable, part.image, environment, stand_ins, here)
        if image != part.image:
            variables[part.variable] = image
        if not here(image):
            absent.append(name)
    own = _pick(OWN_VARIABLE, OWN_IMAGE, environment, stand_ins, here)
    if own != OWN_IMAGE:
        variables[OWN_VARIABLE] = own
    return Images(variables, tuple(absent), own, here(own))


def _pick(
    variable: str,
    pinned: str,
    environment: Mapping[str, str],
    stand_ins: Mapping[str, str],
    here: Callable[[str], bool],
) -> str:
    if environment.get(variable):
        return environment[variable]
    stand_in = stand_ins.get(variable, "")
    return stand_in if stand_in and here(stand_in) and not here(pinned) else pinned


class _Here:
    """Whether an image is on the engine; each is asked for once."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._known: dict[str, bool] = {}

    def __call__(self, image: str) -> bool:
        if image not in self._known:
            try:
                self._client.images.get(image)
                self._known[image] = True
            except ImageNotFound:
                self._known[image] = False
        return self._known[image]


def version(image: str) -> str:
    """The version that an image's tag tells: "3.13.3" of `prom/prometheus:v3.13.3@sha256:…`, "" for none."""
    tag = image.partition("@")[0].rpartition(":")
    return tag[2].removeprefix("v").removesuffix("-alpine") if tag[1] and "/" not in tag[2] else ""


def stands_in(image: str) -> bool:
    """Whether the image was built here in place of another. Our own is ours either way."""
    return image.startswith(LOCAL) and not image.startswith(f"{LOCAL}watchstack:")

"""Which image each service runs: the pinned one, one that the environment names, a stand-in. None is built here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound

from stackgen.engines import docker_examples
from stackgen.images import own
from stackgen.parts.table import OWN_IMAGE, PARTS

LOCAL = "watchstack-local/"  # what the names of stand-ins begin with


@dataclass(frozen=True)
class Images:
    """variables: what Compose gets. absent: parts whose image is neither here nor stood in for.

    own, examples: references of the images that are built of this checkout; here: those of the two on the engine.
    """

    variables: Mapping[str, str]
    absent: tuple[str, ...]
    own: str
    examples: str
    here: frozenset[str]


def choose(
    client: docker.DockerClient, parts: Iterable[str], environment: Mapping[str, str], stand_ins: Mapping[str, str]
) -> Images:
    """What the environment names is taken as it is; else the pinned image if it is here, else a stand-in if it is."""
    here = _Here(client)
    variables: dict[str, str] = {}
    absent = []
    pinned = {name: (part.variable, part.image) for name, part in PARTS.items() if part.image != OWN_IMAGE}
    pinned |= docker_examples.BACKENDS
    for name in (name for name in parts if name in pinned):
        variable, upstream = pinned[name]
        image = _pick(variable, upstream, environment, stand_ins, here)
        if image != upstream:
            variables[variable] = image
        if not here(image):
            absent.append(name)
    ours = {one: _pick(one.variable, one.reference, environment, stand_ins, here) for one in (own.OWN, own.EXAMPLES)}
    if ours[own.OWN] == own.OWN.name and not environment.get(own.EXAMPLES.variable):
        ours[own.EXAMPLES] = own.EXAMPLES.name  # where the one stands in, the other is built in the same way
    variables |= {one.variable: image for one, image in ours.items() if image != one.reference}
    known = frozenset(image for image in ours.values() if here(image))
    return Images(variables, tuple(absent), ours[own.OWN], ours[own.EXAMPLES], known)


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
    """Whether the image was built here in place of another. Our own are ours either way."""
    return image.startswith(LOCAL) and image not in (own.OWN.name, own.EXAMPLES.name)

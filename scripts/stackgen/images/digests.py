"""`./stack images --verify`: whether each pinned image still answers at its registry, asked by the Docker engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
from docker.errors import APIError, DockerException

from stackgen.engines import docker_client, docker_examples, ports
from stackgen.parts.table import OWN_IMAGE, PARTS, PYTHON_IMAGE

ANSWER_WITHIN = 30  # seconds for a registry
Say = Callable[[str], None]


def pinned() -> Iterator[tuple[str, str]]:
    """What is pinned: part and reference, `name:tag@digest`."""
    for part in PARTS.values():
        if part.image != OWN_IMAGE:
            yield part.name, part.image
    yield "mongodb", docker_examples.MONGODB
    yield "python", PYTHON_IMAGE


def verify(root: Path, say: Say) -> bool:
    """Tells for each digest whether its registry has it, and whether the tag still leads to it; whether all are had.

    A registry that cannot be reached is told once; the others are asked all the same. Raises EngineError.
    """
    good = True
    unreached: dict[str, str] = {}
    with docker_client.connected(ports.environment(root, os.environ), timeout=ANSWER_WITHIN) as client:
        for part, reference in pinned():
            registry = _registry(reference)
            if registry in unreached:
                say(f"{part:<18} not asked: {reference.partition('@')[0]}")
                continue
            try:
                say(f"{part:<18} {_answer(client, reference)}")
            except _Unreached as error:
                unreached[registry] = str(error)
                say(f"{part:<18} not asked: {reference.partition('@')[0]}")
            except _Absent as error:
                good = False
                say(f"{part:<18} NOT THERE: {reference}: {error}")
    for registry, reason in unreached.items():
        say(f"the registry of {registry} cannot be reached from the Docker engine: {reason}")
    if unreached:
        say("a network is needed to verify digests; nothing is known of those that were not asked")
    return good and not unreached


class _Absent(Exception):
    """The registry answers, and does not have it."""


class _Unreached(Exception):
    """The registry does not answer."""


def _answer(client: docker.DockerClient, reference: str) -> str:
    tagged, _, digest = reference.partition("@")
    name = tagged.rpartition(":")[0]
    _ask(client, f"{name}@{digest}")
    now = _ask(client, tagged)
    moved = "" if now == digest else f"; the tag leads to {now} now (images are built anew under the same tag)"
    return f"answers: {tagged}{moved}"


def _ask(client: docker.DockerClient, reference: str) -> str:
    """The digest that the registry gives for a reference."""
    try:
        return str(client.images.get_registry_data(reference).id)
    except APIError as error:
        text = str(error.explanation or error)
        gone = ("manifest unknown", "not found", "denied", "unauthorized")
        if error.status_code in (401, 403, 404) or any(word in text for word in gone):
            raise _Absent(text) from error
        raise _Unreached(text) from error
    except (DockerException, OSError) as error:
        raise _Unreached(str(error)) from error


def _registry(reference: str) -> str:
    """Where a reference is served: the first word with a dot or a port, else the engine's default registry."""
    first = reference.partition("/")[0]
    return first if "/" in reference and ("." in first or ":" in first) else "images without a registry in their name"

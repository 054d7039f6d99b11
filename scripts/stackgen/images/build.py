"""`./stack images`: builds the stand-ins whose inputs have changed and writes down which image they stand in for."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import docker

from stackgen.engines import docker_client, ports
from stackgen.engines.base import EngineError
from stackgen.images import context, envfile, own, rootfs
from stackgen.images.context import Recipe
from stackgen.images.recipes import STAND_INS, WITHOUT, StandIn
from stackgen.parts import cache, debian
from stackgen.parts.errors import PartError
from stackgen.parts.extras import EXTRAS
from stackgen.parts.progress import Event, Throttle
from stackgen.parts.resolve import Program, resolve
from stackgen.parts.resolve import build as build_part
from stackgen.parts.table import PARTS

Say = Callable[[str], None]


def build(root: Path, say: Say) -> bool:
    """Builds every stand-in that is not current and writes `.stack/images.env`; False when one could not be built.

    A part that fails is told and the others are built. Raises EngineError when none can be (no engine, no root).
    """
    began = time.monotonic()
    built: dict[str, str] = {}
    failed = []
    environment = ports.environment(root, os.environ)
    with cache.lock("images"), docker_client.connected(environment, timeout=context.BUILT_WITHIN) as client:
        built["PYTHON_IMAGE"] = rootfs.base(client, say)
        built["WATCHSTACK_IMAGE"] = own.build(client, root, own.OWN, say)
        for stand_in in STAND_INS:
            try:
                built[stand_in.variable] = _one(client, stand_in, say)
            except (EngineError, PartError, OSError) as error:
                failed.append(stand_in.part)
                say(f"{stand_in.part} has no stand-in: {error}")
        context.prune(client)
    path = envfile.write(root / ".stack", built)
    for part, reason in WITHOUT.items():
        say(f"{part} has no stand-in: {reason}")
    say(f"{len(built)} stand-ins are ready after {time.monotonic() - began:.0f} s; {path.relative_to(root)} names them")
    return not failed


def _one(client: docker.DockerClient, stand_in: StandIn, say: Say) -> str:
    """The stand-in's name, built when its program, its files or its base have changed."""
    program = _program(stand_in, say)
    packages = rootfs.packages_tarball(stand_in.packages, say) if stand_in.packages else None
    version = program.version if program else _packaged(stand_in)
    busybox = debian.fetch("busybox", ("busybox-static",), ("busybox",)).programs["busybox"]
    entries = stand_in.files(program.programs if program else {}, busybox)
    inputs = _inputs(client, stand_in, {entry.path: entry.content for entry in entries}, packages)
    name = f"watchstack-local/{stand_in.part}:{version}"
    recipe = Recipe(name, inputs, root=entries, text=stand_in.text)
    if packages is None or context.current(client, name, inputs):
        return context.build(client, recipe, say)
    return context.build(client, replace(recipe, files={"packages.tar": packages}), say)


def _program(stand_in: StandIn, say: Say) -> Program | None:
    if not stand_in.programs:
        return None
    part = PARTS.get(stand_in.programs)
    known = part if part is not None and part.build is not None else EXTRAS[stand_in.programs]
    if known.build is None:
        return resolve(known)

    def tell(event: Event) -> None:
        if not event.ended:
            say(str(event))

    return build_part(known, Throttle(tell, 15), background=False)


def _packaged(stand_in: StandIn) -> str:
    """What a stand-in that is made of packages has for a tag: the table's major version, as it is a close relative."""
    return f"{PARTS[stand_in.part].version.partition('.')[0]}-debian"


def _inputs(
    client: docker.DockerClient,
    stand_in: StandIn,
    contents: Mapping[str, bytes | Path | None],
    packages: Path | None,
) -> str:
    digest = hashlib.sha256(stand_in.text.encode())
    if stand_in.based:
        digest.update(rootfs.base_id(client).encode())
    if packages is not None:
        digest.update(packages.name.encode())
    for path, content in sorted(contents.items()):
        if isinstance(content, bytes):
            told = hashlib.sha256(content).hexdigest()
        elif content is None:
            told = ""
        else:
            told = cache.digest(content)
        digest.update(f"{path} {told}\n".encode())
    return digest.hexdigest()[:32]

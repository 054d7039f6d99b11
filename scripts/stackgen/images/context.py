"""Builds one image from files of this machine, through the engine's own builder: nothing is pulled, no network is used.

What goes into which image is said by the recipes in the other modules of this room.
"""

from __future__ import annotations

import contextlib
import io
import posixpath
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import docker
from docker.errors import BuildError, DockerException, ImageNotFound

from stackgen.images.errors import ImageError

INPUTS_LABEL = "watchstack.inputs"
BUILT_WITHIN = 900
Say = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """A file of an image's root. content: bytes, or the path of a file on this machine; link: target of a symlink.

    With neither it is a folder. mode: None for the kind's usual one.
    """

    path: str
    content: bytes | Path | None = None
    link: str = ""
    mode: int | None = None
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Recipe:
    """name: reference of the image. inputs: changes when the image must. files: into the context, by path there.

    root: files for the image's root, which the context holds as root.tar. text: a Dockerfile that is not among files.
    """

    name: str
    inputs: str
    files: Mapping[str, Path] = field(default_factory=dict)
    root: tuple[Entry, ...] = ()
    text: str = ""
    dockerfile: str = "Dockerfile"


def current(client: docker.DockerClient, name: str, inputs: str) -> bool:
    """Whether the engine holds the image as built from these inputs."""
    try:
        image = client.images.get(name)
    except ImageNotFound:
        return False
    return bool((image.attrs["Config"].get("Labels") or {}).get(INPUTS_LABEL) == inputs)


def build(client: docker.DockerClient, recipe: Recipe, say: Say, *, arguments: Mapping[str, str] | None = None) -> str:
    """The image's name, built when the engine does not hold it from the same inputs. Raises ImageError."""
    if current(client, recipe.name, recipe.inputs):
        return recipe.name
    say(f"building {recipe.name}")
    with tempfile.TemporaryFile() as packed:
        _pack(recipe, packed)
        packed.seek(0)
        client.api.timeout = BUILT_WITHIN
        try:
            client.images.build(
                fileobj=packed,
                custom_context=True,
                dockerfile=recipe.dockerfile,
                tag=recipe.name,
                buildargs=dict(arguments or {}),
                labels={INPUTS_LABEL: recipe.inputs},
                network_mode="none",
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            log = [str(line["stream"]).rstrip() for line in error.build_log if "stream" in line]
            last = "\n".join([line for line in log if line][-6:])
            raise ImageError(f"{recipe.name} does not build: {error.msg}\n{last}") from error
        except DockerException as error:
            raise ImageError(f"{recipe.name} does not build: {error}", "see the log of the Docker daemon") from error
    return recipe.name


def prune(client: docker.DockerClient) -> None:
    """Removes what was built here before and has lost its name to a newer one, unless a container still has it."""
    with contextlib.suppress(DockerException):
        client.images.prune(filters={"dangling": True, "label": INPUTS_LABEL})


def _pack(recipe: Recipe, into: IO[bytes]) -> None:
    with tarfile.open(fileobj=into, mode="w") as archive:
        for name, path in recipe.files.items():
            archive.add(path, name, recursive=False)
        if recipe.text:
            _add(archive, Entry(recipe.dockerfile, recipe.text.encode()))
        if recipe.root:
            with tempfile.TemporaryFile() as root:
                with tarfile.open(fileobj=root, mode="w", format=tarfile.PAX_FORMAT) as inner:
                    for entry in with_folders(recipe.root):
                        _add(inner, entry)
                info = tarfile.TarInfo("root.tar")
                info.size = root.tell()
                root.seek(0)
                archive.addfile(info, root)


def with_folders(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, each behind the folders it lies in."""
    made: dict[str, Entry] = {}
    for entry in entries:
        parents: list[str] = []
        above = posixpath.dirname(entry.path)
        while above:
            parents.insert(0, above)
            above = posixpath.dirname(above)
        for path in parents:
            made.setdefault(path, Entry(path))
        made[entry.path] = entry
    return list(made.values())


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.uid, info.gid = entry.uid, entry.gid
    if entry.link:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
        archive.addfile(info)
    elif entry.content is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755 if entry.mode is None else entry.mode
        archive.addfile(info)
    elif isinstance(entry.content, bytes):
        info.size, info.mode = len(entry.content), 0o644 if entry.mode is None else entry.mode
        archive.addfile(info, io.BytesIO(entry.content))
    else:
        info.size, info.mode = entry.content.stat().st_size, 0o755 if entry.mode is None else entry.mode
        with entry.content.open("rb") as file:
            archive.addfile(info, file)

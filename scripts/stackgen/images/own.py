"""Our own images where no index can be reached from a build: the wheels are downloaded on this machine and put into the
build's context. Where Compose can build them by itself, Compose does.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from stackgen import packages
from stackgen.images import context
from stackgen.images.errors import ImageError
from stackgen.images.rootfs import BASE, base_id, python_version
from stackgen.parts import cache
from stackgen.parts.table import OWN_IMAGE, VERSION

CODE_LABEL = "watchstack.code"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """An image that is made of this checkout.

    reference: its name where Compose builds it. name: where it is built here. variable: replaces it. code_variable: of
    the digest of its sources. service: of Compose, which builds it. sources: what goes in. requirements: packages that
    are installed. wheels: folder of the context that holds them here.
    """

    reference: str
    name: str
    variable: str
    code_variable: str
    service: str
    dockerfile: str
    sources: Callable[[Path], Iterator[Path]]
    requirements: Callable[[Path], list[str]]
    wheels: str


def sources(root: Path) -> Iterator[Path]:
    """What goes into the image, as .dockerignore lets it through."""
    yield root / "constraints.txt"
    yield from (root / "exporter" / name for name in ("Dockerfile", "pyproject.toml", "healthy.py"))
    yield from _below(root / "exporter" / "watchstack")


def examples_sources(root: Path) -> Iterator[Path]:
    """What goes into the image of the examples."""
    yield from (root / name for name in ("constraints.txt", "requirements-monitoring.txt", "exporter/healthy.py"))
    yield from _below(root / "exporter" / "watchstack")
    yield from _below(root / "examples")


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def code_digest(root: Path, image: Image) -> str:
    """Changes when the image would: a digest over its sources."""
    digest = hashlib.sha256()
    for path in image.sources(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def built_from(client: docker.DockerClient, image: str) -> str:
    """Digest of the sources that an image on the engine was built from, "" when it does not say."""
    try:
        labels = client.images.get(image).attrs["Config"].get("Labels") or {}
    except ImageNotFound:
        return ""
    return str(labels.get(CODE_LABEL, ""))


def build(client: docker.DockerClient, root: Path, image: Image, say: Say) -> str:
    """Builds the image on the stand-ins' base when its sources or base have changed; its name. Raises ImageError."""
    base = base_id(client)
    code = code_digest(root, image)
    folder = _wheels(root, image, python_version(client), say)
    inputs = hashlib.sha256(f"{base} {code} {folder.name}".encode()).hexdigest()[:32]
    files = {path.relative_to(root).as_posix(): path for path in image.sources(root)}
    files |= {f"{image.wheels}/{path.name}": path for path in sorted(folder.glob("*.whl"))}
    recipe = context.Recipe(image.name, inputs, files=files, dockerfile=image.dockerfile)
    return context.build(client, recipe, say, arguments={"PYTHON_IMAGE": BASE, "CODE": code})


def _wheels(root: Path, image: Image, python: str, say: Say) -> Path:
    """A folder with a wheel of every package for that Python. Raises ImageError."""
    wanted = image.requirements(root)
    constraints = (root / "constraints.txt").read_text("utf-8")
    machine = platform.machine()
    key = hashlib.sha256("\n".join([*wanted, constraints, python, machine]).encode()).hexdigest()[:16]
    folder = cache.below("images") / f"wheels-{key}"
    with cache.lock("images-wheels"):
        if folder.is_dir():
            return folder
        say(f"downloading the wheels of {image.name} for Python {python}")
        with cache.staging("images-wheels") as staged:
            platforms = [f"manylinux_2_{minor}_{machine}" for minor in (34, 31, 28, 27, 26, 24, 17, 12, 5)]
            platforms += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
            _download(staged, wanted, python, platforms, root / "constraints.txt")
            staged.rename(folder)  # whole or not at all
    return folder


def _download(folder: Path, wanted: list[str], python: str, platforms: list[str], constraints: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--dest", str(folder), "--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
    command += [word for name in platforms for word in ("--platform", name)]
    done = subprocess.run(
        [*command, "-c", str(constraints), *wanted], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-3:])
        raise ImageError(
            f"the wheels of our own images cannot be downloaded: {last}",
            "is the package index reachable? pip knows its settings",
        )


def requirements(root: Path) -> list[str]:
    """Everything that installing `watchstack[all]` asks for by name, and what builds it."""
    content = tomllib.loads((root / "exporter" / "pyproject.toml").read_text("utf-8"))
    project = content["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["all"], *content["build-system"]["requires"]]


def examples_requirements(root: Path) -> list[str]:
    """What the examples need beside this checkout."""
    return packages.pinned(*(root / name for name in packages.EXAMPLES))


OWN = Image(
    OWN_IMAGE,
    f"watchstack-local/watchstack:{VERSION}",
    "WATCHSTACK_IMAGE",
    "WATCHSTACK_CODE",
    "init",
    "exporter/Dockerfile",
    sources,
    requirements,
    "exporter/wheels",
)
EXAMPLES = Image(
    f"watchstack/examples:{VERSION}",
    f"watchstack-local/examples:{VERSION}",
    "EXAMPLES_IMAGE",
    "EXAMPLES_CODE",
    "example-world",
    "examples/Dockerfile",
    examples_sources,
    examples_requirements,
    "wheels",
)

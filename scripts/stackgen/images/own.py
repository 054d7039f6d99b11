"""Our own image where no index can be reached from a build: the wheels are downloaded on this machine and put into the
build's context. Where Compose can build it by itself, Compose does.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from stackgen.images import context
from stackgen.images.errors import ImageError
from stackgen.images.rootfs import BASE, base_id, python_version
from stackgen.parts import cache
from stackgen.parts.table import VERSION

NAME = f"watchstack-local/watchstack:{VERSION}"
CODE_VARIABLE = "WATCHSTACK_CODE"
CODE_LABEL = "watchstack.code"
Say = Callable[[str], None]


def sources(root: Path) -> Iterator[Path]:
    """What goes into the image, as .dockerignore lets it through."""
    yield root / "constraints.txt"
    yield from (root / "exporter" / name for name in ("Dockerfile", "pyproject.toml", "healthy.py"))
    for path in sorted((root / "exporter" / "watchstack").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def code_digest(root: Path) -> str:
    """Changes when the image would: a digest over its sources."""
    digest = hashlib.sha256()
    for path in sources(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def built_from(client: docker.DockerClient, image: str) -> str:
    """Digest of the sources that an image on the engine was built from, "" when it does not say."""
    try:
        labels = client.images.get(image).attrs["Config"].get("Labels") or {}
    except ImageNotFound:
        return ""
    return str(labels.get(CODE_LABEL, ""))


def build(client: docker.DockerClient, root: Path, say: Say) -> str:
    """Builds the image on the stand-ins' base when its sources or base have changed; its name. Raises ImageError."""
    base = base_id(client)
    code = code_digest(root)
    folder = _wheels(root, python_version(client), say)
    inputs = hashlib.sha256(f"{base} {code} {folder.name}".encode()).hexdigest()[:32]
    files = {path.relative_to(root).as_posix(): path for path in sources(root)}
    files |= {f"exporter/wheels/{path.name}": path for path in sorted(folder.glob("*.whl"))}
    recipe = context.Recipe(NAME, inputs, files=files, dockerfile="exporter/Dockerfile")
    return context.build(client, recipe, say, arguments={"PYTHON_IMAGE": BASE, "CODE": code})


def _wheels(root: Path, python: str, say: Say) -> Path:
    """A folder with a wheel of every package for that Python. Raises ImageError."""
    wanted = _requirements(root / "exporter" / "pyproject.toml")
    constraints = (root / "constraints.txt").read_text("utf-8")
    machine = platform.machine()
    key = hashlib.sha256("\n".join([*wanted, constraints, python, machine]).encode()).hexdigest()[:16]
    folder = cache.below("images") / f"wheels-{key}"
    with cache.lock("images-wheels"):
        if folder.is_dir():
            return folder
        say(f"downloading the wheels of our own image for Python {python}")
        with cache.staging("images-wheels") as staged:
            platforms = [f"manylinux_2_{minor}_{machine}" for minor in (34, 31, 28, 27, 26, 24, 17, 12, 5)]
            platforms += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
            _download(staged, wanted, python, platforms, root / "constraints.txt")
            shutil.copytree(staged, folder)
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
            f"the wheels of our own image cannot be downloaded: {last}",
            "is the package index reachable? pip knows its settings",
        )


def _requirements(path: Path) -> list[str]:
    """Everything that installing `watchstack[all]` asks for by name, and what builds it."""
    content = tomllib.loads(path.read_text("utf-8"))
    project = content["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["all"], *content["build-system"]["requires"]]

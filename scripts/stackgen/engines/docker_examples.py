"""The five examples in containers: the overlay that runs them, and the configuration that its parts mount.

`docker-compose.examples.yml` stands beside docker-compose.yml while they are wanted. The generated files with a job for
each lie in `.stack/examples` then, so that those of the checkout stay as they are. Which examples there are, and on
which ports, is in `native_examples`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from stackgen.engines import native_examples
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native_files import replace, unwritable
from stackgen.engines.native_tree import read_tree, targets, templates
from stackgen.model import Model
from stackgen.parts.table import PARTS

if TYPE_CHECKING:
    import docker  # late: every command reads this module

OVERLAY = "docker-compose.examples.yml"
TREE = "examples"  # below .stack
MOUNTED = ("examples/iot/db",)  # of the checkout
SECRETS = "examples-secrets"  # their volume
MONGODB = "mongo:8.0.32@sha256:4968f22d0c6c10ef29952f3e807f62872ba22b3312f25803564fbfc08255efc2"
BACKENDS: Mapping[str, tuple[str, str]] = MappingProxyType(  # to the variable of the image, and the pinned one
    {
        "example-redis": (PARTS["redis"].variable, PARTS["redis"].image),
        "example-postgres": (PARTS["postgres"].variable, PARTS["postgres"].image),
        "example-mongodb": ("MONGODB_IMAGE", MONGODB),
    }
)
PUBLISHED = tuple(one.name for one in native_examples.EXAMPLES)  # back ends have no port on the host


def wanted(root: Path) -> bool:
    """Whether they belong to the stack of this checkout."""
    return bool(native_examples.ports(root / ".stack"))


def tree(root: Path) -> Path:
    """Where the configuration lies that the containers mount."""
    return root / ".stack" / TREE if wanted(root) else root


def variables(root: Path) -> dict[str, str]:
    """What the overlay takes: the remembered ports."""
    chosen = native_examples.ports(root / ".stack")
    return {native_examples.variable(name): str(chosen[name]) for name in PUBLISHED if name in chosen}


def contents(root: Path, model: Model) -> dict[str, bytes]:
    """Every file of the tree with the wanted examples: relative POSIX path to content."""
    from stackgen.render import render  # late: looking at a running stack does without it

    files = render(native_examples.with_examples(model, root, inside=True), COMPOSE)
    return files | {name: path.read_bytes() for name, path in (*templates(root), *targets(root, files))}


def read(root: Path) -> dict[str, bytes]:
    """The tree in force."""
    return read_tree(root / ".stack" / TREE)


def put(root: Path, files: Mapping[str, bytes]) -> None:
    """Makes the tree hold just these files, each replaced in one step: its folders are mounted, so they stay. Raises
    EngineError.
    """
    folder = root / ".stack" / TREE
    try:
        for name, content in files.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != content:
                _write(folder, path, content)
        for name in read_tree(folder).keys() - files.keys():
            (folder / name).unlink()
    except OSError as error:
        raise unwritable(folder, error) from error


def drop(root: Path) -> None:
    """Takes the tree away."""
    shutil.rmtree(root / ".stack" / TREE, ignore_errors=True)


def forget(root: Path, client: docker.DockerClient, project: str) -> None:
    """Takes away what is left of examples that have ended; a volume that is still in use is left to the next `up`."""
    from docker.errors import APIError

    drop(root)
    labels = [f"com.docker.compose.project={project}", f"com.docker.compose.volume={SECRETS}"]
    for volume in client.volumes.list(filters={"label": labels}):
        with suppress(APIError):
            volume.remove()


def _write(folder: Path, path: Path, content: bytes) -> None:
    """Readable by everybody, as containers run as users of their own."""
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    for place in (path.parent, *path.parent.relative_to(folder).parents):
        (folder / place).chmod(0o755)
    replace(path, content, mode=0o644)

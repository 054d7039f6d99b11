"""The cache of programs: where they lie, how they come in whole or not at all, and how they are verified.

Layout below `root()`: `programs/<part>/<version>/{manifest.json,<program>…}`, `locks/`, `logs/`, `tmp/`.
How a program is built or fetched lives in the other modules of this room.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackgen.parts.errors import PartError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """A part in the cache. programs: name to path. facts: what the builder noted (module, go version, seconds …)."""

    part: str
    version: str
    programs: Mapping[str, Path]
    facts: Mapping[str, Any]


def root() -> Path:
    """$WATCHSTACK_CACHE, or ~/.cache/watchstack; made when it is missing.

    Raises PartError when it cannot be made or written.
    """
    path = Path(os.environ.get("WATCHSTACK_CACHE") or Path.home() / ".cache" / "watchstack").expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PartError(
            "cache", f"cannot make the cache folder {path}: {error.strerror}", "name another folder: WATCHSTACK_CACHE"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise PartError("cache", f"cannot write to the cache folder {path}", "name another folder: WATCHSTACK_CACHE")
    return path


def below(*names: str) -> Path:
    """A folder of the cache, made when it is missing."""
    path = root().joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path


def folder(part: str, version: str) -> Path:
    """Where the programs of a part at this version lie, whether or not they do."""
    return root() / "programs" / part / version


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find(
    part: str, version: str, programs: tuple[str, ...] = (), *, recipe: str = "", full: bool = False
) -> Entry | None:
    """The part as it lies in the cache, or None when it is missing, incomplete or altered; see `read`."""
    return read(folder(part, version), programs, recipe=recipe, full=full)


def read(place: Path, programs: tuple[str, ...] = (), *, recipe: str = "", full: bool = False) -> Entry | None:
    """What a folder with a manifest holds, or None when it is missing, incomplete or altered.

    programs: names that must be there. recipe: digest of the recipe, "" takes any. full: compare every sha256
    instead of size and modification time alone (a file whose time alone differs is always compared).
    """
    try:
        facts = json.loads((place / MANIFEST).read_text("utf-8"))
        listed = facts["programs"]
        if (recipe and facts.get("recipe") != recipe) or not set(programs) <= set(listed):
            return None
        for known in listed.values():
            path = place / known["path"]
            status = path.stat()
            same = status.st_mtime_ns == known["mtime_ns"] and not full
            if status.st_size != known["size"] or not (same or digest(path) == known["sha256"]):
                return None
        return Entry(facts["part"], facts["version"], {name: place / listed[name]["path"] for name in listed}, facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def install(part: str, version: str, staged: Path, programs: tuple[str, ...], facts: Mapping[str, Any]) -> Entry:
    """Puts a staged folder with these programs into the cache; see `install_at`."""
    return install_at(
        folder(part, version), staged, Entry(part, version, {name: Path(name) for name in programs}, facts)
    )


def install_at(place: Path, staged: Path, entry: Entry) -> Entry:
    """Moves the staged folder to `place` by one rename, with its manifest; what lay there before goes.

    entry: what the folder holds, its programs' paths relative to the folder. The caller holds the part's lock.
    Raises PartError when a program is missing.
    """
    listed = {}
    for name, inside in entry.programs.items():
        path = staged / inside
        if not path.is_file():
            raise PartError(entry.part, f"what was built holds no program {name}")
        path.chmod(0o755)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        status = path.stat()
        listed[name] = {
            "path": str(inside), "sha256": digest(path), "size": status.st_size, "mtime_ns": status.st_mtime_ns
        }  # fmt: skip
    manifest = {"part": entry.part, "version": entry.version, **entry.facts, "programs": listed}
    (staged / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        old = Path(tempfile.mkdtemp(prefix=f"{entry.part}@old-", dir=below("tmp")))
        place.rename(old / "replaced")
        staged.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staged.rename(place)
    return Entry(entry.part, entry.version, {name: place / inside for name, inside in entry.programs.items()}, manifest)


@contextlib.contextmanager
def lock(name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds the lock of this name; calls on_wait once when another process has it. Released when the process dies."""
    path = below("locks") / f"{name}.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def shared(name: str) -> Iterator[None]:
    """Holds the lock of this name together with others that share it."""
    with (below("locks") / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def alone(name: str) -> Iterator[bool]:
    """True when nobody else holds or shares the lock of this name; it is held then. Never waits."""
    with (below("locks") / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def staging(part: str) -> Iterator[Path]:
    """A new folder on the cache's own file system, gone at the end unless `install` took it.

    The caller holds the part's lock: what a killed build of the same part left behind is removed here.
    """
    for leftover in below("tmp").glob(f"{part}@*"):
        shutil.rmtree(leftover, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f"{part}@", dir=below("tmp")))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)

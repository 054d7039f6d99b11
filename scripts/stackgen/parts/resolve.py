"""Which program a part runs: the cache at the pin, else one from the PATH or the distribution; and building what the
cache lacks. How a build or a download is carried out lives in gobuild and debian.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stackgen.parts import cache, debian, gobuild
from stackgen.parts.errors import PartError
from stackgen.parts.extras import EXTRAS, Extra, owner
from stackgen.parts.progress import Event, Progress, Stage, silent
from stackgen.parts.table import PARTS, GoBuild, Part
from stackgen.parts.versions import at_least

Accept = Literal["pin", "floor"]
Origin = Literal["cache", "path", "debian"]


@dataclass(frozen=True)
class Program:
    """The programs of a part: name to path, their version as they print it, and where they come from."""

    part: str
    programs: Mapping[str, Path]
    version: str
    origin: Origin

    @property
    def server(self) -> Path:
        """The first program: the one that serves."""
        return next(iter(self.programs.values()))


def cached(part: Part | Extra, *, full: bool = False) -> Program | None:
    """The part's programs at the pin from the cache, or None."""
    if part.build is None:
        return None
    entry = cache.find(part.name, part.built_version, part.programs, recipe=part.build.digest, full=full)
    if entry is None:
        return None
    return Program(part.name, {name: entry.programs[name] for name in part.programs}, entry.version, "cache")


def resolve(part: Part | Extra, *, accept: Accept = "floor") -> Program:
    """The programs that the part is to run now; nothing is built.

    accept "pin": from the cache, or from the PATH at exactly the pin. "floor": else from the PATH, else from the
    distribution's package (downloaded when needed, a few seconds), at or above the floor. Raises PartError.
    """
    found = cached(part)
    if found is not None:
        return found
    lowest = part.floor if accept == "floor" else None
    on_path = from_path(part, lowest)
    if on_path is not None:
        return on_path
    if lowest is not None and part.debian:
        return from_debian(part, lowest)
    raise PartError(
        part.name, f"{part.built_version} is not in the cache", f"python -m stackgen.parts build {part.name}"
    )


def from_path(part: Part | Extra, floor: str | None) -> Program | None:
    """The part's programs from the PATH, when all are there and at or above the floor (None: exactly the pin)."""
    found: dict[str, Path] = {}
    version = ""
    for name in part.programs:
        dashed = name.replace("_", "-")
        paths = [path for candidate in (name, dashed, f"prometheus-{dashed}") if (path := shutil.which(candidate))]
        if not paths:
            return None
        found[name] = Path(paths[0])
        version = printed_version(found[name])
        if not version or not (at_least(version, floor) if floor else version == part.built_version):
            return None
    return Program(part.name, found, printed_version(found[part.programs[0]]), "path") if found else None


def from_debian(part: Part | Extra, floor: str = "0") -> Program:
    """The part's programs from the distribution's package, downloaded and unpacked when needed. Raises PartError."""
    entry = debian.fetch(part.name, part.debian, part.programs, floor)
    return Program(part.name, {name: entry.programs[name] for name in part.programs}, entry.version, "debian")


def pinned_program(program: str) -> Path:
    """An executable at its pin: from the cache, built when it is missing; a distribution's where there is no recipe.

    Raises PartError.
    """
    part = owner(program)
    found = resolve(part) if part.build is None else build(part)
    return found.programs[program]


def compose_plugin() -> Path:
    """The Compose v2 plugin as a program that also runs by itself; from the distribution when the PATH has none.

    Nothing is put where the Docker client looks for plugins. Raises PartError.
    """
    return resolve(EXTRAS["compose"]).server


def grafana_home(server: Program) -> Path:
    """The home folder of Grafana's server that was built for the tests, for `--homepath`."""
    return server.server.parent / "home"


def printed_version(program: Path) -> str:
    """The version a program prints for `--version` ("2.53.3" of `prometheus, version 2.53.3+ds1 (…)`), "" for none."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.search(r"(?:version:?|exporter)\s+v?(\d+(?:\.\d+)+)", done.stdout + done.stderr, re.IGNORECASE)
    return match[1] if match else ""


def build(part: Part | Extra, progress: Progress = silent, *, background: bool = True) -> Program:
    """The part at its pin, built when the cache lacks it. Two callers at once share one build.

    The Go client's caches stay for the next part until the cache holds every part of the stack. Raises PartError.
    """
    recipe = part.build
    if recipe is None:
        raise PartError(part.name, "has no recipe to build it from")
    began = time.monotonic()

    def tell(stage: Stage) -> None:
        progress(Event(part.name, stage, 0, 0, time.monotonic() - began, time=time.time()))

    found = cached(part)
    if found is None:
        with cache.lock(part.name, lambda: tell(Stage.WAITING)), gobuild.session() as unfinished:
            found = cached(part)
            if found is None:
                _into_cache(part, recipe, progress, background=background)
                found = cached(part)
            unfinished.extend(missing())
    if found is None:
        raise PartError(part.name, "was built, but the cache does not hold it", "remove the cache folder and try again")
    tell(Stage.DONE)
    return found


def _into_cache(part: Part | Extra, recipe: GoBuild, progress: Progress, *, background: bool) -> None:
    try:
        with cache.staging(part.name) as staged:
            facts = gobuild.build(part.name, recipe, staged, progress, background=background)
            facts = {**facts, "recipe": recipe.digest}
            cache.install(part.name, part.built_version, staged, part.programs, facts)
    except OSError as error:
        told = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        raise PartError(part.name, told, "see to that, then run the same command again") from error


def missing() -> list[str]:
    """Names of the parts that every stack has and that the cache does not hold at their pin."""
    return [part.name for part in PARTS.values() if part.build and not part.profile and cached(part) is None]


ORDER = ("node-exporter", "alertmanager", "loki", "promtail", "prometheus", "blackbox-exporter")


def ordered(parts: Iterable[Part | Extra], standing_in: Collection[str] = ()) -> list[Part | Extra]:
    """The best order to build in, for somebody who waits for the whole stack.

    First what is essential and has nothing to run meanwhile, then what is short, then Loki and Promtail, which no
    distribution carries. standing_in: names of parts that another program serves for now.
    """

    def key(part: Part | Extra) -> tuple[bool, int]:
        urgent = isinstance(part, Part) and part.essential and part.name not in standing_in
        return (not urgent, ORDER.index(part.name) if part.name in ORDER else len(ORDER))

    return sorted((part for part in parts if part.build is not None), key=key)


def build_missing(
    parts: Iterable[Part | Extra], progress: Progress = silent, *, background: bool = True
) -> dict[str, PartError]:
    """Builds what the cache lacks, one after the other, and returns the errors of those that failed, by part.

    A part that fails does not stop the others. The order is the caller's.
    """
    errors = {}
    lacking = [part for part in parts if part.build is not None and cached(part) is None]
    for part in lacking:
        progress(Event(part.name, Stage.QUEUED, time=time.time()))
    with gobuild.session() as unfinished:
        for part in lacking:
            try:
                build(part, progress, background=background)
            except PartError as error:
                errors[part.name] = error
                unfinished.append(part.name)
                progress(Event(part.name, Stage.FAILED, message=str(error), time=time.time()))
    return errors

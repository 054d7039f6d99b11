"""Builds a program from its Go module with the ordinary Go client, in a throwaway module of its own.

The versions are those of the module's own go.mod; checksums are verified by Go against its checksum database.
The Go client's caches lie below `<cache>/go-work`, shared by the builds of a set, removed by `clean`. Which toolchain
is used is decided in toolchain, how the client is run in gorun, what is built in the table.
"""

from __future__ import annotations

import contextlib
import functools
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stackgen.parts import cache, toolchain
from stackgen.parts.errors import PartError
from stackgen.parts.gorun import Client, free_disk, jobs
from stackgen.parts.progress import Event, Progress, Stage, Throttle
from stackgen.parts.table import GoBuild
from stackgen.parts.versions import at_least

THROWAWAY = "watchstack.invalid/build"
DOWNLOADS = 16  # at once; the client takes the number of processors, and most of a download is waiting
MINIMUM_GO = "1.21"  # the oldest client that fetches the modules; what a module itself asks for is read from its go.mod


def work() -> Path:
    """The folder of the Go client's own caches."""
    return cache.root() / "go-work"


@contextlib.contextmanager
def session() -> Iterator[list[str]]:
    """Keeps the shared caches for the length of a set; they go when the last set ends well.

    After an error, a kill, or with names in the list it yields (parts that failed) they stay, so that the next run
    resumes.
    """
    unfinished: list[str] = []
    with cache.shared("go-work"):
        yield unfinished
    if not unfinished:
        clean()


def clean() -> bool:
    """Removes the shared caches unless a build uses them."""
    with cache.alone("go-work") as mine:
        if mine:
            shutil.rmtree(work(), ignore_errors=True)
        return mine


def build(
    part: str, recipe: GoBuild, staged: Path, progress: Progress, *, background: bool = True
) -> Mapping[str, Any]:
    """Builds every package of the recipe into the folder `staged` and returns facts for the manifest.

    The caller holds the part's lock and a `session`. background: run at low priority.
    Raises PartError with the last lines of the log, the log's path and what to do.
    """
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    tell = Throttle(progress)

    def report(stage: Stage, done: int, total: int) -> None:
        tell(Event(part, stage, done, total, time.monotonic() - began, time=time.time()))

    report(Stage.DOWNLOADING, 0, recipe.modules)
    _check_disk(part, recipe)
    log = cache.below("logs") / f"{part}-{recipe.version}.log"
    go = toolchain.find(part, MINIMUM_GO)
    with log.open("w", encoding="utf-8") as file:
        client = Client(part, go, work(), file, background=background)
        module = client.download(recipe.module, recipe.version)
        needed = client.edit_json(Path(module["GoMod"])).get("Go", "1.16")
        if not at_least(go.version, needed):
            client = Client(part, toolchain.find(part, needed), work(), file, background=background)
        step = functools.partial(report, Stage.DOWNLOADING, total=recipe.modules)
        place = _prepare(client, part, recipe, module, step)
        targets = [f"./{name}" if recipe.writable else f"{recipe.module}/{name}".removesuffix("/.")
                   for name in recipe.packages]  # fmt: skip
        flags = [*(["-tags", ",".join(recipe.tags)] if recipe.tags else [])]
        environment = {"CGO_ENABLED": "1" if recipe.cgo else "0"}
        listed = client.run(
            ["list", "-deps", *flags, "-f", "{{.ImportPath}}", *targets], place,
            step, environment, parallel=DOWNLOADS,
        )  # fmt: skip
        downloaded = time.monotonic() - began
        total = len(listed)
        report(Stage.COMPILING, 0, total)
        stamps = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in recipe.stamps)])
        client.run(
            ["build", "-v", "-p", str(jobs()), *flags, "-ldflags", stamps, "-o",
             f"{staged}/", *targets], place,
            functools.partial(report, Stage.COMPILING, total=total), environment,
        )  # fmt: skip
        report(Stage.INSTALLING, total, total)
    _keep(recipe, Path(module["Dir"]), staged / "home")
    shutil.rmtree(place, ignore_errors=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "module": f"{recipe.module}@{recipe.version}",
        "sum": module.get("Sum", ""),
        "go": client.go.version,
        "seconds": round(time.monotonic() - began, 1),
        "download_seconds": round(downloaded, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
    }


def _check_disk(part: str, recipe: GoBuild) -> None:
    free = free_disk(cache.root())
    if free < recipe.disk:
        raise PartError(
            part, f"building it needs {recipe.disk} MiB of free disk, {cache.root()} has {free} MiB",
            "free some space, or name another folder: WATCHSTACK_CACHE",
        )  # fmt: skip


def _prepare(
    client: Client, part: str, recipe: GoBuild, module: Mapping[str, Any], step: Callable[[int], None]
) -> Path:
    """The folder to build in: a writable copy of the module, or an empty module that requires it."""
    place = work() / "build" / part
    shutil.rmtree(place, ignore_errors=True)
    source = Path(module["Dir"])
    told = client.edit_json(Path(module["GoMod"]))
    if not recipe.writable:
        place.mkdir(parents=True)
        (place / "go.mod").write_text(throwaway(told, recipe), "utf-8")
        if (source / "go.sum").exists():
            shutil.copyfile(source / "go.sum", place / "go.sum")
        return place
    shutil.copytree(source, place, copy_function=shutil.copyfile, symlinks=True)
    (place / "go.mod").write_text(throwaway(told, recipe, module=recipe.module), "utf-8")
    for name, text in recipe.files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, "utf-8")
    for command in recipe.prepare:
        client.run(list(command), place, step, {"CGO_ENABLED": "1" if recipe.cgo else "0"}, parallel=DOWNLOADS)
    return place


def _keep(recipe: GoBuild, source: Path, home: Path) -> None:
    for name in recipe.keep:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, home / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source / name, home / name)
    for name, text in recipe.home:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, "utf-8")


def throwaway(told: Mapping[str, Any], recipe: GoBuild, module: str = "") -> str:
    """The go.mod to build with, from what `go mod edit -json` tells of the module's own.

    The same go line, requirements, exclusions and replacements (relative ones left out, which point at folders that
    the module does not carry), so that the same versions are chosen. module: its name when it is a copy itself.
    """
    lines = [f"module {module or THROWAWAY}", f"go {told.get('Go', '1.21')}"]
    lines += [f"godebug {item['Key']}={item['Value']}" for item in told.get("Godebug") or ()]
    if not module:
        lines.append(f"require {recipe.module} {recipe.version}")
    lines += [f"require {item['Path']} {item['Version']}" + (" // indirect" if item.get("Indirect") else "")
              for item in told.get("Require") or ()]  # fmt: skip
    lines += [f"exclude {item['Path']} {item['Version']}" for item in told.get("Exclude") or ()]
    for item in told.get("Replace") or ():
        old, new = item["Old"], item["New"]
        if new.get("Version"):
            was = f"{old['Path']} {old['Version']}" if old.get("Version") else old["Path"]
            lines.append(f"replace {was} => {new['Path']} {new['Version']}")
    return "\n".join(lines) + "\n"

"""Programs that the tests need and the stack does not: Grafana's server, FerretDB, exporters, Compose.

How they are built or fetched lives in the other modules of this room; the stack's own parts stand in table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from stackgen.parts import debian
from stackgen.parts.errors import PartError
from stackgen.parts.table import PARTS, GoBuild, Part


@dataclass(frozen=True)
class Extra:
    """A program for tests. version: what it prints. programs: its executables. build: its recipe.

    debian, floor: the distribution's package and the oldest version that will do, for those without a recipe.
    """

    name: str
    version: str
    programs: tuple[str, ...]
    build: GoBuild | None = None
    debian: tuple[str, ...] = ()
    floor: str | None = None

    @property
    def built_version(self) -> str:
        return self.version


_EXTRAS = (
    Extra("grafana-server", "10.1.0", ("grafana",),
          GoBuild("github.com/grafana/grafana", "v1.9.2-0.20230609164553-81d85ce8028d", ("pkg/cmd/grafana",),
                  writable=True, cgo=True, modules=500, disk=6000,
                  prepare=(("get", "golang.org/x/tools@v0.30.0"),
                           ("run", "github.com/google/wire/cmd/wire", "gen", "-tags", "oss", "./pkg/server")),
                  keep=("conf", "public/views", "public/emails", "public/app/plugins",
                        "public/img/user_profile.png"),
                  home=(("public/build/assets-manifest.json", "{}\n"),),
                  stamps=(("main.version", "10.1.0"), ("main.commit", "module"), ("main.buildBranch", "module")))),
    # speaks MongoDB's protocol and keeps its data in SQLite; it reads its version from these files
    Extra("ferretdb", "1.24.0", ("ferretdb",),
          GoBuild("github.com/FerretDB/FerretDB", "v1.24.0", ("cmd/ferretdb",),
                  writable=True, modules=58, disk=2000,
                  files=(("build/version/version.txt", "v1.24.0\n"), ("build/version/commit.txt", "module\n"),
                         ("build/version/branch.txt", "module\n"), ("build/version/package.txt", "module\n")))),
    Extra("redis-exporter", "1.69.0", ("redis_exporter",), debian=("prometheus-redis-exporter",), floor="1.50"),
    Extra("postgres-exporter", "0.17.1", ("postgres_exporter",), debian=("prometheus-postgres-exporter",),
          floor="0.11"),
    Extra("compose", "2.26.1", ("docker-compose",), debian=("docker-compose",), floor="2.20"),
)  # fmt: skip

EXTRAS = MappingProxyType({extra.name: extra for extra in _EXTRAS})


def owner(program: str) -> Part | Extra:
    """The part or extra that an executable belongs to. Raises PartError when no table names it."""
    known: list[Part | Extra] = [*PARTS.values(), *EXTRAS.values()]
    for part in known:
        if program in part.programs:
            return part
    raise PartError(program, "is no program of a part", "see `python -m stackgen.parts list`")


def floor_program(program: str) -> Path:
    """An executable at the oldest version that is to be had: from the distribution's package. Raises PartError."""
    part = owner(program)
    if not part.debian:
        raise PartError(part.name, "no distribution's package carries it")
    return debian.fetch(part.name, part.debian, part.programs, part.floor or "0").programs[program]

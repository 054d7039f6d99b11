"""`python -m stackgen.parts`: builds programs into the cache, lists them, tells their paths. For tests and CI."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path

import click

from stackgen.parts import cache, debian, gobuild, progress
from stackgen.parts.errors import PartError
from stackgen.parts.extras import EXTRAS, Extra
from stackgen.parts.resolve import build_missing, cached, from_debian, ordered, resolve
from stackgen.parts.table import PARTS, Part

KNOWN: dict[str, Part | Extra] = {**{name: part for name, part in PARTS.items() if part.programs}, **EXTRAS}
BUILT = {name: part for name, part in KNOWN.items() if part.build is not None}


@click.group()
def main() -> None:
    """Programs of the stack's parts: in the cache, and into it."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))


@main.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(BUILT)))
@click.option("--progress", "file", type=click.Path(path_type=Path), help="Write progress here as JSON lines.")
@click.option("--quiet", is_flag=True, help="Print failures alone.")
@click.option("--foreground", is_flag=True, help="Build at normal priority.")
def build(names: tuple[str, ...], file: Path | None, quiet: bool, foreground: bool) -> None:
    """Build the named programs into the cache, in this order; all that it lacks when none is named."""
    wanted = [BUILT[name] for name in names] if names else ordered(BUILT.values())
    with contextlib.ExitStack() as stack:
        written = stack.enter_context(progress.ProgressFile(file)) if file else progress.silent
        shown = progress.Throttle(_print, interval=10.0)

        def tell(event: progress.Event) -> None:
            written(event)
            if not quiet:
                shown(event)

        errors = build_missing(wanted, tell, background=not foreground)
    for error in errors.values():
        click.echo(error, err=True)
    sys.exit(4 if errors else 0)


def _print(event: progress.Event) -> None:
    if event.stage is not progress.Stage.FAILED:
        click.echo(str(event))


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--verify", is_flag=True, help="Compare every program's sha256.")
def list_(as_json: bool, verify: bool) -> None:
    """List every program: its pin, the version that is built, whether the cache holds it."""
    rows = []
    for part in KNOWN.values():
        known = cached(part, full=verify)
        found = known or (debian.held(part.debian, part.programs) if part.build is None else None)
        rows.append({
            "name": part.name, "pin": part.version, "version": found.version if found else part.built_version,
            "cached": found is not None, "origin": _origin(part, found is not None),
            "programs": {name: str(path) for name, path in found.programs.items()} if found else {},
        })  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{'NAME':20}{'PIN':10}{'VERSION':10}{'CACHED':8}ORIGIN")
    for row in rows:
        state = "yes" if row["cached"] else "no"
        click.echo(f"{row['name']:20}{row['pin']:10}{row['version']:10}{state:8}{row['origin']}")


def _origin(part: Part | Extra, held: bool) -> str:
    """Where the program comes from, or would."""
    if part.build is None:
        return f"package {part.debian[0]}"
    where = f"module {part.build.module}@{part.build.version}"
    return where if held or not part.debian else f"{where}, until built: package {part.debian[0]}"


@main.command()
@click.argument("name", type=click.Choice(sorted(KNOWN)))
@click.option("--floor", is_flag=True, help="Take the distribution's package at or above the floor.")
def path(name: str, floor: bool) -> None:
    """Print the paths of a program's executables; a distribution's package is fetched when it is all there is."""
    part = KNOWN[name]
    try:
        found = from_debian(part, part.floor or "0") if floor else resolve(part)
    except PartError as error:
        click.echo(error, err=True)
        sys.exit(4)
    for item in found.programs.values():
        click.echo(item)


@main.command()
def clean() -> None:
    """Remove the Go client's caches that an interrupted or failed build left behind."""
    if not gobuild.clean():
        click.echo("a build is running: nothing was removed", err=True)
        sys.exit(4)
    click.echo(f"removed {cache.root() / 'go-work'}")


if __name__ == "__main__":
    main()

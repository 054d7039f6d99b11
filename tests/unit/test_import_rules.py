"""Which room may import which: the library never sees the generator, and data flows one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support import ROOT

STACKGEN = ROOT / "scripts" / "stackgen"
LIBRARY = ROOT / "exporter" / "watchstack"

# Room of stackgen -> rooms it may not import.
FORBIDDEN = {
    "source": {"model", "checks", "render", "engines", "cli", "parts"},
    "model": {"checks", "render", "engines", "cli", "parts", "write"},
    "checks": {"render", "engines", "cli", "write"},
    "render": {"source", "checks", "cli", "write"},
    "parts": {"source", "model", "checks", "render", "engines", "cli"},
    "engines": {"cli"},
    "images": {"cli", "checks"},
    "words": {"source", "model", "checks", "render", "engines", "cli", "write", "history"},
    "live": {"engines", "cli", "write", "imports"},
    "imports": {"engines", "cli"},
    "history": {"model", "checks", "render", "cli", "words"},
}
CONSOLE = "watchstack.console"
PAGES = {"alerts", "dashboards", "knowledge", "logs"}
# Room of the console -> rooms it may not import. What they share lies beside the rooms.
CONSOLE_FORBIDDEN = {
    "peers": PAGES | {"access", "inbox", "notify"},
    "inbox": PAGES | {"notify"},
    "notify": PAGES,
    "access": PAGES | {"inbox", "notify", "peers"},
    "alerts": PAGES - {"alerts"},
    "dashboards": {"alerts", "knowledge"},
    "knowledge": {"logs"},
    "logs": {"alerts", "dashboards"},
}


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, `from a import b` as `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def offences(folder: Path, package: str, forbidden: set[str]) -> list[str]:
    """What the files of a room import of rooms of the same package that they may not import."""
    files = [*folder.rglob("*.py")]
    assert files
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in sorted(imported(path))
        for banned in forbidden
        if name == f"{package}.{banned}" or name.startswith(f"{package}.{banned}.")
    ]


def test_the_library_never_imports_the_generator() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in LIBRARY.rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in ("stackgen", "scripts")
    ]
    assert found == []
    assert any(LIBRARY.rglob("*.py"))


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_rooms_import_in_one_direction(room: str) -> None:
    assert offences(STACKGEN / room, "stackgen", FORBIDDEN[room]) == []


@pytest.mark.parametrize("room", sorted(CONSOLE_FORBIDDEN))
def test_rooms_of_the_console_import_in_one_direction(room: str) -> None:
    assert offences(LIBRARY / "console" / room, CONSOLE, CONSOLE_FORBIDDEN[room]) == []


def test_every_room_of_the_console_has_its_rule() -> None:
    assert {path.parent.name for path in (LIBRARY / "console").glob("*/__init__.py")} == CONSOLE_FORBIDDEN.keys()


def test_an_offence_is_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from stackgen.cli import main\nimport stackgen.render.rules\n")
    assert {"stackgen.cli", "stackgen.cli.main", "stackgen.render.rules"} <= imported(bad)

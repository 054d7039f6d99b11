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


def offences(room: str) -> list[str]:
    files = [*(STACKGEN / room).rglob("*.py")]
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in sorted(imported(path))
        for banned in FORBIDDEN[room]
        if name == f"stackgen.{banned}" or name.startswith(f"stackgen.{banned}.")
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
    assert offences(room) == []


def test_an_offence_is_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from stackgen.cli import main\nimport stackgen.render.rules\n")
    assert {"stackgen.cli", "stackgen.cli.main", "stackgen.render.rules"} <= imported(bad)

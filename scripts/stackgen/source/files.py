"""Reading the source files, each once: which there are, their bytes and text. What stands in them is not looked at."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from stackgen.diagnostic import Diagnostic, Position
from stackgen.source import problems
from stackgen.source.scalars import LINE_END

MAX_BYTES = 32 * 1024 * 1024
STACK = "stack.yml"
RULES = "rules"
CUSTOM = "rules/custom"
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


@dataclass(frozen=True)
class File:
    """path: relative to the root. text is None when it could not be read or decoded."""

    path: str
    content: bytes
    text: str | None

    @property
    def custom(self) -> bool:
        return self.path.startswith(CUSTOM + "/")


def rule_paths(root: Path) -> list[str]:
    """Paths of the rule files below rules/, in order."""
    folder = root / RULES
    found = (path for pattern in ("*.yml", "*.yaml") for path in folder.rglob(pattern))
    return sorted(
        path.relative_to(root).as_posix()
        for path in found
        if not any(part.startswith(".") for part in path.parts[len(root.parts) :])
    )


def stray_paths(root: Path) -> list[str]:
    """Files below rules/ that nobody will read although their names look like rule files."""
    names = (
        path
        for path in (root / RULES).rglob("*")
        if path.suffix in (".rules", ".json", ".rule", ".alerts", ".YML", ".YAML")
    )
    return sorted(path.relative_to(root).as_posix() for path in names if not path.name.startswith("."))


def read(root: Path, path: str, missing: str = "") -> tuple[File, list[Diagnostic]]:
    """One file. missing: what to do when it is not there."""
    start = Position(path, 1, 1)
    try:
        with (root / path).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return File(path, b"", None), [problems.unreadable_file(start, *_why(error, missing))]
    if len(content) > MAX_BYTES:
        hint = "split it into several files"
        return File(path, content, None), [
            problems.too_large(start, f"this file has over {MAX_BYTES // 2**20} MiB", hint)
        ]
    foreign = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if foreign:
        return File(path, content, None), [problems.encoding(start, f"this file is saved as {foreign}")]
    try:
        return File(path, content, content.decode("utf-8-sig")), []
    except UnicodeDecodeError as error:
        return File(path, content, None), [_undecodable(path, content, error)]


def _why(error: OSError, missing: str) -> tuple[str, str]:
    """What an error of the operating system means, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "it is not there", missing
    if isinstance(error, IsADirectoryError):
        return "it is a folder", "put a file in its place"
    if isinstance(error, PermissionError):
        return "you may not read it", "change its owner or mode"
    return (error.strerror or str(error)).lower(), ""


def _undecodable(path: str, content: bytes, error: UnicodeDecodeError) -> Diagnostic:
    before = content[: error.start].decode("utf-8-sig", "replace")
    lines = LINE_END.split(before)
    where = Position(path, len(lines), len(lines[-1]) + 1)
    return problems.encoding(where, f"the byte 0x{content[error.start]:02X} here is not UTF-8")

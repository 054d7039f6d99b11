"""`.stack/history`: one JSON file a version, and the contents of all of them once each, named by their sha256.

A version is whole or not there: its contents are written first, its JSON last and in one step. The newest KEPT stay.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stackgen.engines.native_files import read_json, replace, unwritable, write_json

KEPT = 50  # versions
APPLIED = "applied"
SET_ASIDE = "set aside"  # sources that a rollback replaced and that were not live
FOLDER = "history"

Digests = Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """One version.

    at: Unix seconds when it was live (or set aside). who: the user of the operating system. what: APPLIED or SET_ASIDE.
    by: the command. digest: what `stack_config_info` says of it, "" when it never was live.
    sources, files, live: path to sha256 of what a person wrote, of the generated files, and of the tree that the parts
    read where that is another one (natively).
    """

    number: int
    at: float
    who: str
    what: str
    by: str
    engine: str
    digest: str
    sources: Digests = field(default_factory=dict)
    files: Digests = field(default_factory=dict)
    live: Digests = field(default_factory=dict)


class History:
    """The versions of one checkout. state: its folder `.stack`. Use under the lock of the commands."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self.objects = self.folder / "objects"

    def entries(self) -> list[Entry]:
        """Newest first; a file that cannot be understood is passed over."""
        found = []
        for path in self.folder.glob("[0-9]*.json"):
            with contextlib.suppress(TypeError):
                found.append(Entry(**(read_json(path) or {})))
        return sorted(found, key=lambda entry: entry.number, reverse=True)

    def newest(self) -> Entry | None:
        """The version that was applied last."""
        return next((entry for entry in self.entries() if entry.what == APPLIED), None)

    def ends_with(self, digest: str, sources: Digests) -> bool:
        """Whether the version that was applied last is this one: what was rendered, and from which sources."""
        newest = self.newest()
        return newest is not None and (newest.digest, newest.sources) == (digest, sources)

    def keep(self, contents: Mapping[str, bytes]) -> dict[str, str]:
        """Puts contents into the store; path to sha256. Raises EngineError when the disk does not take them."""
        known = digests(contents)
        try:
            self.objects.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path, digest in known.items():
                self._put(digest, contents[path])
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return known

    def _put(self, digest: str, content: bytes) -> None:
        target = self.objects / digest
        if target.exists() and target.stat().st_size == len(content):
            return
        replace(target, content)

    def contents(self, wanted: Digests) -> dict[str, bytes]:
        """The contents again. Raises EngineError when one is gone or is not what it was."""
        found = {}
        for path, digest in wanted.items():
            try:
                content = (self.objects / digest).read_bytes()
            except OSError as error:
                raise unwritable(self.objects / digest, error) from error
            if hashlib.sha256(content).hexdigest() != digest:
                raise unwritable(self.objects / digest, OSError("its content was changed"))
            found[path] = content
        return found

    def add(  # noqa: PLR0913 - one row, put together in one place
        self,
        what: str,
        by: str,
        *,
        engine: str,
        digest: str,
        sources: Digests,
        files: Digests,
        live: Digests,
    ) -> Entry:
        """Writes a version down and drops the oldest. Raises EngineError."""
        entries = self.entries()
        number = entries[0].number + 1 if entries else 1
        entry = Entry(number, time.time(), who(), what, by, engine, digest, sources, files, live)
        path = self.folder / f"{number:06d}.json"
        try:
            write_json(path, asdict(entry))
        except OSError as error:
            raise unwritable(path, error) from error
        for old in entries[KEPT - 1 :]:
            (self.folder / f"{old.number:06d}.json").unlink(missing_ok=True)
        return entry

    def set_aside(self, sources: Mapping[str, bytes]) -> Entry | None:
        """Keeps sources that are about to be replaced; None where a version has them already. Raises EngineError."""
        kept = self.keep(sources)
        if any(entry.sources == kept for entry in self.entries()):
            return None
        return self.add(SET_ASIDE, "rollback", engine="", digest="", sources=kept, files={}, live={})

    def prune(self) -> None:
        """Removes contents that no version has; what cannot be removed stays until the next time. Not while an attempt
        is open: it needs what it began with.
        """
        used: set[str] = set()
        with contextlib.suppress(OSError):
            for entry in self.entries():
                used |= {*entry.sources.values(), *entry.files.values(), *entry.live.values()}
            if self.objects.is_dir():
                for path in self.objects.iterdir():
                    if path.name not in used:
                        path.unlink(missing_ok=True)


def digests(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Path to sha256."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def who() -> str:
    """The user of the operating system, and who became root by sudo."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{name} ({behind})" if behind and behind != name else name

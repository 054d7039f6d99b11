"""The journal of one apply: what was in force before and what it wants, so that whoever comes next can end it.

It stands in `.stack/history/attempt.json` from before the first change until the outcome is known. Beside it lies a
reserve of disk space, so that putting the old files back does not fail for lack of it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from stackgen.engines.base import EngineError
from stackgen.engines.native_files import read_json, unwritable, write_json
from stackgen.history.store import APPLIED, Digests, History

NAME = "attempt.json"
RESERVE = "reserve"
ROOM = 1 << 20  # bytes of the reserve beside the trees


@dataclass(frozen=True)
class Version:
    """One side of an attempt. sources: empty when the attempt does not change them. live: the native tree, or empty."""

    digest: str = ""
    sources: Digests = field(default_factory=dict)
    files: Digests = field(default_factory=dict)
    live: Digests = field(default_factory=dict)


@dataclass(frozen=True)
class Attempt:
    """pid, since, by: the command. before: what was in force. after: what it wants, digest "" while it is not known.

    plan: what the native supervisor was told to run before; with containers, the variables behind words of a command
    that changes, by part. parts: those that get new files.
    """

    pid: int
    since: float
    by: str
    engine: str
    before: Version
    after: Version = field(default_factory=Version)
    plan: Mapping[str, Any] | None = None
    parts: tuple[str, ...] = ()

    @classmethod
    def read(cls, history: History) -> Attempt | None:
        """The attempt that was left, None when there is none or no whole one."""
        content = read_json(history.folder / NAME)
        try:
            sides = {name: Version(**content[name]) for name in ("before", "after")}
            return cls(**{**content, **sides, "parts": tuple(content["parts"])})
        except (KeyError, TypeError):
            return None

    @classmethod
    def begin(
        cls, history: History, by: str, engine: str, before: Mapping[str, Mapping[str, bytes]], *, digest: str
    ) -> Attempt:
        """Writes down what is in force (`sources`, `files`, `live`). Raises EngineError; nothing was changed then."""
        sides = {name: history.keep(contents) for name, contents in before.items()}
        size = sum(len(content) for contents in before.values() for content in contents.values())
        attempt = cls(os.getpid(), time.time(), by, engine, Version(digest=digest, **sides))
        try:
            attempt._reserve(history, 2 * size + ROOM)
            attempt.write(history)
        except EngineError:
            attempt.free(history)
            raise
        return attempt

    def wanting(
        self, history: History, after: Version, parts: tuple[str, ...], plan: Mapping[str, Any] | None
    ) -> Attempt:
        """The attempt with what it is about to put in force. Raises EngineError."""
        attempt = replace(self, after=after, parts=parts, plan=plan)
        attempt.write(history)
        return attempt

    def write(self, history: History) -> None:
        """Raises EngineError when the disk does not take it."""
        path = history.folder / NAME
        try:
            write_json(path, asdict(self))
        except OSError as error:
            raise unwritable(path, error) from error

    def _reserve(self, history: History, size: int) -> None:
        path = history.folder / RESERVE
        try:
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise unwritable(path, error) from error

    def free(self, history: History) -> None:
        """Gives the reserve back."""
        with contextlib.suppress(OSError):
            (history.folder / RESERVE).unlink(missing_ok=True)

    def drop(self, history: History) -> None:
        """The outcome is settled."""
        with contextlib.suppress(OSError):
            (history.folder / NAME).unlink(missing_ok=True)
            history.prune()
        self.free(history)

    def applied(self, history: History) -> None:
        """Writes what it wanted into the history, unless that is its newest version already. Raises EngineError."""
        after = self.after
        if history.ends_with(after.digest, after.sources):
            return
        history.add(
            APPLIED,
            self.by,
            engine=self.engine,
            digest=after.digest,
            sources=after.sources,
            files=after.files,
            live=after.live,
        )


def left(state: Path) -> bool:
    """Whether an apply is under way or was interrupted. state: the folder `.stack`."""
    return (state / "history" / NAME).exists()

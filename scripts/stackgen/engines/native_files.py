"""The files below `.stack/` that the command line and the supervisor share: their places, and JSON written whole.

What stands in them is defined in `native_plan` (what should run) and `native_state` (what runs).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackgen.engines.base import EngineError


@dataclass(frozen=True)
class Folder:
    """`.stack/` of one checkout, and what lies in it."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def supervisor_lock(self) -> Path:
        return self.path / "supervisor.lock"

    def data(self, part: str) -> Path:
        return self.path / "data" / part

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def make(self, parts: Iterable[str] = ()) -> None:
        """Makes the folders. Raises EngineError with the folder and the reason when one cannot be made or written."""
        for path in (self.path, self.config, self.logs, self.path / "data", *(self.data(part) for part in parts)):
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(path, error) from error
            if not os.access(path, os.W_OK | os.X_OK):
                raise unwritable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def unwritable(path: Path, error: OSError) -> EngineError:
    """The error of a file or folder that cannot be written, with what to do about it."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError(f"cannot write {path}: {reason}", "free disk space there, then run the command again")
    if error.errno in (errno.EACCES, errno.EPERM):
        return EngineError(f"cannot write {path}: {reason}", "give this user the right to write there: chown or chmod")
    if error.errno == errno.EROFS:
        return EngineError(f"cannot write {path}: {reason}", "the file system is mounted read-only; remount it")
    return EngineError(f"cannot write {path}: {reason}", "look at what stands in the way at that path")


def write_json(path: Path, content: Any) -> None:
    """Replaces the file as `replace` does."""
    replace(path, (json.dumps(content, indent=1) + "\n").encode())


def replace(path: Path, content: bytes, mode: int | None = None) -> None:
    """Replaces the file in one step; a reader sees the old or the new content. Raises OSError.

    mode: its permissions, None for what the umask leaves.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """The content, or None when the file is missing or no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def held(path: Path) -> bool:
    """Whether a living process holds the lock file."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def take(path: Path) -> int:
    """Takes the lock for the life of this process; the open descriptor. Raises BlockingIOError when another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor

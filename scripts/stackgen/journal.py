"""Replaces a set of files as one: whenever the process is killed, `recover` gives the old tree or the new one, whole.

How: every new file is written beside its target and synced, every old one gets a second name; then the journal is
committed, and from there on only renames and removals are left, which recovery can finish or take back. Folders are
never replaced: a bind mount follows the folder it was given. Which files are to be written is decided in `write`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = ".stack"
JOURNAL = "write.journal"
DONE = "write.done"  # the journal once the outcome is settled and only second names are left to clear away
LOCK = "write.lock"
LOCK_SECONDS = 15.0
FILE_MODE = 0o644  # containers read the files under other user ids
FOLDER_MODE = 0o755


class WriteError(Exception):
    """The files could not be replaced, and are as they were: message says what happened, hint what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Disk:
    """The few things that are done to the disk. Tests put one in its place that stops at any of them."""

    def create(self, path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), FILE_MODE)
            os.fsync(file.fileno())

    def keep(self, path: Path, other: Path) -> None:
        """A second name for the file; a copy where the file system has no hard links."""
        try:
            os.link(path, other, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            shutil.copy2(path, other)

    def rename(self, path: Path, other: Path) -> None:
        path.rename(other)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        path.chmod(FOLDER_MODE)

    def remove_folder(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.rmdir()

    def sync(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass
class Journal:
    """What is being replaced, as it stands in `.stack/write.journal`.

    digests: sha256 of each new file by path. existed: paths that had a file before, removed ones included.
    folders: folders made for it. committed: from here on recovery goes forward if it can.
    """

    digests: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    existed: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    committed: bool = False

    @property
    def paths(self) -> list[str]:
        return [*self.digests, *self.removed]


class Transaction:
    """One replacement below `root`. Use under `locked`."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.root = root
        self.disk = disk or Disk()
        self.file = root / FOLDER / JOURNAL
        self.done = root / FOLDER / DONE

    def replace(self, written: Mapping[str, bytes], removed: Sequence[str]) -> None:
        """Raises WriteError when it cannot be done; the tree is then as it was."""
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in written.items()}
        journal = Journal(digests, list(removed))
        journal.existed = [path for path in journal.paths if (self.root / path).exists()]
        journal.folders = self._missing_folders(written)
        try:
            self._save(journal)
            self._stage(journal, written)
            journal.committed = True
            self._save(journal)
            self._forward(journal)
        except BaseException as error:
            outcome = "nothing was changed"
            try:
                self._back(journal)
            except OSError:
                outcome = "the next ./stack command takes back what was begun"
            if isinstance(error, OSError):
                raise failure(error, self.root, outcome) from error
            raise
        self._clear(journal)

    def recover(self) -> str:
        """Ends what a killed process began: "finished", "undone", or "" when there was nothing. Raises WriteError."""
        try:
            settled = self._load(self.done)
            if settled:
                self._clear(settled)
            journal = self._load(self.file)
            if not journal:
                return ""
            if journal.committed and all(self._is_new(journal, path) for path in journal.digests):
                try:
                    self._forward(journal)
                except OSError:
                    self._back(journal)
                    raise
                self._clear(journal)
                return "finished"
            self._back(journal)
        except OSError as error:
            raise failure(error, self.root, "an interrupted write could not be ended") from error
        return "undone"

    def _stage(self, journal: Journal, written: Mapping[str, bytes]) -> None:
        for folder in journal.folders:
            self.disk.make_folder(self.root / folder)
        for path in journal.existed:
            self.disk.remove(self._old(path))
            self.disk.keep(self.root / path, self._old(path))
        for path, content in written.items():
            self.disk.create(self._new(path), content)
        self._sync_folders(journal)

    def _forward(self, journal: Journal) -> None:
        for path in journal.digests:
            if self._new(path).exists():
                self.disk.rename(self._new(path), self.root / path)
        for path in journal.removed:
            self.disk.remove(self.root / path)
        self._sync_folders(journal)
        self._settle()

    def _back(self, journal: Journal) -> None:
        """Only what was replaced already is put back: what could not be replaced could not be restored either."""
        if not self.file.exists():  # settled, or never begun
            return
        existed = set(journal.existed)
        for path in journal.paths if journal.committed else ():
            target = self.root / path
            if path not in existed:
                self.disk.remove(target)
            elif self._old(path).exists() and not (
                self._new(path).exists() or (path in journal.removed and target.exists())
            ):
                self.disk.rename(self._old(path), target)
        self._sync_folders(journal)
        self._settle()
        self._clear(journal)
        for folder in reversed(journal.folders):
            self.disk.remove_folder(self.root / folder)

    def _settle(self) -> None:
        """From here on the tree is what it will be, whatever becomes of the second names."""
        self.disk.rename(self.file, self.done)

    def _clear(self, journal: Journal) -> None:
        """Clears the second names away. A failure harms nothing: the next write or `recover` tries again."""
        with contextlib.suppress(OSError):
            self.disk.sync(self.done.parent)
            for path in journal.paths:
                self.disk.remove(self._new(path))
                self.disk.remove(self._old(path))
            self.disk.remove(self.done)

    def _is_new(self, journal: Journal, path: str) -> bool:
        """Whether the new file can still be had, beside its target or in its place."""
        if self._new(path).exists():
            return True
        try:
            return hashlib.sha256((self.root / path).read_bytes()).hexdigest() == journal.digests[path]
        except OSError:
            return False

    def _load(self, path: Path) -> Journal | None:
        try:
            return Journal(**json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            hint = "look at git status for what changed, then remove that file"
            raise WriteError(f"{path} cannot be understood: {error}", hint) from error

    def _save(self, journal: Journal) -> None:
        temporary = self.file.with_suffix(".new")
        self.disk.create(temporary, json.dumps(vars(journal)).encode())
        self.disk.rename(temporary, self.file)
        self.disk.sync(self.file.parent)

    def _sync_folders(self, journal: Journal) -> None:
        for folder in sorted({(self.root / path).parent for path in journal.paths}):
            if folder.is_dir():
                self.disk.sync(folder)

    def _missing_folders(self, paths: Mapping[str, bytes]) -> list[str]:
        """Folders to be made, outer ones first."""
        parents = {parent for path in paths for parent in Path(path).parents if not (self.root / parent).exists()}
        return [parent.as_posix() for parent in sorted(parents)]

    def _new(self, path: str) -> Path:
        target = self.root / path
        return target.with_name(f".{target.name}.stack-new")

    def _old(self, path: str) -> Path:
        target = self.root / path
        return target.with_name(f".{target.name}.stack-old")


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Holds the lock of all writing below `root`. Raises WriteError when another process keeps it for too long."""
    folder = root / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise failure(error, folder) from error
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WriteError(
                        f"another process has been writing below {root} for {LOCK_SECONDS:.0f} s",
                        "wait for the other ./stack command, or end it",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def failure(error: OSError, root: Path, outcome: str = "nothing was changed") -> WriteError:
    """An OSError in words, with what became of the tree and what to do about it."""
    place = error.filename or root
    hints = {
        errno.ENOSPC: "free disk space there, then run the command again",
        errno.EDQUOT: "free disk space there, then run the command again",
        errno.EFBIG: "raise the limit of file sizes (ulimit -f), then run the command again",
        errno.EACCES: "give this user the right to write there: chown or chmod",
        errno.EPERM: "give this user the right to write there: chown, chmod or chattr -i",
        errno.EROFS: "the file system is mounted read-only; remount it",
    }
    hint = hints.get(error.errno or 0, "look at what stands in the way at that path")
    return WriteError(f"cannot write {place}: {error.strerror or error}; {outcome}", hint)

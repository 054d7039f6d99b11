"""Numbers that the worker processes of one server keep together: each process in a memory-mapped file of its own.

A file outlives its process, so what a killed worker counted is not lost; the next process to begin goes on with it, so
there are never more files than processes at one time. Which numbers stand there, and how those of several processes
become one, is up to those who ask for slots. Unix alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import logging
import mmap
import os
import secrets
import struct
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import BinaryIO

from watchstack.slots import Inherited, Key, Part, in_child

_log = logging.getLogger("watchstack.shared")
SUFFIX = ".numbers"  # prometheus_client reads what ends in .db in the same folder
_SEGMENT = 1 << 16  # bytes by which a file grows at least
_HEAD = struct.Struct("=QQ")  # of a segment: its size, and how much of it is in use
_RECORD = struct.Struct("=II")  # of a record: length of its key, and how many numbers follow it
Data = bytes | memoryview


class SharedNumbers:
    """The numbers of this process, writable, and those of every process that uses the same folder.

    folder: belongs to one run of one server; whoever starts the server empties it before. Raises OSError where a file
    cannot be made or grow.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._forgetting: list[Callable[[], None]] = []
        self._settling: list[Callable[[Inherited], None]] = []
        self._begin()
        in_child(self._forget)

    def on_fork(self, forget: Callable[[], None]) -> None:
        """Calls `forget` in every process that is forked off: the slots it knows are those of its parent."""
        self._forgetting.append(forget)

    def on_inherit(self, settle: Callable[[Inherited], None]) -> None:
        """Calls `settle` with the numbers of a process that is gone, which this one goes on with: it takes out what was
        true of that process alone.
        """
        self._settling.append(settle)

    def slot(self, key: Key, size: int = 1) -> memoryview[float]:
        """`size` doubles under `key` that outlive this process, zero at first; the same ones for the same key."""
        with self._lock:
            found = self._slots.get(key)
            if found is None or len(found) != size:
                with _uncollected():  # nobody else may add in the midst of it
                    found = self._new(key, size)
            return found

    def parts(self) -> Iterator[Part]:
        """What each process has written until now, this one's too; a file that cannot be read is left out."""
        for path in sorted(self._folder.glob("*" + SUFFIX)):
            try:
                with _HERE.lock:
                    owner = _HERE.owners.get(path)
                    alive, data = (True, b"") if owner is not None else _read(path)
                if owner is not None:
                    yield Part(True, owner._own())
                    continue
                yield Part(alive, {key: struct.unpack_from(f"={n}d", data, at) for key, at, n in _records(data)})
            except (OSError, ValueError, struct.error) as error:
                _log.warning("the numbers in %s cannot be read: %s", path.name, error)

    def _new(self, key: Key, size: int) -> memoryview[float]:
        if self._file is None:
            self._open()
        found = self._slots.get(key)
        if found is None or len(found) != size:
            found = self._slots[key] = self._add(json.dumps(key).encode(), size)
        return found

    def _own(self) -> dict[Key, list[float]]:
        with self._lock:
            return {key: list(slot) for key, slot in self._slots.copy().items()}

    def _begin(self) -> None:
        self._lock = RLock()  # see measures.py
        self._slots: dict[Key, memoryview[float]] = {}
        self._file: int | None = None
        self._map: memoryview | None = None
        self._used = self._length = 0

    def _forget(self) -> None:
        self._begin()
        for forget in self._forgetting:
            forget()

    def _add(self, key: bytes, size: int) -> memoryview[float]:
        padded = key + b" " * (-len(key) % 8)
        length = _RECORD.size + len(padded) + 8 * size
        room = self._map
        if room is None or self._used + length > len(room):
            room = self._grow(_HEAD.size + length)
        values = self._used + _RECORD.size + len(padded)
        end = values + 8 * size  # zeros too: a process that was killed while it wrote may have left something there
        room[self._used : end] = _RECORD.pack(len(key), size) + padded + bytes(8 * size)
        self._used = end
        room[:16].cast("Q")[1] = self._used  # in one step, after the record is whole
        return room[values : self._used].cast("d")

    def _open(self) -> None:
        """This process's file: that of a process that is gone, else a new one."""
        with _HERE.lock:
            for path in sorted(self._folder.glob("*" + SUFFIX)):
                if self._file is None and path not in _HERE.owners:
                    self._file = self._inherited(path)
            if self._file is None:
                self._file = self._made()

    def _made(self) -> int:
        """An empty file. It has its name only when it is locked: who looks at it before would be in the
        way of the lock, which ends with the process, however it ends.
        """
        path = self._folder / f"watchstack_{os.getpid()}_{secrets.token_hex(4)}{SUFFIX}"
        new = path.with_name(path.name + ".new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(path)
        except OSError:  # the next observation tries again: nothing may pile up
            os.close(file)
            new.unlink(missing_ok=True)
            raise
        weakref.finalize(self, os.close, file).atexit = False
        _HERE.owners[path] = self
        return file

    def _inherited(self, path: Path) -> int | None:
        """The file of a process that is gone, now this one's; None where its process runs, and for nonsense."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # another user's
            return None
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take(file)
        except (OSError, ValueError, struct.error):
            os.close(file)
            return None
        weakref.finalize(self, os.close, file).atexit = False
        _HERE.owners[path] = self
        return file

    def _take(self, file: int) -> None:
        """Raises ValueError or struct.error where the bytes are none of this module's."""
        room = memoryview(mmap.mmap(file, 0))
        slots = {key: room[at : at + 8 * count].cast("d") for key, at, count in _records(room)}
        segments = list(_segments(room))
        if not segments:  # nothing would hold the map, and the lock goes when that is closed
            raise ValueError("there is no segment")
        for settle in self._settling:
            settle(slots)
        start, size, self._used = segments[-1]
        self._map, self._length = room[start : start + size], start + size
        self._slots = slots

    def _grow(self, least: int) -> memoryview:
        assert self._file is not None
        size = max(_SEGMENT, -(-least // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY)
        os.posix_fallocate(self._file, self._length, size)  # a full disk is told here, not by a signal
        room = memoryview(mmap.mmap(self._file, size, offset=self._length))
        self._length += size
        self._map, self._used = room, _HEAD.size
        room[: _HEAD.size] = _HEAD.pack(size, self._used)
        return room


class _Here:
    """Who writes which file in this process. lock: held while a file is opened, as a process that closes a file gives
    up every lock that it has on it. resting: whether the garbage collection waits for a thread of this process.
    """

    def __init__(self) -> None:
        self.resting = False
        self.begin()

    def begin(self) -> None:
        """In a process that was forked off nothing is left of it."""
        if self.resting:
            gc.enable()
        self.resting = False
        self.lock = RLock()
        self.owners: weakref.WeakValueDictionary[Path, SharedNumbers] = weakref.WeakValueDictionary()


_HERE = _Here()
os.register_at_fork(after_in_child=_HERE.begin)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile, which may call what measures something."""
    was = gc.isenabled()
    _HERE.resting = _HERE.resting or was
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
            _HERE.resting = False


def _read(path: Path) -> tuple[bool, bytes]:
    """Whether the process that writes a file still runs, and what stands there. Raises OSError."""
    with path.open("rb") as file:
        return _is_locked(file), file.read()


def _is_locked(file: BinaryIO) -> bool:
    """Whether the process that made the file still runs: it alone holds the lock."""
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _segments(data: Data) -> Iterator[tuple[int, int, int]]:
    """Where each begins, its size, how much of it is in use. Raises ValueError where the bytes are none of them."""
    start = 0
    while start + _HEAD.size <= len(data):
        size, used = _HEAD.unpack_from(data, start)
        if size == 0:  # it is being added
            return
        if used > size or start + used > len(data):
            raise ValueError("a segment ends behind the end of the file")
        yield start, size, used
        start += size


def _records(data: Data) -> Iterator[tuple[Key, int, int]]:
    """Each key, where its numbers begin and how many they are.

    Raises ValueError or struct.error where the bytes are none of this module's.
    """
    for start, _, used in _segments(data):
        position, end = start + _HEAD.size, start + used
        while position < end:
            length, count = _RECORD.unpack_from(data, position)
            position += _RECORD.size
            key = tuple(json.loads(bytes(data[position : position + length])))
            position += length + -length % 8
            yield key, position, count
            position += 8 * count

"""Numbers that the worker processes of one server keep together: each process in a memory-mapped file of its own.

A file outlives its process, so what a killed worker counted is not lost. Which numbers stand there, and how those of
several processes become one, is up to those who ask for slots. Unix alone.
"""

from __future__ import annotations

import fcntl
import json
import logging
import mmap
import os
import secrets
import struct
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from watchstack.slots import Key, Part

_log = logging.getLogger("watchstack.shared")
SUFFIX = ".numbers"  # prometheus_client reads what ends in .db in the same folder
_SEGMENT = 1 << 16  # bytes by which a file grows at least
_HEAD = struct.Struct("=QQ")  # of a segment: its size, and how much of it is in use
_RECORD = struct.Struct("=II")  # of a record: length of its key, and how many numbers follow it


class SharedNumbers:
    """The numbers of this process, writable, and those of every process that uses the same folder.

    folder: belongs to one run of one server; whoever starts the server empties it before. Raises OSError where a file
    cannot be made or grow.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forgetting: list[Callable[[], None]] = []
        self._begin()
        own = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forked(own))

    def on_fork(self, forget: Callable[[], None]) -> None:
        """Calls `forget` in every process that is forked off: the slots it knows are those of its parent."""
        self._forgetting.append(forget)

    def slot(self, key: Key, size: int = 1) -> memoryview[float]:
        """`size` doubles under `key` that outlive this process, zero at first; the same ones for the same key."""
        with self._lock:
            found = self._slots.get(key)
            if found is None:
                found = self._slots[key] = self._add(json.dumps(key).encode(), size)
            return found

    def parts(self) -> Iterator[Part]:
        """What each process has written until now, this one's too; a file that cannot be read is left out."""
        for path in sorted(self._folder.glob("*" + SUFFIX)):
            if path == self._path:  # opening and closing it would give up its lock
                with self._lock:
                    own = {key: list(slot) for key, slot in self._slots.items()}
                yield Part(True, own)
                continue
            try:
                with path.open("rb") as file:
                    yield Part(_is_locked(file), dict(_records(file.read())))
            except (OSError, ValueError, struct.error) as error:
                _log.warning("the numbers in %s cannot be read: %s", path.name, error)

    def _begin(self) -> None:
        self._lock = Lock()
        self._slots: dict[Key, memoryview[float]] = {}
        self._path: Path | None = None
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
        room[self._used : values] = _RECORD.pack(len(key), size) + padded
        self._used = values + 8 * size
        room[:16].cast("Q")[1] = self._used  # in one step, after the record is whole
        return room[values : self._used].cast("d")

    def _made(self) -> int:
        """This process's file, empty. It has its name only when it is locked: who looks at it before would be in the
        way of the lock, which ends with the process, however it ends.
        """
        self._path = self._folder / f"watchstack_{os.getpid()}_{secrets.token_hex(4)}{SUFFIX}"
        new = self._path.with_name(self._path.name + ".new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, file).atexit = False
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(self._path)
        return file

    def _grow(self, least: int) -> memoryview:
        if self._file is None:
            self._file = self._made()
        size = max(_SEGMENT, -(-least // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY)
        os.posix_fallocate(self._file, self._length, size)  # a full disk is told here, not by a signal
        room = memoryview(mmap.mmap(self._file, size, offset=self._length))
        self._length += size
        self._map, self._used = room, _HEAD.size
        room[: _HEAD.size] = _HEAD.pack(size, self._used)
        return room


def _forked(own: weakref.ref[SharedNumbers]) -> None:
    found = own()
    if found is not None:
        found._forget()


def _is_locked(file: BinaryIO) -> bool:
    """Whether the process that made the file still runs: it alone holds the lock."""
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _records(data: bytes) -> Iterator[tuple[Key, Sequence[float]]]:
    """Raises ValueError or struct.error where the bytes are none of this module's."""
    start = 0
    while start + _HEAD.size <= len(data):
        size, used = _HEAD.unpack_from(data, start)
        if size == 0:  # it is being added
            return
        position, end = start + _HEAD.size, start + used
        if used > size or end > len(data):
            raise ValueError("a segment ends behind the end of the file")
        while position < end:
            length, count = _RECORD.unpack_from(data, position)
            position += _RECORD.size
            key = tuple(json.loads(data[position : position + length]))
            position += length + -length % 8
            yield key, struct.unpack_from(f"={count}d", data, position)
            position += 8 * count
        start += size

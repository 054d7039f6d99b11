"""A part's log file: lines come in through a pipe, the file is renamed when it is long, no line is lost on the way.

A collector that follows the file by name has to reach the end of the old file before the new one appears, so writing
pauses around the rename; what the part says meanwhile waits in its pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

LIMIT = 10 * 1024 * 1024  # bytes of one file
KEPT = 3  # files kept beside the current one
PAUSE = 1.0  # seconds without writing before and after a rename
CHUNK = 64 * 1024
LONGEST = 1024 * 1024  # bytes of a line; one that goes on is cut there
LOOK = 2.0  # seconds between two looks whether the file is still the one of that name


class LogFile:
    """One log file that grows at its end and is renamed to `.1`, `.2` … when it is full. Never raises for the disk."""

    def __init__(self, path: Path, *, limit: int = LIMIT, kept: int = KEPT) -> None:
        self.path = path
        self.limit = limit
        self.kept = kept
        self.lost = 0  # bytes that the disk did not take
        self._looked = 0.0
        self._descriptor = -1
        self._size = 0
        self._line_open = False

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _look(self, now: float) -> None:
        """Opens the file, anew when it has been taken away under us."""
        if self._descriptor >= 0 and now - self._looked < LOOK:
            return
        self._looked = now
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_ino == os.fstat(self._descriptor).st_ino:
                    return
            self.close()
        self._open()

    def write(self, data: bytes, now: float) -> None:
        """Appends; what a full disk does not take is counted and told in a line of its own once it takes some."""
        try:
            self._look(now)
            if self.lost:
                note = f"supervisor: {self.lost} bytes of this log were lost, the disk took no more\n".encode()
                os.write(self._descriptor, (b"\n" if self._line_open else b"") + note)
                self._size += len(note)
                self.lost = 0
                self._line_open = False
            written = os.write(self._descriptor, data)
        except OSError:
            self.lost += len(data)
            return
        self._size += written
        if written:
            self._line_open = data[written - 1 : written] != b"\n"
        self.lost += len(data) - written

    @property
    def full(self) -> bool:
        return self._size >= self.limit

    @property
    def line_open(self) -> bool:
        """Whether the line that was begun may go on in this file."""
        return self._line_open and self._size < self.limit + LONGEST

    def rotate(self) -> None:
        """Renames the file away; the next write makes a new one."""
        self.close()
        with contextlib.suppress(OSError):
            for number in range(self.kept - 1, 0, -1):
                older = self.path.with_name(f"{self.path.name}.{number}")
                if older.exists():
                    older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._size = 0

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Pump:
    """Moves what comes out of a pipe into a log file, on the running event loop.

    log: None drops what comes. on_line: is given each whole line as well (without its end).
    """

    def __init__(self, descriptor: int, log: LogFile | None, on_line: Callable[[bytes], object] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._log = log
        self._on_line = on_line
        self._rest = b""
        self._held = b""
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self.ended.set_result(None)
            return
        if self._on_line is not None:
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) >= LONGEST:
                lines, self._rest = [*lines, self._rest], b""
            for line in lines:
                self._on_line(line)
        if self._log is not None:
            self._store(self._log, data)

    def _store(self, log: LogFile, data: bytes) -> None:
        if not log.full:
            log.write(data, self._loop.time())
            return
        end = data.find(b"\n") + 1 if log.line_open else 0
        if log.line_open and not end:  # the line that was begun goes on
            log.write(data, self._loop.time())
            return
        if end:
            log.write(data[:end], self._loop.time())
        self._held = data[end:]
        self._loop.remove_reader(self._descriptor)
        self._loop.call_later(PAUSE, self._rename, log)

    def _rename(self, log: LogFile) -> None:
        if log.full:
            log.rotate()
        self._loop.call_later(PAUSE, self._resume, log)

    def _resume(self, log: LogFile) -> None:
        if self._held:
            log.write(self._held, self._loop.time())
            self._held = b""
        self._loop.add_reader(self._descriptor, self._readable)

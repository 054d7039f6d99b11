"""Reading a log file that is renamed now and then: its last lines, and what comes. Who writes it: `native_log`."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

LOOK = 0.2  # seconds between two looks for new lines


def last(path: Path, count: int) -> Iterator[str]:
    """The last `count` lines, those of the file before it too when this one has fewer."""
    lines: deque[str] = deque(maxlen=max(count, 0))
    for file in (path.with_name(path.name + ".1"), path):
        if file.exists():
            with file.open(encoding="utf-8", errors="replace") as stream:
                lines.extend(line.rstrip("\n") for line in stream)
    yield from lines


def following(path: Path) -> Iterator[str]:
    """Every line that comes from now on, over renames of the file. Never ends."""
    stream = path.open("rb") if path.exists() else None
    rest = b""
    try:
        if stream is not None:
            stream.seek(0, os.SEEK_END)
        while True:
            data = stream.read() if stream is not None else b""
            if data:
                *lines, rest = (rest + data).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in lines)
            elif path.exists() and (stream is None or path.stat().st_ino != os.fstat(stream.fileno()).st_ino):
                if stream is not None:
                    stream.close()
                stream = path.open("rb")
            else:
                time.sleep(LOOK)
    finally:
        if stream is not None:
            stream.close()

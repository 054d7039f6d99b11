"""The dashboard files of the console's folders: read at first use and again when one changes. Drawing: elsewhere."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from watchstack.console.clock import Clock
from watchstack.console.dashboards.model import Dashboard, NoDashboard, read

LARGEST = 4 << 20  # bytes of a file
FILES = 500
LOOKED_EVERY = 2.0  # seconds
_log = logging.getLogger("watchstack.console.dashboards")
Signature = tuple[int, int, int]


class Library:
    """Every dashboard by its uid. A file that is none is said in `problems` and skipped; so is the second of a uid."""

    def __init__(self, folders: Sequence[Path], clock: Clock, address: Callable[[], str] = str) -> None:
        """address: the console's own, for links that lead to it."""
        self._folders = folders
        self._clock = clock
        self._address = address
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._read: dict[tuple[Path, str], tuple[Signature, Dashboard | str]] = {}
        self._dashboards: dict[str, Dashboard] = {}
        self._problems: list[str] = []

    @property
    def dashboards(self) -> dict[str, Dashboard]:
        """In the order of their titles."""
        self._look()
        return self._dashboards

    @property
    def problems(self) -> list[str]:
        """Files that are left out, each with the reason."""
        self._look()
        return self._problems

    def get(self, uid: str) -> Dashboard | None:
        return self.dashboards.get(uid)

    def _look(self) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if now - self._looked < LOOKED_EVERY:
                return
            self._looked = now
            before = self._read
            self._read = {
                key: before[key] if key in before and before[key][0] == signature else (signature, self._file(*key))
                for folder in self._folders
                for key, signature in _files(folder)
            }
            if self._read != before:
                self._arrange()

    def _file(self, folder: Path, name: str) -> Dashboard | str:
        """What the file holds, or why it is left out."""
        try:
            with (folder / name).open("rb") as stream:
                content = stream.read(LARGEST + 1)
            if len(content) > LARGEST:
                return f"{name}: is larger than {LARGEST >> 20} MB"
            return read(json.loads(content), name, self._address())
        except OSError as error:
            return f"{name}: cannot be read: {error.strerror}"
        except NoDashboard as error:
            return f"{name}: {error}"
        except (ValueError, RecursionError) as error:
            return f"{name}: is not JSON: {error}"

    def _arrange(self) -> None:
        found: dict[str, Dashboard] = {}
        problems = []
        for _, content in self._read.values():
            if isinstance(content, str):
                problems.append(content)
            elif content.uid in found:
                problems.append(f"{content.source}: has the uid {content.uid} of {found[content.uid].source}")
            else:
                found[content.uid] = content
        for problem in set(problems) - set(self._problems):
            _log.warning("a dashboard is left out: %s", problem)
        self._dashboards = dict(sorted(found.items(), key=lambda item: item[1].title.lower()))
        self._problems = problems


def _files(folder: Path) -> Iterator[tuple[tuple[Path, str], Signature]]:
    """Folder and name below it of every JSON file, those of the folder itself first, with what changes when it does."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            if path.suffix != ".json" or count >= FILES:
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            count += 1
            yield (folder, path.relative_to(folder).as_posix()), (status.st_ino, status.st_mtime_ns, status.st_size)

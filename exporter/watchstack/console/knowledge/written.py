"""rules.json: what people wrote beside each rule, as the generator found it. Read again when the file changes.

A console without the file works: it then knows of a rule what Prometheus knows. What is shown of it: rules.py.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from flask import current_app

from watchstack.console.context import Console

FILE = "rules.json"
# Percent of a host's resources: what stack.yml is shipped with, for a console without the file.
THRESHOLDS: Mapping[str, float] = {"cpu_warning": 80, "cpu_critical": 90, "memory_warning": 80, "memory_critical": 90,
                                   "disk_warning": 85, "disk_critical": 95}  # fmt: skip
EXTENSION = "watchstack-console-rules"
LARGEST = 64 << 20  # bytes
PARTS = {"prometheus": "Prometheus", "loki": "Loki"}  # first folder of a generated file, to the part that evaluates it
_log = logging.getLogger("watchstack.console.knowledge.written")
Key = tuple[str, str, str, str, str]  # part, file, group, kind, name


@dataclass(frozen=True)
class Written:
    """A rule of the sources. source: `file:line`; override: the same of what stack.yml changes about it, or empty.

    tests: mappings of `name`, `at` and `says`.
    """

    part: str
    file: str
    group: str
    kind: str
    name: str
    source: str
    runbook: str = ""
    dashboard: str = ""
    team: str = ""
    override: str = ""
    disabled: bool = False
    tests: tuple[Mapping[str, str], ...] = ()

    @property
    def key(self) -> Key:
        return self.part, self.file, self.group, self.kind, self.name


@dataclass(frozen=True)
class Sources:
    """trouble: why nothing is known, in words; empty when the file was read."""

    rules: tuple[Written, ...] = ()
    services: tuple[str, ...] = ()  # names, as stack.yml has them
    thresholds: Mapping[str, float] = field(default_factory=lambda: THRESHOLDS)  # percent; those of stack.yml
    trouble: str = ""


class LiveSources:
    """The file in force, looked at whenever it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._current = Sources()

    def current(self) -> Sources:
        with self._lock:
            try:
                status = self._path.stat()
            except OSError:
                self._seen = None
                return Sources(trouble=f"{FILE} is missing: ./stack render writes it")
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            if signature != self._seen:
                self._seen, self._current = signature, read(self._path)
            return self._current


def sources_of(own: Console) -> LiveSources:
    """The file of this console, opened once."""
    found = current_app.extensions.get(EXTENSION)
    if found is None:
        found = current_app.extensions.setdefault(EXTENSION, LiveSources(own.settings.config))
    assert isinstance(found, LiveSources)
    return found


def read(path: Path) -> Sources:
    """What the file says; never raises."""
    try:
        with path.open("rb") as stream:
            document = json.loads(stream.read(LARGEST))
        services = tuple(str(name) for name in document.get("services", ()))
        told = dict(document.get("thresholds", {}))
        thresholds = {name: float(told.get(name, usual)) for name, usual in THRESHOLDS.items()}
        return Sources(tuple(_written(one) for one in document["rules"]), services, thresholds)
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        words = getattr(error, "strerror", None) or repr(error)
        _log.error("%s cannot be used: %s", path, words)
        return Sources(trouble=f"{FILE} cannot be used: {words}; ./stack render writes it anew")


def _written(told: dict[str, Any]) -> Written:
    path = PurePosixPath(told["file"])
    text = {name: str(told.get(name, "")) for name in ("group", "kind", "name", "source", "runbook", "dashboard")}
    tests = tuple({key: str(test.get(key, "")) for key in ("name", "at", "says")} for test in told.get("tests", ()))
    return Written(
        part=PARTS[path.parts[0]],
        file=path.name,
        **text,
        team=str(told.get("team", "")),
        override=str(told.get("override", "")),
        disabled=bool(told.get("disabled", False)),
        tests=tests,
    )

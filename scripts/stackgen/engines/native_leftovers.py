"""Processes of a native stack whose supervisor is gone: found by the variable every one carries, and ended."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from stackgen.engines.native_process import MARK

GRACE = 10.0  # seconds between TERM and KILL


def belonging(folder: Path) -> Iterator[psutil.Process]:
    """Living processes of this user that belong to this `.stack` folder; never this process or its ancestors."""
    mine = {os.getpid()} | {process.pid for process in psutil.Process().parents()}
    for process in psutil.process_iter():
        if process.pid in mine:
            continue
        try:
            ours = process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        if ours:
            yield process


def end(folder: Path, grace: float = GRACE) -> int:
    """Ends them: TERM, then KILL after `grace` seconds. How many there were. Only to be called without a supervisor."""
    found = list(belonging(folder))
    for process in found:
        _ask(process.terminate)
    limit = time.monotonic() + grace
    while any(_alive(process) for process in found) and time.monotonic() < limit:
        time.sleep(0.05)
    for process in found:
        if _alive(process):
            _ask(process.kill)
    psutil.wait_procs(found, timeout=5)
    return len(found)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _ask(action: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.Error):
        action()

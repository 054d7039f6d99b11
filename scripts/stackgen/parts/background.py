"""Builds in a process of their own that outlives the caller, followed through a progress file.

What is built and how lives in resolve and gobuild; the file's format in progress.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from stackgen.parts import progress


def start(names: Sequence[str], progress_file: Path, log: Path) -> int:
    """Starts building the named parts in this order and returns the process id.

    progress_file: see `progress.read`; it exists when this returns. log: what the process prints, appended.
    A build of the same parts that already runs is waited for by the new one, never doubled.
    """
    for path in (progress_file, log):
        path.parent.mkdir(parents=True, exist_ok=True)
    progress_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "stackgen.parts", "build", "--quiet", "--progress", str(progress_file), *names]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            *((os.POSIX_SPAWN_DUP2, output, to) for to in (1, 2)),
        ]
        pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsid=True)
    finally:
        os.close(output)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        report = progress.read(progress_file)
        if (report is not None and report.pid) or not progress.alive(pid):
            break
        time.sleep(0.02)
    return pid


def stop(progress_file: Path, *, seconds: float = 10) -> bool:
    """Ends the build that writes this file, what it had done so far is kept; True when none runs afterwards."""
    report = progress.read(progress_file)
    if report is None or not report.alive:
        return True
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(report.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(report.pid, os.WNOHANG)
        now = progress.read(progress_file)
        if now is None or not now.alive:
            return True
        time.sleep(0.05)
    return False

"""The parts' programs for the tests: built or fetched in the background while the quick tiers run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stackgen.parts.table import PARTS


def needed() -> list[str]:
    """Every part that is built from its module, and Grafana's server."""
    return [*sorted(name for name, part in PARTS.items() if part.build), "grafana-server"]


class Builds:
    """One background process that fills the cache. say: where its progress is told."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stackgen.parts", "build", *needed()], cwd=root, stdin=subprocess.DEVNULL
        )
        self._told = False

    def finish(self) -> None:
        """Waits until everything is there or has failed; what is missing is told by the tests that need it."""
        if self._told:
            return
        self._told = True
        started = time.monotonic()
        if self._process.poll() is None:
            self._say("waiting for the parts' programs")
        code = self._process.wait()
        waited = f"after {time.monotonic() - started:.0f} s of waiting"
        self._say(f"programs ready {waited}" if code == 0 else f"some programs are missing {waited}")

    def stop(self) -> None:
        """Ends the process if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

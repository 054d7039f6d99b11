"""Plain helpers of all tiers: the checkout and copies of it, free ports, how a missing part is told."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import NoReturn

import pytest
from stackgen.parts.table import PARTS

ROOT = Path(__file__).resolve().parent.parent
PORTS = range(16_000, 32_000)
BLOCK = 200  # ports
_locks: list[int] = []  # open files whose lock is held until the process ends
_drawn: list[int] = []


def unavailable(reason: str) -> NoReturn:
    """A real part cannot be had: the test is skipped loudly, and fails where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"not to be had, and CI is set: {reason}")
    pytest.skip(reason)


def choose_ports(count: int) -> list[int]:
    """Free TCP ports on loopback, in a block that this process alone draws from until it ends.

    They lie below the range from which the system takes ports for outgoing connections: one of those could take a port
    between its choice and its use.
    """
    found: list[int] = []
    for _ in range(PORTS.stop - PORTS.start):
        if len(found) == count:
            return found
        port = _next_port()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    raise AssertionError(f"no {count} free ports in {PORTS}")


def _next_port() -> int:
    """The next port of this process's block; the next free block once all of it were given out."""
    if not _drawn:
        folder = Path(tempfile.gettempdir()) / "watchstack-test-ports"
        folder.mkdir(exist_ok=True)
        starts = PORTS[::BLOCK]
        turned = os.getpid() % len(starts)
        for start in (*starts[turned:], *starts[:turned]):
            lock = os.open(folder / str(start), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                continue
            _locks.append(lock)
            _drawn.extend(range(start, start + BLOCK))
            break
    assert _drawn, "every block of ports is taken"
    return _drawn.pop(0)


def port_variables() -> dict[str, str]:
    """A free port for each part, as the variables that `./stack` and Compose read."""
    names = [*(part.port_variable for part in PARTS.values()), "LOKI_GRPC_PORT"]
    return dict(zip(names, map(str, choose_ports(len(names))), strict=True))


def answers(url: str) -> bool:
    """Whether a GET gives 200 within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def copy_checkout(target: Path) -> Path:
    """Copies the working tree (tracked files and new ones that git does not ignore) and links `.venv`."""
    target.mkdir(parents=True, exist_ok=True)
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, listing.decode().split("\0")):
        source, copy = ROOT / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    (target / ".venv").symlink_to((ROOT / ".venv").resolve())
    return target

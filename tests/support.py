"""Plain helpers of all tiers: the checkout and copies of it, free ports, how a missing part is told."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import NoReturn

import pytest
from stackgen.parts.table import PARTS

ROOT = Path(__file__).resolve().parent.parent


def unavailable(reason: str) -> NoReturn:
    """A real part cannot be had: the test is skipped loudly, and fails where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"not to be had, and CI is set: {reason}")
    pytest.skip(reason)


def choose_ports(count: int) -> list[int]:
    """Free TCP ports on loopback: all are held open at once, so that no two are alike."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


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

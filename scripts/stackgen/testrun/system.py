"""What `./stack test --install` puts on a Debian machine: packages that the tests need and that are missing.

Services that come with a package are not started: tests start their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Executable that shows a package is there -> Debian package that brings it.
NEEDED = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "busybox": "busybox-static",
    "redis-server": "redis-server",
    "/usr/lib/postgresql/*/bin/postgres": "postgresql",
    "chromium": "chromium",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core",
    "curl": "curl",
    "jq": "jq",
    "gcc": "gcc",
    "/usr/include/stdlib.h": "libc6-dev",
}
POLICY = Path("/usr/sbin/policy-rc.d")


class InstallError(Exception):
    """A package cannot be installed here; the message says why and what to do."""


def missing() -> list[str]:
    """Packages of NEEDED whose program is not there."""
    return sorted({package for program, package in NEEDED.items() if not _present(program)})


def _present(program: str) -> bool:
    if program.startswith("/"):
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def install(say: Callable[[str], None]) -> None:
    """Installs what is missing with apt-get. Raises InstallError off Debian, without root, or when apt-get fails."""
    packages = missing()
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise InstallError(f"--install needs Debian's apt-get; install by hand: {', '.join(packages)}")
    if os.geteuid() != 0:
        raise InstallError(f"--install needs root; as root: apt-get install {' '.join(packages)}")
    say(f"installing {', '.join(packages)}")
    with _no_service_starts():
        problem = _apt("update")
        if problem:
            say(f"apt-get update had trouble, going on with the lists that are there:\n{problem}")
        problem = _apt("install", "-y", "--no-install-recommends", *packages)
    if problem:
        raise InstallError(f"apt-get install {' '.join(packages)} failed:\n{problem}")


def _apt(*words: str) -> str:
    """Runs apt-get; the last lines of what it said and its exit code when it failed, else ""."""
    done = subprocess.run(
        ["apt-get", "-q", *words],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    return "\n".join([*(done.stdout + done.stderr).strip().splitlines()[-8:], f"exit code {done.returncode}"])


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own switch: while policy-rc.d answers 101, packages start no service."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)

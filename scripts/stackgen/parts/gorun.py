"""Runs the Go client: its environment, its log, how much of the machine it may use, and how a failure is told.

What it is asked to do lives in gobuild.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from stackgen.parts.errors import PartError
from stackgen.parts.toolchain import DROPPED, Toolchain

LAST = 12
NICE = 10
LITTLE = 6 << 10  # MiB of memory below which the compiler is told to collect its garbage early
# For every command, so that all share what is compiled. The debugging information is stripped from the programs anyway;
# not making it, and leaving garbage alone where there is memory, takes a fifth off the compiler's time.
FLAGS = "-mod=mod -modcacherw -buildvcs=false -trimpath -pgo=off -gcflags=all=-dwarf=false"


def free_disk(path: Path) -> int:
    """Free disk at this path in MiB, as an ordinary user may use it."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize >> 20


def memory() -> int:
    """Memory in MiB that is to be had: of the machine, or what the control group leaves when that is less."""
    available = 0
    for line in Path("/proc/meminfo").read_text("utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) >> 10
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        group = Path("/sys/fs/cgroup")
        try:
            left = int((group / limit).read_text()) - int((group / used).read_text()) >> 20
        except (OSError, ValueError):
            continue
        available = min(available, left)
    return available


def jobs() -> int:
    """How many packages to compile at once: one a core, and 1.5 GiB of memory each (the largest takes about that)."""
    return max(1, min(len(os.sched_getaffinity(0)), memory() // 1536))


def _garbage() -> dict[str, str]:
    """How each compiler and linker collects its garbage: early where memory is short, else at 2 GiB or its share."""
    available = memory()
    if available < LITTLE:
        return {"GOGC": "50"}
    return {"GOGC": "off", "GOMEMLIMIT": f"{min(2048, available // (2 * jobs()))}MiB"}


class Client:
    """The Go client for one part's build, with caches of its own below `work`; everything it says goes to the log."""

    def __init__(self, part: str, go: Toolchain, work: Path, log: TextIO, *, background: bool = True) -> None:
        self.part = part
        self.go = go
        self._log = log
        self._background = background
        folders = {
            "GOMODCACHE": work / "mod",
            "GOCACHE": work / "build-cache",
            "GOTMPDIR": work / "tmp",
            "GOPATH": work / "path",
        }
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        self._environment = {name: value for name, value in os.environ.items() if name not in DROPPED}
        self._environment |= {name: str(folder) for name, folder in folders.items()}
        self._environment |= {
            "GOENV": "off", "GOPROXY": go.proxy, "GOSUMDB": go.sumdb, "GOTOOLCHAIN": "local", "GOTELEMETRY": "off",
            "GOFLAGS": FLAGS, "LC_ALL": "C.UTF-8", "GOWORK": "off",
        }  # fmt: skip
        self._environment |= _garbage()
        self._scratch = work / "tmp"

    def download(self, module: str, version: str) -> Mapping[str, Any]:
        """Fetches one module and its checksum; tells `Dir`, `GoMod` and `Sum`."""
        empty = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            said = self.run(["mod", "download", "-json", f"{module}@{version}"], empty)
        finally:
            shutil.rmtree(empty, ignore_errors=True)
        told: dict[str, Any] = json.loads("\n".join(said))
        return told

    def edit_json(self, path: Path) -> Mapping[str, Any]:
        """A go.mod file as data."""
        told: dict[str, Any] = json.loads("\n".join(self.run(["mod", "edit", "-json", str(path)], path.parent)))
        return told

    def run(
        self,
        arguments: list[str],
        folder: Path,
        step: Callable[[int], None] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        parallel: int = 0,
    ) -> list[str]:
        """Runs `go` in this folder and returns the lines of its output.

        step: called with the number of lines it has told on its error stream (a download or a package each).
        parallel: how many downloads at once; the client takes the number of processors otherwise.
        Raises PartError when it fails.
        """
        command = [*self._prefix(), str(self.go.program), *arguments]
        self._say(f"$ (in {folder}) {' '.join(arguments)}")
        settings = {**self._environment, **(environment or {}), **({"GOMAXPROCS": str(parallel)} if parallel else {})}
        last: deque[str] = deque(maxlen=LAST)
        began = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
                text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
            try:
                self._follow(process, last, step)
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                raise
            output.seek(0)
            lines = output.read().splitlines()
        self._say(f"= {process.returncode} after {time.monotonic() - began:.1f} s")
        if process.returncode:
            raise self._error(
                arguments, process.returncode, [*lines[-LAST:], *last] if arguments[0] == "mod" else list(last)
            )
        return lines

    def _prefix(self) -> list[str]:
        """Low priority, and no client that outlives a killed build."""
        setpriv, nice = shutil.which("setpriv"), shutil.which("nice")
        dying = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
        return [*dying, *([nice, "-n", str(NICE)] if nice and self._background else [])]

    def _follow(self, process: subprocess.Popen[str], last: deque[str], step: Callable[[int], None] | None) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for count, line in enumerate(stream, 1):
                self._log.write(line)
                last.append(line.rstrip())
                if step is not None:
                    step(count)
        process.wait()

    def _say(self, line: str) -> None:
        self._log.write(line + "\n")
        self._log.flush()

    def _error(self, arguments: list[str], code: int, last: list[str]) -> PartError:
        text = "\n".join(last)
        message = f"`go {arguments[0]}` failed with exit code {code}"
        return PartError(self.part, message, hint_for(text, code), Path(self._log.name), text)


def hint_for(text: str, code: int) -> str:
    """What to do about the last lines of a failed run."""
    said = text.lower()
    if "no space left" in said:
        return "the disk is full: free some space, or name another folder: WATCHSTACK_CACHE"
    if "checksum mismatch" in said or "security error" in said:
        return "what was downloaded is not what the checksum database knows: nothing was installed; try another network"
    if any(word in said for word in ("dial tcp", "no such host", "i/o timeout", "connection refused", "tls handshake",
                                     "network is unreachable", "proxyconnect")):  # fmt: skip
        return "the Go module proxy does not answer: check the network (or GOPROXY), then run the same command again"
    if code in (-signal.SIGKILL, 137) or "signal: killed" in said or "cannot allocate memory" in said:
        return "the build was killed, probably for want of memory: free some memory, then run the same command again"
    return "run the same command again to go on from where it stopped; the log tells more"

"""A real stack driven through `./stack` in a copy of the checkout, on free ports, for tiers that need one."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from waiting import until

T = TypeVar("T")


def ended(process: subprocess.Popen[str], seconds: float = 300) -> tuple[int, str]:
    """Exit code and output of a command that was started."""
    try:
        said, _ = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, said


class RunningStack:
    """`./stack` of one checkout under one environment. engine: "native" or "docker"."""

    def __init__(self, root: Path, ports: dict[str, str], engine: str, **variables: str) -> None:
        self.root = root
        self.ports = ports
        self.engine = engine
        self.environment = {**os.environ, **ports, **variables}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a copy is compiled once, not with each command

    def command(self, *words: str, timeout: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs `./stack words…`; with check, fails with its output when it exits with anything but 0."""
        done = subprocess.run(
            [str(self.root / "stack"), *words],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"./stack {' '.join(words)} exited {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def at_terminal(self, *words: str, timeout: float = 300) -> str:
        """What `./stack words…` shows on a terminal; fails unless it exits with 0."""
        ours, theirs = pty.openpty()
        command = [str(self.root / "stack"), *words]
        with os.fdopen(ours, "rb", buffering=0) as screen:
            process = subprocess.Popen(
                command, cwd=self.root, env=self.environment, stdin=theirs, stdout=theirs, stderr=theirs
            )
            os.close(theirs)
            shown = b""
            end = time.monotonic() + timeout
            with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
                while time.monotonic() < end:
                    if select.select([screen], [], [], 1.0)[0]:
                        shown += screen.read(65536)
                    elif process.poll() is not None:  # what it started may keep the terminal
                        break
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        assert code == 0, shown.decode(errors="replace")
        return shown.decode(errors="replace")

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """`./stack words…` in the background, in a session of its own; output and errors in one pipe."""
        return self.popen([str(self.root / "stack"), *words], **variables)

    def popen(self, command: list[str], **variables: str) -> subprocess.Popen[str]:
        """A command in the checkout, as `start` has it. variables: over the stack's own environment."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def interrupted(self, *words: str, when: Callable[[], T], then: Callable[[T], object] = lambda _found: None) -> str:
        """Runs `./stack words…` until `when` returns, presses Ctrl-C; fails unless the command ends as interrupted.

        then: is called with what `when` has found once Ctrl-C is pressed.
        """
        process = self.start(*words)
        try:
            found = when()
            os.killpg(process.pid, signal.SIGINT)
            then(found)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            error.add_note(f"./stack {' '.join(words)} said:\n{ended(process)[1]}")
            raise
        code, said = ended(process)
        assert code == 130, said
        assert "Traceback" not in said
        return said

    def up(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.command("up", "--engine", self.engine, *words)

    def destroy(self) -> None:
        self.command("destroy", "--yes", check=False)

    def url(self, part: str) -> str:
        """Where a part answers on loopback."""
        return f"http://127.0.0.1:{self.ports[part.upper().replace('-', '_') + '_PORT']}"

    def get(self, part: str, path: str, timeout: float = 30, role: str = "viewer", **query: str) -> Any:
        """JSON that a part answers; the console is shown the password of this role."""
        return json.loads(self.read(part, path, timeout, role, **query))

    def read(self, part: str, path: str, timeout: float = 30, role: str = "viewer", **query: str) -> bytes:
        """What a part answers, as `get` asks for it."""
        suffix = "?" + urllib.parse.urlencode(query) if query else ""
        request = urllib.request.Request(self.url(part) + path + suffix, headers=self.bearer(part, role))
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return bytes(answer.read())

    def bearer(self, part: str = "console", role: str = "viewer") -> dict[str, str]:
        """The header that lets a program in, for parts that ask for one."""
        return {"Authorization": f"Bearer {self.password(role)}"} if part == "console" else {}

    def password(self, role: str) -> str:
        """The password of an account of the console: "viewer" or "admin"."""
        return (self.root / "secrets" / f"console-{role}-password").read_text().strip()

    def status(self) -> dict[str, dict[str, Any]]:
        """`./stack status --json` by part."""
        content = json.loads(self.command("status", "--json", check=False).stdout)  # 1 unless all are healthy
        return {part["part"]: part for part in content["parts"]}

    def status_of(self, part: str) -> dict[str, Any]:
        """One part of `status`."""
        return self.status()[part]

    def pid(self, part: str) -> int:
        """Process id of a natively running part; of one that is down, that of its next life."""

        def look() -> int:
            state = json.loads((self.root / ".stack" / "state.json").read_text())
            return int(state["parts"][part]["pid"])

        return until(look, why=f"{part} has a process")

    def freeze(self, part: str) -> None:
        """The part stops answering; its supervisor sees a living process."""
        os.kill(self.pid(part), signal.SIGSTOP)

    def thaw(self, part: str) -> None:
        os.kill(self.pid(part), signal.SIGCONT)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Instant query to Prometheus: the result's samples."""
        answer = self.get("prometheus", "/api/v1/query", query=expr)
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    def targets(self) -> dict[str, str]:
        """Health of each active target by job and instance."""
        found = self.get("prometheus", "/api/v1/targets")["data"]["activeTargets"]
        return {f"{target['labels']['job']} {target['labels']['instance']}": target["health"] for target in found}

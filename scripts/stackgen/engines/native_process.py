"""One child process: started so that it cannot outlive the supervisor, stopped with a bound. When to start it again is
decided in `native_runner`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

MARK = "WATCHSTACK_SUPERVISED"  # variable that names the `.stack` folder a process belongs to
GRACE = 15.0  # seconds between TERM and KILL
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(parent: int) -> Callable[[], None]:
    """What runs in the child before its program: ask the kernel for TERM when the supervisor is gone."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:  # it died between fork and prctl
                os._exit(1)

    return prepare


class Child:
    """A running process. `exited` is done with the exit code (negative: the signal) once it has ended."""

    _living: ClassVar[set[Child]] = set()

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self._living.add(self)
        self._process = process
        self.output = output
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        variables: Mapping[str, str],
        folder: Path,
        mark: Path,
        errors: int | None = None,
    ) -> Child:
        """Starts the command in a session of its own; must be called from the main thread.

        output: descriptor to read its standard output from, with its standard error unless `errors` takes that.
        Raises OSError when it cannot be executed.
        """
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing if errors is None else errors,
                cwd=folder,
                env={**os.environ, **variables, MARK: str(mark)},
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - the supervisor has one thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            os.close(reading)
            raise OSError(getattr(error, "errno", None), f"cannot execute {command[0]}: {error}") from error
        finally:
            os.close(writing)
        return cls(process, reading)

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    def reap(cls) -> None:
        """Called after SIGCHLD: notices which processes have ended."""
        for child in list(cls._living):
            code = child._process.poll()
            if code is not None:
                cls._living.discard(child)
                child.exited.set_result(code)

    def signal(self, number: signal.Signals) -> None:
        if not self.exited.done():
            self._process.send_signal(number)

    async def stop(self, grace: float = GRACE) -> None:
        """TERM to the process, KILL to its whole session after `grace` seconds; returns when it has ended."""
        if not self.exited.done():
            self.signal(signal.SIGTERM)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(self.exited), grace)
        self.kill_session()
        await self.exited

    def kill_session(self) -> None:
        """KILL to the process, and to what it has left behind once it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def described(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

"""Keeps one part running: starts it, watches its readiness, starts it again with back-off. Runs on the supervisor's
event loop; which parts there are, and the state file, are `native_supervisor`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stackgen.engines.base import State
from stackgen.engines.native_files import Folder
from stackgen.engines.native_log import LogFile, Pump
from stackgen.engines.native_plan import PROGRAM, PartPlan
from stackgen.engines.native_process import Child, described
from stackgen.engines.native_state import PartState

FIRST_DELAY = 1.0  # seconds before a part that ended is started again; doubles each time
LONGEST_DELAY = 30.0
QUIET = 60.0  # seconds of life after which the delay is the first one again
LOOK_STARTING = 0.1  # seconds between two looks at a part that is not ready yet; grows to LOOK_DOUBTFUL
LOOK_HEALTHY = 5.0
LOOK_DOUBTFUL = 1.0
ANSWER_WITHIN = 3.0
DOUBTS = 3  # failed looks in a row that make a healthy part unhealthy
GIVEN_UP = 3  # ends in a row without a ready answer after which the state says failed; it is still tried again


@dataclass(frozen=True)
class Found:
    """A program that was found for a part. origin: where it comes from, in words."""

    path: Path
    version: str
    origin: str


async def answers(port: int, path: str) -> str:
    """ "" when the part answers 200, else what it does instead. path: "" asks for a connection alone."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                if not path:
                    return ""
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
                head = (await reader.readline()).decode("latin-1").split(None, 2)
                rest = await reader.read(-1)  # to its end: a part may log an answer that nobody takes
            finally:
                writer.close()
    except TimeoutError:
        return f"no answer to {path} within {ANSWER_WITHIN:.0f} s"
    except OSError:
        return f"nothing listens on port {port} yet"
    except ValueError:  # a first line without an end
        return f"{path} answers no HTTP"
    if len(head) >= 2 and head[1] == "200":
        return ""
    body = rest.partition(b"\r\n\r\n")[2].decode("utf-8", "replace").strip().split("\n")[0][:120]
    code = head[1] if len(head) >= 2 else "no HTTP"
    return f"{path} answers {code}" + (f": {body}" if body else "")


class Runner:
    """One part. `changed` is called after every change of `state`; `say` writes a line of the supervisor's own log."""

    def __init__(
        self, plan: PartPlan, folder: Folder, *, changed: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self.state = PartState(version=plan.version, since=time.time())
        self.found: Found | None = None
        self.child: Child | None = None
        self._folder = folder
        self._changed = changed
        self._say = say
        self._log = LogFile(folder.log(plan.name))
        self._last: deque[bytes] = deque(maxlen=3)
        self._stopping = False
        self._asked = False  # the running process is ended on purpose, to be started anew
        self._outdated = False  # it has not read its configuration again yet
        self._wake = asyncio.Event()
        self._delay = FIRST_DELAY
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def lacks_program(self) -> bool:
        """Whether its program is still to be found."""
        return self.plan.needs_program and self.found is None

    # What the supervisor asks for

    def start(self) -> None:
        """Begins to keep the part running."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep())

    def use(self, found: Found) -> None:
        """Takes a program; a part that waits starts at once, a running one only with `restart`."""
        self.found = found
        self.state.progress = ""
        self.state.waits_for = ""
        self.kick()

    def cannot(self, error: str, hint: str) -> None:
        """No program is to be had: says why, goes on waiting for one."""
        self.state.error, self.state.hint, self.state.progress = error, hint, ""
        self._become(State.FAILED, final=True)

    def tell(self, progress: str) -> None:
        """What the build or download of the part's program does now."""
        self.state.progress = progress
        self._changed()

    def look_again(self) -> None:
        """A new search for the program begins: what the last one said is forgotten."""
        if self.found is None:
            self.state.error, self.state.hint, self.state.progress = "", "", ""
            self._become(State.WAITING)

    def kick(self) -> None:
        """Ends a wait: for the back-off to pass, or for a program. A part that was given up is waited for again."""
        self._delay, self._failures = FIRST_DELAY, 0
        if self.state.final and not self.lacks_program:
            self._become(State.STARTING)
        self._wake.set()

    async def restart(self, plan: PartPlan) -> None:
        """Replaces the running process by one of this plan."""
        self.plan = plan
        self._asked = True
        self._become(State.STARTING)
        if self.child is not None:
            await self.child.stop()
        self.kick()

    def reload(self) -> None:
        """Has the running process read its configuration again; one that starts is told once it is ready, since the
        signal ends a program that does not listen for it yet.
        """
        if self.child is None:
            return
        if self.state.state in (State.HEALTHY, State.UNHEALTHY):
            self.child.signal(signal.SIGHUP)
        else:
            self._outdated = True

    async def stop(self) -> None:
        """Ends the process for good."""
        self._stopping = True
        self._wake.set()
        if self.child is not None:
            await self.child.stop()
        if self._task is not None:
            await self._task
        self._log.close()
        self.state.pid, self.state.progress, self.state.error, self.state.hint = 0, "", "", ""
        self._become(State.STOPPED)

    # How it is kept running

    async def _keep(self) -> None:
        while not self._stopping:
            if self.lacks_program:
                if not self.state.final:
                    self._become(State.WAITING)
                await self._pause(None)
                continue
            began = asyncio.get_running_loop().time()
            ended = await self._run()
            if self._stopping:
                return
            if self._asked:
                self._delay, self._failures = FIRST_DELAY, 0
                continue
            if asyncio.get_running_loop().time() - began >= QUIET:
                self._delay = FIRST_DELAY
            self.state.error, self.state.hint = ended, f"./stack logs {self.plan.name}"
            self.state.restarts += 1
            gone = self._failures >= GIVEN_UP
            self._become(State.FAILED if gone else State.STARTING, final=gone)
            self._say(f"{self.plan.name} {ended}; next start in {self._delay:.0f} s")
            delay = self._delay
            self._delay = min(self._delay * 2, LONGEST_DELAY)
            await self._pause(delay)

    async def _pause(self, seconds: float | None) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _run(self) -> str:
        """One life of the process; how it ended, in words."""
        self._asked = self._outdated = False
        self._last.clear()
        command = list(self.plan.command)
        if command[0] == PROGRAM and self.found is not None:
            command[0] = str(self.found.path)
            self.state.version, self.state.origin = self.found.version, self.found.origin
        else:
            self.state.version = self.plan.version
        data = self._folder.data(self.plan.name)
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.child = Child.start(command, variables=self.plan.variables, folder=data, mark=self._folder.path)
        except OSError as error:
            self._failures += 1
            return str(error)
        pump = Pump(self.child.output, self._log, self._last.append)
        self.state.pid = self.child.pid
        if not self.state.final:  # a part that failed again and again stays so until it is ready
            self._become(State.STARTING)
        self._say(f"{self.plan.name} {self.state.version} started, pid {self.child.pid}")
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            code = await self.child.exited
        finally:
            watch.cancel()
        self.child.kill_session()  # its children would keep the port from the next one
        with contextlib.suppress(TimeoutError):  # one in a session of its own may hold the pipe open
            async with asyncio.timeout(0.5):
                await asyncio.shield(pump.ended)
        self.child, self.state.pid = None, 0
        if self.state.state is not State.HEALTHY:
            self._failures += 1
        last = next((line for line in reversed(self._last) if line.strip()), b"").decode("utf-8", "replace").strip()
        return described(code) + (f": {last[-200:]}" if last and code >= 0 else "")

    async def _watch(self) -> None:
        """Follows the readiness of the running process."""
        doubts = 0
        while True:
            said = await answers(self.plan.port, self.plan.ready)
            if self._asked or self._stopping:  # it answers as long as it ends, and is not what was asked for
                return
            before = self.state.state
            if not said:
                doubts, self._failures, self.state.error, self.state.hint = 0, 0, "", ""
                if self._outdated and self.child is not None:
                    self._outdated = False
                    self.child.signal(signal.SIGHUP)
                if before is not State.HEALTHY:
                    self._say(f"{self.plan.name} is ready")
                    self._become(State.HEALTHY)
                await asyncio.sleep(LOOK_HEALTHY)
                continue
            doubts += 1
            if before is State.HEALTHY and doubts >= DOUBTS:
                self._say(f"{self.plan.name}: {said}")
                self._become(State.UNHEALTHY)
            if self.state.state in (State.STARTING, State.UNHEALTHY) and self.state.error != said:
                self.state.error = said
                self._changed()
            await asyncio.sleep(min(LOOK_STARTING * doubts, LOOK_DOUBTFUL))

    def _become(self, state: State, *, final: bool = False) -> None:
        if state is not self.state.state:
            self.state.since = time.time()
        self.state.state, self.state.final = state, final
        self._changed()

"""The process that keeps the native stack running: `python -m stackgen.engines.native_supervisor FOLDER`.

It runs what `FOLDER/plan.json` says, tells what runs in `FOLDER/state.json`, takes a changed plan over on SIGHUP and
ends everything on SIGTERM. It never reads the sources. How one part is kept running lives in `native_runner`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackgen.engines.native_files import Folder, take
from stackgen.engines.native_log import LogFile, Pump
from stackgen.engines.native_plan import PartPlan, Plan
from stackgen.engines.native_process import Child, described
from stackgen.engines.native_runner import Found, Runner
from stackgen.engines.native_state import StackState

SAVE_AFTER = 0.05  # seconds in which changes are gathered into one write of the state
LOOK_AT_FOLDER = 2.0  # seconds between two looks whether `.stack` is still there
SAVE_AGAIN = 2.0  # seconds until a write that failed is tried again


class Supervisor:
    """Runs a plan until SIGTERM. All work is done on one event loop in the main thread: the kernel ends the children
    of a thread with that thread.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.runners: dict[str, Runner] = {}
        self.plan = Plan("", "", ())
        self._log = LogFile(folder.log("supervisor"))
        self._searches: dict[str, Child] = {}
        self._again: set[str] = set()  # kinds of search that are asked for once more
        self._saving: asyncio.TimerHandle | None = None
        self._end = asyncio.Event()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, line: str) -> None:
        """One line of the supervisor's own log."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._log.write(f"ts={stamp} supervisor: {line}\n".encode(), time.monotonic())
        if self._log.full:
            self._log.rotate()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, Child.reap)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._do(self.take_over()))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        self._do(self._watch_folder())
        self.say(f"started, pid {os.getpid()}")
        self._do(self.take_over())
        await self._end.wait()
        self.say("ending every part")
        async with self._turn:
            await self._stop_all()
        self._save(pid=0)
        self.say("ended")

    async def _watch_folder(self) -> None:
        """Ends everything when the folder is removed under us: nobody could find or stop the parts any more."""
        lock = self.folder.supervisor_lock
        held = lock.stat().st_ino
        while not self._end.is_set():
            await asyncio.sleep(LOOK_AT_FOLDER)
            try:
                gone = lock.stat().st_ino != held
            except FileNotFoundError:
                gone = True
            except OSError:
                gone = False  # a disk in trouble is no reason to end
            if gone:
                self._end.set()

    def _do(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.say(f"error: {type(error).__name__}: {error}")

    async def _stop_all(self) -> None:
        for child in list(self._searches.values()):
            await child.stop()
        for runner in reversed(self.runners.values()):
            await runner.stop()

    # The plan

    async def take_over(self) -> None:
        """Makes what runs equal to what plan.json says: ends, starts, restarts and reloads what differs."""
        async with self._turn:
            plan = Plan.read(self.folder.plan)
            if plan is None or self._end.is_set():
                self.say("the plan is missing or broken; everything goes on as it is")
                return
            wanted = {part.name: part for part in plan.parts}
            for name in [name for name in reversed(self.runners) if name not in wanted]:
                await self.runners.pop(name).stop()
            for part in plan.parts:
                await self._become(part)
            self.runners = {name: self.runners[name] for name in wanted}
            lacking = any(runner.lacks_program and not runner.state.final for runner in self.runners.values())
            search = plan.search != self.plan.search or (lacking and not self._searches)
            self.plan = plan
            if search:
                self._search("floor")
            self.changed()

    async def _become(self, part: PartPlan) -> None:
        runner = self.runners.get(part.name)
        if runner is None:
            runner = self.runners[part.name] = Runner(part, self.folder, changed=self.changed, say=self.say)
            runner.start()
            return
        before, runner.plan = runner.plan, part
        if part.differs(before):
            self.say(f"{part.name} gets a changed command or configuration: restart")
            await runner.restart(part)
        elif part.reload_digest != before.reload_digest and part.reloads:
            self.say(f"{part.name} gets a changed configuration: reload")
            runner.reload()
        runner.kick()

    # Programs

    def _search(self, kind: str) -> None:
        """Starts the process that finds programs: `floor` finds one to run now, `pin` builds what is missing."""
        asking = [runner for runner in self.runners.values() if runner.plan.needs_program]
        asking.sort(key=lambda runner: (runner.found is not None, not runner.plan.essential))
        names = [runner.plan.name for runner in asking]
        if not names or self._end.is_set():
            return
        if kind in self._searches:
            self._again.add(kind)
            return
        runners = {name: self.runners[name] for name in names}
        if kind == "floor":
            for runner in runners.values():
                runner.look_again()
        command = [sys.executable, "-m", "stackgen.engines.native_fetch", kind, *names]
        log = os.open(self.folder.log("fetch"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            child = Child.start(
                command, variables={}, folder=self.folder.path.parent, mark=self.folder.path, errors=log
            )
        finally:
            os.close(log)
        self._searches[kind] = child
        self._do(self._follow(kind, child, runners))

    async def _follow(self, kind: str, child: Child, runners: dict[str, Runner]) -> None:
        pump = Pump(child.output, None, lambda line: self._heard(line, runners))
        self.changed()
        code = await child.exited
        await pump.ended
        self._searches.pop(kind, None)
        if kind == "pin" and not self._end.is_set():
            for runner in runners.values():
                if runner.lacks_program and not runner.state.final:
                    runner.cannot(
                        f"the search for its program {described(code)}", f"look into {self.folder.log('fetch')}"
                    )
        if kind in self._again:
            self._again.discard(kind)
            self._search(kind)
        elif kind == "floor":
            self._search("pin")
        self.changed()

    def _heard(self, line: bytes, runners: dict[str, Runner]) -> None:
        """One line of the searching process: JSON about a part."""
        try:
            told = json.loads(line)
            runner = runners[told["part"]]
        except (ValueError, KeyError, TypeError):
            return
        if self.runners.get(runner.plan.name) is not runner:
            return
        if "path" in told:
            self._program(runner, Found(Path(told["path"]), told["version"], told["origin"]), swap=told["swap"])
        elif "error" in told:
            if runner.found is None:
                runner.cannot(told["error"], told["hint"])
            else:
                runner.tell("")
            self.say(f"{runner.plan.name}: {told['error']}")
        else:
            runner.tell(told["progress"])

    def _program(self, runner: Runner, found: Found, *, swap: bool) -> None:
        before = runner.found
        if before is None:
            runner.use(found)
        elif before != found and swap:
            self.say(f"{runner.plan.name} changes from {before.version} to {found.version}")
            runner.use(found)
            self._do(runner.restart(runner.plan))
        elif before.version != found.version:
            runner.state.waits_for = found.version
            runner.tell("")
        else:
            runner.tell("")

    # The state

    def changed(self) -> None:
        """Writes the state soon."""
        if self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(SAVE_AFTER, self._save)

    def _save(self, pid: int | None = None) -> None:
        if self._saving is not None:
            self._saving.cancel()  # what is saved at the end is the last word
        self._saving = None
        state = StackState(
            pid=os.getpid() if pid is None else pid,
            plan=self.plan.id,
            searching=bool(self._searches),
            parts={name: runner.state for name, runner in self.runners.items()},
        )
        try:
            state.write(self.folder.state)
        except OSError:
            if not self._end.is_set():
                self._saving = asyncio.get_running_loop().call_later(SAVE_AGAIN, self._save)


def _lock(folder: Folder) -> None:
    """Holds the supervisor's lock for the life of the process; waits a moment for who only looks at it."""
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            take(folder.supervisor_lock)
            return
        time.sleep(0.1)
    sys.exit("another supervisor runs on this folder")


def main() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the plan can be taken over
    folder = Folder(Path(sys.argv[1]))
    _lock(folder)
    asyncio.run(Supervisor(folder).run())


if __name__ == "__main__":
    main()

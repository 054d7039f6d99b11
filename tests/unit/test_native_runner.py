"""What keeps a part running, and tells it: the moments at which something else happens too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stackgen.engines import native, native_runner
from stackgen.engines.base import Context, State
from stackgen.engines.native_files import Folder
from stackgen.engines.native_plan import PartPlan, Plan
from stackgen.engines.native_process import MARK, Child
from stackgen.engines.native_runner import Runner
from stackgen.engines.native_state import StackState
from stackgen.engines.native_supervisor import Supervisor
from stackgen.model import Model
from stackgen.model.stack import Stack
from support import choose_ports
from waiting import DEADLINE

PART = """
import http.server, os, pathlib, signal, sys, threading, time

port, gate, ends = int(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3])
ready = False


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if ready else 503)
        self.end_headers()

    def log_message(self, *words):
        pass


def end(*_):
    threading.Timer(ends, os._exit, (0,)).start()


signal.signal(signal.SIGTERM, end)
http.server.ThreadingHTTPServer.allow_reuse_address = True
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
while not gate.exists():
    time.sleep(0.01)
signal.signal(signal.SIGHUP, lambda *_: os.write(1, b"reloaded\\n"))
ready = True
while True:
    time.sleep(1)
"""


class Watched:
    """One part that is kept running. gate: when it is there the part is ready. seen: its states and process ids."""

    def __init__(self, folder: Path, ends: float = 0.0) -> None:
        self.folder = Folder(folder / ".stack")
        self.folder.make()
        self.gate = folder / "gate"
        self.log = self.folder.log("one")
        self.log.touch()
        words = (sys.executable, "-c", PART, str(choose_ports(1)[0]), str(self.gate), str(ends))
        self.plan = PartPlan("one", words, int(words[3]), "/ready")
        self.seen: list[tuple[State, int]] = []
        self.runner = Runner(self.plan, self.folder, changed=self._changed, say=lambda _line: None)

    def _changed(self) -> None:
        self.seen.append((self.runner.state.state, self.runner.state.pid))

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not what():
                await asyncio.sleep(0.01)

    @property
    def healthy(self) -> bool:
        return self.runner.state.state is State.HEALTHY

    def run(self, test: Callable[[], Coroutine[None, None, None]]) -> None:
        async def whole() -> None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, Child.reap)
            self.runner.start()
            try:
                await test()
            finally:
                await self.runner.stop()

        asyncio.run(whole())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_runner, "LOOK_HEALTHY", 0.02)


def test_a_part_that_ends_slowly_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ends=0.5)
    watched.gate.touch()

    async def restarted() -> None:
        await watched.until(lambda: watched.healthy)
        first = watched.runner.state.pid
        watched.seen.clear()
        await watched.runner.restart(watched.plan)
        await watched.until(lambda: watched.healthy and watched.runner.state.pid not in (0, first))
        assert (State.HEALTHY, first) not in watched.seen

    watched.run(restarted)


def test_a_part_that_starts_is_told_to_reload_when_it_is_ready(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    async def reloaded() -> None:
        await watched.until(lambda: "503" in watched.runner.state.error)
        pid = watched.runner.state.pid
        watched.runner.reload()  # it does not listen for the signal yet
        await asyncio.sleep(0.05)
        watched.gate.touch()
        await watched.until(lambda: watched.log.read_text() == "reloaded\n")
        assert (watched.healthy, watched.runner.state.pid, watched.runner.state.restarts) == (True, pid, 0)
        watched.runner.reload()
        await watched.until(lambda: watched.log.read_text() == "reloaded\n" * 2)

    watched.run(reloaded)


def test_a_part_that_was_given_up_is_waited_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_runner, "FIRST_DELAY", 0.01)
    watched = Watched(tmp_path)
    command = ("sh", "-c", 'test -e "$0" || exit 3; exec "$@"', str(watched.gate), *watched.plan.command)
    watched.runner.plan = replace(watched.plan, command=command)

    async def again() -> None:
        await watched.until(lambda: watched.runner.state.state is State.FAILED)
        watched.gate.touch()
        watched.runner.kick()
        assert (watched.runner.state.state, watched.runner.state.final) == (State.STARTING, False)
        await watched.until(lambda: watched.healthy)

    watched.run(again)


def test_the_state_of_the_end_is_the_last_that_is_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ".stack")
    folder.make()

    async def ending() -> None:
        supervisor = Supervisor(folder)
        supervisor.changed()  # would be written in a moment, with the process id
        supervisor._save(pid=0)
        assert StackState.read(folder.state).pid == 0
        folder.state.unlink()
        await asyncio.sleep(0.2)

    asyncio.run(ending())
    assert not folder.state.exists()


def engine(root: Path) -> native.NativeEngine:
    made = native.NativeEngine(Context(root, Model(Stack(), (), "0" * 64), {}))
    made.folder.make()
    return made


@pytest.mark.parametrize("name", ["stack [1]", "a*b", "what?", "{x}"])
def test_a_path_that_the_parts_take_for_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    """They would come up, and find neither their rules nor any log."""
    root = tmp_path / name
    root.mkdir()
    made = native.NativeEngine(Context(root, Model(Stack(), (), "0" * 64), {}))
    with pytest.raises(native.EngineError, match="neither rules nor logs") as error:
        made.up(wait=False)
    assert "move the checkout" in error.value.hint
    assert list(root.iterdir()) == []


def test_an_interrupt_ends_a_supervisor_that_has_not_begun_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = engine(tmp_path)
    begun = subprocess.Popen(["sleep", "600"])
    monkeypatch.setattr(one, "_start", lambda: begun)

    def pressed(_seconds: float) -> None:
        raise KeyboardInterrupt

    try:
        with monkeypatch.context() as patch:
            patch.setattr(native, "time", SimpleNamespace(**{**vars(time), "sleep": pressed}))  # no other thread's
            with pytest.raises(KeyboardInterrupt):
                one._put(Plan("new", "", ()))
        one.down()
        assert begun.poll() == -signal.SIGTERM
    finally:
        begun.kill()
        begun.wait()


def test_a_supervisor_that_ends_when_it_is_told_is_followed_by_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = engine(tmp_path)
    plan = Plan("new", "", ())
    lives = iter([True, True])  # when it is looked for and told; not when it is looked at again
    monkeypatch.setattr(one, "running", lambda: next(lives, False))
    monkeypatch.setattr(one, "_signal", lambda _number: one.running())
    monkeypatch.setattr(native, "TAKEN_OVER", 5.0)
    begun: list[SimpleNamespace] = []

    def start() -> SimpleNamespace:
        StackState(1, plan.id).write(one.folder.state)
        begun.append(SimpleNamespace(poll=lambda: None))
        return begun[-1]

    monkeypatch.setattr(one, "_start", start)
    one._put(plan)
    assert len(begun) == 1


def test_an_interrupt_ends_a_supervisor_that_nobody_knows_of_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes when the process is there and before its id is noted."""
    one = engine(tmp_path)
    begun: list[subprocess.Popen[bytes]] = []

    def popen(*words: Any, **options: Any) -> None:
        begun.append(subprocess.Popen(*words, **options))
        raise KeyboardInterrupt

    try:
        with monkeypatch.context() as patch:
            patch.setattr(native, "subprocess", SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL))
            with pytest.raises(KeyboardInterrupt):
                one._put(Plan("new", "", ()))
        one.down()
        begun[0].wait(DEADLINE)
    finally:
        begun[0].kill()
        begun[0].wait()


def test_what_answers_without_an_end_is_not_ready() -> None:
    async def asked() -> str:
        async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"x" * 200_000)
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(pour, "127.0.0.1", 0)
        async with server:
            return await native_runner.answers(server.sockets[0].getsockname()[1], "/ready")

    assert asyncio.run(asked()) == "/ready answers no HTTP"


def test_a_part_that_another_version_has_planned_is_shown(tmp_path: Path) -> None:
    """After a checkout of another version the stack can still be looked at and ended."""
    one = engine(tmp_path)
    Plan("old", "", (PartPlan("of-another-version", ("x",), 1, "/"),)).write(one.folder.plan)
    assert [(part.part, part.version, part.state) for part in one.status()] == [
        ("of-another-version", "", State.STOPPED)
    ]


def test_a_port_of_a_part_that_is_up_again_is_no_stranger_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = engine(tmp_path)
    monkeypatch.setattr(one, "running", lambda: True)
    port = choose_ports(1)[0]
    monkeypatch.setattr(native, "wanted", lambda _model: ("prometheus",))
    monkeypatch.setattr(native.ports, "default_ports", lambda: {"prometheus": port})
    Plan("old", "", (PartPlan("prometheus", ("x",), port, "/"),)).write(one.folder.plan)
    StackState(os.getpid(), "old").write(one.folder.state)  # it does not tell of the part
    words = (
        "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(); time.sleep(600)"
    )
    for mark, fine in ((str(one.folder.path), True), ("/elsewhere/.stack", False)):
        with subprocess.Popen(
            [sys.executable, "-uc", words, str(port)], env=os.environ | {MARK: mark}, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            try:
                if fine:
                    one._check_ports(one.placement())
                else:
                    with pytest.raises(native.EngineError, match=rf"is held by .* \(pid {holder.pid}\)"):
                        one._check_ports(one.placement())
            finally:
                holder.kill()

"""The engine for a machine without Docker: the parts as plain processes under one supervisor, everything in `.stack/`.

What the supervisor does lives in `native_supervisor`; this is the side that a command of the user runs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from watchstack import init

from stackgen.engines import native_examples, native_leftovers, native_tail, ports
from stackgen.engines.base import Context, EngineError, PartStatus, State
from stackgen.engines.finishing import finish
from stackgen.engines.native_commands import plans, wanted
from stackgen.engines.native_files import Folder, held, unwritable
from stackgen.engines.native_placement import LOKI_GRPC, placement
from stackgen.engines.native_plan import PartPlan, Plan
from stackgen.engines.native_process import MARK
from stackgen.engines.native_state import StackState
from stackgen.engines.native_tree import Tree, contents
from stackgen.parts.table import PARTS
from stackgen.placement import Placement

PATTERN = frozenset("*?[{\\")  # characters of a path that the parts read otherwise
FREE = 200 << 20  # bytes below which `up` does not begin
TOLD = 10.0  # seconds for a supervisor that begins to write its state
TAKEN_OVER = 60.0  # seconds for the supervisor to take a plan over (it may have parts to end)
READY = 120.0  # seconds for a part that has its program to become healthy
ENDED = 90.0  # seconds for the supervisor to end everything
LOOK = 0.1

Watch = Callable[[list[PartStatus]], None]


class NativeEngine:
    """`up` and `down` on the checkout of the context. `watch` is given the parts' states while something waits."""

    name = "native"

    def __init__(self, context: Context, watch: Watch | None = None) -> None:
        self.context = context
        self.folder = Folder(context.state)
        self.tree = Tree(context.root, self.folder)
        self.watch: Watch = watch or (lambda _parts: None)
        self._before: Plan | None = None
        self._replaced = False
        self._process: subprocess.Popen[bytes] | None = None  # the supervisor, when this command started it

    def placement(self) -> Placement:
        """Where the parts lie with the ports of the environment."""
        return placement(self.context.root, ports.ports(self.context.environment))

    def running_placement(self) -> Placement:
        """Where the parts lie that run now; the environment's ports for those that do not."""
        plan = Plan.read(self.folder.plan) if self.running() else None
        chosen = ports.ports(self.context.environment)
        chosen |= plan.ports if plan else {}
        return placement(self.context.root, chosen)

    def running(self) -> bool:
        """Whether a supervisor lives."""
        return held(self.folder.supervisor_lock)

    # Up

    def up(self, *, wait: bool) -> None:
        """Starts what is missing, replaces and reloads what has changed, returns when the essential parts answer.

        wait: when all parts do. A part that cannot come up is told by `status`; what else stands in the way raises
        EngineError before anything is started. On an interrupt what this call started is ended again.
        """
        self._check_path()
        self.folder.make()
        self._check_space()
        running = self.running()
        if not running:
            native_leftovers.end(self.folder.path)
        places = self.placement()
        try:
            self.converge(places, search=True)
            self._wait(everything=wait)
        except (KeyboardInterrupt, SystemExit):
            finish(self.undo if running else self.down)
            raise

    def converge(self, places: Placement, *, search: bool) -> None:
        """Puts the configuration of the model in force and has the supervisor run it.

        search: look for the parts' programs again, so that a newer one takes over. Raises EngineError before anything
        is changed when a port is taken.
        """
        self._check_ports(places)
        _ensure_secrets(self.context.root / "secrets", examples=bool(native_examples.ports(self.folder.path)))
        files = contents(self.context.root, self.context.model, places)
        before = Plan.read(self.folder.plan)
        plan = Plan(
            id=secrets.token_hex(8),
            search=secrets.token_hex(8) if search or before is None else before.search,
            parts=plans(self.context.root, self.context.model, places, files),
            ports={name: place.port for name, place in places.places.items()},
        )
        self._before = before
        self._replaced = self.tree.install(files)
        self._put(plan)

    def undo(self) -> None:
        """Puts configuration and plan back to what they were before `converge`."""
        if self._replaced:
            self.tree.put_back()
            self._replaced = False
        if self._before is not None:
            self._put(replace(self._before, id=secrets.token_hex(8)))

    def restore(self, files: Mapping[str, bytes], plan: Plan | None) -> None:
        """Puts a tree and a plan of before in force again; without a living supervisor, or a plan, the tree alone."""
        self.tree.restore(files)
        if plan is not None and self.running():
            self._put(replace(plan, id=secrets.token_hex(8)))

    def _put(self, plan: Plan) -> None:
        """Writes the plan and waits until a supervisor, a new one when there is none, has taken it over."""
        try:
            plan.write(self.folder.plan)
        except OSError as error:
            raise unwritable(self.folder.plan, error) from error
        if not (self.running() and self._signal(signal.SIGHUP)):
            self._process = self._start()
        limit = time.monotonic() + TAKEN_OVER
        while StackState.read(self.folder.state).plan != plan.id:
            if self._process is not None and self._process.poll() is not None:
                raise EngineError(
                    f"the supervisor ended at once: {self._last_words()}", "free what it names, try again"
                )
            if self._process is None and not self.running():
                self._process = self._start()  # the one that was told was about to end
            if time.monotonic() > limit:
                raise EngineError(
                    f"the supervisor did not take the plan over within {TAKEN_OVER:.0f} s", "./stack down, then up"
                )
            time.sleep(LOOK / 2)

    def _signal(self, number: signal.Signals) -> bool:
        """Signals the supervisor; False when none runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            return True
        limit = time.monotonic() + TOLD
        while self.running():
            pid = StackState.read(self.folder.state).pid
            if pid > 0:
                with contextlib.suppress(ProcessLookupError):  # it has ended since
                    os.kill(pid, number)
                    return True
            if time.monotonic() > limit:
                raise EngineError("a supervisor runs but does not tell its process id", "./stack logs supervisor")
            time.sleep(LOOK / 2)
        return False

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, MARK: str(self.folder.path)}  # found by it also before this command knows its id
        paths = [str(Path(__file__).parents[2]), str(self.context.root / "exporter")]
        old = environment.get("PYTHONPATH", "").split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*paths, *filter(None, old)]))
        environment["PYTHONUNBUFFERED"] = "1"
        try:
            self.folder.state.unlink(missing_ok=True)
            with self.folder.log("supervisor").open("ab") as log:
                return subprocess.Popen(
                    [sys.executable, "-m", "stackgen.engines.native_supervisor", str(self.folder.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.context.root,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise unwritable(self.folder.path, error) from error

    def _last_words(self) -> str:
        lines = list(native_tail.last(self.folder.log("supervisor"), 1))
        return lines[0] if lines else "it left no word"

    def _check_path(self) -> None:
        """Prometheus finds its rules, and Promtail the logs, by patterns that begin with the path of the checkout."""
        if found := sorted(set(str(self.folder.path)) & PATTERN):
            raise EngineError(
                f"the path {self.context.root} holds {' '.join(found)}, which begins a pattern for Prometheus and "
                "Promtail: they would find neither rules nor logs",
                "move the checkout to a folder without it",
            )

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.folder.path).free
        if free < FREE:
            raise EngineError(
                f"only {free >> 20} MiB are free where {self.folder.path} lies, {FREE >> 20} MiB are needed",
                "free disk space there, then run the command again",
            )

    def _check_ports(self, places: Placement) -> None:
        """Raises EngineError when a port that is about to be listened on is held by something else."""
        plan = Plan.read(self.folder.plan) if self.running() else None
        state = StackState.read(self.folder.state)
        served = {name for name, part in state.parts.items() if part.pid}
        kept = {part.port for part in plan.parts if part.name in served} if plan else set()
        names = [*wanted(self.context.model), *([] if plan else [LOKI_GRPC])]
        chosen = {name: places[name].port for name in names} | native_examples.ports(self.folder.path)
        found = ports.taken(chosen, [name for name in chosen if chosen[name] not in kept])
        if found and plan:  # a part that was down a moment ago may be up again, and not told yet
            own = {process.pid for process in native_leftovers.belonging(self.folder.path)}
            found = [one for one in found if one.pid not in own]
        if found:
            raise EngineError("\n".join(str(one) for one in found), "nothing was started")

    # Waiting

    def _wait(self, *, everything: bool) -> None:
        """Until the parts that `up` waits for are healthy or cannot come up."""
        plan = Plan.read(self.folder.plan)
        names = [part.name for part in plan.parts if part.essential or everything] if plan else []
        began: dict[str, float] = {}
        while True:
            state = StackState.read(self.folder.state)
            self.watch(self.status())
            open_ = [name for name in names if not _settled(state, name, began)]
            if not open_:
                return
            if not self.running():
                raise EngineError(f"the supervisor ended: {self._last_words()}", "./stack logs supervisor")
            time.sleep(LOOK)

    # Down

    def down(self) -> None:
        """Ends every process, keeps the data."""
        if not self.folder.path.exists():
            return
        if self._signal(signal.SIGTERM):
            limit = time.monotonic() + ENDED
            while self._lives() and time.monotonic() < limit:
                self.watch(self.status())
                time.sleep(LOOK)
            if self._lives():
                self._signal(signal.SIGKILL)
        native_leftovers.end(self.folder.path)

    def _lives(self) -> bool:
        return self.running() or (self._process is not None and self._process.poll() is None)

    def destroy(self) -> None:
        """Ends every process and removes what they kept: data, logs, configuration. Secrets stay."""
        self.down()
        for path in sorted(self.folder.path.glob("*")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink(missing_ok=True)

    # Looking

    def status(self) -> list[PartStatus]:
        """Every part that should run, as the supervisor told it last."""
        plan = Plan.read(self.folder.plan)
        if plan is None:
            return []
        state, running = StackState.read(self.folder.state), self.running()
        return [_status(part, state, running) for part in plan.parts]

    def reload(self, part: str) -> None:
        """Has a running part read its configuration again; one that cannot is started anew."""
        state = StackState.read(self.folder.state)
        plan = Plan.read(self.folder.plan)
        one = next((each for each in plan.parts if each.name == part), None) if plan else None
        if plan is None or one is None or not self.running() or part not in state.parts:
            raise EngineError(f"{part} does not run", "./stack up starts it")
        if one.reloads and state.parts[part].pid:
            os.kill(state.parts[part].pid, signal.SIGHUP)
            return
        anew = replace(one, restart_digest=secrets.token_hex(8))
        self._put(replace(plan, id=secrets.token_hex(8), parts=tuple(anew if p is one else p for p in plan.parts)))

    def logs(self, part: str, *, follow: bool, tail: int) -> Iterator[str]:
        """The last `tail` lines of a part's log; with `follow` what comes, until the caller stops asking."""
        path = self.folder.log(part)
        known = [*(name for name, each in PARTS.items() if each.native), "supervisor", "fetch"]
        known += native_examples.ports(self.folder.path)
        if part not in known:
            raise EngineError(f"no part is named {part!r}", f"one of: {', '.join(known)}")
        if not path.exists() and not follow:
            raise EngineError(f"{part} has no log yet", "./stack status tells whether it runs")
        yield from native_tail.last(path, tail)
        if follow:
            yield from native_tail.following(path)


def _settled(state: StackState, name: str, began: dict[str, float]) -> bool:
    """Whether `up` has nothing to wait for: healthy, or cannot come up, or took too long to be ready."""
    part = state.parts.get(name)
    if part is None:
        return False
    if part.state is State.HEALTHY or part.final:
        return True
    if not part.pid:
        began.pop(name, None)
        return False
    return time.monotonic() - began.setdefault(name, time.monotonic()) > READY


def _status(part: PartPlan, state: StackState, running: bool) -> PartStatus:
    told = state.parts.get(part.name)
    pinned = PARTS[part.name].version if part.name in PARTS else ""  # another checkout's version may have planned it
    version = (told.version if told else "") or part.version or pinned
    if told is None or not running:
        since = told.since if told and told.state is State.STOPPED else 0.0
        killed = "its supervisor was killed; ./stack up starts it again" if state.pid and not running else ""
        return PartStatus(part.name, version, State.STOPPED, part.address, since, killed)
    return PartStatus(part.name, version, told.state, part.address, told.since, told.detail())


def _ensure_secrets(folder: Path, *, examples: bool) -> None:
    """Makes the secrets that are missing."""
    try:
        init.ensure(folder, examples=examples)
    except OSError as error:
        raise unwritable(folder, error) from error

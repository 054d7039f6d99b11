"""Runs health checks: in the background at their intervals, at once when asked, side by side, each for its timeout.

A check that hangs keeps the one thread it has; it is not begun again before it is back. What a check is: check.py.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from watchstack.clocks import SYSTEM, Clocks
from watchstack.health.check import LONGEST, Check, Registry, Result, Status, cleaned
from watchstack.utf8 import text_of

_log = logging.getLogger("watchstack.health")
_IDLE = 3600.0  # seconds to sleep when nothing is due; a new check wakes the runner
_FORKING = 5.0  # seconds that a fork waits for the checks that are in their work


@dataclass(frozen=True)
class Outcome:
    """What a run of a check came to. response_time_ms: as A-36 tells it. number: of the run, rising. at: Unix time."""

    check: Check
    result: Result
    seconds: float
    at: float
    number: int

    @property
    def response_time_ms(self) -> float:
        told = self.result.response_time_ms
        return round(self.seconds * 1000, 2) if told is None else told


@dataclass
class _Run:
    """A run in the air. done: its outcome is there, or its time is over. awaited: a fork has waited for it in vain."""

    check: Check
    number: int
    began: float
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | None = None
    returned: bool = False
    thread: threading.Thread | None = None
    awaited: bool = False


class Runner:
    """The runs of a registry's checks, and the latest outcome of each.

    told: hears of each outcome once, in the thread that made it, before those who wait for the run go on.
    """

    def __init__(self, registry: Registry, *, told: Callable[[Outcome], None], clocks: Clocks = SYSTEM) -> None:
        self._registry = registry
        self._clocks = clocks
        self._told = told
        self._thread: threading.Thread | None = None
        self._number = 0  # goes on in a process that was forked off: who has heard of a run knows what is newer
        self._begin()

    def start(self) -> None:
        """Begins to run the checks in the background. Does nothing when that has begun."""
        if self._thread is None:
            self._stopped = False
            self._thread = threading.Thread(target=self._watch, name="watchstack-health", daemon=True)
            self._thread.start()

    def restart(self) -> None:
        """Begins anew in a process that was forked off, where no thread is left."""
        running, self._thread = self._thread is not None, None
        self._begin()
        if running:
            self.start()

    def pause(self) -> None:
        """Before a fork: begins no run, and waits for those in the air. What a thread of theirs holds (a module that it
        imports, the lock of a client) nobody would let go of in the new process. One that hangs is not waited for long.
        """
        limit = self._clocks.steady() + _FORKING
        self._gate.acquire(timeout=_FORKING)
        with self._lock:
            flying = [run for run in self._flying.values() if not run.awaited]
        for run in flying:
            if run.thread is not None and run.thread is not threading.current_thread():
                run.thread.join(max(0.0, limit - self._clocks.steady()))
                run.awaited = run.thread.is_alive()

    def resume(self) -> None:
        """After it, in the process that has forked."""
        with contextlib.suppress(RuntimeError):  # another fork has it
            self._gate.release()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._thread = None

    def wake(self) -> None:
        """There is a new check."""
        self._wake.set()

    def run(self, checks: Iterable[Check]) -> list[Outcome]:
        """Runs checks now, side by side, and waits for them, for each no longer than its timeout.

        A run that is in the air already serves this call too.
        """
        return [self._wait(run) for run in [self._launch(check) for check in checks]]

    def latest(self, checks: Iterable[Check]) -> list[Outcome]:
        """The newest outcome of each check; those that have none yet are run."""
        wanted = list(checks)
        known = dict(self._latest)
        missing = [check for check in wanted if check.name not in known or known[check.name].check is not check]
        found = {outcome.check.name: outcome for outcome in self.run(missing)} if missing else {}
        return [found[check.name] if check.name in found else known[check.name] for check in wanted]

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._gate = threading.RLock()  # held while a run is begun, and while the process is forked
        self._wake = threading.Event()
        self._stopped = False
        self._latest: dict[str, Outcome] = {}
        self._flying: dict[str, _Run] = {}
        self._due: dict[str, tuple[Check, float]] = {}  # a check that takes another's place is due at once

    def _watch(self) -> None:
        while not self._stopped:
            now = self._clocks.steady()
            for check in self._registry:
                known, at = self._due.get(check.name, (check, now))
                if known is not check or at <= now:
                    self._due[check.name] = (check, now + check.interval)
                    self._launch(check)
            with self._lock:
                flying = [run for run in self._flying.values() if not run.done.is_set()]
            for run in flying:
                if now >= run.began + run.check.timeout:
                    self._finish(run, run.check.timed_out())
            ends = [run.began + run.check.timeout for run in flying if not run.done.is_set()]
            dues = [at for _, at in self._due.values()]
            pause = min([*dues, *ends], default=now + _IDLE) - self._clocks.steady()
            self._wake.wait(max(0.0, min(pause, _IDLE)))
            self._wake.clear()

    def _launch(self, check: Check) -> _Run:
        with self._gate:
            with self._lock:
                run = self._flying.get(check.name)
                if run is not None and not run.returned and run.check is check:
                    return run
                self._number += 1
                run = self._flying[check.name] = _Run(check, self._number, self._clocks.steady())
            name = f"watchstack-check-{check.name}"
            thread = threading.Thread(target=self._fly, args=(run,), name=name, daemon=True)
            try:
                thread.start()
                run.thread = thread
            except RuntimeError as error:  # no thread is to be had
                run.returned = True
                self._finish(run, escaped(error))
            return run

    def _fly(self, run: _Run) -> None:
        try:
            result = _answer(run.check)
        except BaseException as error:  # whatever a check does, SystemExit too, ends here
            result = escaped(error)
        run.returned = True
        self._finish(run, result)

    def _wait(self, run: _Run) -> Outcome:
        left = run.began + run.check.timeout - self._clocks.steady()
        if not run.done.wait(max(0.0, left)):
            self._finish(run, run.check.timed_out())
        assert run.outcome is not None
        return run.outcome

    def _finish(self, run: _Run, result: Result) -> None:
        """Keeps the first result of a run; what comes after its time is over is not listened to.

        A run that was begun later may be over before: its outcome stays the newest.
        """
        seconds = self._clocks.steady() - run.began
        name = run.check.name
        with self._lock:
            if run.outcome is not None:
                return
            run.outcome = outcome = Outcome(run.check, result, seconds, self._clocks.wall(), run.number)
            if name not in self._latest or self._latest[name].number < run.number:
                self._latest[name] = outcome
        try:
            self._told(outcome)
        except Exception:
            _log.exception("the outcome of the health check %s could not be recorded", name)
        finally:
            run.done.set()


def escaped(error: BaseException) -> Result:
    """What a check is whose exception got out (C-59)."""
    kind = type(error).__name__
    try:
        text = text_of(error)[:LONGEST] or kind
    except Exception:  # it cannot even be told
        text = kind
    return Result(Status.CRITICAL, f"Health check failed: {text}", response_time_ms=-1, error=kind, escaped=True)


def _answer(check: Check) -> Result:
    """Raises what the check raises, and TypeError where it answers something else than a result."""
    found: Any = check.function()
    if inspect.isawaitable(found):
        import asyncio  # no need of it where every check is plain

        found = asyncio.run(_awaited(found))
    if not isinstance(found, Result):
        raise TypeError(f"the check answered {type(found).__name__} instead of a result")
    if not isinstance(found.status, Status):
        raise TypeError(f"the check answered {type(found.status).__name__} as its status instead of a member of Status")
    return cleaned(found)


async def _awaited(found: Awaitable[Any]) -> Any:
    return await found

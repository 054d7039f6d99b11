"""Asks Prometheus and Loki for the whole console: in parallel, bounded, and once for all who look at the same.

What is asked: queries.py. What the answers mean: answers.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from watchstack.console.context import Console
from watchstack.console.dashboards.answers import Answer, Question, read
from watchstack.console.peers.ask import Peer, PeerError

WORKERS = 6
WAITING = 400  # questions that wait for their turn
KEPT = 500_000  # numbers in all answers that are kept, 8 bytes each
FRESH, STALE = 5.0, 60.0  # seconds that an answer is given again: as long as a step, but between these
FAILED = 3.0  # seconds that a failure is given again, and that a part that is not reached is left alone
PATIENCE = 15.0  # seconds that a page waits for all its answers


@dataclass
class _Kept:
    future: Future[Answer]
    until: float
    weight: int = 0


class Asker:
    """One for the console. Answers are kept while they are fresh; whoever asks the same meanwhile waits for them."""

    def __init__(self, own: Console) -> None:
        self._own = own
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._kept: OrderedDict[Question, _Kept] = OrderedDict()
        self._weight = 0
        self._waiting = 0
        self._away: dict[str, tuple[float, str]] = {}
        self.asked = 0  # questions that went out

    def ask(self, questions: Iterable[Question], patience: float = PATIENCE) -> dict[Question, Answer | PeerError]:
        """The answer to each, or why there is none. Takes at most `patience` seconds."""
        futures = {question: self._future(question) for question in dict.fromkeys(questions)}
        wait([future for future in futures.values() if isinstance(future, Future)], timeout=patience)
        return {question: _outcome(question, future, patience) for question, future in futures.items()}

    def close(self) -> None:
        """Asks nothing more."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def _future(self, question: Question) -> Future[Answer] | PeerError:
        now = self._own.clock.monotonic()
        with self._lock:
            kept = self._kept.get(question)
            if kept is not None and (not kept.future.done() or now < kept.until):
                self._kept.move_to_end(question)
                return kept.future
            if self._waiting >= WAITING:
                return PeerError("the console is busy: too many questions wait for their turn")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="dashboards")
            self._waiting += 1
            self._drop(question)
            future = self._pool.submit(self._run, question)
            self._kept[question] = _Kept(future, now + max(FRESH, min(question.step, STALE)))
        future.add_done_callback(lambda done: self._done(question, done))
        return future

    def _run(self, question: Question) -> Answer:
        try:
            return self._asked(question)
        except Exception:  # its time is set before anybody can see that it failed
            with self._lock:
                if kept := self._kept.get(question):
                    kept.until = self._own.clock.monotonic() + FAILED
            raise

    def _asked(self, question: Question) -> Answer:
        until, words = self._away.get(question.source, (0.0, ""))
        if self._own.clock.monotonic() < until:
            raise PeerError(words)
        self.asked += 1
        try:
            peer = Peer.of(self._own, question.source.capitalize())
            return read(question, peer.get(*question.path()))
        except PeerError as error:
            if not error.status and "is not reached" in str(error):
                self._away[question.source] = (self._own.clock.monotonic() + FAILED, str(error))
            raise

    def _done(self, question: Question, future: Future[Answer]) -> None:
        """Weighs what has come, and lets the answers go that were asked for longest ago."""
        failed = future.cancelled() or future.exception() is not None
        with self._lock:
            self._waiting -= 1
            kept = self._kept.get(question)
            if kept is None or kept.future is not future:
                return
            kept.weight = 50 if failed else future.result().weight
            self._weight += kept.weight
            while self._weight > KEPT and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))

    def _drop(self, question: Question) -> None:
        if kept := self._kept.pop(question, None):
            self._weight -= kept.weight


def _outcome(question: Question, future: Future[Answer] | PeerError, patience: float) -> Answer | PeerError:
    if isinstance(future, PeerError):
        return future
    if future.cancelled():
        return PeerError("the console ends")
    if not future.done():
        return PeerError(f"{question.source.capitalize()} gave no answer within {patience:g} s")
    error = future.exception()
    if error is None:
        return future.result()
    return error if isinstance(error, PeerError) else PeerError(f"the answer could not be read: {error!r}")

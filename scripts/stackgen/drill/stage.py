"""What the alerts' series are at any moment: each alert goes from its fault through its recoveries, one by one.

Which alert has fired is not known here: `run` says when the next act begins.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stackgen.drill.cases import Case, Recovery
from stackgen.drill.clock import FACTOR, Clock
from stackgen.drill.expression import TAG
from stackgen.drill.programs import target_path
from stackgen.drill.series import Series, line

KEPT = 10.0  # seconds of which a page tells at most


@dataclass
class Actor:
    """One case on the stage. act: None for the fault, else the recovery that began at `since` (Unix time)."""

    case: Case
    clock: Clock
    act: Recovery | None = None
    since: float = 0.0

    def series(self, now: float) -> Iterator[tuple[Series, float]]:
        """The series that are there now, and their values."""
        if self.act is None:
            moment, served = self.clock.test_time(now), self.case.series
        else:
            moment, served = (now - self.since) * FACTOR, self.act.series
        for one in served:
            stays = self.act is not None or self.case.stays(one)
            value = one.value(moment, stays=stays, smooth=self.case.smooth)
            if value is not None:
                yield one, value

    def answers(self, target: Series, now: float) -> bool:
        """Whether a target answers: as its `up` says, and in a recovery that says nothing of it, it does."""
        values = {one.key: value for one, value in self.series(now)}
        return values.get(target.key, 1.0) != 0.0


class Stage:
    """All cases. began: Unix time at which the drill begins; before it the page is empty. step: real seconds from one
    value of a series to the next.
    """

    def __init__(self, cases: Iterable[Case], step: float = 0.25) -> None:
        self._cases = tuple(cases)
        self._step = step
        self._told = 0  # steps up to here are on a page
        self._lock = threading.Lock()
        self.began = float("inf")
        self.actors: dict[str, Actor] = {}
        self._targets = {
            target_path(case, number): (case, one) for case in self._cases for number, one in enumerate(case.targets)
        }

    @property
    def paths(self) -> frozenset[str]:
        """What Prometheus asks for when it has found everything."""
        return frozenset({"/series", *self._targets})

    def begin(self, moment: float) -> None:
        with self._lock:
            self.began = moment
            self.actors = {case.tag: Actor(case, case.clock(moment)) for case in self._cases}

    def turn(self, tag: str, act: Recovery) -> None:
        """The next act of a case begins now."""
        with self._lock:
            self.actors[tag].act, self.actors[tag].since = act, time.time()

    def page(self) -> bytes:
        """The text that Prometheus scrapes. Labels that Prometheus would add are there, empty: it leaves them out.

        It has the values of all steps since the last page, each with its moment: they come evenly however busy the
        machine is, and a rate near its threshold does not waver. Nor does a scrape that fails end any series.
        """
        now = time.time()
        if now < self.began:
            return b""
        with self._lock:
            last = int(now / self._step)
            first = max(self._told, int(max(self.began, now - KEPT) / self._step)) + 1
            self._told = last
            lines = [text for step in range(first, last + 1) for text in self._lines(round(step * self._step, 3))]
        return "".join(lines).encode()

    def _lines(self, moment: float) -> Iterator[str]:
        for actor in self.actors.values():
            for one, value in actor.series(moment):
                if one.key not in actor.case.target_keys:
                    labels = {"job": "", "instance": "", **one.labels, TAG: actor.case.tag}
                    yield line(one.name, labels, value, f"{moment * 1000:.0f}")

    def answers(self, path: str) -> bool:
        """Whether the target at that path answers."""
        found = self._targets.get(path)
        if found is None:
            return False
        case, target = found
        now = time.time()
        with self._lock:
            actor = self.actors.get(case.tag)
            if actor is None or now < self.began:
                return target.values[0] != 0.0
            return actor.answers(target, now)

"""`health_check_*`: what each endpoint told of each check. Running checks and answering: runner.py, answers.py."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from threading import Lock

from prometheus_client import CollectorRegistry

from watchstack.catalogue import Definition, Preset
from watchstack.catalogue_data import CATALOGUE, CHECK_BUCKETS
from watchstack.families import Buckets, FamilyCollector, LabelValues, Points
from watchstack.health.check import Result
from watchstack.health.runner import Outcome
from watchstack.measure import OVERFLOW
from watchstack.slots import Numbers

_DURATION, _FAILURES, _STATUS = "health_check_duration_seconds", "health_check_failures_total", "health_check_status"
_MOST, _LONGEST = 20, 200  # errors of a check that are told apart; characters of one
BACKGROUND = "background"  # the endpoint label of runs that nobody asked for


class HealthCollector(FamilyCollector):
    """The metrics of health checks; `record` is told what an endpoint, or the background, has learnt.

    An endpoint that tells of the same run twice is counted once, so its series hold the runs that it has seen. The
    background hears of each run once; where two end at the same time, the status is that of the one begun last.
    """

    def __init__(self, numbers: Numbers, registry: CollectorRegistry | None, preset: Preset | None = None) -> None:
        self._numbers = numbers
        self._lock = Lock()
        self._seen: dict[tuple[str, str], int] = {}
        self._errors: dict[tuple[str, str], set[str]] = {}
        numbers.on_fork(self._forget)
        if registry is not None:
            names = (_DURATION, _FAILURES, _STATUS)
            super().__init__([d for name in names for d in CATALOGUE.names(name, preset)], registry)

    def record(self, endpoint: str, outcome: Outcome) -> None:
        result, labels = outcome.result, (endpoint, outcome.check.name)
        with self._lock:
            newest = outcome.number > self._seen.get(labels, 0)
            if not newest and endpoint != BACKGROUND:
                return
            if newest:
                self._seen[labels] = outcome.number
            duration = self._numbers.slot((_DURATION, *labels), len(CHECK_BUCKETS) + 2)
            duration[0] += outcome.seconds
            duration[1 + bisect_left(CHECK_BUCKETS, outcome.seconds)] += 1
            if newest:
                status = self._numbers.slot((_STATUS, *labels), 2)
                status[0], status[1] = 0.0 if result.status.failed else 1.0, outcome.at
            if result.error or result.status.failed:
                self._numbers.slot((_FAILURES, *labels, self._error(labels, result)))[0] += 1

    def _error(self, labels: tuple[str, str], result: Result) -> str:
        """The class of the exception, or what else a check calls it: of few different ones."""
        known, error = self._errors.setdefault(labels, set()), (result.error or str(result.status))[:_LONGEST]
        if error not in known and len(known) >= _MOST:
            return OVERFLOW
        known.add(error)
        return error

    def points(self, definition: Definition) -> Points:
        found: dict[LabelValues, list[float]] = {}
        for part in self._numbers.parts():
            for (name, *rest), numbers in part.numbers.items():
                labels = tuple(rest)
                if name != definition.name:
                    continue
                if name == _STATUS:  # the newest of all workers
                    found[labels] = max(found.get(labels, list(numbers)), list(numbers), key=lambda pair: pair[1])
                else:
                    known = found.get(labels) or [0.0] * len(numbers)
                    found[labels] = [a + b for a, b in zip(known, numbers, strict=True)]
        return self._told(definition.name, found)

    def _told(self, name: str, found: dict[LabelValues, list[float]]) -> Iterator[tuple[LabelValues, float | Buckets]]:
        for labels, numbers in found.items():
            yield labels, Buckets(numbers[1:], numbers[0]) if name == _DURATION else numbers[0]

    def _forget(self) -> None:
        self._lock = Lock()
        self._seen, self._errors = {}, {}

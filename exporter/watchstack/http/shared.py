"""The HTTP core where several worker processes answer for one application: the same numbers, kept in shared files.

Recording is that of recorder.py; here is where its numbers lie, and how those of all workers are added up for a scrape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from watchstack.catalogue_data import DURATION_BUCKETS, SIZE_BUCKETS
from watchstack.http.cell import Cell
from watchstack.http.recorder import Method, Recorder
from watchstack.shared import SharedNumbers
from watchstack.slots import Inherited

_DURATIONS = len(DURATION_BUCKETS) + 1
_SIZES = len(SIZE_BUCKETS) + 1
# A cell's numbers one after the other: its three sums and the number of requests not observed, its durations, its
# request sizes, its response sizes.
_FIRST = 4
_REQUESTS = _FIRST + _DURATIONS
_RESPONSES = _REQUESTS + _SIZES
_WHOLE = _RESPONSES + _SIZES


def _number(index: int) -> Any:
    def read(self: SharedCell) -> Any:
        return self.numbers[index]

    def write(self: SharedCell, value: float) -> None:
        self.numbers[index] = value

    return property(read, write)


class SharedCell(Cell):
    """A cell whose numbers are one slot. It keeps no exemplars, as prometheus_client keeps none in its own files."""

    __slots__ = ("numbers",)
    duration_sum = _number(0)
    request_sum = _number(1)
    response_sum = _number(2)
    unobserved = _number(3)

    def __init__(self, numbers: Any) -> None:
        self.lock = RLock()
        self.credit = 1.0
        self.exemplars = None
        self.numbers = numbers
        self.durations = numbers[_FIRST:_REQUESTS]
        self.request_sizes = numbers[_REQUESTS:_RESPONSES]
        self.response_sizes = numbers[_RESPONSES:]

    def exemplify(self, bucket: int, trace: str, duration: float, moment: float) -> None:
        return


class _SharedMethod(Method):
    """A value of the method label whose begun requests other processes can see."""

    __slots__ = ("_lock", "_recorder", "_slot")

    def __init__(self, name: str, recorder: SharedRecorder) -> None:
        self.name = name
        self._lock = RLock()
        self._recorder = recorder
        self._slot: memoryview[float] | None = None
        self.begin = self._begin  # type: ignore[assignment]

    def _begin(self) -> None:
        try:
            with self._lock:
                if self._slot is None:
                    self._slot = self._recorder.numbers.slot(("begun", self.name))
                self._slot[0] += 1
        except Exception:
            self._recorder.trouble()


@dataclass
class Gathered:
    """The figures of all workers. begun, ended: requests by method, of those workers alone that still run."""

    groups: dict[tuple[str, str], dict[str, Cell]] = field(default_factory=dict)
    exceptions: dict[tuple[str, str, str], int] = field(default_factory=dict)
    troubles: int = 0
    begun: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def in_progress(self) -> dict[str, int]:
        return {method: max(0, begun - self.ended.get(method, 0)) for method, begun in self.begun.items()}

    def add(self, key: tuple[str, ...], numbers: Sequence[float], alive: bool) -> None:
        match key:
            case ("cell", method, endpoint, status):
                cell = self.groups.setdefault((method, endpoint), {}).setdefault(status, Cell())
                part = SharedCell(numbers)
                _add_cell(cell, part)
                if alive:
                    self.ended[method] = self.ended.get(method, 0) + part.count
            case ("begun", method):
                self.begun[method] = self.begun.get(method, 0) + (int(numbers[0]) if alive else 0)
            case ("exception", method, endpoint, kind):
                known = self.exceptions.get((method, endpoint, kind), 0)
                self.exceptions[method, endpoint, kind] = known + int(numbers[0])
            case ("troubles",):
                self.troubles += int(numbers[0])


class SharedRecorder(Recorder):
    """A recorder whose numbers stand in `numbers`; more: as Recorder takes them."""

    def __init__(self, numbers: SharedNumbers, **more: Any) -> None:
        self.numbers = numbers
        super().__init__(**more)
        numbers.on_fork(self._begin)
        numbers.on_inherit(_settled)

    def figures(self) -> Gathered:
        """Those of all workers, and of the ones that are gone."""
        gathered = Gathered()
        for part in self.numbers.parts():
            for key, numbers in part.numbers.items():
                gathered.add(key, numbers, part.alive)
        return gathered

    def trouble(self) -> None:
        super().trouble()
        try:
            self.numbers.slot(("troubles",))[0] += 1
        except OSError:  # the very trouble may be that there is no room
            return

    def _new_method(self, name: str) -> Method:
        return _SharedMethod(name, self)

    def _new_cell(self, method: str, endpoint: str, status: str) -> Cell:
        return SharedCell(self.numbers.slot(("cell", method, endpoint, status), _WHOLE))

    def _count_exception(self, key: tuple[str, str, str]) -> None:
        super()._count_exception(key)
        self.numbers.slot(("exception", *key))[0] += 1


def _settled(numbers: Inherited) -> None:
    """Requests that a process which is gone had begun and never ended are not in progress any more."""
    ended: dict[str, int] = {}
    for kind, *labels in numbers:
        if kind == "cell":
            ended[labels[0]] = ended.get(labels[0], 0) + SharedCell(numbers["cell", *labels]).count
    for kind, *labels in numbers:
        if kind == "begun":
            numbers["begun", *labels][0] = ended.get(labels[0], 0)


def _add_cell(total: Cell, part: Cell) -> None:
    total.duration_sum += part.duration_sum
    total.request_sum += part.request_sum
    total.response_sum += part.response_sum
    total.unobserved += int(part.unobserved)
    for mine, more in (
        (total.durations, part.durations),
        (total.request_sizes, part.request_sizes),
        (total.response_sizes, part.response_sizes),
    ):
        mine[:] = [int(a + b) for a, b in zip(mine, more, strict=True)]

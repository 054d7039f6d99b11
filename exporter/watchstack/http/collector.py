"""Turns the HTTP core's numbers into metrics when a scrape asks. Nothing here runs during a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.samples import Exemplar

from watchstack.catalogue import Definition, Preset
from watchstack.catalogue_data import CATALOGUE
from watchstack.families import Buckets, Family, FamilyCollector, LabelValues, Points
from watchstack.http.cell import Cell, Seen
from watchstack.http.recorder import Figures, Recorder


class HttpCollector(FamilyCollector):
    """The HTTP metrics of one recorder, under every name that `preset` exports."""

    def __init__(self, recorder: Recorder, registry: CollectorRegistry, preset: Preset | None = None) -> None:
        self._recorder = recorder
        self._figures: Figures = recorder
        self._sources: dict[str, Callable[[], Points]] = {
            "http_requests_total": self._requests,
            "http_request_duration_seconds": self._durations,
            "http_requests_in_progress": self._in_progress,
            "http_request_size_bytes": self._request_sizes,
            "http_response_size_bytes": self._response_sizes,
            "http_exceptions_total": self._exceptions,
            "watchstack_recording_failures_total": self._failures,
        }
        super().__init__([d for name in self._sources for d in CATALOGUE.names(name, preset)], registry)

    def families(self) -> Iterator[Family]:
        self._figures = self._recorder.figures()
        yield from super().families()

    def collect(self) -> Iterator[Metric]:
        self._figures = self._recorder.figures()
        yield from super().collect()

    def points(self, definition: Definition) -> Points:
        canonical = CATALOGUE[definition.of or definition.name]
        points = self._sources[canonical.name]()
        if definition.labels == canonical.labels:
            return points
        # an alias leaves out labels that another one repeats, so label sets stay distinct
        columns = [canonical.labels.index(label) for label in definition.labels]
        return ((tuple(values[column] for column in columns), value) for values, value in points)

    def _requests(self) -> Iterator[tuple[LabelValues, float]]:
        for (method, endpoint), cells in list(self._figures.groups.items()):
            for status, cell in list(cells.items()):
                yield (method, endpoint, endpoint, status), cell.count

    def _durations(self) -> Iterator[tuple[LabelValues, Buckets]]:
        for key, cells in list(self._figures.groups.items()):
            found = _added((cell.durations, cell.duration_sum) for cell in _locked(cells))
            exemplars = _newest(_locked(cells))
            yield key, Buckets(found.counts, found.sum, exemplars) if exemplars else found

    def _request_sizes(self) -> Iterator[tuple[LabelValues, Buckets]]:
        for key, cells in list(self._figures.groups.items()):
            found = _added((cell.request_sizes, cell.request_sum) for cell in _locked(cells))
            bodiless = sum(sum(cell.durations) for cell in _locked(cells)) - sum(found.counts)
            yield key, Buckets([found.counts[0] + bodiless, *found.counts[1:]], found.sum)

    def _response_sizes(self) -> Iterator[tuple[LabelValues, Buckets]]:
        for key, cells in list(self._figures.groups.items()):
            yield key, _added((cell.response_sizes, cell.response_sum) for cell in _locked(cells))

    def _in_progress(self) -> Iterator[tuple[LabelValues, float]]:
        for method, number in self._figures.in_progress().items():
            yield (method,), number

    def _exceptions(self) -> Iterator[tuple[LabelValues, float]]:
        yield from list(self._figures.exceptions.items())

    def _failures(self) -> Iterator[tuple[LabelValues, float]]:
        yield (), self._figures.troubles


def _locked(cells: dict[str, Cell]) -> Iterator[Cell]:
    """Each cell under its lock, held until the next one is asked for."""
    for cell in list(cells.values()):
        with cell.lock:
            yield cell


def _added(numbers: Iterable[tuple[list[int], float]]) -> Buckets:
    """The buckets and sums of several cells as one."""
    counts: list[int] = []
    total = 0.0
    for buckets, part in numbers:
        counts = [a + b for a, b in zip(counts, buckets, strict=True)] if counts else list(buckets)
        total += part
    return Buckets(counts, total)


def _newest(cells: Iterable[Cell]) -> dict[int, Exemplar]:
    """By bucket the newest exemplar of several cells."""
    newest: dict[int, Seen] = {}
    for cell in cells:
        for bucket, seen in (cell.exemplars or {}).items():
            if bucket not in newest or newest[bucket][2] <= seen[2]:
                newest[bucket] = seen
    return {bucket: Exemplar({"trace_id": trace}, taken, end) for bucket, (trace, taken, end) in newest.items()}

"""The HTTP core: what one request adds to the metrics, without any I/O and without knowing WSGI or ASGI.

An adapter opens an `Exchange`, tells it the status and the bytes, and ends it once. All numbers of a request go into
one `Cell` under one short lock, so the application is measured once under whatever number of names.
How these numbers become metrics lives in http/collector.py.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from itertools import count
from threading import RLock
from typing import Any, Protocol

from watchstack.catalogue_data import DURATION_BUCKETS, SIZE_BUCKETS
from watchstack.clocks import SYSTEM, Clocks
from watchstack.http.cell import Cell
from watchstack.http.traces import span_reader, trace_of
from watchstack.slots import in_child
from watchstack.utf8 import text_of

_log = logging.getLogger("watchstack.http")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
OTHER_METHOD = "OTHER"  # the method label of every method that is not allowed
UNMATCHED = "unmatched"  # the endpoint label of every request that no route took
OVERFLOW = "overflow"  # the endpoint label of routes past the limit
DISCONNECTED = "499"  # the client went away before the application had an answer; the number nginx uses
FAILED = "500"  # the application had no answer, or none that a server can send: the server sends this
MOST_BYTES = 1 << 50  # what a Content-Length may claim


class Method:
    """One value of the method label. begin: to be called as a request arrives, safe in threads without a lock."""

    __slots__ = ("_counter", "begin", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._counter = count()
        self.begin = self._counter.__next__  # one step of the interpreter, a third of what a lock costs

    @property
    def begun(self) -> int:
        """Requests that have begun; the counter tells where it stands in its repr alone."""
        return int(repr(self._counter)[len("count(") : -1])


class Figures(Protocol):
    """What there is to tell in a scrape. groups: by method and endpoint, then by status."""

    groups: dict[tuple[str, str], dict[str, Cell]]
    exceptions: dict[tuple[str, str, str], int]
    troubles: int

    def in_progress(self) -> dict[str, int]: ...


class Recorder:
    """Holds the cells of one application.

    methods: the allowed values of the method label; any other method counts as OTHER.
    route_limit: how many route templates get an endpoint label of their own, against applications that make them up.
    sample_ratio: share of the requests of each label set whose duration and sizes are observed; all are counted.
    """

    def __init__(
        self,
        *,
        clocks: Clocks = SYSTEM,
        methods: Collection[str] = METHODS,
        route_limit: int = 1000,
        sample_ratio: float = 1.0,
    ) -> None:
        self.clocks = clocks
        self.ticks = clocks.ticks
        self.sample_ratio = sample_ratio
        self.sampling = sample_ratio < 1.0
        self.span = span_reader()
        self._method_names = (*methods, OTHER_METHOD)
        self._route_limit = route_limit
        self._begin()
        in_child(self._free)

    def _begin(self) -> None:
        """Begins with nothing recorded."""
        self.groups: dict[tuple[str, str], dict[str, Cell]] = {}  # by method and endpoint, then by status
        self.exceptions: dict[tuple[str, str, str], int] = {}
        self.troubles = 0  # how often recording itself failed
        self.by_key: dict[tuple[str, str | None, str], Cell] = {}  # the same cells, as the adapters name them
        self.methods = {name: self._new_method(name) for name in self._method_names}
        self.other_method = self.methods[OTHER_METHOD]
        self._routes = {UNMATCHED, OVERFLOW}
        self._lock = RLock()

    def begin(self, method: str) -> Exchange:
        """A request has arrived: counts it as in progress and starts its clock."""
        return Exchange(self, method)

    def record_exception(self, method: str, route: str | None, error: BaseException) -> None:
        """Counts an exception that the application did not answer itself."""
        with self._lock:
            key = (method, self._endpoint(route), type(error).__name__)
            if key in self.exceptions or len(self.exceptions) < self._route_limit:
                self._count_exception(key)

    def figures(self) -> Figures:
        """What a scrape tells of this recorder."""
        self.span = span_reader()  # the application may have set OpenTelemetry up since
        return self

    def trouble(self) -> None:
        """Notes that recording failed; the application never sees it. Logged the first time alone."""
        self.troubles += 1
        if self.troubles == 1:
            _log.exception("a request could not be recorded")

    def in_progress(self) -> dict[str, int]:
        """Requests begun and not ended yet, by method."""
        ended = dict.fromkeys(self.methods, 0)
        for (method, _), cells in list(self.groups.items()):
            ended[method] += sum(cell.count for cell in list(cells.values()))
        return {name: method.begun - ended[name] for name, method in self.methods.items() if method.begun}

    def resolve(self, method: str, route: str | None, status: str) -> Cell:
        """The cell of new label values, made when it is new; remembered under the values as the adapter gives them."""
        with self._lock:
            number = status if len(status) == 3 and status.isascii() and status.isdigit() else FAILED
            endpoint = self._endpoint(route)
            cells = self.groups.setdefault((method, endpoint), {})
            cell = cells.get(number)
            if cell is None:
                cell = cells[number] = self._new_cell(method, endpoint, number)
            if endpoint != OVERFLOW and number == status:  # what is unbounded is not remembered
                self.by_key[method, route, status] = cell
            return cell

    def _new_method(self, name: str) -> Method:
        return Method(name)

    def _new_cell(self, method: str, endpoint: str, status: str) -> Cell:
        return Cell()

    def _count_exception(self, key: tuple[str, str, str]) -> None:
        self.exceptions[key] = self.exceptions.get(key, 0) + 1

    def _endpoint(self, route: str | None) -> str:
        if route is None:
            return UNMATCHED
        route = text_of(route)  # what cannot be written must not end a scrape
        if route in self._routes:
            return route
        if len(self._routes) >= self._route_limit:
            return OVERFLOW
        self._routes.add(route)
        return route

    def _free(self) -> None:
        """A lock that another thread of the parent held is held by nobody in a process that was forked off."""
        self._lock = RLock()
        for cells in self.groups.values():
            for cell in cells.values():
                cell.lock = RLock()


class Exchange:
    """One request between its begin and its end. Nothing here raises, except what has no place in an application.

    status: three digits, or a status line that begins with them; "" until the answer starts. route: template or None.
    request_size, response_size: bytes of the bodies. trace: id of the trace that it belongs to, "" for none.
    An adapter may add to it what it keeps for a request.
    """

    __slots__ = (
        "ended", "method", "raised_id", "recorder", "request_size", "response_size", "route", "started", "status",
        "trace",
    )  # fmt: skip
    raised_id: int

    def __init__(self, recorder: Recorder, method: str) -> None:
        self.recorder = recorder
        known = recorder.methods.get(method, recorder.other_method)
        known.begin()
        self.method = known.name
        self.route: str | None = None
        self.status = self.trace = ""
        self.request_size = self.response_size = 0
        self.ended = False
        self.started = recorder.ticks()

    def end(self) -> None:
        """The last byte is handed over, or there will be none. Calls after the first do nothing."""
        if self.ended:
            return
        self.ended = True
        recorder = self.recorder
        try:
            duration = recorder.ticks() - self.started
            key = (self.method, self.route, self.status[:3])
            cell = recorder.by_key.get(key)
            if cell is None:
                cell = recorder.resolve(*key)
            request_size = self.request_size
            response_size = self.response_size
            with cell.lock:
                if recorder.sampling and cell.passes(recorder.sample_ratio):
                    return
                cell.duration_sum += duration
                bucket = bisect_left(DURATION_BUCKETS, duration)
                cell.durations[bucket] += 1
                if self.trace:
                    cell.exemplify(bucket, self.trace, duration, recorder.clocks.wall())
                if request_size:
                    cell.request_sum += request_size
                    cell.request_sizes[bisect_left(SIZE_BUCKETS, request_size)] += 1
                cell.response_sum += response_size
                cell.response_sizes[bisect_left(SIZE_BUCKETS, response_size)] += 1
        except Exception:
            recorder.trouble()

    def matched(self, route_of: Callable[[Any], str | None], request: object) -> None:
        """Asks `route_of` for the route, unless it is known already; whatever that raises, the request is unmatched."""
        try:
            if self.route is None:
                self.route = route_of(request)
        except Exception:
            self.recorder.trouble()

    def traced(self, header: str) -> None:
        """The request's traceparent header, whatever a client wrote there."""
        try:
            self.trace = trace_of(header)
        except Exception:
            self.recorder.trouble()

    def spanned(self, read: Callable[[], str]) -> None:
        """Asks for the trace of the span that is current as the answer starts; it wins over the header's."""
        try:
            self.trace = read() or self.trace
        except Exception:
            self.recorder.trouble()

    def announce(self, length: str | bytes) -> None:
        """The request's Content-Length header, whatever a client wrote there."""
        try:
            self.request_size = min(max(int(length), 0), MOST_BYTES)
        except Exception:
            self.request_size = 0

    def announce_answer(self, chunks: object, headers: Iterable[tuple[str | bytes, str | bytes]]) -> None:
        """An answer that is handed over in one go: its chunks when they can be counted, else its Content-Length."""
        try:
            if isinstance(chunks, list | tuple):
                self.response_size += sum(map(len, chunks))
                return
            for name, value in headers:
                if name.lower() in ("content-length", b"content-length"):
                    self.response_size = int(value)
        except Exception:
            self.recorder.trouble()

    def received(self, data: bytes) -> None:
        """Some of the request's body was read."""
        try:
            self.request_size += len(data)
        except Exception:
            self.recorder.trouble()

    def sent(self, data: bytes) -> None:
        """Some of the answer's body is handed over."""
        try:
            self.response_size += len(data)
        except Exception:
            self.recorder.trouble()

    def counting(self, write: Callable[[bytes], object]) -> Callable[[bytes], object]:
        """A `write` that counts what passes through it."""

        def counted(data: bytes) -> object:
            self.sent(data)
            return write(data)

        return counted

    def failed(self, error: BaseException) -> None:
        """An exception left the application; without an answer before it, the server will make it a 500."""
        self.status = self.status or FAILED
        self.raised(error)

    def raised(self, error: BaseException) -> None:
        """The application raised what it did not answer itself; told twice, the same exception counts once."""
        try:
            if getattr(self, "raised_id", None) != id(error):
                self.raised_id = id(error)
                self.recorder.record_exception(self.method, self.route, error)
                # not the exception's text, which may hold what belongs in no log (H-11)
                _log.error("%s %s raised %s", self.method, self.route or UNMATCHED, type(error).__name__)
        except Exception:
            self.recorder.trouble()

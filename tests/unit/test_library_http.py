"""The HTTP core through both adapters: one table of cases, the same expectations for WSGI and ASGI."""

from __future__ import annotations

import asyncio
import random
import string
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from library_kit import Ask, Hands, Reply, call_asgi, drive_asgi, drive_wsgi, names_of, samples
from prometheus_client import CollectorRegistry
from watchstack.catalogue import Preset
from watchstack.endpoints import Endpoints, text
from watchstack.http.asgi import AsgiMiddleware
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.wsgi import WsgiMiddleware

Drive = Callable[[Any, Ask], Reply]
ROUTE = "/items/{id}"


@dataclass(frozen=True)
class Plan:
    """What the application does. times: seconds before the answer, then before each further chunk."""

    status: int = 200
    chunks: tuple[bytes, ...] = (b"hello",)
    route: str | None = ROUTE
    reads: bool = False
    raises_before: Exception | None = None
    raises_after: Exception | None = None
    silent: bool = False
    seconds: float = 0.2


@dataclass(frozen=True)
class Case:
    """One row: what is asked, what the application does, what must be recorded.

    recorded: method, endpoint, status; None for nothing at all. exception: class name counted.
    """

    name: str
    ask: Ask
    plan: Plan
    recorded: tuple[str, str, str] | None
    request_bytes: int = 0
    response_bytes: int = 5
    seconds: float = 0.2
    exception: str = ""
    raised: type[BaseException] | None = None


def wsgi_app(plan: Plan, hands: Hands) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        if plan.reads:
            environ["wsgi.input"].read()
        if plan.route is not None:
            environ["watchstack.route"] = plan.route
        hands.forward(plan.seconds)
        if plan.raises_before is not None:
            raise plan.raises_before
        if not plan.silent:
            start_response(f"{plan.status} Word", [("Content-Type", "text/plain")])
        for index, chunk in enumerate(plan.chunks):
            if index:
                hands.forward(plan.seconds)
            yield chunk
        if plan.raises_after is not None:
            raise plan.raises_after

    return app


def asgi_app(plan: Plan, hands: Hands) -> Any:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if plan.reads:
            await receive()
        if plan.route is not None:
            scope["watchstack.route"] = plan.route
        hands.forward(plan.seconds)
        if plan.raises_before is not None:
            raise plan.raises_before
        if plan.silent:
            return
        await send({"type": "http.response.start", "status": plan.status, "headers": []})
        for index, chunk in enumerate(plan.chunks):
            if index:
                hands.forward(plan.seconds)
            last = index == len(plan.chunks) - 1 and plan.raises_after is None
            await send({"type": "http.response.body", "body": chunk, "more_body": not last})
        if plan.raises_after is not None:
            raise plan.raises_after
        if not plan.chunks:
            await send({"type": "http.response.body"})

    return app


CASES = (
    Case("plain", Ask(), Plan(), ("GET", ROUTE, "200")),
    Case("error answer", Ask("POST"), Plan(503), ("POST", ROUTE, "503")),
    Case("no route", Ask(path="/nope"), Plan(404, route=None), ("GET", "unmatched", "404")),
    Case("no body", Ask("DELETE"), Plan(204, ()), ("DELETE", ROUTE, "204"), response_bytes=0),
    Case("head", Ask("HEAD"), Plan(200, ()), ("HEAD", ROUTE, "200"), response_bytes=0),
    Case("method made up", Ask("BREW"), Plan(), ("OTHER", ROUTE, "200")),
    Case("method in small letters", Ask("get"), Plan(), ("OTHER", ROUTE, "200")),
    Case("stream", Ask(), Plan(chunks=(b"ab", b"cde", b"f")), ("GET", ROUTE, "200"), response_bytes=6, seconds=0.6),
    Case("client leaves", Ask(leaves_after=2), Plan(chunks=(b"ab", b"cde", b"f")), ("GET", ROUTE, "200"), seconds=0.4),
    Case("body", Ask("POST", body=b"12345678"), Plan(reads=True), ("POST", ROUTE, "200"), request_bytes=8),
    Case("body not read", Ask("PUT", body=b"12345678"), Plan(), ("PUT", ROUTE, "200"), request_bytes=8),
    Case("chunked", Ask("POST", body=b"123", chunked=True), Plan(reads=True), ("POST", ROUTE, "200"), request_bytes=3),
    Case("length of words", Ask("POST", length="ten"), Plan(), ("POST", ROUTE, "200")),
    Case("length below zero", Ask("POST", length="-7"), Plan(), ("POST", ROUTE, "200")),
    Case("length beyond all", Ask("POST", length="9" * 5000), Plan(), ("POST", ROUTE, "200")),
    Case(
        "raises", Ask(), Plan(raises_before=KeyError("x")), ("GET", ROUTE, "500"),
        response_bytes=0, exception="KeyError", raised=KeyError,
    ),
    Case(
        "raises in the stream", Ask(), Plan(raises_after=OSError("x")), ("GET", ROUTE, "200"),
        exception="OSError", raised=OSError,
    ),
    Case("never answers", Ask(), Plan(silent=True, chunks=()), ("GET", ROUTE, "500"), response_bytes=0),
    Case("a status that is none", Ask(), Plan(status=7), ("GET", ROUTE, "500")),
    Case("excluded", Ask(path="/quiet"), Plan(), None),
    Case("own endpoint", Ask(path="/own"), Plan(404, route=None), ("GET", "/own", "200"), seconds=0.0),
    Case("own endpoint, wrong method", Ask("POST", "/own"), Plan(), ("POST", "/own", "405"),
         response_bytes=19, seconds=0.0),
)  # fmt: skip


@dataclass
class Bench:
    """An adapter around the planned application, with a registry to look into."""

    drive: Drive
    wrap: Callable[..., Any]
    make: Callable[[Plan, Hands], Any]

    def run(self, ask: Ask, plan: Plan) -> tuple[Reply, CollectorRegistry]:
        hands = Hands()
        recorder = Recorder(clocks=hands.clocks())
        registry = CollectorRegistry()
        HttpCollector(recorder, registry)
        endpoints = Endpoints({"/own": lambda request: text("mine\n")})
        app = self.wrap(self.make(plan, hands), recorder, endpoints=endpoints, excluded=("/quiet",))
        return self.drive(app, ask), registry


BENCHES = {"wsgi": Bench(drive_wsgi, WsgiMiddleware, wsgi_app), "asgi": Bench(drive_asgi, AsgiMiddleware, asgi_app)}


@pytest.fixture(params=list(BENCHES))
def bench(request: pytest.FixtureRequest) -> Bench:
    return BENCHES[request.param]


# B-13 B-14 B-15 B-23 B-25 B-26 B-36 B-42 B-43 B-44 B-45 B-46
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(bench: Bench, case: Case) -> None:
    _, registry = bench.run(case.ask, case.plan)
    found = samples(registry, "http_")
    counts = {key: value for key, value in found.items() if key.startswith("http_requests_total")}
    if case.recorded is None:
        assert counts == {}
        return
    method, endpoint, status = case.recorded
    labels = f'endpoint="{endpoint}",method="{method}",path="{endpoint}",status="{status}"'
    assert counts == {f"http_requests_total{{{labels}}}": 1.0}
    pair = f'endpoint="{endpoint}",method="{method}"'
    assert found[f"http_request_duration_seconds_count{{{pair}}}"] == 1.0
    assert found[f"http_request_duration_seconds_sum{{{pair}}}"] == pytest.approx(case.seconds)
    claimed = found[f"http_request_size_bytes_sum{{{pair}}}"]
    assert claimed == case.request_bytes
    assert found[f"http_request_size_bytes_count{{{pair}}}"] == 1.0
    assert found[f"http_response_size_bytes_sum{{{pair}}}"] == case.response_bytes
    assert found[f'http_requests_in_progress{{method="{method}"}}'] == 0.0
    exceptions = {key: value for key, value in found.items() if key.startswith("http_exceptions_total")}
    kind = f'endpoint="{endpoint}",error_type="{case.exception}",method="{method}"'
    assert exceptions == ({f"http_exceptions_total{{{kind}}}": 1.0} if case.exception else {})
    assert samples(registry, "watchstack_recording")["watchstack_recording_failures_total{}"] == 0.0


@pytest.mark.parametrize("case", [case for case in CASES if case.raised], ids=lambda case: case.name)
def test_the_application_s_own_exception_reaches_the_server_and_is_logged(
    bench: Bench, case: Case, caplog: pytest.LogCaptureFixture
) -> None:  # G-27 H-16
    reply, _ = bench.run(case.ask, case.plan)
    raised = case.plan.raises_before or case.plan.raises_after
    assert reply.broken is raised
    said = [record.getMessage() for record in caplog.records if record.name == "watchstack.http"]
    assert len(said) == 1
    assert said[0].endswith(f" raised {type(raised).__name__}")  # never what the exception says


def test_length_is_capped(bench: Bench) -> None:
    _, registry = bench.run(Ask("POST", length="9" * 30), Plan())
    total = samples(registry, "http_request_size_bytes_sum")
    assert list(total.values()) == [float(1 << 50)]


def test_every_body_lands_in_one_bucket(bench: Bench) -> None:
    _, registry = bench.run(Ask("POST", body=b"x" * 150), Plan(reads=True))
    found = samples(registry, "http_request_size_bytes_bucket")
    by_bound = {key.split('le="')[1].split('"')[0]: value for key, value in found.items()}
    assert [by_bound[bound] for bound in ("100.0", "1000.0", "+Inf")] == [0.0, 1.0, 1.0]


# B-44
def test_in_progress_counts_what_runs(bench: Bench) -> None:
    recorder = Recorder()
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    seen: list[float] = []
    plan = Plan(raises_before=RuntimeError("x"))

    class Peeking(Hands):
        def forward(self, seconds: float) -> None:
            seen.append(samples(registry, "http_requests_in")['http_requests_in_progress{method="GET"}'])

    app = bench.wrap(bench.make(plan, Peeking()), recorder)
    for _ in range(3):
        bench.drive(app, Ask())
    assert seen == [1.0, 1.0, 1.0]
    assert recorder.in_progress() == {"GET": 0}


def test_a_failing_core_never_reaches_the_application(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()

    def broken(*args: object) -> Any:
        raise RuntimeError("broken on purpose")

    recorder.resolve = broken  # type: ignore[method-assign]
    app = bench.wrap(bench.make(Plan(), Hands()), recorder, route_of=broken)
    replies = [bench.drive(app, Ask()) for _ in range(3)]
    assert [(reply.status, reply.body) for reply in replies] == [("200", b"hello")] * 3
    assert recorder.troubles == 6
    assert caplog.text.count("could not be recorded") == 1


def test_random_requests_add_a_fixed_number_of_series(bench: Bench) -> None:
    recorder = Recorder()
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    dice = random.Random(4)

    def word() -> str:
        return "".join(dice.choices(string.ascii_letters, k=8))

    app = bench.wrap(bench.make(Plan(404, route=None), Hands()), recorder)
    asks = [Ask(word() if i % 2 else "GET", f"/{word()}/{word()}", (("host", word()),)) for i in range(3000)]
    if bench.drive is drive_wsgi:
        for ask in asks:
            drive_wsgi(app, ask)
    else:
        asyncio.run(_call_all(app, asks))
    series = sum(len(metric.samples) for metric in registry.collect())
    print(f"3000 random requests: {series} series")
    assert series < 120


async def _call_all(app: Any, asks: list[Ask]) -> None:
    for ask in asks:
        await call_asgi(app, ask)


def test_made_up_templates_share_one_label() -> None:
    recorder = Recorder(route_limit=20)
    for index in range(500):
        exchange = recorder.begin("GET")
        exchange.route, exchange.status = f"/made/{index}", "200"
        exchange.end()
    endpoints = {endpoint for _, endpoint in recorder.groups}
    assert len(endpoints) <= 20
    assert "overflow" in endpoints
    assert recorder.in_progress() == {"GET": 0}
    assert len(recorder.by_key) <= 20


def test_what_cannot_be_written_becomes_a_question_mark() -> None:
    recorder = Recorder()
    exchange = recorder.begin("GET")
    exchange.route, exchange.status = "/\udcff", "200"
    exchange.end()
    assert list(recorder.groups) == [("GET", "/?")]


def test_counts_add_up_over_threads() -> None:
    recorder = Recorder()

    def work() -> None:
        for index in range(2000):
            exchange = recorder.begin("GET" if index % 2 else "POST")
            exchange.route, exchange.status = "/x", "200"
            exchange.end()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key: sum(cell.count for cell in cells.values()) for key, cells in recorder.groups.items()} == {
        ("GET", "/x"): 8000,
        ("POST", "/x"): 8000,
    }
    assert recorder.in_progress() == {"GET": 0, "POST": 0}


# the aliases are other names of the same observations
@pytest.mark.parametrize(
    ("preset", "count", "duration"),
    [
        ("flask", "app_request_total", "app_request_duration_seconds"),  # B-04 B-05
        ("ai", "holisticos_requests_total", "holisticos_request_duration_seconds"),  # B-76 B-77
    ],
)
def test_aliases_tell_the_same_numbers(preset: str, count: str, duration: str) -> None:
    recorder = Recorder()
    registry = CollectorRegistry()
    HttpCollector(recorder, registry, Preset(preset))
    for status in ("200", "200", "500"):
        exchange = recorder.begin("GET")
        exchange.route, exchange.status = "/x", status
        exchange.end()
    found = samples(registry, count)
    assert found == {
        f'{count}{{endpoint="/x",method="GET",status="200"}}': 2.0,
        f'{count}{{endpoint="/x",method="GET",status="500"}}': 1.0,
    }
    canonical = samples(registry, "http_request_duration_seconds")
    alias = samples(registry, duration)
    assert {key.replace(duration, "http_request_duration_seconds"): value for key, value in alias.items()} == canonical
    assert len(canonical) == 17


def test_no_aliases_without_a_preset() -> None:
    registry = CollectorRegistry()
    HttpCollector(Recorder(), registry)
    assert all(name.startswith(("http_", "watchstack_")) for name in names_of(registry))


def test_a_second_collector_on_one_registry_is_an_error() -> None:
    registry = CollectorRegistry()
    HttpCollector(Recorder(), registry)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        HttpCollector(Recorder(), registry)

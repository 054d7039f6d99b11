"""What is ASGI's own: other scopes, cancelled requests, work after the answer, files, a root path."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from library_kit import Ask, Hands, call_asgi, drive_asgi, samples, scope_of
from prometheus_client import CollectorRegistry, Counter
from waiting import DEADLINE
from watchstack.endpoints import Answer, Endpoints, Request, metrics_handler, text
from watchstack.http.asgi import EXCHANGE, AsgiMiddleware
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder


def measured(app: Any, hands: Hands | None = None, **more: Any) -> tuple[AsgiMiddleware, CollectorRegistry]:
    recorder = Recorder(clocks=(hands or Hands()).clocks())
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    return AsgiMiddleware(app, recorder, **more), registry


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "something.new"])
def test_other_scopes_pass_untouched(kind: str) -> None:
    seen: list[tuple[Any, Any, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Any: ...
    async def send(message: Any) -> None: ...

    wrapped, registry = measured(app)
    scope = {"type": kind}
    asyncio.run(wrapped(scope, receive, send))
    assert seen == [(scope, receive, send)]
    assert scope == {"type": kind}
    assert samples(registry, "http_requests_total") == {}


def test_a_cancelled_request_has_a_status_of_its_own() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    wrapped, registry = measured(app)

    async def run() -> None:
        task = asyncio.create_task(call_asgi(wrapped, Ask()))
        await asyncio.sleep(0)
        task.cancel()
        reply = await task
        assert isinstance(reply.broken, asyncio.CancelledError)

    asyncio.run(run())
    assert 'status="499"' in next(iter(samples(registry, "http_requests_total")))
    assert samples(registry, "http_requests_in") == {'http_requests_in_progress{method="GET"}': 0.0}
    assert samples(registry, "http_exceptions") == {}


def test_work_after_the_answer_is_not_part_of_it() -> None:
    hands = Hands()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        hands.forward(0.1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        hands.forward(30)

    wrapped, registry = measured(app, hands)
    drive_asgi(wrapped, Ask())
    assert list(samples(registry, "http_request_duration_seconds_sum").values()) == [pytest.approx(0.1)]


def test_an_exception_after_the_answer_is_counted_and_raised() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        raise LookupError("later")

    wrapped, registry = measured(app)
    assert isinstance(drive_asgi(wrapped, Ask()).broken, LookupError)
    assert list(samples(registry, "http_exceptions").values()) == [1.0]
    assert 'status="200"' in next(iter(samples(registry, "http_requests_total")))


def test_a_file_sent_by_path_counts_its_announced_length() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1234")]})
        await send({"type": "http.response.pathsend", "path": "/some/file"})

    wrapped, registry = measured(app)
    drive_asgi(wrapped, Ask())
    assert list(samples(registry, "http_response_size_bytes_sum").values()) == [1234.0]


def test_endpoints_below_a_root_path() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not for the application")

    registry = CollectorRegistry()
    Counter("mine", "mine", registry=registry).inc()
    wrapped, _ = measured(app, endpoints=Endpoints({"/metrics": metrics_handler(registry)}))

    async def run() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any: ...

        await wrapped(scope_of(Ask(path="/below/metrics")) | {"root_path": "/below"}, receive, send)
        return sent

    sent = asyncio.run(run())
    assert sent[0]["status"] == 200
    assert b"mine_total 1.0" in b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize(("root", "path"), [("/", "/metrics"), ("/metric", "/metrics"), ("", "/metrics")])
def test_a_root_that_the_path_is_not_in_is_none(root: str, path: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not for the application")

    wrapped, _ = measured(app, endpoints=Endpoints({"/metrics": lambda request: text("here")}))

    async def rooted(scope: Any, receive: Any, send: Any) -> None:
        await wrapped(scope | {"root_path": root}, receive, send)

    assert drive_asgi(rooted, Ask(path=path)).body == b"here"


def test_answers_that_wait_leave_the_loop_s_threads_to_the_application() -> None:
    gate = threading.Event()

    def waiting(request: Request) -> Answer:
        gate.wait(DEADLINE)
        return text("late")

    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    endpoints = Endpoints()
    endpoints.add("/health/startup", waiting, waits=True)
    wrapped, _ = measured(app, endpoints=endpoints)

    async def run() -> list[bytes]:
        asked = [asyncio.create_task(call_asgi(wrapped, Ask(path="/health/startup"))) for _ in range(40)]
        try:
            await asyncio.sleep(0.05)
            await asyncio.wait_for(asyncio.to_thread(int), DEADLINE / 2)
        finally:
            gate.set()
        return [reply.body for reply in await asyncio.gather(*asked)]

    assert asyncio.run(run()) == [b"late"] * 40


def test_the_application_finds_its_exchange() -> None:
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope[EXCHANGE].method)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    wrapped, _ = measured(app)
    drive_asgi(wrapped, Ask())
    assert found == ["GET"]


def test_others_run_between_the_pieces_of_a_large_scrape() -> None:
    registry = CollectorRegistry()
    counter = Counter("many", "many", ("n",), registry=registry)
    for index in range(3000):
        counter.labels(str(index)).inc()

    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    wrapped, _ = measured(app, endpoints=Endpoints({"/metrics": metrics_handler(registry)}))

    async def run() -> int:
        scrape = asyncio.create_task(call_asgi(wrapped, Ask(path="/metrics")))
        turns = 0
        while not scrape.done():
            await asyncio.sleep(0)
            turns += 1
        assert (await scrape).body.count(b"\n") == 6004
        return turns

    assert asyncio.run(run()) > 15

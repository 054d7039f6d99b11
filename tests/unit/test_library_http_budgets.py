"""The budgets of the requirements (O), with so much room that a busy machine does not matter. Figures: benchmarks/."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from library_kit import Ask, drive_wsgi, environ_of
from prometheus_client import CollectorRegistry
from watchstack import Monitoring, Settings
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import METHODS, Recorder

ROUTES = 5


def shop() -> Flask:
    app = Flask("shop")
    for number in range(ROUTES):
        app.add_url_rule(f"/{number}/<name>", f"route{number}", lambda name: "hello")
    return app


@pytest.fixture
def watched() -> Iterator[tuple[Flask, Monitoring]]:
    app = shop()
    monitoring = Monitoring(app, settings=Settings(metrics_collection_interval=3600, health_check_interval=3600))
    yield app, monitoring
    monitoring.stop()


def least(work: Callable[[], object], rounds: int = 30) -> float:
    """CPU seconds of this thread that `work` takes at least."""
    spans = []
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        spans.append(time.thread_time() - begun)
    return min(spans)


def ten(app: Any) -> Callable[[], None]:
    def work() -> None:
        for number in range(10):
            body = app(environ_of(Ask(path=f"/{number % ROUTES}/bob")), lambda status, headers, exc_info=None: None)
            b"".join(body)
            body.close()

    return work


# O-01: less than a millisecond a request
def test_a_request_costs_far_less_than_a_millisecond(watched: tuple[Flask, Monitoring]) -> None:
    over = (least(ten(watched[0])) - least(ten(shop()))) / 10
    print(f"{over * 1e6:.1f} µs a request")
    assert over < 0.0005


# O-03: about 50 MB for what is stored
def test_all_that_can_be_stored_of_requests_stays_below_fifty_megabytes() -> None:
    tracemalloc.start()
    try:
        recorder = Recorder()  # 1000 templates: what more there are share one
        HttpCollector(recorder, CollectorRegistry())
        for template in range(1200):
            for method in METHODS[:4]:
                for status in ("200", "404", "500"):
                    exchange = recorder.begin(method)
                    exchange.route, exchange.status = f"/things/{template}/<part>", status
                    exchange.end()
        taken = tracemalloc.get_traced_memory()[0] / 2**20
    finally:
        tracemalloc.stop()
    print(f"{taken:.1f} MB")
    assert taken < 50


# O-04 O-05: below half a percent of a core on a usual load
def test_the_cpu_of_a_usual_load_is_below_half_a_percent(watched: tuple[Flask, Monitoring]) -> None:
    app, monitoring = watched
    usual = Settings()
    ten(app)()
    sample = least(monitoring.sampler.sample, 10)
    scrape = least(lambda: drive_wsgi(app, Ask(path="/metrics")), 10)
    request = (least(ten(app)) - least(ten(shop()))) / 10
    share = sample / usual.metrics_collection_interval + scrape / 15 + 20 * request  # 20 requests a second
    print(f"sample {sample * 1e3:.2f} ms, scrape {scrape * 1e3:.2f} ms, request {request * 1e6:.1f} µs: {share:.3%}")
    assert share < 0.005


# O-06: the size of a scrape as it goes over the wire (Y-15)
def test_a_scrape_is_a_few_kilobytes(watched: tuple[Flask, Monitoring]) -> None:
    app, _ = watched
    ten(app)()
    packed = drive_wsgi(app, Ask(path="/metrics", headers=(("accept-encoding", "gzip"),))).body
    plain = gzip.decompress(packed)
    print(f"{len(plain)} bytes, {len(packed)} compressed")
    assert b"http_requests_total" in plain
    assert len(packed) < 8_000

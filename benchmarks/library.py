"""What instrumenting costs: this library beside its peers and the floor, in one run, printed as a Markdown table.

    python3 -m venv .bench && .bench/bin/pip install -e './exporter[bench]'
    .bench/bin/python benchmarks/library.py

Requests are calls in the process, without a server, in interleaved rounds; a figure is the least CPU time of a thread
over all rounds, so that other work on the machine moves it little. Compare figures of one run, never of two.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import logging
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from watchstack import Monitoring, Settings
from watchstack.exposition import pieces, whole

BATCH = 100  # requests in a round
Rows = dict[str, float]
HEADERS = (("host", "bench"), ("user-agent", "bench/1"), ("accept", "*/*"), ("connection", "keep-alive"))


def flask_app() -> Flask:
    app = Flask("bench")

    @app.route("/hello/<name>")
    def hello(name: str) -> str:
        return "hello"

    return app


def starlette_app() -> Any:
    async def hello(request: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/hello/{name}", hello)])


def floor_metrics() -> tuple[Gauge, Counter, Histogram]:
    registry = CollectorRegistry()
    requests = Counter("requests", "requests", ("method", "path", "status"), registry=registry)
    durations = Histogram("durations", "durations", ("method", "path"), registry=registry)
    return (
        Gauge("active", "active", registry=registry),
        requests.labels("GET", "/hello/<name>", "200"),
        durations.labels("GET", "/hello/<name>"),
    )


def flask_floor() -> Any:
    """Three updates on resolved children in a bare wrapper: less cannot be measured with prometheus_client."""
    inner = flask_app().wsgi_app
    active, requests, durations = floor_metrics()

    def app(environ: Any, start: Any) -> Any:
        active.inc()
        begun = time.perf_counter()
        try:
            return inner(environ, start)
        finally:
            active.dec()
            requests.inc()
            durations.observe(time.perf_counter() - begun)

    return app


def flask_watchstack() -> Any:
    app = flask_app()
    Monitoring(app, settings=Settings(metrics_collection_interval=3600))
    return app


def flask_exporter() -> Any:
    from prometheus_flask_exporter import PrometheusMetrics

    app = flask_app()
    PrometheusMetrics(app, registry=CollectorRegistry(), group_by="url_rule")
    return app


def meter_provider() -> Any:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider

    return MeterProvider(metric_readers=[PrometheusMetricReader()])


def flask_opentelemetry() -> Any:
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    app = flask_app()
    FlaskInstrumentor().instrument_app(app, meter_provider=meter_provider())
    return app


def starlette_floor() -> Any:
    inner = starlette_app()
    active, requests, durations = floor_metrics()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        active.inc()
        begun = time.perf_counter()
        try:
            await inner(scope, receive, send)
        finally:
            active.dec()
            requests.inc()
            durations.observe(time.perf_counter() - begun)

    return app


def starlette_watchstack() -> Any:
    return Monitoring(settings=Settings(metrics_collection_interval=3600)).init_asgi(starlette_app())


def starlette_exporter() -> Any:
    from starlette_exporter import PrometheusMiddleware

    app = starlette_app()
    app.add_middleware(PrometheusMiddleware, group_paths=True)
    return app


def starlette_instrumentator() -> Any:
    from prometheus_fastapi_instrumentator import Instrumentator

    app = starlette_app()
    Instrumentator(registry=CollectorRegistry()).instrument(app)
    return app


def starlette_opentelemetry() -> Any:
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(starlette_app(), meter_provider=meter_provider())


FLASK = {
    "bare": flask_app,
    "floor, three metrics": flask_floor,
    "watchstack, five metrics": flask_watchstack,
    "prometheus_flask_exporter": flask_exporter,
    "OpenTelemetry": flask_opentelemetry,
}
STARLETTE = {
    "bare": starlette_app,
    "floor, three metrics": starlette_floor,
    "watchstack, five metrics": starlette_watchstack,
    "prometheus-fastapi-instrumentator": starlette_instrumentator,
    "starlette_exporter": starlette_exporter,
    "OpenTelemetry": starlette_opentelemetry,
}


def environ() -> dict[str, Any]:
    fixed = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/hello/bob",
        "QUERY_STRING": "",
        "SERVER_NAME": "bench",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    return fixed | {"HTTP_" + name.upper().replace("-", "_"): value for name, value in HEADERS}


def scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/hello/bob",
        "raw_path": b"/hello/bob",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in HEADERS],
        "server": ("bench", 80),
        "client": ("127.0.0.1", 1),
    }


def start(status: str, headers: Any, exc_info: Any = None) -> Any:
    return None


def wsgi_round(app: Any) -> float:
    requests = [environ() for _ in range(BATCH)]
    begun = time.thread_time()
    for request in requests:
        body = app(request, start)
        for _ in body:
            pass
        if hasattr(body, "close"):
            body.close()
    return (time.thread_time() - begun) / BATCH


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None: ...


async def asgi_round(app: Any) -> float:
    requests = [scope() for _ in range(BATCH)]
    begun = time.thread_time()
    for request in requests:
        await app(request, receive, send)
    return (time.thread_time() - begun) / BATCH


def wsgi_rows(rounds: int) -> Rows:
    apps = {name: make() for name, make in FLASK.items()}
    times: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(rounds):
        for name, app in apps.items():
            times[name].append(wsgi_round(app))
    return {name: min(found) * 1e6 for name, found in times.items()}


async def asgi_rows(rounds: int) -> Rows:
    apps = {name: make() for name, make in STARLETTE.items()}
    times: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(rounds):
        for name, app in apps.items():
            times[name].append(await asgi_round(app))
    return {name: min(found) * 1e6 for name, found in times.items()}


def registry_of(series: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    counter = Counter("requests", "requests", ("route", "status"), registry=registry)
    for index in range(series):
        counter.labels(f"/route/{index}", "200").inc(index)
    return registry


def least(work: Callable[[], object], rounds: int = 9) -> float:
    found = []
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        found.append(time.thread_time() - begun)
    return min(found)


def scrape_rows() -> None:
    registry = registry_of(10_000)
    assert whole(registry) == generate_latest(registry)
    theirs, ours = least(lambda: generate_latest(registry)), least(lambda: whole(registry))
    spans: list[float] = []
    for _ in range(9):
        rendering = pieces(registry)
        while True:
            begun = time.thread_time()
            if next(rendering, None) is None:
                break
            spans.append(time.thread_time() - begun)
    print("\n## Scrape of 10,000 counters\n")
    print("| What | Figure |\n| --- | --- |")
    print(f"| generate_latest | {theirs * 1e3:.1f} ms |")
    print(f"| watchstack, the same bytes | {ours * 1e3:.1f} ms |")
    print(f"| ratio | {ours / theirs:.3f} |")
    print(f"| pieces, of at most | {len(spans) // 9}, {max(spans) * 1e3:.2f} ms |")


def disturbed(scrape: Callable[[], object] | None, seconds: float) -> list[float]:
    """Wall time of each request of one thread while another one scrapes without a break."""
    app = flask_watchstack()
    stop = threading.Event()

    def scrapes() -> None:
        while not stop.is_set() and scrape is not None:
            scrape()
            time.sleep(0.01)

    other = threading.Thread(target=scrapes)
    other.start()
    spans = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        request = environ()
        begun = time.perf_counter()
        for _ in app(request, start):
            pass
        spans.append(time.perf_counter() - begun)
        time.sleep(0.0005)
    stop.set()
    other.join()
    return spans


def disturbance_rows(seconds: float) -> None:
    from watchstack.http.wsgi import PAUSE

    registry = registry_of(10_000)

    def paced() -> None:
        for _ in pieces(registry):
            time.sleep(PAUSE)

    print("\n## Requests while another thread scrapes 10,000 series\n")
    print("| Scrape | median | p99 | worst |\n| --- | --- | --- | --- |")
    for name, scrape in (("none", None), ("watchstack", paced), ("generate_latest", lambda: generate_latest(registry))):
        spans = sorted(disturbed(scrape, seconds))
        cells = (statistics.median(spans), spans[int(len(spans) * 0.99)], spans[-1])
        print(f"| {name} | " + " | ".join(f"{span * 1e3:.2f} ms" for span in cells) + " |")


def show(title: str, rows: Rows) -> None:
    bare = rows.pop("bare")
    print(f"\n## {title}, bare application {bare:.1f} µs a request\n")
    print("| Instrumentation | over bare | of the floor |\n| --- | --- | --- |")
    floor = next(iter(rows.values())) - bare
    for name, found in rows.items():
        print(f"| {name} | {found - bare:.1f} µs | {(found - bare) / floor:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help=f"rounds of {BATCH} requests for each candidate")
    parser.add_argument("--seconds", type=float, default=10.0, help="of requests beside a scrape")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    gc.collect()
    show("Flask", wsgi_rows(arguments.rounds))
    rows: Awaitable[Rows] = asgi_rows(arguments.rounds)
    show("Starlette", asyncio.run(rows))  # type: ignore[arg-type]
    scrape_rows()
    disturbance_rows(arguments.seconds)


if __name__ == "__main__":
    main()

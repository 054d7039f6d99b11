"""The exporter service as a WSGI application: the host's and its own metrics, liveness, readiness. No server here."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from watchstack.clocks import SYSTEM, Clocks
from watchstack.endpoints import Answer, Endpoints, Request, json_answer, metrics_handler
from watchstack.host import HostSampler
from watchstack.host_collector import HostCollector
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.wsgi import Environ, StartResponse, WsgiApp, WsgiMiddleware

STALE_INTERVALS = 6  # a newest sample older than this many intervals means that the sampling has stopped


def build(sampler: HostSampler, registry: CollectorRegistry, *, clocks: Clocks = SYSTEM) -> WsgiApp:
    """The whole application over a sampler that the caller starts; every metric goes into `registry`."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    HostCollector(sampler, registry)
    recorder = Recorder(clocks=clocks)
    HttpCollector(recorder, registry)
    endpoints = Endpoints(
        {
            "/metrics": metrics_handler(registry),
            "/health/live": _live,
            "/health/ready": lambda request: _ready(sampler),
        }
    )
    return WsgiMiddleware(_not_found, recorder, endpoints=endpoints)


def _not_found(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = b"not found; try /metrics\n"
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response("404 Not Found", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _live(request: Request) -> Answer:
    return json_answer({"status": "healthy"})


def _ready(sampler: HostSampler) -> Answer:
    age = sampler.age
    if age is None:
        return json_answer({"status": "unhealthy", "message": "the host is not sampled yet"}, 503)
    if age > STALE_INTERVALS * sampler.interval:
        return json_answer({"status": "unhealthy", "message": f"the host was last sampled {age:.0f} s ago"}, 503)
    return json_answer({"status": "healthy"})

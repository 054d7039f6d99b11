"""`Monitoring`: puts the library's parts together for one application. Each part's work lives in its own module."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric

from watchstack import openapi
from watchstack.access import Access, Gate
from watchstack.admin import Page, Signing
from watchstack.admin.figures import Figures
from watchstack.business import Business
from watchstack.catalogue import Definition, Preset
from watchstack.catalogue_data import CATALOGUE
from watchstack.endpoints import Endpoints, Handler, metrics_handler, shape
from watchstack.families import FamilyCollector, Points
from watchstack.health.health import Health
from watchstack.health.provided import provide
from watchstack.health.runner import Outcome, Runner
from watchstack.health.serving import HealthAnswers
from watchstack.host import HostSampler, Sample
from watchstack.host_collector import HostCollector
from watchstack.http.asgi import AsgiApp, AsgiMiddleware
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.wsgi import EXCHANGE, WsgiApp, WsgiMiddleware
from watchstack.insights import Insights
from watchstack.inspection import Inspection
from watchstack.measures import Measures
from watchstack.routes import install, served
from watchstack.running import RUNNING
from watchstack.settings import SettingError, Settings
from watchstack.slots import OwnNumbers
from watchstack.workers import WorkersRegistry

if TYPE_CHECKING:
    from flask import Flask

    from watchstack.shared import SharedNumbers

_log = logging.getLogger("watchstack")
EXTENSION = "watchstack"  # the key of app.extensions in Flask


class Monitoring(Business):
    """The monitoring of one application.

    app: a Flask application to watch at once; `init_app`, `init_wsgi` and `init_asgi` do it later or for other kinds.
    settings: by default those of the environment; preset: the system whose names and paths are used, when no settings
    are given. registry: where the metrics go, by default one of its own that also tells of the process; give
    prometheus_client's REGISTRY to serve metrics that are defined there. sampler: what reads the host.

    Where PROMETHEUS_MULTIPROC_DIR is set, each worker process of a server answers a scrape for all of them.

    Raises SettingError for a bad setting, ValueError for a metric name that the registry has already.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        settings: Settings | None = None,
        preset: Preset | str | None = None,
        registry: CollectorRegistry | None = None,
        sampler: HostSampler | None = None,
    ) -> None:
        self.settings = Settings.from_environ(preset=preset) if settings is None else settings
        if self.settings.alerting_enabled:
            _log.warning("ALERTING_ENABLED is set, but nothing alerts from within the application yet: the stack does")
        folder = self.settings.prometheus_multiproc_dir
        self.numbers = _shared_numbers(folder) if folder else None
        self.registry = _own_registry() if registry is None else registry
        self.recorder = _recorder(self.numbers, self.settings)
        self.sampler = sampler or HostSampler(
            interval=self.settings.metrics_collection_interval,
            process=self.settings.preset in (Preset.FRAMEWORK, Preset.AI),
        )
        self.endpoints = Endpoints()
        serving = self.settings.enable_monitoring and self.settings.prometheus_enabled
        told = self.registry if serving else None
        lie = OwnNumbers() if self.numbers is None else self.numbers
        self.health = Health(self.settings, self.sampler, told, numbers=lie)
        self.measures = Measures(told, self.settings, numbers=lie)
        self.insights = Insights(self.settings, self.recorder, self.sampler, self.health, self.measures)
        self.page_figures: Figures | None = None
        self._hooked = False
        metrics, collect = None, None
        if serving:
            HttpCollector(self.recorder, self.registry, self.settings.preset)
            HostCollector(self.sampler, self.registry, self.settings.preset, self.numbers)
            _InfoCollector(self.settings, self.registry)
            told_there = WorkersRegistry(self.registry, Path(folder)) if folder else self.registry
            metrics, collect = metrics_handler(told_there), told_there.collect
        self.sampler.on_sample = _both(self.sampler.on_sample, lambda sample: self.insights.sample())
        self.health.feed = partial(_feed, self)
        if self.settings.enable_monitoring:
            provide(self.health, self.settings, self.sampler, self.recorder.figures)
            self._serve(metrics, collect)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Watches a Flask application. Raises ValueError when it is watched already, TypeError for another kind."""
        from flask import got_request_exception

        if not hasattr(app, "extensions"):
            kind = type(app).__name__
            raise TypeError(f"{kind} is no Flask application: init_asgi() and init_wsgi() take those of other kinds")
        if EXTENSION in app.extensions:
            raise ValueError(f"the application {app.name} is monitored already")
        app.extensions[EXTENSION] = self
        if self.settings.enable_monitoring:
            app.wsgi_app = self._wsgi(app.wsgi_app, lambda path: _flask_owns(app, path))  # type: ignore[method-assign,assignment]
            got_request_exception.connect(_note_flask_exception, app)

    def init_wsgi(self, app: WsgiApp) -> WsgiApp:
        """`app` with the monitoring around it; the same `app` when monitoring is off."""
        return self._wsgi(app, lambda path: False) if self.settings.enable_monitoring else app

    def init_asgi(self, app: AsgiApp) -> AsgiApp:
        """`app` with the monitoring around it; the same `app` when monitoring is off."""
        if not self.settings.enable_monitoring:
            return app
        self._start()
        return AsgiMiddleware(app, self.recorder, endpoints=self.endpoints, excluded=self.settings.excluded)

    def stop(self) -> None:
        """Ends the background sampling and checking; the application goes on as before."""
        RUNNING.ended(self)
        self.health.close()
        self.sampler.stop()

    def _serve(self, metrics: Handler | None, collect: Callable[[], Iterable[Metric]] | None) -> None:
        """Puts the library's own endpoints in place. collect: the metric families, None where they are off."""
        settings, routes = self.settings, served(self.settings)
        told = HealthAnswers(self.health, settings, self.sampler, metrics)
        figures, performance = self.recorder.figures, self.insights.performance
        inspection = Inspection(settings, self.health, told, self.sampler, figures, performance, collect)
        handlers = {**told.handlers(), **inspection.handlers()}
        self.page_figures = Figures(settings, inspection, self.insights, told.comprehensive)
        gate = Gate(settings)
        handlers |= Page(settings, self.page_figures, routes).handlers()
        pages = [route.path for route in routes if route.method == "GET" and route.access is not Access.OPEN]
        handlers |= Signing(gate, pages).handlers()
        handlers["openapi"] = openapi.handler(routes, settings.app_version)
        if metrics is not None:
            handlers["metrics"] = metrics
        install(self.endpoints, routes, handlers, gate)

    def _wsgi(self, app: WsgiApp, owns: Callable[[str], bool]) -> WsgiApp:
        self._start()
        endpoints = replace(self.endpoints, owned=owns)
        return WsgiMiddleware(app, self.recorder, endpoints=endpoints, excluded=self.settings.excluded)

    def _start(self) -> None:
        RUNNING.begun(self)
        self.sampler.start()
        self.health.runner.start()
        if self._hooked:
            return
        self._hooked = True
        for one in (self.sampler, self.health.runner):
            own = weakref.ref(one)
            os.register_at_fork(
                before=partial(_pause, own),
                after_in_parent=partial(_resume, own),
                after_in_child=partial(_restart, own),
            )


def _feed(monitoring: Monitoring, outcome: Outcome) -> None:
    """What a check has found of a store, as metrics."""
    figures = outcome.result.figures
    if figures.get("connection_pool_size") is not None:
        monitoring.database.pool(figures["connection_pool_size"], used=figures.get("connections_checked_out"))
    for (name, *labels), value in outcome.result.gauges.items():
        monitoring.measures.set(name, value, *labels)


def _pause(background: weakref.ref[HostSampler | Runner]) -> None:
    """What runs in the background rests while the process is forked."""
    found = background()
    if found is not None:
        found.pause()


def _resume(background: weakref.ref[HostSampler | Runner]) -> None:
    found = background()
    if found is not None:
        found.resume()


def _restart(background: weakref.ref[HostSampler | Runner]) -> None:
    """A forked worker has no background threads: gives it one."""
    found = background()
    if found is not None:
        found.restart()


def _both(first: Callable[[Sample], None] | None, second: Callable[[Sample], None]) -> Callable[[Sample], None]:
    def told(sample: Sample) -> None:
        if first is not None:
            first(sample)
        second(sample)

    return told


def _shared_numbers(folder: str) -> SharedNumbers:
    from watchstack.shared import SharedNumbers

    if not os.path.isdir(folder):
        raise SettingError("PROMETHEUS_MULTIPROC_DIR", folder, "a folder that exists")
    return SharedNumbers(Path(folder))


def _recorder(numbers: SharedNumbers | None, settings: Settings) -> Recorder:
    limits: dict[str, Any] = {
        "route_limit": settings.monitoring_route_limit,
        "sample_ratio": settings.metrics_sample_ratio,
    }
    if numbers is None:
        return Recorder(**limits)
    from watchstack.http.shared import SharedRecorder

    return SharedRecorder(numbers, **limits)


def _own_registry() -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=True)  # these do not tell their names, which nobody else may take
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry._auto_describe = False  # the application's own may have nothing to collect yet
    return registry


def _flask_owns(app: Flask, path: str) -> bool:
    """Whether the application has a route for exactly this path or template."""
    return any(shape(rule.rule) == shape(path) for rule in app.url_map.iter_rules())


def _note_flask_exception(sender: Flask, exception: BaseException, **extra: Any) -> None:
    """Flask answers exceptions itself, so they never reach the adapter: its signal tells of them."""
    from flask import request

    exchange = request.environ.get(EXCHANGE)
    if exchange is not None:
        if request.url_rule is not None:
            exchange.route = request.url_rule.rule
        exchange.raised(exception)


class _InfoCollector(FamilyCollector):
    """`application_info`."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        self._values = (settings.app_version, settings.environment)
        super().__init__([CATALOGUE["application_info"]], registry)

    def points(self, definition: Definition) -> Points:
        return [(self._values, 1.0)]

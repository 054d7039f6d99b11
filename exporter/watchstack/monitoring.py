"""`Monitoring`: puts the library's parts together for one application. Each part's work lives in its own module."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from watchstack.catalogue import Definition, Preset
from watchstack.catalogue_data import CATALOGUE
from watchstack.endpoints import Endpoints, metrics_handler
from watchstack.families import FamilyCollector, Points
from watchstack.host import HostSampler
from watchstack.host_collector import HostCollector
from watchstack.http.asgi import AsgiApp, AsgiMiddleware
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.wsgi import EXCHANGE, WsgiApp, WsgiMiddleware
from watchstack.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

EXTENSION = "watchstack"  # the key of app.extensions in Flask


class Monitoring:
    """The monitoring of one application.

    app: a Flask application to watch at once; `init_app`, `init_wsgi` and `init_asgi` do it later or for other kinds.
    settings: by default those of the environment; preset: the system whose names and paths are used, when no settings
    are given. registry: where the metrics go, by default one of its own that also tells of the process; give
    prometheus_client's REGISTRY to serve metrics that are defined there. sampler: what reads the host.

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
        self.registry = _own_registry() if registry is None else registry
        self.recorder = Recorder(route_limit=self.settings.monitoring_route_limit)
        self.sampler = sampler or HostSampler(
            interval=self.settings.metrics_collection_interval,
            process=self.settings.preset in (Preset.FRAMEWORK, Preset.AI),
        )
        self.endpoints = Endpoints()
        if self.settings.enable_monitoring and self.settings.prometheus_enabled:
            HttpCollector(self.recorder, self.registry, self.settings.preset)
            HostCollector(self.sampler, self.registry, self.settings.preset)
            _InfoCollector(self.settings, self.registry)
            self.endpoints.handlers[self.settings.prometheus_path] = metrics_handler(self.registry)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Watches a Flask application. Raises ValueError when it is watched already."""
        from flask import got_request_exception

        if EXTENSION in app.extensions:
            raise ValueError(f"the application {app.name} is monitored already")
        app.extensions[EXTENSION] = self
        if self.settings.enable_monitoring:
            app.wsgi_app = self.init_wsgi(app.wsgi_app)  # type: ignore[method-assign,assignment]
            got_request_exception.connect(_note_flask_exception, app)

    def init_wsgi(self, app: WsgiApp) -> WsgiApp:
        """`app` with the monitoring around it; the same `app` when monitoring is off."""
        if not self.settings.enable_monitoring:
            return app
        self._start()
        return WsgiMiddleware(app, self.recorder, endpoints=self.endpoints, excluded=self.settings.excluded)

    def init_asgi(self, app: AsgiApp) -> AsgiApp:
        """`app` with the monitoring around it; the same `app` when monitoring is off."""
        if not self.settings.enable_monitoring:
            return app
        self._start()
        return AsgiMiddleware(app, self.recorder, endpoints=self.endpoints, excluded=self.settings.excluded)

    def stop(self) -> None:
        """Ends the background sampling; the application goes on as before."""
        self.sampler.stop()

    def _start(self) -> None:
        self.sampler.start()
        sampler = weakref.ref(self.sampler)
        os.register_at_fork(after_in_child=lambda: _restart(sampler))


def _restart(sampler: weakref.ref[HostSampler]) -> None:
    """A forked worker has no sampling thread: gives it one."""
    found = sampler()
    if found is not None:
        found.restart()


def _own_registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


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

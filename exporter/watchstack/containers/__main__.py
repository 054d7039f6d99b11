"""`python -m watchstack.containers`: the container collector as a process."""

from __future__ import annotations

import logging
import sys

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

from watchstack.containers.api import ApiServer
from watchstack.containers.app import create_app
from watchstack.containers.collector import ContainerCollector, Errors, Sampler
from watchstack.containers.engine import Engine
from watchstack.containers.events import Events
from watchstack.containers.settings import Settings
from watchstack.serve import ServeError, log_to, serve
from watchstack.settings import SettingError

_log = logging.getLogger("watchstack.containers")


def main() -> int:
    """Runs until SIGTERM. 0, or 1 when it could not start; the log says why. Docker need not be there."""
    log_to()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    try:
        settings = Settings.read()
        api = None if settings.api is None else ApiServer(settings.api, settings.docker, registry)
    except (SettingError, ServeError) as error:
        _log.critical("the container collector cannot start: %s", error)
        return 1
    errors = Errors()
    engine = Engine(settings.docker)
    events = Events(engine, lambda: errors.count("events"))
    sampler = Sampler(engine, settings.limit, errors.count)
    registry.register(ContainerCollector(sampler, events, errors))
    events.start()
    sampler.sample(patience=0)  # the first scrape need not wait for it
    if api is not None:
        api.start()
        _log.info("the log collector's way to Docker listens on port %d", api.port)

    def end() -> None:
        events.stop()
        sampler.stop()
        if api is not None:
            api.stop()

    return serve(create_app(registry, sampler), settings.listen, name="containers", on_stop=end)


if __name__ == "__main__":
    sys.exit(main())

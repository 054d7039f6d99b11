"""`python -m watchstack.console`: the console as a process."""

from __future__ import annotations

import logging
import sys

from prometheus_client import disable_created_metrics

from watchstack.console.app import create_app
from watchstack.console.config import ConfigError
from watchstack.console.context import background, build
from watchstack.console.inbox.payload import LARGEST_BODY
from watchstack.console.settings import Settings
from watchstack.console.store import SchemaError
from watchstack.serve import log_to, serve
from watchstack.settings import SettingError


def main() -> int:
    """Runs until SIGTERM. 0, or 1 when it could not start; the log says why."""
    log_to()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        settings = Settings.read()
        own = build(settings)
    except (SettingError, ConfigError, SchemaError) as error:
        logging.getLogger("watchstack.console").critical("the console cannot start: %s", error)
        return 1
    jobs = background(own)
    jobs.start()

    def end() -> None:
        jobs.stop()
        own.store.close()

    return serve(create_app(own), settings.listen, name="console", body_limit=LARGEST_BODY, on_stop=end)


if __name__ == "__main__":
    sys.exit(main())

"""Which monitorings watch an application in this process: the shared one of watchstack.api is one of them."""

from __future__ import annotations

import logging
import weakref

_log = logging.getLogger("watchstack.running")


class Running:
    """shared: the one that watchstack.api hands out, None before it has."""

    def __init__(self) -> None:
        self._watching: weakref.WeakSet[object] = weakref.WeakSet()
        self.shared: object | None = None

    def begun(self, monitoring: object) -> None:
        """A monitoring watches an application from now on."""
        self._watching.add(monitoring)
        if self.shared is not None and self.shared is not monitoring:
            _log.warning(
                "this application is watched by another monitoring than the one that watchstack.api hands out, so what "
                "those calls record is not served here: use add_monitoring_middleware(app), or use_monitoring() first"
            )

    def ended(self, monitoring: object) -> None:
        self._watching.discard(monitoring)

    def all(self) -> list[object]:
        return list(self._watching)

    def clear(self) -> None:
        self._watching.clear()
        self.shared = None


RUNNING = Running()

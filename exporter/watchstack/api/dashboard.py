"""`MonitoringDashboard`: what the page /admin/monitoring shows, for programs (G-23). The page lives in admin/."""

from __future__ import annotations

import json
from typing import Any

from watchstack.admin.figures import PARTS, Figures
from watchstack.admin.html import BASE
from watchstack.admin.page import HOUR, definition
from watchstack.api.current import get_monitoring
from watchstack.monitoring import Monitoring


class MonitoringDashboard:
    """The dashboard of an application. monitoring: by default the shared one."""

    def __init__(self, monitoring: Monitoring | None = None) -> None:
        self._monitoring = monitoring if monitoring is not None else get_monitoring()

    @property
    def path(self) -> str:
        """Where the page is."""
        return BASE

    def data(self, minutes: float = HOUR) -> dict[str, Any]:
        """What the page shows: summary, health, performance, and the history of so many minutes.

        Raises RuntimeError where monitoring is switched off.
        """
        return self._figures().parts(list(PARTS), minutes)

    def export(self) -> dict[str, Any]:
        """All that the monitoring knows (A-30), without secrets.

        Raises RuntimeError where monitoring is switched off.
        """
        found: dict[str, Any] = json.loads(b"".join(self._figures().exported()))
        return found

    def grafana(self) -> dict[str, Any]:
        """The dashboard that Grafana imports (A-29)."""
        found: dict[str, Any] = json.loads(definition())
        return found

    def _figures(self) -> Figures:
        if self._monitoring.page_figures is None:
            raise RuntimeError("ENABLE_MONITORING is off: there is nothing to show")
        return self._monitoring.page_figures

"""What the page shows and the export holds, as plain data (J-02 to J-08, J-10). HTML and HTTP are not here."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from watchstack.admin.series import Series
from watchstack.clocks import SYSTEM, Clocks
from watchstack.insights import Insights
from watchstack.inspection import Body, Inspection, written
from watchstack.settings import Settings, variable

PARTS = ("summary", "health", "performance", "history")
DAY = 1440.0  # minutes


class Figures:
    """Of one application. comprehensive: the health of A-36."""

    def __init__(
        self,
        settings: Settings,
        inspection: Inspection,
        insights: Insights,
        comprehensive: Callable[[], Body],
        clocks: Clocks = SYSTEM,
    ) -> None:
        self._settings = settings
        self._inspection = inspection
        self._insights = insights
        self._comprehensive = comprehensive
        self._clocks = clocks
        self._series = Series(insights.history)

    def parts(self, names: list[str], minutes: float) -> Body:
        """Those of PARTS that are asked for, and what they belong to. minutes: of the history."""
        makers: dict[str, Callable[[], Any]] = {
            "summary": self._inspection.summary,
            "health": self._comprehensive,
            "performance": self._insights.performance,
            "history": lambda: self._history(minutes),
        }
        return {**self._head(), **{name: makers[name]() for name in PARTS if name in names}}

    def exported(self) -> Iterator[bytes]:
        """All that there is, as one JSON object, piece by piece (A-30)."""
        body = {**self.parts(list(PARTS), DAY), "settings": told_settings(self._settings)}
        yield json.dumps(body, ensure_ascii=False)[:-1].encode() + b', "metrics": '
        collect = self._inspection.collect
        yield from written(collect() if collect is not None else ())
        yield b"}\n"

    def _head(self) -> Body:
        found = self._settings
        return {
            "timestamp": self._inspection.now(),
            "version": found.app_version,
            "environment": found.environment,
            "preset": found.preset,
            "uptime_seconds": self._inspection.uptime,
            "thresholds": {
                "cpu": [found.cpu_usage_threshold_percent, found.cpu_usage_critical_percent],
                "memory": [found.memory_usage_warning_percent, found.memory_usage_threshold_percent],
                "disk": [found.disk_usage_threshold_percent, found.disk_usage_critical_percent],
                "response_ms": found.response_time_threshold_ms,
                "error_percent": found.error_rate_threshold_percent,
            },
        }

    def _history(self, minutes: float) -> Body:
        now = self._insights.point()
        offset = self._clocks.wall() - now.at
        return {
            "minutes": min(minutes, DAY),
            "kept_hours": self._settings.metrics_retention_hours,
            "points": self._series.lines(minutes, now, offset),
            "now": self._series.newest(now, offset),
        }


def told_settings(settings: Settings) -> dict[str, Any]:
    """Every setting by its variable; of a secret one whether it is set, and no password within a URL (M-16)."""
    told: dict[str, Any] = {}
    for one in dataclasses.fields(settings):
        value = getattr(settings, one.name)
        if one.metadata["secret"]:
            value = "set" if value else ""
        elif isinstance(value, str):
            value = re.sub(r"//[^/@\s]*@", "//…@", value)
        told[variable(one.name)] = value
    return told

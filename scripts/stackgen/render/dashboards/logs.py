"""Logs: how much is written, what is wrong in it, and the lines themselves, searched by a text."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.links import frame, search
from stackgen.render.dashboards.panels import (
    EMPTY_IS_FINE,
    LOKI,
    PanelBuilder,
    build,
    lines,
    log_lines,
    over_time,
)
from stackgen.render.dashboards.sdk import logs as sdk_logs
from stackgen.render.dashboards.sdk import timeseries

TITLE = "Logs"
UID = "watchstack-logs"
EVERY = '{environment=~".+"}'
WRONG = '{level=~"error|critical"}'


def logs(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (by_level(), 12, 8),
        (by_source(), 12, 8),
        (errors_by_source(), 12, 8),
        (bytes_by_source(), 12, 8),
        (errors(), 24, 10),
        (found(), 24, 14),
    ]
    return build(frame(source, TITLE, UID, variables=[search()]), origin, panels)


def _drawn(panel: timeseries.Panel, title: str, description: str, expr: str, legend: str) -> PanelBuilder:
    return panel.title(title).description(description).datasource(LOKI).with_target(lines(expr, legend))


def _listed(panel: sdk_logs.Panel, title: str, description: str, expr: str) -> PanelBuilder:
    return panel.title(title).description(description).datasource(LOKI).with_target(lines(expr))


def by_level() -> PanelBuilder:
    return _drawn(
        over_time("short").min(0),
        "Lines by level",
        "Log lines a second by level, over 5 minutes; lines that name no level stand without one.",
        f"sum by (level) (rate({EVERY}[5m]))",
        "{{level}}",
    )


def by_source() -> PanelBuilder:
    return _drawn(
        over_time("short").min(0),
        "Lines by part",
        "Log lines a second of each part of the stack, over 5 minutes; everything else stands without a name.",
        f"sum by (part) (rate({EVERY}[5m]))",
        "{{part}}",
    )


def errors_by_source() -> PanelBuilder:
    return _drawn(
        over_time("short").min(0),
        "Errors by part",
        f"Log lines a second of level error or critical, over 5 minutes. {EMPTY_IS_FINE} nothing is wrong then.",
        f"sum by (part) (rate({WRONG}[5m]))",
        "{{part}}",
    )


def bytes_by_source() -> PanelBuilder:
    return _drawn(
        over_time("Bps").min(0),
        "Bytes by part",
        "Bytes a second that the lines of each part are long, over 5 minutes: what the logs cost.",
        f"sum by (part) (bytes_rate({EVERY}[5m]))",
        "{{part}}",
    )


def errors() -> PanelBuilder:
    return _listed(
        log_lines(),
        "Errors",
        f"Lines of level error or critical, newest first. {EMPTY_IS_FINE} nothing is wrong then.",
        WRONG,
    )


def found() -> PanelBuilder:
    return _listed(
        log_lines(),
        "Search",
        f"Lines that hold the text of the field above, small or capital letters alike. {EMPTY_IS_FINE} no line does.",
        f"{EVERY} |~ `(?i)$search`",
    )

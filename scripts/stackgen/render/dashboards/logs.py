"""Logs: how much is written, what is wrong in it, its shapes, and the lines themselves, searched by a text."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import patterns
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
from stackgen.render.dashboards.patterns import EVERY, WRONG
from stackgen.render.dashboards.sdk import logs as sdk_logs
from stackgen.render.dashboards.sdk import timeseries

TITLE = "Logs"
UID = "watchstack-logs"


def logs(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (by_level(), 12, 8),
        (by_source(), 12, 8),
        (errors_by_source(), 12, 8),
        (bytes_by_source(), 12, 8),
        (patterns.new(), 24, 8),
        (patterns.errors(), 24, 8),
        (errors(), 24, 10),
        (patterns.frequent(), 24, 9),
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
        "Log lines a second by level, over 5 minutes; lines that name no level stand without one. A peak of errors "
        "is an incident, a peak of debug lines a wrong setting.",
        f"sum by (level) (rate({EVERY}[5m]))",
        "{{level}}",
    )


def by_source() -> PanelBuilder:
    return _drawn(
        over_time("short").min(0),
        "Lines by part",
        "Log lines a second of each part of the stack, over 5 minutes; everything else stands without a name. A "
        "part that is silent is down, or its lines are not collected.",
        f"sum by (part) (rate({EVERY}[5m]))",
        "{{part}}",
    )


def errors_by_source() -> PanelBuilder:
    return _drawn(
        over_time("short").min(0),
        "Errors by part",
        "Log lines a second of level error or critical, over 5 minutes. The shapes below say what they are. "
        f"{EMPTY_IS_FINE} nothing is wrong then.",
        f"sum by (part) (rate({WRONG}[5m]))",
        "{{part}}",
    )


def bytes_by_source() -> PanelBuilder:
    return _drawn(
        over_time("Bps").min(0),
        "Bytes by part",
        "Bytes a second that the lines of each part are long, over 5 minutes: what the logs cost. The largest is "
        "what fills the disk.",
        f"sum by (part) (bytes_rate({EVERY}[5m]))",
        "{{part}}",
    )


def errors() -> PanelBuilder:
    return _listed(
        log_lines(),
        "Errors",
        "Lines of level error or critical, newest first. Open one for its labels; look what came just before. "
        f"{EMPTY_IS_FINE} nothing is wrong then.",
        WRONG,
    )


def found() -> PanelBuilder:
    return _listed(
        log_lines(),
        "Search",
        "Lines that hold the text of the field above, small or capital letters alike. A request's id finds all it "
        f"did. {EMPTY_IS_FINE} no line does.",
        f"{EVERY} |~ `(?i)$search`",
    )

"""Colours of panels from the numbers of stack.yml, so that a panel turns red where its alert fires."""

from __future__ import annotations

from stackgen.render.common import Source
from stackgen.render.dashboards.panels import Steps


def limits(source: Source, warning: str = "", critical: str = "") -> Steps:
    """Green, orange from the threshold of the first name on, red from that of the second."""
    found: list[tuple[float | None, str]] = [(None, "green")]
    for name, colour in ((warning, "orange"), (critical, "red")):
        value = source.stack.thresholds.get(name)
        if isinstance(value, float):
            found.append((value, colour))
    return found


def at_least(source: Source, name: str) -> Steps:
    """Orange below the threshold, green from it on."""
    value = source.stack.thresholds.get(name)
    return [(None, "orange"), (value, "green")] if isinstance(value, float) else [(None, "green")]

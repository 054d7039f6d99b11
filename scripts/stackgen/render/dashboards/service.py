"""Any service that answers HTTP requests: rate, errors, duration, by route. The names are those of every preset."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import traffic
from stackgen.render.dashboards.links import CHOSEN as ONLY
from stackgen.render.dashboards.links import SERVICE_UID as UID
from stackgen.render.dashboards.links import frame, services
from stackgen.render.dashboards.panels import PanelBuilder, Steps, build

TITLE = "Service"
FAILING: Steps = ((None, "green"), (1, "orange"), (5, "red"))  # presets differ: their own dashboards have their numbers
SLOW: Steps = ((None, "green"),)


def service(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (traffic.rate_now(ONLY), 6, 4),
        (traffic.errors_now(ONLY, FAILING), 6, 4),
        (traffic.p95_now(ONLY, SLOW), 6, 4),
        (traffic.in_progress(ONLY), 6, 4),
        (traffic.by_service(ONLY), 8, 8),
        (traffic.error_share(ONLY, FAILING), 8, 8),
        (traffic.response_times(ONLY), 8, 8),
        (traffic.by_status(ONLY), 8, 8),
        (traffic.by_route(ONLY), 8, 8),
        (traffic.slow_routes(ONLY), 8, 8),
        (traffic.routes(ONLY), 24, 10),
        (traffic.failing_routes(ONLY), 12, 8),
        (traffic.exceptions(ONLY), 12, 8),
    ]
    return build(frame(source, TITLE, UID, variables=[services()]), origin, panels)

"""The dashboard of a service of the framework (preset framework): requests, users, database, cache, process."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import datastore, machine, traffic
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame, of_preset
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, ask, build, one_number, over_time

TITLE = "Framework Monitoring"
UID = "watchstack-framework"
PRESET = "framework"
ONLY = of_preset(PRESET)


def framework(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    slow = limits(source, "framework_response_time_seconds")
    failing = limits(source, critical="framework_error_percent")
    panels: list[tuple[PanelBuilder, int, int]] = [
        (traffic.rate_now(ONLY), 5, 4),
        (traffic.errors_now(ONLY, failing), 5, 4),
        (traffic.average_now(ONLY, slow), 5, 4),
        (sessions(), 5, 4),
        (failed_logins(source), 4, 4),
        (traffic.by_status(ONLY), 8, 8),
        (traffic.response_times(ONLY, slow), 8, 8),
        (traffic.error_share(ONLY, failing), 8, 8),
        (traffic.by_route(ONLY), 8, 8),
        (traffic.exceptions(ONLY), 8, 8),
        (logins(), 8, 8),
        (datastore.queries(ONLY), 8, 8),
        (datastore.query_times(ONLY, limits(source, "framework_query_seconds")), 8, 8),
        (datastore.cache_hits(ONLY), 8, 8),
        (machine.cpu(ONLY, [(None, "green")]), 8, 8),
        (machine.memory(ONLY, limits(source, "framework_memory_percent")), 8, 8),
        (machine.disk(ONLY, limits(source, "framework_disk_percent")), 8, 8),
        (own_memory(), 12, 8),
        (audit_events(), 12, 8),
    ]
    return build(frame(source, TITLE, UID, PRESET), origin, panels)


def sessions() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "blue")]),
        "Active sessions",
        f"Sessions that are active now. A fall to none at once: people were logged out. {EMPTY_IS_FINE} the "
        "application has no sessions.",
        (f"sum(sessions_active{{{ONLY}}})", "sessions"),
        instant=True,
    )


def failed_logins(source: Source) -> PanelBuilder:
    return ask(
        one_number("short", limits(source, "framework_failed_logins")).decimals(0),
        "Failed logins",
        "Logins that failed within the last 5 minutes. Many from one place are an attack: see the audit log. "
        f"{EMPTY_IS_FINE} none failed.",
        (f"sum(service:failed_logins:increase5m{{{ONLY}}})", "failed"),
        instant=True,
    )


def logins() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Logins",
        "Logins a minute by their outcome, over 5 minutes. More failures than successes: an attack or a broken "
        f"login. {EMPTY_IS_FINE} nobody has logged in.",
        (f"60 * sum by (outcome) (rate(logins_total{{{ONLY}}}[5m]))", "{{outcome}}"),
    )


def own_memory() -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Application memory",
        "Resident memory of the application's process and its child processes. Normal is level after the first hour.",
        (f"sum by (service, instance) (memory_usage_bytes{{{ONLY}}})", "{{service}} {{instance}}"),
    )


def audit_events() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Audit events",
        "Audit events a minute by their kind, over 5 minutes. A kind that is many at once deserves a look into the "
        f"audit log. {EMPTY_IS_FINE} none was recorded.",
        (f"60 * sum by (event) (rate(audit_events_total{{{ONLY}}}[5m]))", "{{event}}"),
    )

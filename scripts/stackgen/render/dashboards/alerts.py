"""Alerts: what fires, what fired and for how long, which alerts are noise, whether the messages go out."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.links import frame
from stackgen.render.dashboards.panels import (
    EMPTY_IS_FINE,
    PROMETHEUS,
    PanelBuilder,
    ask,
    build,
    listing,
    one_number,
    over_time,
    rows,
)

TITLE = "Alerts"
UID = "watchstack-alerts"
FIRING = 'ALERTS{alertstate="firing",alertname!="Watchdog"}'
PENDING = 'ALERTS{alertstate="pending"}'
QUIET = f"{EMPTY_IS_FINE} nothing fired."
TIERS = (("critical", "red"), ("error", "red"), ("warning", "orange"), ("info", "blue"))


def alerts(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        *((firing_now(tier, colour), 4, 4) for tier, colour in TIERS),
        (pending_now(), 4, 4),
        (silences(), 4, 4),
        (active(), 24, 8),
        (history(), 24, 8),
        (noise(), 12, 8),
        (by_service(), 12, 8),
        (notifications(), 8, 8),
        (failed_notifications(), 8, 8),
        (latency(), 8, 8),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def firing_now(tier: str, colour: str) -> PanelBuilder:
    which = f'{FIRING[:-1]},severity="{tier}"}}'
    return ask(
        one_number("short", [(None, "green"), (1, colour)]),
        tier.capitalize(),
        f"Alerts of severity {tier} that fire now.",
        (f"count({which}) or vector(0)", tier),
        instant=True,
    )


def pending_now() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "yellow")]),
        "Pending",
        "Alerts whose condition holds, but not yet for as long as they ask.",
        (f"count({PENDING}) or vector(0)", "pending"),
        instant=True,
    )


def silences() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "blue")]),
        "Silences",
        "Silences that hold alerts back now.",
        ('sum(alertmanager_silences{state="active"})', "silences"),
        instant=True,
    )


def active(only: str = "") -> PanelBuilder:
    """only: matchers that choose the services, "" for everything."""
    by = "alertname, alertstate, severity, service, team, instance, subject"
    return (
        listing(["Time", "Value", "__name__"], {"alertname": "alert", "alertstate": "state"})
        .title("Firing and pending")
        .description(f"Alerts that fire or are about to, with their labels. {EMPTY_IS_FINE} nothing is wrong then.")
        .datasource(PROMETHEUS)
        .with_target(rows(f'sum by ({by}) (ALERTS{{alertname!="Watchdog"{_and(only)}}})'))
    )


def history(only: str = "") -> PanelBuilder:
    """only: as above."""
    return ask(
        over_time("short").min(0).decimals(0),
        "History",
        f"How many alerts of each name fired at each moment. {QUIET}",
        (f"count by (alertname) ({FIRING[:-1]}{_and(only)}}})", "{{alertname}}"),
    )


def _and(only: str) -> str:
    return f",{only}" if only else ""


def noise() -> PanelBuilder:
    names = {"alertname": "alert", "Value": "samples while firing"}
    return (
        listing(["Time"], names)
        .title("Noise of a day")
        .description(f"The ten alerts that fired longest within a day: numbers of evaluations, per alert. {QUIET}")
        .datasource(PROMETHEUS)
        .with_target(rows(f"topk(10, sum by (alertname, severity) (count_over_time({FIRING}[1d])))"))
    )


def by_service() -> PanelBuilder:
    return ask(
        over_time("short").min(0).decimals(0),
        "By service",
        f"How many alerts of each service fired at each moment. {QUIET}",
        (f"count by (service) ({FIRING})", "{{service}}"),
    )


def notifications() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Notifications",
        "Notifications a minute by kind of receiver, over 5 minutes; the watchdog's are among them.",
        ("60 * stack:notifications:rate5m > 0", "{{integration}}"),
    )


def failed_notifications() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Failed notifications",
        "Notifications a minute that a receiver did not take, over 5 minutes.",
        ("60 * sum(rate(alertmanager_notifications_failed_total[5m]))", "failed"),
    )


def latency() -> PanelBuilder:
    spent, sent = (f"sum(rate(alertmanager_notification_latency_seconds_{part}[5m]))" for part in ("sum", "count"))
    return ask(
        over_time("s").min(0),
        "Time to notify",
        "Mean time that a receiver takes for one notification, over 5 minutes.",
        (f"{spent} / ({sent} > 0)", "mean"),
    )

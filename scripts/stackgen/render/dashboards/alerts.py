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
from stackgen.render.dashboards.queries import of_all

TITLE = "Alerts"
UID = "watchstack-alerts"
FIRING = 'ALERTS{alertstate="firing",alertname!="Watchdog",escalated=""}'  # an escalation is no alert of its own
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
        (noise(), 24, 8),
        (by_service(), 12, 8),
        (started(), 12, 8),
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
        f"Alerts of severity {tier} that fire now. Normal is 0; the table below says what, since when and whose.",
        (f"count({which}) or vector(0)", tier),
        instant=True,
    )


def pending_now() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "yellow")]),
        "Pending",
        "Alerts whose condition holds, but not yet for as long as they ask. Some of these fire soon; many at once "
        "are the beginning of an incident.",
        (f"count({PENDING}) or vector(0)", "pending"),
        instant=True,
    )


def silences() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "blue")]),
        "Silences",
        "Silences that hold alerts back now. Each should have an end and a reason: the console lists them.",
        ('sum(alertmanager_silences{state="active"})', "silences"),
        instant=True,
    )


def active(only: str = "", title: str = "Firing and pending") -> PanelBuilder:
    """only: matchers that choose the services, "" for everything."""
    columns = {
        "alertname": "alert",
        "alertstate": "state",
        "severity": "severity",
        "Value": "for",
        "service": "service",
    }
    columns |= {"team": "team", "subject": "subject", "instance": "instance"}
    by = ", ".join(name for name in columns if name != "Value")
    age = "* ignoring (alertstate) group_left () (time() - ALERTS_FOR_STATE)"
    return (
        listing(columns)
        .unit("s")
        .title(title)
        .description(
            "What fires or is about to, since when, and whose it is: the oldest first. Take the highest severity "
            f"first; runbook, silence and acknowledgement are in the console. {EMPTY_IS_FINE} nothing is wrong then."
        )
        .datasource(PROMETHEUS)
        .with_target(rows(f'sort_desc(max by ({by}) (ALERTS{{alertname!="Watchdog"{_and(only)}}} {age}))'))
    )


def history(only: str = "") -> PanelBuilder:
    """only: as above."""
    return ask(
        over_time("short").min(0).decimals(0),
        "History",
        "How many alerts of each name fired at each moment. What comes and goes all day is noise; what began "
        f"together has one cause. {QUIET}",
        (f"count by (alertname) ({FIRING[:-1]}{_and(only)}}})", "{{alertname}}"),
    )


def _and(only: str) -> str:
    return f",{only}" if only else ""


def noise() -> PanelBuilder:
    by = "sum by (alertname, severity, team)"
    ended, soon = (f"{by} (sum_over_time(alert:{what}:count1m[7d]))" for what in ("ended", "ended_within_5m"))
    names = {
        "alertname": "alert",
        "severity": "severity",
        "team": "team",
        "Value #A": "fired, times",
        "Value #B": "fired, hours",
        "Value #C": "ended within 5 min, %",
    }
    return (
        listing(names)
        .decimals(1)
        .title("Noise of a week")
        .description(
            "How often each alert fired within a week, how many hours in all, and what share of it was over within 5 "
            "minutes. Often and short is noise: give it a longer `for` or another threshold (`overrides` of "
            f"stack.yml). Long and never mended: mend it, or it is no alert. {QUIET}"
        )
        .datasource(PROMETHEUS)
        .with_target(rows(f"sort_desc({by} (sum_over_time(alert:fired:count1m[7d])))"))
        .with_target(rows(f"{by} (sum_over_time(alert:firing:count1m[7d])) / 60", "B"))
        .with_target(rows(f"100 * ({of_all(soon, ended)}) / ({ended} > 0)", "C"))
    )


def started() -> PanelBuilder:
    return ask(
        over_time("short").min(0).decimals(0),
        "Started within the hour",
        "How many alerts of each severity began to fire within the hour before each moment. A peak at one time is an "
        f"incident; the same hour every day is a job of that hour. {QUIET}",
        ("sum by (severity) (sum_over_time(alert:fired:count1m[1h]))", "{{severity}}"),
    )


def by_service() -> PanelBuilder:
    return ask(
        over_time("short").min(0).decimals(0),
        "By service",
        "How many alerts of each service fired at each moment. The service that was first is often the cause of the "
        f"rest. {QUIET}",
        (f"count by (service) ({FIRING})", "{{service}}"),
    )


def notifications() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Notifications",
        "Notifications a minute by kind of receiver, over 5 minutes; the watchdog's are among them. Many a minute "
        "wear people out: group them, or mend what is noisy.",
        ("60 * stack:notifications:rate5m > 0", "{{integration}}"),
    )


def failed_notifications() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Failed notifications",
        "Notifications a minute that a receiver did not take, over 5 minutes. Normal is none: the log of "
        "Alertmanager names the receiver and its answer.",
        ("60 * sum(rate(alertmanager_notifications_failed_total[5m]))", "failed"),
    )


def latency() -> PanelBuilder:
    spent, sent = (f"sum(rate(alertmanager_notification_latency_seconds_{part}[5m]))" for part in ("sum", "count"))
    return ask(
        over_time("s").min(0),
        "Time to notify",
        "Mean time that a receiver takes for one notification, over 5 minutes. Normal is under a second or two; "
        "beyond 10 s it is given up and tried anew.",
        (f"{spent} / ({sent} > 0)", "mean"),
    )

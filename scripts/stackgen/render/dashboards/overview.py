"""The overview: is anything wrong, and where. One function a panel; thresholds are those of the stack's alerts."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import containers, itself
from stackgen.render.dashboards.alerts import FIRING, active, notifications
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import OVERVIEW_UID as UID
from stackgen.render.dashboards.links import frame, to_service
from stackgen.render.dashboards.panels import (
    EMPTY_IS_FINE,
    LOKI,
    PROMETHEUS,
    PanelBuilder,
    Steps,
    bars,
    build,
    lines,
    listing,
    log_lines,
    one_number,
    over_time,
    query,
    rows,
)
from stackgen.render.dashboards.sdk import model

TITLE = "Watchstack overview"


def overview(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (firing_alerts(), 4, 4),
        (parts_down(), 4, 4),
        (targets_up(), 4, 4),
        (watchdog(source), 4, 4),
        (failed_notifications(), 4, 4),
        (uptime(), 4, 4),
        (active(title="Alerts"), 24, 8),
        (cpu(source), 8, 8),
        (memory(source), 8, 8),
        (disk(source), 8, 8),
        (parts(), 8, 8),
        (targets(), 8, 8),
        (network(), 8, 8),
        (containers.listed(), 24, 6),
        (containers.cpu("Container CPU"), 12, 6),
        (containers.memory("Container memory"), 12, 6),
        (log_volume(), 12, 8),
        (recent_errors(), 12, 8),
        (notifications(), 8, 7),
        (itself.log_lines(), 8, 7),
        (itself.samples("Samples ingested"), 8, 7),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def percent(source: Source, subject: str) -> Steps:
    """Green, and from the stack's thresholds on orange and red."""
    return limits(source, f"{subject}_warning", f"{subject}_critical")


def firing_alerts() -> PanelBuilder:
    return (
        one_number("short", [(None, "green"), (1, "red")])
        .title("Firing alerts")
        .description(
            "How many alerts fire now, the watchdog aside, which always does. Normal is 0; the table below has them."
        )
        .datasource(PROMETHEUS)
        .with_target(query(f"count({FIRING}) or vector(0)", "firing", instant=True))
    )


def parts_down() -> PanelBuilder:
    return (
        one_number("short", [(None, "green"), (1, "red")])
        .title("Parts down")
        .description(
            "How many of the stack's own parts do not answer Prometheus. Normal is 0: `./stack status` says more."
        )
        .datasource(PROMETHEUS)
        .with_target(query('count(up{service="watchstack"} == 0) or vector(0)', "down", instant=True))
    )


def targets_up() -> PanelBuilder:
    return (
        one_number("percentunit", [(None, "red"), (1, "green")])
        .title("Targets up")
        .description(
            "The share of all targets, services included, that answer Prometheus. Normal is 100 %; Targets below "
            "says whose is missing."
        )
        .datasource(PROMETHEUS)
        .with_target(query("stack:targets_up:ratio", "up", instant=True))
    )


def watchdog(source: Source) -> PanelBuilder:
    silence = source.stack.watchdog.silence
    return (
        one_number("s", [(None, "green"), (silence, "red")])
        .title("Watchdog seen")
        .description(f"Seconds since the alert that always fires last reached the console; over {silence:g} it alarms.")
        .datasource(PROMETHEUS)
        .with_target(query("time() - max(watchdog_last_seen_timestamp_seconds)", "ago", instant=True))
    )


def failed_notifications() -> PanelBuilder:
    return (
        one_number("short", [(None, "green"), (1, "red")])
        .decimals(0)
        .title("Failed notifications")
        .description(
            "Notifications that a receiver did not take within the last hour. Normal is 0: nobody may have been "
            "told; look into the inbox."
        )
        .datasource(PROMETHEUS)
        .with_target(query("sum(increase(alertmanager_notifications_failed_total[1h]))", "failed", instant=True))
    )


def uptime() -> PanelBuilder:
    return (
        one_number("s", [(None, "blue")])
        .title("Prometheus runs for")
        .description("Time since Prometheus was started. A short time that nobody caused is a crash.")
        .datasource(PROMETHEUS)
        .with_target(query('time() - max(process_start_time_seconds{job="prometheus"})', "running", instant=True))
    )


def parts() -> PanelBuilder:
    states = model.ValueMap(
        {
            "0": model.ValueMappingResult(text="down", color="red", index=0),
            "1": model.ValueMappingResult(text="up", color="green", index=1),
        }
    )
    return (
        listing({"job": "part", "instance": "instance", "Value": "state"})
        .mappings([states])
        .title("Parts")
        .description(
            "The stack's own parts and whether each answers Prometheus. What is down is told by `./stack status`, "
            "why by `./stack logs PART`."
        )
        .datasource(PROMETHEUS)
        .with_target(rows('max by (job, instance) (up{service="watchstack"})'))
    )


def cpu(source: Source) -> PanelBuilder:
    return (
        over_time("percent", percent(source, "cpu"))
        .min(0)
        .max(100)
        .title("CPU")
        .description(
            "How busy the host's CPUs are, all of them together. The lines are the alerts' thresholds. The "
            "dashboard Host says what keeps them busy."
        )
        .datasource(PROMETHEUS)
        .with_target(query('system_cpu_usage_percent{job="exporter"}', "{{instance}}"))
    )


def memory(source: Source) -> PanelBuilder:
    return (
        over_time("percent", percent(source, "memory"))
        .min(0)
        .max(100)
        .title("Memory")
        .description(
            "How much of the host's memory is in use. The lines are the alerts' thresholds. Over the upper line the "
            "kernel may soon end programs."
        )
        .datasource(PROMETHEUS)
        .with_target(query('system_memory_usage_percent{job="exporter"}', "{{instance}}"))
    )


def disk(source: Source) -> PanelBuilder:
    return (
        bars("percent", percent(source, "disk"), 100)
        .title("Disk")
        .description(
            "How full each mounted file system is. Colours change at the alerts' thresholds. Clear logs and old "
            "files before one is full."
        )
        .datasource(PROMETHEUS)
        .with_target(query('system_disk_usage_percent{job="exporter"}', "{{mount_point}}", instant=True))
    )


def network() -> PanelBuilder:
    return (
        over_time("Bps")
        .min(0)
        .title("Network")
        .description("Bytes a second that the host receives and sends, over 5 minutes. Normal follows the requests.")
        .datasource(PROMETHEUS)
        .with_target(query("instance:network_received_bytes:rate5m", "received {{instance}}"))
        .with_target(query("instance:network_sent_bytes:rate5m", "sent {{instance}}", "B"))
    )


def targets() -> PanelBuilder:
    return (
        over_time("percentunit")
        .data_links([to_service()])
        .min(0)
        .max(1)
        .title("Targets")
        .description(
            "The share of each service's targets that answer Prometheus; watchstack is the stack itself. Below 1 "
            "some instance is down; a click leads to the service's requests."
        )
        .datasource(PROMETHEUS)
        .with_target(query("avg by (service) (up)", "{{service}}"))
    )


def log_volume() -> PanelBuilder:
    return (
        over_time("short")
        .min(0)
        .title("Log volume")
        .description(
            "Log lines a second by level, over 5 minutes; lines that name no level stand without one. A peak of "
            "errors: see the lines beside it, and the dashboard Logs."
        )
        .datasource(LOKI)
        .with_target(lines('sum by (level) (rate({environment=~".+"}[5m]))', "{{level}}"))
    )


def recent_errors() -> PanelBuilder:
    return (
        log_lines()
        .title("Recent errors")
        .description(
            "Log lines of level error or critical, newest first. The dashboard Logs groups them by shape. "
            f"{EMPTY_IS_FINE} nothing is wrong then."
        )
        .datasource(LOKI)
        .with_target(lines('{level=~"error|critical"}'))
    )

"""The host: how much of each resource is used, how long is waited for it, what fails (exporter and node_exporter)."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, ask, bars, build, one_number, over_time

TITLE = "Host"
UID = "watchstack-host"
OWN = 'job="exporter"'
NODE = 'job="node-exporter"'
WHOLE = 'device!~"(?:loop|ram|dm-|sr).*"'  # disks, not what lies upon them
NO_PRESSURE = f"{EMPTY_IS_FINE} the kernel does not tell of pressure."
NO_DISK = f"{EMPTY_IS_FINE} no disk of its own is seen, as in a virtual sandbox."


def host(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (cpu_now(source), 6, 4),
        (memory_now(source), 6, 4),
        (load_per_core(source), 6, 4),
        (uptime(), 6, 4),
        (cpu_by_mode(), 8, 8),
        (load(), 8, 8),
        (pressure(), 8, 8),
        (memory_kinds(), 8, 8),
        (swapping(), 8, 8),
        (out_of_memory(), 8, 8),
        (disk_used(source), 8, 8),
        (disk_traffic(), 8, 8),
        (disk_busy(), 8, 8),
        (network_traffic(), 8, 8),
        (network_errors(), 8, 8),
        (open_files(), 8, 8),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def cpu_now(source: Source) -> PanelBuilder:
    return ask(
        one_number("percent", limits(source, "cpu_warning", "cpu_critical")).decimals(0),
        "CPU now",
        "CPU time in use over all cores. Colours change where the alerts fire. Orange for long: find the program "
        "with `top`, or the container on the dashboard Containers.",
        (f"max(system_cpu_usage_percent{{{OWN}}})", "used"),
        instant=True,
    )


def memory_now(source: Source) -> PanelBuilder:
    return ask(
        one_number("percent", limits(source, "memory_warning", "memory_critical")).decimals(0),
        "Memory now",
        "Memory in use. Colours change where the alerts fire. Red: end or move something before the kernel does.",
        (f"max(system_memory_usage_percent{{{OWN}}})", "used"),
        instant=True,
    )


def load_per_core(source: Source) -> PanelBuilder:
    cores = f'count by (instance) (node_cpu_seconds_total{{{NODE},mode="idle"}})'
    return ask(
        one_number("short", limits(source, "load_per_core")).decimals(2),
        "Load a core",
        "Programs that run or wait for CPU or disk, mean over 5 minutes, divided by the number of cores. Normal is "
        "below 1; above it work queues up.",
        (f"max(max by (instance) (node_load5{{{NODE}}}) / {cores})", "load"),
        instant=True,
    )


def uptime() -> PanelBuilder:
    return ask(
        one_number("s", [(None, "blue")]),
        "Up for",
        "Time since the host was started. Shorter than expected: it was restarted, see the marks.",
        (f"time() - max(node_boot_time_seconds{{{NODE}}})", "up"),
        instant=True,
    )


def cpu_by_mode() -> PanelBuilder:
    which = f'node_cpu_seconds_total{{{NODE},mode!="idle"}}'
    cores = f'scalar(count(node_cpu_seconds_total{{{NODE},mode="idle"}}))'
    return ask(
        over_time("percent").min(0),
        "CPU by mode",
        "What the CPUs do, in percent of all cores, over 5 minutes; iowait is waiting for a disk, steal is another "
        "guest's. Much iowait: see the disks; much steal: the host is shared with too many.",
        (f"100 * sum by (mode) (rate({which}[5m])) / {cores}", "{{mode}}"),
    )


def load() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Load",
        "Programs that run or wait for CPU or disk, mean over 1, 5 and 15 minutes. Normal is below the number of "
        "cores.",
        (f"max(node_load1{{{NODE}}})", "1 minute"),
        (f"max(node_load5{{{NODE}}})", "5 minutes"),
        (f"max(node_load15{{{NODE}}})", "15 minutes"),
    )


def pressure() -> PanelBuilder:
    return ask(
        over_time("percent").min(0),
        "Waiting",
        "Share of the time in which some program waited for CPU, memory or disk, over 5 minutes. Normal is a few "
        f"percent; the highest line is what is short. {NO_PRESSURE}",
        (f"100 * max(rate(node_pressure_cpu_waiting_seconds_total{{{NODE}}}[5m]))", "CPU"),
        (f"100 * max(rate(node_pressure_memory_waiting_seconds_total{{{NODE}}}[5m]))", "memory"),
        (f"100 * max(rate(node_pressure_io_waiting_seconds_total{{{NODE}}}[5m]))", "disk"),
    )


def memory_kinds() -> PanelBuilder:
    total, left = (f"max(node_memory_{what}_bytes{{{NODE}}})" for what in ("MemTotal", "MemAvailable"))
    return ask(
        over_time("bytes").min(0),
        "Memory",
        "All memory, what programs use of it, and what can still be had. Normal is a level line of what is used, "
        "well below all.",
        (total, "all"),
        (f"{total} - {left}", "used"),
        (left, "available"),
    )


def swapping() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Swapping",
        "Pages a second that are read from swap and written to it, over 5 minutes: memory is short when they are many.",
        (f"max(rate(node_vmstat_pswpin{{{NODE}}}[5m]))", "in"),
        (f"max(rate(node_vmstat_pswpout{{{NODE}}}[5m]))", "out"),
    )


def out_of_memory() -> PanelBuilder:
    return ask(
        over_time("short").min(0).decimals(0),
        "Ended for want of memory",
        "Programs that the kernel killed within the hour before because memory was out. Normal is none: find it in "
        "the kernel's log, give it less work or more memory.",
        (f"max(increase(node_vmstat_oom_kill{{{NODE}}}[1h]))", "killed"),
    )


def disk_used(source: Source) -> PanelBuilder:
    return ask(
        bars("percent", limits(source, "disk_warning", "disk_critical"), 100),
        "Disk used",
        "How full each file system is. Colours change where the alerts fire. Clear logs, images and old files "
        "before it is full.",
        (f"max by (mount_point) (system_disk_usage_percent{{{OWN}}})", "{{mount_point}}"),
        instant=True,
    )


def disk_traffic() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Disk traffic",
        "Bytes a second read from and written to each disk, over 5 minutes. Normal follows the work; much without "
        f"work is a backup or swapping. {NO_DISK}",
        (f"sum by (device) (rate(node_disk_read_bytes_total{{{NODE},{WHOLE}}}[5m]))", "read {{device}}"),
        (f"sum by (device) (rate(node_disk_written_bytes_total{{{NODE},{WHOLE}}}[5m]))", "written {{device}}"),
    )


def disk_busy() -> PanelBuilder:
    return ask(
        over_time("percent").min(0).max(100),
        "Disk busy",
        "Share of the time in which each disk had something to do, over 5 minutes. Near 100 % everything that "
        f"writes waits. {NO_DISK}",
        (f"100 * max by (device) (rate(node_disk_io_time_seconds_total{{{NODE},{WHOLE}}}[5m]))", "{{device}}"),
    )


def network_traffic() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Network traffic",
        "Bytes a second that the host receives and sends, over 5 minutes. Normal follows the requests.",
        ("sum by (instance) (instance:network_received_bytes:rate5m)", "received"),
        ("sum by (instance) (instance:network_sent_bytes:rate5m)", "sent"),
    )


def network_errors() -> PanelBuilder:
    received, sent = (f"sum(rate(node_network_{way}_errs_total{{{NODE}}}[5m]))" for way in ("receive", "transmit"))
    return ask(
        over_time("short").min(0),
        "Network errors",
        "Packets a second that could not be received or sent, over 5 minutes, and those that were dropped. Normal "
        "is none: a cable, a driver or a full buffer.",
        (received, "received wrong"),
        (sent, "sent wrong"),
        (f"sum(rate(node_network_receive_drop_total{{{NODE}}}[5m]))", "dropped"),
    )


def open_files() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Open files",
        "Files, sockets and pipes that all programs together hold open. A steady climb is a leak of connections or "
        "files.",
        (f"max(node_filefd_allocated{{{NODE}}})", "open"),
    )

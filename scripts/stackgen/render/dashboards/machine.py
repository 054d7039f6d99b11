"""Panels about the machine and the process of a service, as the library measures them from inside.

The host as the stack's own exporter sees it is the subject of `host`.
"""

from __future__ import annotations

from stackgen.render.dashboards.panels import PanelBuilder, Steps, ask, bars, over_time


def cpu(only: str, steps: Steps) -> PanelBuilder:
    return ask(
        over_time("percent", steps).min(0).max(100),
        "CPU",
        "CPU time in use on the host of each service, over all cores. Normal leaves a fifth free; near 100 % "
        "requests wait: see which process it is.",
        (f"max by (service, instance) (system_cpu_usage_percent{{{only}}})", "{{service}} {{instance}}"),
    )


def memory(only: str, steps: Steps) -> PanelBuilder:
    return ask(
        over_time("percent", steps).min(0).max(100),
        "Memory",
        "Memory in use on the host of each service. Normal is level; a steady climb is a leak, and ends with a "
        "killed process.",
        (f"max by (service, instance) (system_memory_usage_percent{{{only}}})", "{{service}} {{instance}}"),
    )


def memory_left(only: str) -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Memory available",
        "Memory that programs can still get on the host of each service. Near nothing the kernel ends programs: "
        "free some or add some.",
        (f"max by (service, instance) (system_memory_available_bytes{{{only}}})", "{{service}} {{instance}}"),
    )


def disk(only: str, steps: Steps) -> PanelBuilder:
    return ask(
        bars("percent", steps, 100),
        "Disk",
        "How full each file system of the service's host is now. Full, nothing can be written: clear logs and old "
        "files before that.",
        (f"max by (mount_point) (system_disk_usage_percent{{{only}}})", "{{mount_point}}"),
        instant=True,
    )


def disk_left(only: str) -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Disk available",
        "Bytes that are still free on each file system of the service's host. A straight fall tells when it is full.",
        (f"min by (mount_point) (system_disk_available_bytes{{{only}}})", "{{mount_point}}"),
    )


def network(only: str) -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Network",
        "Bytes a second that the service's host receives and sends, over 5 minutes. Compare with the requests: "
        "traffic without requests is a backup, a copy or an attack.",
        (f"sum by (instance) (rate(system_network_bytes_received{{{only}}}[5m]))", "received {{instance}}"),
        (f"sum by (instance) (rate(system_network_bytes_sent{{{only}}}[5m]))", "sent {{instance}}"),
    )


def process_memory(only: str) -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Process memory",
        "Resident memory of each service's process. Normal is level after the first hour; a climb that never ends "
        "is a leak.",
        (f"sum by (service, instance) (process_resident_memory_bytes{{{only}}})", "{{service}} {{instance}}"),
    )


def process_cpu(only: str, steps: Steps = ((None, "green"),)) -> PanelBuilder:
    return ask(
        over_time("percent", steps).min(0),
        "Process CPU",
        "CPU time of each service's process in percent of one core, over 5 minutes. At 100 a Python process is busy "
        "all the time: more workers or less work.",
        (
            f"100 * sum by (service, instance) (rate(process_cpu_seconds_total{{{only}}}[5m]))",
            "{{service}} {{instance}}",
        ),
    )

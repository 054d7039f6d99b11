"""The containers of this host: what each uses of CPU, memory, network and disk, and how it fares."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards.links import frame
from stackgen.render.dashboards.overview import NO_DOCKER
from stackgen.render.dashboards.panels import PanelBuilder, ask, build, one_number, over_time

TITLE = "Containers"
UID = "watchstack-containers"


def containers(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    panels: list[tuple[PanelBuilder, int, int]] = [
        (running(), 6, 4),
        (unhealthy(), 6, 4),
        (restarted(), 6, 4),
        (killed(), 6, 4),
        (cpu(), 12, 8),
        (memory(), 12, 8),
        (network(), 12, 8),
        (disk(), 12, 8),
    ]
    return build(frame(source, TITLE, UID), origin, panels)


def running() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "blue")]),
        "Running",
        f"Containers whose memory is measured, which are those that run. {NO_DOCKER}",
        ("count(container_memory_usage_bytes)", "running"),
        instant=True,
    )


def unhealthy() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "red")]),
        "Unhealthy",
        f"Containers whose health check fails; one without a check is not counted. {NO_DOCKER}",
        ("count(container_health == 0) or 0 * count(container_memory_usage_bytes)", "unhealthy"),
        instant=True,
    )


def restarted() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "orange")]).decimals(0),
        "Restarts of the last hour",
        f"How often the engine started containers anew within the last hour. {NO_DOCKER}",
        ("sum(increase(container_restarts_total[1h]))", "restarts"),
        instant=True,
    )


def killed() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "red")]),
        "Out of memory",
        f"Containers whose last end was for want of memory. {NO_DOCKER}",
        ("sum(container_oom_killed)", "killed"),
        instant=True,
    )


def cpu() -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "CPU",
        f"CPU cores in use by container, over 5 minutes. {NO_DOCKER}",
        ("sum by (name) (container:cpu_usage:rate5m)", "{{name}}"),
    )


def memory() -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        "Memory",
        f"Memory in use by container. {NO_DOCKER}",
        ("sum by (name) (container_memory_usage_bytes)", "{{name}}"),
    )


def network() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Network",
        f"Bytes a second that each container receives and sends, over 5 minutes. {NO_DOCKER}",
        ("sum by (name) (rate(container_network_receive_bytes_total[5m]))", "received {{name}}"),
        ("sum by (name) (rate(container_network_transmit_bytes_total[5m]))", "sent {{name}}"),
    )


def disk() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Disk",
        f"Bytes a second that each container reads and writes, over 5 minutes. {NO_DOCKER}",
        ("sum by (name) (rate(container_block_read_bytes_total[5m]))", "read {{name}}"),
        ("sum by (name) (rate(container_block_write_bytes_total[5m]))", "written {{name}}"),
    )

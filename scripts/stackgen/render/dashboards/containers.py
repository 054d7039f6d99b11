"""The containers of this host: what each uses of CPU, memory, network and disk, and how it fares."""

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

TITLE = "Containers"
UID = "watchstack-containers"
NO_DOCKER = f"{EMPTY_IS_FINE} there are no containers without a Docker engine."
CONTAINER = "sum by (name, project, compose_service)"


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
        "Containers whose memory is measured, which are those that run. Fewer than usual: one ended, see its logs. "
        f"{NO_DOCKER}",
        ("count(container_memory_usage_bytes)", "running"),
        instant=True,
    )


def unhealthy() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "red")]),
        "Unhealthy",
        "Containers whose health check fails; one without a check is not counted. Normal is 0: `docker inspect` has "
        f"the last answers of the check. {NO_DOCKER}",
        ("count(container_health == 0) or 0 * count(container_memory_usage_bytes)", "unhealthy"),
        instant=True,
    )


def restarted() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "orange")]).decimals(0),
        "Restarts of the last hour",
        "How often the engine started containers anew within the last hour. Normal is 0; its last lines before each "
        f"start say why. {NO_DOCKER}",
        ("sum(increase(container_restarts_total[1h]))", "restarts"),
        instant=True,
    )


def killed() -> PanelBuilder:
    return ask(
        one_number("short", [(None, "green"), (1, "red")]),
        "Out of memory",
        f"Containers whose last end was for want of memory. Normal is 0: raise its limit or mend its leak. {NO_DOCKER}",
        ("sum(container_oom_killed)", "killed"),
        instant=True,
    )


def listed() -> PanelBuilder:
    names = {
        "name": "name",
        "project": "project",
        "compose_service": "service",
        "Value #A": "CPU cores",
        "Value #B": "memory, bytes",
        "Value #C": "restarts",
        "Value #D": "healthy",
    }
    return (
        listing(names)
        .title("Containers")
        .description(
            "Every container of this host: CPU, memory, restarts, health check (1 healthy). Restarts and a health "
            f"of 0 come first. {NO_DOCKER}"
        )
        .datasource(PROMETHEUS)
        .with_target(rows(f"{CONTAINER} (container:cpu_usage:rate5m)"))
        .with_target(rows(f"{CONTAINER} (container_memory_usage_bytes)", "B"))
        .with_target(rows(f"{CONTAINER} (container_restarts_total)", "C"))
        .with_target(rows(f"{CONTAINER} (container_health)", "D"))
    )


def cpu(title: str = "CPU") -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        title,
        f"CPU cores in use by container, over 5 minutes. One at its limit is slowed down by the kernel. {NO_DOCKER}",
        ("sum by (name) (container:cpu_usage:rate5m)", "{{name}}"),
    )


def memory(title: str = "Memory") -> PanelBuilder:
    return ask(
        over_time("bytes").min(0),
        title,
        f"Memory in use by container. A climb towards the limit ends with the container killed. {NO_DOCKER}",
        ("sum by (name) (container_memory_usage_bytes)", "{{name}}"),
    )


def network() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Network",
        "Bytes a second that each container receives and sends, over 5 minutes. Normal follows the requests. "
        f"{NO_DOCKER}",
        ("sum by (name) (rate(container_network_receive_bytes_total[5m]))", "received {{name}}"),
        ("sum by (name) (rate(container_network_transmit_bytes_total[5m]))", "sent {{name}}"),
    )


def disk() -> PanelBuilder:
    return ask(
        over_time("Bps").min(0),
        "Disk",
        "Bytes a second that each container reads and writes, over 5 minutes. One that writes without end fills the "
        f"disk. {NO_DOCKER}",
        ("sum by (name) (rate(container_block_read_bytes_total[5m]))", "read {{name}}"),
        ("sum by (name) (rate(container_block_write_bytes_total[5m]))", "written {{name}}"),
    )

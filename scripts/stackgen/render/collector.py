"""How logs are collected, as data: sources, labels, pipeline, delivery. `promtail` and `alloy` each write this down in
their own words, so that the two cannot drift apart; nothing that is said here is said there again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stackgen.render.common import Source

PROJECT = "watchstack"
DOCKER_API = "docker-api"  # place of the GET-only Docker API
COMPOSE_LABEL = "__meta_docker_container_label_com_docker_compose_"

LEVEL_KEYED = (
    r'(?i)\b(?:level|lvl|severity)"?\s*[=:]\s*"?(?P<level>trace|debug|info|notice|warn|error|err|crit|fatal|panic)'
)
LEVEL_BARE = r"\b(?P<bare>TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC)\b"
# One spelling each, as Loki's own level detection has them; empty where the line names none.
LEVEL_WORDS = (
    '{{ $l := ToLower (or .level .bare "") }}'
    '{{ if eq $l "warn" "warning" }}warning'
    '{{ else if eq $l "err" "error" }}error'
    '{{ else if eq $l "crit" "critical" "fatal" "panic" }}critical'
    '{{ else if eq $l "trace" "debug" }}debug'
    '{{ else if eq $l "info" "notice" }}info{{ end }}'
)
TIMESTAMP = (
    r'(?:^|[\s{,])"?(?:ts|time|timestamp)"?\s*[=:]\s*"?'
    r"(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
)


@dataclass(frozen=True)
class Files:
    """Log files of the parts. paths: a glob. labels: on every line."""

    paths: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Relabel:
    """One relabel rule in Prometheus's sense: where the sources joined by `;` match, the replacement is the target."""

    sources: tuple[str, ...]
    target: str
    regex: str = "(.*)"
    replacement: str = "$1"


@dataclass(frozen=True)
class Docker:
    """Containers behind the Docker API at `host`, asked for anew every `refresh`. labels: on every line."""

    host: str
    refresh: str
    labels: dict[str, str]
    relabels: tuple[Relabel, ...]


@dataclass(frozen=True)
class Stage:
    """One pipeline stage. kind: regex, template, labels, timestamp; options: by their names in both collectors."""

    kind: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """Where lines go. Nothing is ever given up: with Loki away the collector waits and stops reading."""

    url: str
    labels: dict[str, str]
    batch_wait: str = "1s"
    timeout: str = "10s"
    min_backoff: str = "500ms"
    max_backoff: str = "30s"
    retries: int = 0  # 0: as often as it takes


@dataclass(frozen=True)
class Collection:
    """The whole description. Exactly one of files and docker is there."""

    files: Files | None
    docker: Docker | None
    stages: tuple[Stage, ...]
    delivery: Delivery


def collection(source: Source) -> Collection:
    """What is collected under this placement."""
    placement = source.placement
    delivery = Delivery(f"{placement['loki'].url}/loki/api/v1/push", {"environment": source.stack.environment})
    if placement.logs:
        files = Files(f"{placement.logs}/*.log", {"job": PROJECT, "project": PROJECT})
        return Collection(files, None, (*_part_from_file(), *_timestamp(), *_level()), delivery)
    # tcp, not http: with http the log streams are cut after each refresh interval, the timeout of that client
    docker = Docker(f"tcp://{placement[DOCKER_API].address}", "5s", {"job": PROJECT}, _relabels())
    return Collection(None, docker, _level(), delivery)


def _relabels() -> tuple[Relabel, ...]:
    """Labels of a container's lines; `part` is a Compose service of this stack's own project."""
    project, service = f"{COMPOSE_LABEL}project", f"{COMPOSE_LABEL}service"
    return (
        Relabel((service,), "compose_service"),
        Relabel((project,), "project"),
        Relabel(("__meta_docker_container_name",), "container", regex="/?(.*)"),
        Relabel(("__meta_docker_container_log_stream",), "stream"),
        Relabel((project, service), "part", regex=f"{PROJECT}[^;]*;(.+)"),
    )


def _part_from_file() -> tuple[Stage, ...]:
    """prometheus.log is the log of the part prometheus; natively it stands for the Compose service too."""
    name = r"[^/]+"
    return (
        Stage("regex", {"source": "filename", "expression": rf"(?P<part>{name})\.log$"}),
        Stage("template", {"source": "compose_service", "template": "{{ .part }}"}),
        Stage("template", {"source": "container", "template": "{{ .part }}"}),
        Stage("labels", {"part": "", "compose_service": "", "container": ""}),
    )


def _timestamp() -> tuple[Stage, ...]:
    """A line's own time where it states one: lines read late, after Loki was away, keep their place."""
    return (
        Stage("regex", {"expression": TIMESTAMP}),
        Stage("timestamp", {"source": "timestamp", "format": "RFC3339Nano", "action_on_failure": "skip"}),
    )


def _level() -> tuple[Stage, ...]:
    return (
        Stage("regex", {"expression": LEVEL_BARE}),
        Stage("regex", {"expression": LEVEL_KEYED}),
        Stage("template", {"source": "level", "template": LEVEL_WORDS}),
        Stage("labels", {"level": ""}),
    )

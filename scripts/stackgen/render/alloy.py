"""loki/config.alloy: `collector`'s description in Alloy's words. The syntax itself is written by `alloy_dump`."""

from __future__ import annotations

from collections.abc import Iterator

from stackgen.render.alloy_dump import Block, Reference, to_alloy
from stackgen.render.collector import Collection, Docker, Files, Stage, collection
from stackgen.render.common import STACK, Source
from stackgen.render.dump import header

PATH = "loki/config.alloy"
PROCESS = Reference("loki.process.lines.receiver")
WRITE = Reference("loki.write.loki.receiver")


def render(source: Source) -> dict[str, bytes]:
    """The file by its path; nothing when another collector was chosen."""
    if source.stack.collector != "alloy":
        return {}
    return {PATH: to_alloy(list(_blocks(collection(source))), header(PATH, STACK))}


def _blocks(logs: Collection) -> Iterator[Block]:
    yield Block("logging", attributes={"level": "info", "format": "logfmt"})
    if logs.files:
        yield from _files(logs.files)
    if logs.docker:
        yield from _docker(logs.docker)
    yield Block("loki.process", "lines", {"forward_to": [WRITE]}, tuple(_stage(stage) for stage in logs.stages))
    delivery = logs.delivery
    endpoint = Block(
        "endpoint",
        attributes={
            "url": delivery.url,
            "batch_wait": delivery.batch_wait,
            "remote_timeout": delivery.timeout,
            "min_backoff_period": delivery.min_backoff,
            "max_backoff_period": delivery.max_backoff,
            "max_backoff_retries": delivery.retries,
        },
    )
    yield Block("loki.write", "loki", {"external_labels": delivery.labels}, (endpoint,))


def _files(files: Files) -> Iterator[Block]:
    targets = [{"__path__": files.paths, **files.labels}]
    yield Block("local.file_match", "logs", {"path_targets": targets})
    yield Block(
        "loki.source.file",
        "logs",
        {"targets": Reference("local.file_match.logs.targets"), "forward_to": [PROCESS]},
    )


def _docker(docker: Docker) -> Iterator[Block]:
    targets = Reference("discovery.docker.containers.targets")
    yield Block("discovery.docker", "containers", {"host": docker.host, "refresh_interval": docker.refresh})
    rules = tuple(
        Block(
            "rule",
            attributes={
                "source_labels": list(relabel.sources),
                "regex": relabel.regex,
                "target_label": relabel.target,
                "replacement": relabel.replacement,
            },
        )
        for relabel in docker.relabels
    )
    yield Block("discovery.relabel", "containers", {"targets": []}, rules)
    yield Block(
        "loki.source.docker",
        "containers",
        {
            "host": docker.host,
            "targets": targets,
            "labels": docker.labels,
            "relabel_rules": Reference("discovery.relabel.containers.rules"),
            "refresh_interval": docker.refresh,
            "forward_to": [PROCESS],
        },
    )


def _stage(stage: Stage) -> Block:
    """Options have the same names in both; only `labels` holds its map one level deeper."""
    options = {"values": stage.options} if stage.kind == "labels" else stage.options
    return Block(f"stage.{stage.kind}", attributes=options)

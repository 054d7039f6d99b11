"""loki/promtail.yml: `collector`'s description in Promtail's words."""

from __future__ import annotations

from typing import Any

from stackgen.render.collector import Collection, Docker, Files, collection
from stackgen.render.common import STACK, Source
from stackgen.render.dump import header, to_yaml

PATH = "loki/promtail.yml"


def render(source: Source) -> dict[str, bytes]:
    """The file by its path; nothing when another collector was chosen."""
    if source.stack.collector != "promtail":
        return {}
    return {PATH: to_yaml(_config(source), header(PATH, STACK))}


def _config(source: Source) -> dict[str, Any]:
    place = source.placement["promtail"]
    logs = collection(source)
    delivery = logs.delivery
    return {
        "server": {
            "http_listen_address": source.listen,
            "http_listen_port": place.port,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": 0,
            "log_level": "info",
        },
        "positions": {"filename": f"{place.data}/positions.yaml"},
        "clients": [
            {
                "url": delivery.url,
                "batchwait": delivery.batch_wait,
                "timeout": delivery.timeout,
                "backoff_config": {
                    "min_period": delivery.min_backoff,
                    "max_period": delivery.max_backoff,
                    "max_retries": delivery.retries,
                },
                "external_labels": delivery.labels,
            }
        ],
        "scrape_configs": [
            *([_files(logs.files, logs)] if logs.files else []),
            *([_docker(logs.docker, logs)] if logs.docker else []),
        ],
    }


def _files(files: Files, logs: Collection) -> dict[str, Any]:
    return {
        "job_name": "files",
        "static_configs": [{"targets": ["localhost"], "labels": {**files.labels, "__path__": files.paths}}],
        "pipeline_stages": _stages(logs),
    }


def _docker(docker: Docker, logs: Collection) -> dict[str, Any]:
    return {
        "job_name": "containers",
        "docker_sd_configs": [{"host": docker.host, "refresh_interval": docker.refresh}],
        "relabel_configs": [
            *({"target_label": name, "replacement": value} for name, value in docker.labels.items()),
            *(
                {
                    "source_labels": list(relabel.sources),
                    "regex": relabel.regex,
                    "target_label": relabel.target,
                    "replacement": relabel.replacement,
                }
                for relabel in docker.relabels
            ),
        ],
        "pipeline_stages": _stages(logs),
    }


def _stages(logs: Collection) -> list[dict[str, Any]]:
    return [{stage.kind: stage.options} for stage in logs.stages]

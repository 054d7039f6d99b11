"""prometheus/prometheus.yml: global settings, rule files, Alertmanager, a scrape job for every part and service.

Rules are rendered in `rules`. Retention is a flag of the engine: Prometheus 2.53 does not take it from this file.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stackgen.model import Service
from stackgen.render.common import STACK, Source, duration
from stackgen.render.dump import header, to_yaml

PATH = "prometheus/prometheus.yml"
PROBE_JOB = "probe"
PROBE_MODULE = "http_2xx"
DEFAULT_TIMEOUT = 10.0  # seconds, Prometheus's own


def render(source: Source) -> dict[str, bytes]:
    """The file by its path."""
    return {PATH: to_yaml(_config(source), header(PATH, STACK))}


def _config(source: Source) -> dict[str, Any]:
    intervals = source.stack.intervals
    return {
        "global": {
            "scrape_interval": duration(intervals.scrape),
            "scrape_timeout": duration(min(DEFAULT_TIMEOUT, intervals.scrape)),
            "evaluation_interval": duration(intervals.evaluation),
            "external_labels": {"environment": source.stack.environment},
        },
        "rule_files": ["rules/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [source.placement["alertmanager"].address]}]}]},
        "scrape_configs": [
            *(_part_job(source, part) for part in source.scraped_parts()),
            *(_service_job(source, service) for service in source.stack.services if _has_targets(service)),
            *_probe_jobs(source),
        ],
    }


def _part_job(source: Source, part: str) -> dict[str, Any]:
    return {
        "job_name": part,
        "static_configs": [{"targets": [source.placement[part].address], "labels": _kept(source.own_labels())}],
    }


def _has_targets(service: Service) -> bool:
    return bool(service.targets or service.dns or service.files)


def _service_job(source: Source, service: Service) -> dict[str, Any]:
    job: dict[str, Any] = {"job_name": service.name}
    if service.metrics_path != "/metrics":
        job["metrics_path"] = service.metrics_path
    if service.scheme != "http":
        job["scheme"] = service.scheme
    if service.bearer_token_file:
        token = f"{source.placement['prometheus'].secrets}/{service.bearer_token_file}"
        job["authorization"] = {"credentials_file": token}
    interval = service.interval or source.stack.intervals.scrape
    if service.interval:
        job["scrape_interval"] = duration(interval)
    timeout = service.timeout or min(DEFAULT_TIMEOUT, interval)
    if timeout != min(DEFAULT_TIMEOUT, source.stack.intervals.scrape):
        job["scrape_timeout"] = duration(timeout)
    labels = _kept(source.service_labels(service))
    if service.targets:
        targets = [source.placement.target(target) for target in service.targets]
        job["static_configs"] = [{"targets": targets, "labels": labels}]
    if service.dns:
        job["dns_sd_configs"] = [_dns(source, service)]
    if service.files:
        job["file_sd_configs"] = [{"files": list(service.files)}]
    if service.dns or service.files:
        # Discovery has no place for labels: they are put on by relabelling, after whatever the discovery said.
        job["relabel_configs"] = [
            {"target_label": name, "replacement": _literal(value)} for name, value in labels.items()
        ]
    return job


def _dns(source: Source, service: Service) -> dict[str, Any]:
    """stack.yml's `dns` block is Prometheus's own, and a single name may stand alone."""
    dns = dict(service.dns)
    names = dns.get("names", ())
    dns["names"] = [source.placement.target(name) for name in ([names] if isinstance(names, str) else names)]
    return {
        key: duration(value) if key == "refresh_interval" and not isinstance(value, str) else value
        for key, value in dns.items()
    }


def _probe_jobs(source: Source) -> list[dict[str, Any]]:
    """One job asks blackbox_exporter about every service that wants it; `instance` is the URL that was asked for."""
    probed = [service for service in source.stack.services if service.probe]
    if not probed or not source.runs("blackbox-exporter"):
        return []
    return [
        {
            "job_name": PROBE_JOB,
            "metrics_path": "/probe",
            "params": {"module": [PROBE_MODULE]},
            "static_configs": [
                {"targets": [_probe_url(source, service)], "labels": _kept(source.service_labels(service))}
                for service in probed
            ],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__param_target"], "target_label": "instance"},
                {"target_label": "__address__", "replacement": source.placement["blackbox-exporter"].address},
            ],
        }
    ]


def _probe_url(source: Source, service: Service) -> str:
    parts = urlsplit(service.probe or "")
    return urlunsplit(parts._replace(netloc=source.placement.target(parts.netloc)))


def _kept(labels: dict[str, str]) -> dict[str, str]:
    """An empty label is no label to Prometheus."""
    return {name: value for name, value in labels.items() if value}


def _literal(value: str) -> str:
    """A replacement that stands for itself: `$` would begin a capture group."""
    return value.replace("$", "$$")

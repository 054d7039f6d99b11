"""Puts the whole generated tree together in memory. Pure: reads nothing but its arguments, writes nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from stackgen.model import Model
from stackgen.placement import Placement
from stackgen.render import (
    alertmanager,
    alloy,
    blackbox,
    console,
    escalation,
    grafana,
    loki,
    prometheus,
    promtail,
    rules,
    slo,
)
from stackgen.render.common import SOURCES, Source
from stackgen.render.dashboards import DASHBOARDS
from stackgen.render.dump import header, to_yaml

RENDERERS = (
    prometheus.render,
    rules.render,
    slo.render,
    escalation.render,
    alertmanager.render,
    loki.render,
    promtail.render,
    alloy.render,
    console.render,
    blackbox.render,
)
INFO_RULES = (f"{rules.PROMETHEUS}/stack-config.yml", f"{rules.LOKI}/stack-config.yml")
DIGEST = re.compile(rb"sha256: '?([0-9a-f]{64})'?$", re.MULTILINE)


def render(model: Model, placement: Placement) -> dict[str, bytes]:
    """Every generated file, relative POSIX path to content, sorted by path."""
    source = Source(model, placement)
    files: dict[str, bytes] = {}
    for renderer in RENDERERS:
        files |= renderer(source)
    files |= grafana.render(source, DASHBOARDS)
    digest = _digest(model.digest, files)
    for path in INFO_RULES:
        files[path] = to_yaml(rules.info_rule(digest), header(path, SOURCES))
    return dict(sorted(files.items()))


def config_digest(files: Mapping[str, bytes]) -> str:
    """The sha256 in `stack_config_info` of a rendered tree: a running part that shows it has these files loaded."""
    match = DIGEST.search(files[INFO_RULES[0]])
    if match is None:
        raise ValueError(f"{INFO_RULES[0]} holds no digest")
    return match.group(1).decode()


def _digest(sources: str, files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(sources.encode())
    for path, content in sorted(files.items()):
        digest.update(f"\n{path} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()

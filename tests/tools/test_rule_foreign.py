"""Rule collections from elsewhere go in as they are and come out with the same meaning, as YAML and in Prometheus."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from console_parts import part_running
from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.render import render
from support import choose_ports

FOREIGN = Path(__file__).resolve().parents[1] / "cases/foreign"
COLLECTIONS = sorted(path.name for path in FOREIGN.glob("*.yml"))
RULES = {"community.yml": 6, "generated.yml": 9, "mixin.yml": 8, "rules.yml": 5}


class AllText(yaml.SafeLoader):
    """Plain PyYAML that reads every scalar as the text it is, as Prometheus does for labels and expressions."""


AllText.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in found if tag == "tag:yaml.org,2002:merge"]
    for sign, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_text(content: bytes) -> Any:
    return yaml.load(content, AllText)


@pytest.fixture(params=["rules", "rules/custom"])
def dropped(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkout into whose rules the collections were dropped as they are, and nothing else."""
    folder = tmp_path / str(request.param)
    folder.mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    for name in COLLECTIONS:
        (folder / name).write_bytes((FOREIGN / name).read_bytes())
    return tmp_path


def rendered(root: Path) -> dict[str, bytes]:
    """The rendered rule files by the name of their collection."""
    files = render(load(root)[0], COMPOSE)
    return {name: files[path] for path in files for name in COLLECTIONS if _is(path, name)}


def _is(path: str, name: str) -> bool:
    return path in (f"prometheus/rules/{name}", f"prometheus/rules/custom-{name}")


def test_they_are_taken_with_a_few_warnings(dropped: Path) -> None:
    model, findings = load(dropped)
    assert {found.severity.value for found in findings} == {"warning"}
    for file in {found.where.file for found in findings}:
        told = [found.check for found in findings if found.where.file == file]
        assert len(told) == len(set(told)) <= 3, told
    counts = {Path(one.path).name: sum(len(group.rules) for group in one.groups) for one in model.rule_files}
    assert counts == RULES


def test_what_comes_out_reads_like_what_went_in(dropped: Path) -> None:
    files = rendered(dropped)
    assert sorted(files) == COLLECTIONS
    for name, content in files.items():
        assert as_text(content) == as_text((FOREIGN / name).read_bytes()), name


@pytest.mark.tools
def test_prometheus_has_the_same_rules_from_both(
    program: Callable[..., Path], dropped: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("prometheus")
    for name, content in rendered(dropped).items():
        for kind, text in (("before", (FOREIGN / name).read_bytes()), ("after", content)):
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / name).write_bytes(text)
    (folder / "prometheus.yml").write_text("rule_files: [before/*.yml, after/*.yml]\n")
    address = f"127.0.0.1:{choose_ports(1)[0]}"
    command = [str(program("prometheus")), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with part_running([*command, f"--web.listen-address={address}"], f"http://{address}/-/ready", folder):
        groups = answered(f"http://{address}/api/v1/rules")["data"]["groups"]
    before, after = (
        {(Path(one["file"]).name, one["name"]): bare(one) for one in groups if Path(one["file"]).parent.name == kind}
        for kind in ("before", "after")
    )
    assert sum(len(group["rules"]) for group in before.values()) == sum(RULES.values())
    assert after == before


def answered(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def bare(group: dict[str, Any]) -> dict[str, Any]:
    """A group as Prometheus understood it, without what it measured."""
    measured = ("evaluationTime", "lastEvaluation", "health", "state", "alerts", "lastError", "file")
    rules = [{key: value for key, value in rule.items() if key not in measured} for rule in group["rules"]]
    return {**{key: value for key, value in group.items() if key not in measured}, "rules": rules}

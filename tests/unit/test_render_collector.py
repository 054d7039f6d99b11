"""The two log collectors: one description, so that neither can lose a label or a stage that the other has."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from stackgen.render import render
from stackgen.render.collector import LEVEL_BARE, LEVEL_KEYED, TIMESTAMP, collection
from stackgen.render.common import Source
from trees import PLACEMENTS, model


def files(placed: str, collector: str) -> dict[str, bytes]:
    content = model("shipped")
    return render(replace(content, stack=replace(content.stack, collector=collector)), PLACEMENTS[placed])


def promtail(placed: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(files(placed, "promtail")["loki/promtail.yml"])
    return content


def alloy(placed: str) -> str:
    return files(placed, "alloy")["loki/config.alloy"].decode()


@pytest.mark.parametrize("placed", sorted(PLACEMENTS))
def test_only_the_chosen_collector_is_configured(placed: str) -> None:
    assert "loki/config.alloy" not in files(placed, "promtail")
    assert "loki/promtail.yml" not in files(placed, "alloy")


def relabelled(text: str) -> set[str]:
    return set(re.findall(r'target_label\s*[=:]\s*"?(\w+)', text))


def test_containers_get_the_same_labels_from_both() -> None:
    job = promtail("compose")["scrape_configs"][0]
    labels = {rule["target_label"] for rule in job["relabel_configs"]}
    assert labels == {"job", "part", "compose_service", "project", "container", "stream"}
    assert relabelled(alloy("compose")) | {"job"} == labels
    assert 'job = "watchstack"' in alloy("compose")
    assert job["docker_sd_configs"] == [{"host": "tcp://docker-api:2375", "refresh_interval": "5s"}]
    for rule in job["relabel_configs"]:
        if "source_labels" in rule:
            assert ", ".join(f'"{name}"' for name in rule["source_labels"]) in alloy("compose")


def test_files_get_the_same_labels_from_both() -> None:
    job = promtail("native")["scrape_configs"][0]
    labels = job["static_configs"][0]["labels"]
    assert labels.pop("__path__") == "/srv/watchstack/.stack/logs/*.log"
    assert labels == {"job": "watchstack", "project": "watchstack"}
    for name, value in labels.items():
        assert f'{name} = "{value}"' in alloy("native")
    staged = [set(stage["labels"]) for stage in job["pipeline_stages"] if "labels" in stage]
    assert staged == [{"part", "compose_service", "container"}, {"level"}]
    blocks = re.findall(r"stage\.labels \{\n\s*values = \{(.*?)\}", alloy("native"), re.DOTALL)
    assert [set(re.findall(r"(\w+) = ", block)) for block in blocks] == staged


@pytest.mark.parametrize("placed", sorted(PLACEMENTS))
def test_both_have_the_same_stages_in_the_same_order(placed: str) -> None:
    described = [stage.kind for stage in collection(Source(model("shipped"), PLACEMENTS[placed])).stages]
    assert [next(iter(stage)) for stage in promtail(placed)["scrape_configs"][0]["pipeline_stages"]] == described
    assert re.findall(r"stage\.(\w+) \{", alloy(placed)) == described


@pytest.mark.parametrize("placed", sorted(PLACEMENTS))
def test_nothing_is_given_up_while_loki_is_away(placed: str) -> None:
    client = promtail(placed)["clients"][0]
    assert client["backoff_config"] == {"min_period": "500ms", "max_period": "30s", "max_retries": 0}
    assert "max_backoff_retries = 0" in alloy(placed)
    assert client["external_labels"] == {"environment": "production"}


def test_positions_survive_a_restart() -> None:
    assert promtail("compose")["positions"]["filename"] == "/var/lib/promtail/positions.yaml"


LINES = [
    ('time=2026-11-20T10:00:00.123Z level=INFO source=main.go:1 msg="x"', "INFO", "2026-11-20T10:00:00.123Z"),
    ("ts=2026-11-20T10:00:00Z caller=main.go level=warn", "warn", "2026-11-20T10:00:00Z"),
    ('{"time":"2026-11-20T10:00:00+01:00","level":"error","msg":"x"}', "error", "2026-11-20T10:00:00+01:00"),
    ("2026-11-20 10:00:00,123 ERROR app: broken", "ERROR", None),
    ("2026-11-20 10:00:00 UTC [1] FATAL:  the database system is starting up", "FATAL", None),
    ('127.0.0.1 - - "GET /errors HTTP/1.1" 200', None, None),
    ("a plain line about information", None, None),
]


@pytest.mark.parametrize(("line", "level", "timestamp"), LINES)
def test_level_and_time_are_found(line: str, level: str | None, timestamp: str | None) -> None:
    keyed, bare = (re.search(pattern.replace("(?i)", ""), line, flags)
                   for pattern, flags in ((LEVEL_KEYED, re.IGNORECASE), (LEVEL_BARE, 0)))  # fmt: skip
    found = (keyed and keyed["level"]) or (bare and bare["bare"])
    assert found == level
    stamp = re.search(TIMESTAMP, line)
    assert (stamp and stamp["timestamp"]) == timestamp

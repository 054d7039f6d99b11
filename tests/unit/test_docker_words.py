"""What stack.yml says in a container's command line: which words, which value goes first, what runs otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stackgen.engines.base import EngineError
from stackgen.engines.docker_words import Change, Word, changes, given, words
from stackgen.model.stack import Retention, Stack
from support import ROOT

TIME, SIZE = "--storage.tsdb.retention.time=", "--storage.tsdb.retention.size="
SHIPPED = words(ROOT)


def container(*command: str, status: str = "running") -> dict[str, Any]:
    return {"State": {"Status": status}, "Config": {"Cmd": ["--config.file=/etc/prometheus/prometheus.yml", *command]}}


def variables(time: str, size: str = "", **environment: str) -> dict[str, str]:
    return given(Stack(retention=Retention(time, "14d", size)), environment)


def test_the_words_that_the_shipped_file_takes_from_stack_yml() -> None:
    assert words(ROOT) == [
        Word("prometheus", TIME, "PROMETHEUS_RETENTION", "30d"),
        Word("prometheus", SIZE, "PROMETHEUS_RETENTION_SIZE", "0B"),
    ]


def test_what_the_environment_says_goes_before_stack_yml() -> None:
    assert variables("7d") == {"PROMETHEUS_RETENTION": "7d"}
    assert variables("7d", "5GB") == {"PROMETHEUS_RETENTION": "7d", "PROMETHEUS_RETENTION_SIZE": "5GB"}
    assert variables("7d", PROMETHEUS_RETENTION="90d") == {"PROMETHEUS_RETENTION": "90d"}
    assert variables("7d", PROMETHEUS_RETENTION="") == {"PROMETHEUS_RETENTION": "7d"}, "empty is not said"


@pytest.mark.parametrize(
    ("command", "wanted", "change"),
    [
        ((f"{TIME}30d", f"{SIZE}0B"), variables("30d"), None),
        (
            (f"{TIME}30d", f"{SIZE}0B"),
            variables("7d"),
            Change((f"{TIME}7d",), (f"{TIME}30d",), {"PROMETHEUS_RETENTION": "30d", "PROMETHEUS_RETENTION_SIZE": "0B"}),
        ),
        (
            (f"{TIME}30d", f"{SIZE}5GB"),
            variables("30d"),
            Change(
                (f"{SIZE}0B",), (f"{SIZE}5GB",), {"PROMETHEUS_RETENTION": "30d", "PROMETHEUS_RETENTION_SIZE": "5GB"}
            ),
        ),
        (
            (f"{TIME}30d",),  # of a file without a word for the size
            variables("30d", "5GB"),
            Change((f"{SIZE}5GB",), (), {"PROMETHEUS_RETENTION": "30d", "PROMETHEUS_RETENTION_SIZE": ""}),
        ),
    ],
)
def test_what_runs_against_what_is_wanted(
    command: tuple[str, ...], wanted: dict[str, str], change: Change | None
) -> None:
    found = {"prometheus": container(*command), "loki": container()}
    assert changes(found, SHIPPED, wanted) == ({"prometheus": change} if change else {})


def test_a_part_that_does_not_run_has_nothing_to_change() -> None:
    assert changes({}, SHIPPED, variables("7d")) == {}
    assert changes({"prometheus": container(f"{TIME}30d", status="exited")}, SHIPPED, variables("7d")) == {}


def test_a_word_that_a_person_wrote_firmly_is_theirs(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(
        f"services:\n  prometheus:\n    command: ['{TIME}1y', '--other=${{OTHER:-1}}']\n  loki: {{command: loki}}\n"
        "  grafana: {image: a}\n"
    )
    assert words(tmp_path) == []


@pytest.mark.parametrize("text", ["services: [", "services: [a]", "{}", None])
def test_a_compose_file_that_cannot_be_read_is_told(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "docker-compose.yml").write_text(text)
    with pytest.raises(EngineError, match=r"^docker-compose\.yml cannot be read") as error:
        words(tmp_path)
    assert error.value.hint

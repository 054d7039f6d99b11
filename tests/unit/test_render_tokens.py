"""`bearer_token_file` of a service: from stack.yml into Prometheus's configuration and its volume; never the token."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from stackgen.cli.tools import _with_tokens
from stackgen.diagnostic import SourceError
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native_placement import placement
from stackgen.load import load
from stackgen.render import render
from trees import load_text
from watchstack import init

STACK = """\
environment: test
services:
  - {name: shop, targets: [shop:80], bearer_token_file: shop-token}
  - {name: plain, targets: [plain:80]}
"""


def jobs(content: bytes) -> dict[str, dict[str, object]]:
    return {job["job_name"]: job for job in yaml.safe_load(content)["scrape_configs"]}


def test_the_job_of_the_service_names_the_file_and_no_other_job_does(tmp_path: Path) -> None:
    model = load_text(tmp_path, STACK)
    found = jobs(render(model, COMPOSE)["prometheus/prometheus.yml"])
    assert found["shop"]["authorization"] == {"credentials_file": "/run/watchstack-secrets/shop-token"}
    assert [name for name, job in found.items() if "authorization" in job] == ["shop"]
    native = jobs(render(model, placement(tmp_path))["prometheus/prometheus.yml"])
    assert native["shop"]["authorization"] == {"credentials_file": f"{tmp_path.resolve()}/secrets/shop-token"}


@pytest.mark.parametrize(
    "written", ["Bearer abcdefgh1234567890abcdefgh1234567890", "../shop-token", "secrets/shop-token"]
)
def test_a_token_or_a_path_in_its_place_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(SourceError) as refused:
        load_text(tmp_path, STACK.replace("shop-token", f'"{written}"'))
    (finding,) = refused.value.diagnostics
    assert finding.check in ("secret-in-source", "secret-file-name")
    assert "bearer_token_file" in finding.message + finding.hint


def test_a_missing_token_is_a_warning_at_its_place(tmp_path: Path) -> None:
    load_text(tmp_path, STACK)
    findings = [one for one in load(tmp_path)[1] if one.check == "secret-missing"]
    assert [(one.where.line, one.message) for one in findings] == [(3, "secrets/shop-token is not there")]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "shop-token").write_text("x")
    assert not [one for one in load(tmp_path)[1] if one.check == "secret-missing"]


def test_prometheus_gets_the_tokens_that_are_named_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = {"uid": os.getuid(), "gid": os.getgid()}
    monkeypatch.setattr(init, "READERS", {n: replace(r, **me) for n, r in init.READERS.items()})
    folders = init.Folders(*(tmp_path / name for name in ("secrets", "volumes", "data", "console", "am", "prometheus")))
    (folders.volumes / "prometheus").mkdir(parents=True)
    for name in ("console", "prometheus"):
        (tmp_path / name).mkdir()
    (folders.console / "console.json").write_text("{}")
    source = tmp_path / "source"
    (folders.prometheus / "prometheus.yml").write_bytes(
        render(load_text(source, STACK), COMPOSE)["prometheus/prometheus.yml"]
    )
    said: list[str] = []
    init.run(folders, said.append)
    assert list((folders.volumes / "prometheus").iterdir()) == []
    assert any("secrets/shop-token is not there, but Prometheus needs it" in line for line in said)
    (folders.secrets / "shop-token").write_text("only-for-this-test\n")
    (folders.secrets / "slack-web").write_text("of a receiver\n")
    said.clear()
    init.run(folders, said.append)
    (laid,) = (folders.volumes / "prometheus").iterdir()
    assert (laid.name, laid.read_text()) == ("shop-token", "only-for-this-test\n")
    assert laid.stat().st_mode & 0o777 == 0o400
    assert said == []


def test_promtool_is_given_a_file_that_exists(tmp_path: Path) -> None:
    content = render(load_text(tmp_path, STACK), COMPOSE)["prometheus/prometheus.yml"]
    changed = jobs(_with_tokens(content, tmp_path))
    assert changed["shop"]["authorization"] == {"credentials_file": f"{tmp_path}/token"}
    assert (tmp_path / "token").exists()
    assert {**changed, "shop": None} == {**jobs(content), "shop": None}

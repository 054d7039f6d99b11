"""Builds in a process of their own, the progress file, and the command line of the parts."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import parts_fakes as fakes
import pytest
from click.testing import CliRunner
from stackgen.parts import background, progress
from stackgen.parts.__main__ import main
from stackgen.parts.progress import Event, Stage


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_GO_HOME", str(tmp_path))
    monkeypatch.setenv("FAKE_GO_LEAVES", "node_exporter")
    monkeypatch.setenv("PATH", fakes.search_path(tmp_path / "bin"))
    fakes.install(tmp_path / "bin", "go", fakes.GO)
    (tmp_path / "told.json").write_text(json.dumps(fakes.TOLD))
    return tmp_path


def ended(file: Path, seconds: float = 30) -> progress.Report:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        report = progress.read(file)
        assert report is not None
        if not report.alive:
            return report
        time.sleep(0.02)
    raise AssertionError("the build does not end")


def test_a_background_build_is_followed_through_its_file(home: Path) -> None:
    pid = background.start(["node-exporter"], home / "state/progress", home / "state/log")
    report = progress.read(home / "state/progress")
    assert report is not None
    assert report.pid == pid
    os.waitpid(pid, 0)
    report = ended(home / "state/progress")
    assert report.parts["node-exporter"].stage is Stage.DONE
    assert (home / "state/log").read_text() == ""


def test_a_failure_stands_in_the_file_and_in_the_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_FAIL", "build|undefined: y")
    pid = background.start(["node-exporter"], home / "progress", home / "log")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
    event = ended(home / "progress").parts["node-exporter"]
    assert event.stage is Stage.FAILED
    assert "undefined: y" in event.message
    assert "undefined: y" in (home / "log").read_text()


def test_stopping_ends_builder_and_client(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_SLOW", "60")
    background.start(["node-exporter"], home / "progress", home / "log")
    deadline = time.monotonic() + 20
    while "build" not in fakes.verbs(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    client = fakes.calls(home)[-1]["pid"]
    assert isinstance(client, int)
    assert background.stop(home / "progress")
    assert fakes.gone(client)
    assert not ended(home / "progress").alive
    assert background.stop(home / "progress")
    assert background.stop(home / "never")


def test_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    with progress.ProgressFile(file) as tell:
        tell(Event("loki", Stage.COMPILING, 7, 2000, 12.0))
        with file.open("a") as other:
            other.write('{"part": "lo')
        report = progress.read(file)
    assert report is not None
    assert report.alive
    assert str(report.parts["loki"]) == "loki: compiling, package 7 of about 2000 (12 s)"
    assert progress.read(tmp_path / "none") is None


def test_events_are_thinned_but_never_the_last() -> None:
    seen: list[Event] = []
    tell = progress.Throttle(seen.append, interval=60)
    for done in range(100):
        tell(Event("loki", Stage.COMPILING, done, 100))
    tell(Event("loki", Stage.INSTALLING))
    tell(Event("loki", Stage.DONE))
    assert [(event.stage, event.done) for event in seen] == [
        (Stage.COMPILING, 0), (Stage.INSTALLING, 0), (Stage.DONE, 0),
    ]  # fmt: skip


def test_the_command_line_builds_lists_and_tells_paths(home: Path) -> None:
    run = CliRunner().invoke
    listed = {row["name"]: row for row in json.loads(run(main, ["list", "--json"]).output)}
    assert not any(row["cached"] for row in listed.values())
    assert listed["promtail"]["pin"] == "3.6.10"
    built = run(main, ["build", "node-exporter"])
    assert built.exit_code == 0
    assert built.output.splitlines()[-1].startswith("node-exporter: done")
    told = run(main, ["path", "node-exporter"])
    assert told.output.strip() == str(home / "cache/programs/node-exporter/1.12.1/node_exporter")
    assert "node-exporter       1.12.1    1.12.1    yes" in run(main, ["list", "--verify"]).output
    assert run(main, ["build", "emacs"]).exit_code == 2
    assert run(main, ["path", "loki"]).exit_code == 4


def test_the_command_line_tells_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_FAIL", "build|undefined: y")
    result = CliRunner().invoke(main, ["build", "node-exporter"])
    assert result.exit_code == 4
    assert "node-exporter: `go build` failed" in result.output
    assert result.output.count("undefined: y") == 1
    assert CliRunner().invoke(main, ["clean"]).output.startswith("removed ")

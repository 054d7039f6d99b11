"""The command line without anything running: messages, exit codes, locks, what is printed where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_kit import Run, caller
from rich.console import Console
from stackgen import write
from stackgen.cli import codes, output
from stackgen.cli.affected import Affected, affected
from stackgen.cli.app import COMMANDS, run
from stackgen.cli.lock import holder, locked
from stackgen.cli.output import Output, Progress, plain
from stackgen.cli.told import addresses, nobody_outside
from stackgen.engines import native_examples
from stackgen.engines.base import EngineError, PartStatus, State
from stackgen.engines.native import NativeEngine
from stackgen.model import Model
from stackgen.model.stack import Stack
from support import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with nothing but sources."""
    shutil.copy2(ROOT / "stack.yml", tmp_path)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.copytree(ROOT / "docs" / "runbooks", tmp_path / "docs" / "runbooks")
    return tmp_path


@pytest.fixture
def stack(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, standard output, standard error."""
    return caller(root, monkeypatch, capsys)


def test_every_command_has_its_help(stack: Run) -> None:
    code, out, _ = stack("--help")
    assert code == codes.FINE
    for command in COMMANDS:
        if command != "test":  # it brings modules of the test run along
            assert stack(command, "--help")[0] == codes.FINE
        assert command in out


@pytest.mark.parametrize("words", [["fly"], ["up", "--engine", "podman"], ["logs"], ["check", "--fast"]])
def test_a_wrong_word_is_a_usage_error(stack: Run, words: list[str]) -> None:
    code, out, err = stack(*words)
    assert code == codes.USAGE
    assert out == ""
    assert "Error:" in err


def test_a_mistyped_command_is_put_right(stack: Run) -> None:
    code, _, err = stack("stauts")
    assert code == codes.USAGE
    assert "there is no command 'stauts'; did you mean 'status'?" in err


def test_an_unknown_engine_names_those_there_are(stack: Run) -> None:
    _, _, err = stack("up", "--engine", "podman")
    assert "'docker', 'native'" in err


def test_check_tells_findings_in_three_ways(stack: Run, root: Path) -> None:
    assert stack("check")[0] == codes.FINE
    (root / "stack.yml").write_text("environment: [\nretention: 3\n")
    code, out, err = stack("check")
    assert code == codes.FINDINGS
    assert out.startswith("stack.yml:")
    assert "error" in err
    code, out, _ = stack("check", "--json")
    assert code == codes.FINDINGS
    assert json.loads(out)["errors"] >= 1
    code, out, _ = stack("check", "--github")
    assert code == codes.FINDINGS
    assert out.startswith("::error file=stack.yml")


@pytest.mark.parametrize("command", ["render", "apply", "up", "diff"])
def test_bad_sources_change_nothing(stack: Run, root: Path, command: str) -> None:
    assert stack("render")[0] == codes.FINE
    before = contents(root)
    (root / "stack.yml").write_text("services: 3\n")
    code, _, err = stack(command)
    assert code == codes.FINDINGS
    assert "stack.yml:1:11 error" in err
    assert "Traceback" not in err
    after = contents(root)
    assert {name: text for name, text in after.items() if name != "stack.yml"} == {
        name: text for name, text in before.items() if name != "stack.yml"
    }


def contents(root: Path) -> dict[str, bytes]:
    """Every file but the lock and the write journal's own."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".stack" not in path.parts
    }


def test_render_writes_checks_and_prunes(stack: Run, root: Path) -> None:
    assert stack("render", "--check")[0] == codes.OUT_OF_DATE
    assert not (root / "prometheus").exists()
    code, out, _ = stack("render")
    assert code == codes.FINE
    assert "added    prometheus/prometheus.yml" in out
    assert stack("render", "--check")[0] == codes.FINE
    code, out, _ = stack("render")
    assert ", 0 changed" in out
    (root / "rules" / "watchdog.yml").unlink()
    code, out, _ = stack("render", "--check", "--json")
    assert code == codes.OUT_OF_DATE
    kinds = {one["path"]: one["kind"] for one in json.loads(out)["files"]}
    assert kinds["prometheus/rules/watchdog.yml"] == "removed"
    assert stack("render")[0] == codes.FINE
    assert not (root / "prometheus" / "rules" / "watchdog.yml").exists()


def test_diff_shows_lines_and_what_apply_would_do(stack: Run, root: Path) -> None:
    stack("render")
    (root / "stack.yml").write_text((root / "stack.yml").read_text() + "\nenvironment: elsewhere\n", "utf-8")
    text = (root / "stack.yml").read_text().splitlines()
    kept = [line for line in text if not line.startswith("environment:") or "elsewhere" in line]
    (root / "stack.yml").write_text("\n".join(kept) + "\n")
    before = contents(root)
    code, out, _ = stack("diff")
    assert code == codes.OUT_OF_DATE
    assert 'label environment="elsewhere" instead of "production"' in out
    assert "@@" not in out
    assert "apply reloads" in out
    assert "prometheus" in out.split("apply reloads")[1]
    assert contents(root) == before
    code, out, _ = stack("diff", "--files")
    assert code == codes.OUT_OF_DATE
    assert "+    environment: elsewhere" in out
    found = json.loads(stack("diff", "--json")[1])
    assert found["against"] == "files"
    assert any("elsewhere" in one["text"] for one in found["changes"])
    assert "prometheus" in found["reload"]
    assert "console" in found["restart"]


def test_apply_without_a_running_stack_writes_and_says_so(stack: Run, root: Path) -> None:
    code, out, _ = stack("apply")
    assert code == codes.FINE
    assert "does not run" in out
    assert (root / "prometheus" / "prometheus.yml").exists()


def test_an_interrupted_write_is_ended_by_the_next_command(stack: Run, root: Path) -> None:
    # L-20: whatever command comes next finishes or undoes it
    seen: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "recover", lambda path: seen.append(path) or "undone")
        for command in (["status"], ["check"], ["diff"], ["render"], ["down"], ["logs", "prometheus"]):
            _, out, err = stack(*command)
            assert "it was undone" in out + err, command
    assert seen == [root] * 6


def test_without_a_stack_status_says_so(stack: Run) -> None:
    code, out, _ = stack("status")
    assert code == codes.FINDINGS
    assert "./stack up" in out
    found = json.loads(stack("status", "--json")[1])
    assert found["parts"] == []
    assert found["engine"] == ""


def test_of_sources_that_cannot_be_read_status_says_nothing_but_that(stack: Run, root: Path) -> None:
    (root / "stack.yml").write_text("teams: [\n")
    (note,) = json.loads(stack("status", "--json")[1])["notes"]
    assert "./stack check" in note


def test_a_drill_that_cannot_be_written_or_is_of_a_disabled_alert_is_not_begun(stack: Run, root: Path) -> None:
    code, _, err = stack("drill", "--write", str(root / "nowhere" / "page.md"))
    assert (code, f"there is no folder {root / 'nowhere'}" in err) == (codes.USAGE, True)
    (root / "stack.yml").write_text("overrides: {HostHighCPUUsage: {disabled: true}}\n")
    code, _, err = stack("drill", "HostHighCPUUsage")
    assert (code, "overrides in stack.yml switch HostHighCPUUsage off" in err) == (codes.USAGE, True)


def test_down_and_logs_without_a_stack(stack: Run) -> None:
    assert stack("down")[:2] == (codes.FINE, "nothing runs\n")
    code, _, err = stack("logs", "prometheus")
    assert code == codes.TOOL
    assert "has not run here yet" in err


def test_a_bug_is_told_without_a_traceback_unless_asked(stack: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_root: Path, _judge: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("stackgen.cli.session.load", broken)
    code, _, err = stack("render")
    assert code == codes.TOOL
    assert "ZeroDivisionError" in err
    assert "--debug" in err
    assert "Traceback" not in err
    monkeypatch.setattr("stackgen.cli.app.signal.signal", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        run(["--debug", "render"])


def test_a_terminal_that_lacks_a_character_shows_another(root: Path) -> None:
    (root / "stack.yml").write_text("environment: 'Köln → Bonn'\n", "utf-8")
    variables = {"STACK_ROOT": str(root), "PYTHONIOENCODING": "ascii", "DOCKER_HOST": "unix:///nonexistent"}
    done = subprocess.run(
        [sys.executable, "-m", "stackgen", "diff"],
        env={**os.environ, **variables, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'exporter'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (codes.OUT_OF_DATE, "")
    assert 'environment="K?ln ? Bonn"' in done.stdout


def test_a_second_command_refuses_and_names_the_first(stack: Run, root: Path) -> None:
    holding = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            "from stackgen.cli.lock import locked\n"
            "with locked(pathlib.Path(sys.argv[1]), 'apply'):\n    print('held', flush=True); sys.stdin.read()",
            str(root / ".stack"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'exporter'}"},
    )
    with holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        code, _, err = stack("--lock-wait", "0.2", "render")
        assert code == codes.TOOL
        assert f"./stack apply (pid {holding.pid}" in err
        holding.communicate()
    assert stack("render")[0] == codes.FINE


def test_a_lock_that_comes_free_is_taken(tmp_path: Path) -> None:
    with locked(tmp_path, "up"):
        assert "./stack up (pid" in holder(tmp_path / "lock")
    with locked(tmp_path, "down", wait=0):
        pass


def test_changed_files_concern_their_readers_alone() -> None:
    paths = ["prometheus/rules/a.yml", "loki/promtail.yml", "loki/rules/fake/a.yml", "grafana/dashboards/a.json"]
    assert affected(paths) == Affected(("prometheus",), ("promtail",))
    assert affected(["prometheus/tests/a.yml", "console/rules.json"]) == Affected()
    assert affected(["alertmanager/templates/a.tmpl", "console/console.json"]) == Affected(
        ("alertmanager",), ("console",)
    )
    assert affected([], ["loki", "prometheus"]) == Affected(("prometheus",), ("loki",))


PARTS = [
    PartStatus("prometheus", "3.13.3", State.HEALTHY, "http://127.0.0.1:9090", 0.0, "from the cache"),
    PartStatus("loki", "3.7.8", State.WAITING, "http://127.0.0.1:3100", 0.0, "compiling, package 3 of about 10"),
]


def test_the_plain_table_is_aligned_and_whole() -> None:
    lines = plain(PARTS).splitlines()
    assert len(lines) == 3
    assert {line.index(word) for line, word in zip(lines, ("STATE", "healthy", "waiting"), strict=True)} == {21}
    assert lines[2].endswith("compiling, package 3 of about 10")


def test_progress_without_a_terminal_prints_what_changes_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().progress() as progress:
        assert isinstance(progress, Progress)
        progress(PARTS)
        progress([PARTS[0], PartStatus("loki", "3.7.8", State.WAITING, "", 0.0, "compiling, package 4 of about 10")])
        progress([PARTS[0], PartStatus("loki", "3.7.8", State.HEALTHY, "", 0.0)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2:4] for line in lines] == [
        ["prometheus", "healthy"],
        ["loki", "waiting"],
        ["loki", "healthy"],
    ]
    assert not any("\x1b" in line for line in lines)


def test_who_is_not_told_is_said() -> None:
    notes = nobody_outside(Model(Stack(), (), ""))
    assert any("nobody outside is told" in note for note in notes)
    assert any("console itself stops" in note for note in notes)
    assert [address for _, address in addresses(PARTS)] == ["http://127.0.0.1:9090", "http://127.0.0.1:3100"]


def test_examples_of_an_up_that_failed_are_not_wanted(stack: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next apply would start them, or end those that run."""
    state = root / ".stack"
    seen = []

    def fails(_self: NativeEngine, *, wait: bool) -> None:
        seen.append(bool(native_examples.ports(state)))
        raise EngineError("a port is taken")

    monkeypatch.setattr(NativeEngine, "up", fails)
    monkeypatch.setattr("stackgen.cli.up._install", lambda *_: None)
    assert stack("up", "--engine", "native", "--examples")[0] == codes.TOOL
    assert native_examples.ports(state) == {}
    native_examples.want(state, {"EXAMPLE_FLASK_PORT": "25000"})
    assert stack("up", "--engine", "native")[0] == codes.TOOL
    assert native_examples.ports(state)["example-flask"] == 25000
    assert seen == [True, False]


def test_a_reader_that_has_gone_is_no_fault(root: Path) -> None:
    words = [sys.executable, "-m", "stackgen", "apply", "--history", "--json"]
    environment = {**os.environ, "STACK_ROOT": str(root)}
    environment.pop("PYTHONUNBUFFERED", "")
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert command.stderr.read() == b""


def test_the_end_of_the_terminal_ends_what_is_not_under_nohup() -> None:
    words = (
        "import signal, sys\n"
        "signal.signal(signal.SIGHUP, getattr(signal, sys.argv[1]))\n"
        "from stackgen.cli import app\n"
        "try:\n    app.run(['--help'])\n"
        "finally:\n    print(signal.getsignal(signal.SIGHUP) is app._terminated)"
    )
    for before, taken in (("SIG_DFL", "True"), ("SIG_IGN", "False")):
        done = subprocess.run([sys.executable, "-c", words, before], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == taken, before


def test_waiting_is_told_again_only_when_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    written = StringIO()
    progress = Progress(Console(file=written, width=200))
    for moment, detail in [
        (0, "queued"),
        (20, "queued"),
        (40, "module 1 of 9"),
        (45, "module 2 of 9"),
        (60, "module 3 of 9"),
    ]:
        clock = SimpleNamespace(monotonic=lambda moment=moment: progress._began + moment)
        monkeypatch.setattr(output, "time", clock)
        progress([PartStatus("loki", "3", State.WAITING, "", 0.0, detail)])
    assert [line.split("3         ")[1] for line in written.getvalue().splitlines()] == [
        "queued",
        "module 1 of 9",
        "module 3 of 9",
    ]

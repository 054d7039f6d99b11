"""What `apply` says without a running stack: its history, a rollback of sources alone, what has no effect natively."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_kit import Run, caller
from stackgen import history as versions
from stackgen.cli import applying, codes
from stackgen.cli.affected import Affected
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.cli.told import notes, without_effect
from stackgen.history.attempt import Attempt
from stackgen.model import Model
from stackgen.model.stack import Stack
from support import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stack.yml").write_text("environment: one\n")
    shutil.copytree(ROOT / "docs" / "runbooks", tmp_path / "docs" / "runbooks")
    return tmp_path


@pytest.fixture
def stack(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, standard output, standard error."""
    return caller(root, monkeypatch, capsys)


def applied(root: Path, digest: str) -> versions.Entry:
    """Writes the present sources down as if a running stack had them."""
    history = versions.History(root / ".stack")
    kept = history.keep(versions.sources(root))
    return history.add(versions.APPLIED, "up", engine="native", digest=digest, sources=kept, files={}, live={})


def test_without_a_history_there_is_nothing_to_go_back_to(stack: Run) -> None:
    assert stack("apply", "--history")[:2] == (codes.FINE, "no version was applied yet\n")
    for words in (("--rollback",), ("--rollback", "3")):
        code, _, err = stack("apply", *words)
        assert code == codes.TOOL
        assert "applied yet" in err


def test_the_list_is_newest_first_and_marks_the_last_one(stack: Run, root: Path) -> None:
    applied(root, "a" * 64)
    (root / "stack.yml").write_text("environment: two\n")
    applied(root, "b" * 64)
    lines = stack("apply", "--history")[1].splitlines()
    assert lines[0].split() == ["N", "when", "who", "digest", "what"]
    assert lines[1].split()[0] == "2"
    assert "bbbbbbbbbbbb  applied (up), the last one" in lines[1]
    assert lines[2].endswith("aaaaaaaaaaaa  applied (up)")


def test_a_rollback_of_a_stack_that_does_not_run(stack: Run, root: Path) -> None:
    applied(root, "a" * 64)
    (root / "stack.yml").write_text("environment: two\n")
    applied(root, "b" * 64)
    (root / "stack.yml").write_text("environment: three\n")
    code, out, _ = stack("apply", "--rollback")
    assert code == codes.FINE
    assert "the sources as they are now are kept as version 3" in out
    assert "back to version 1: stack.yml" in out
    assert (root / "stack.yml").read_text() == "environment: one\n"
    assert b"environment: one" in (root / "prometheus" / "prometheus.yml").read_bytes()
    assert stack("apply", "--rollback", "3")[0] == codes.FINE
    assert (root / "stack.yml").read_text() == "environment: three\n"
    assert not (root / ".stack" / "history" / "attempt.json").exists()


def test_a_version_that_this_generator_refuses_leaves_the_sources(stack: Run, root: Path) -> None:
    (root / "stack.yml").write_text("environment: [\n")
    bad = applied(root, "a" * 64)
    (root / "stack.yml").write_text("environment: two\n")
    code, _, err = stack("apply", "--rollback", str(bad.number))
    assert code == codes.FINDINGS
    assert "stack.yml:" in err
    assert (root / "stack.yml").read_text() == "environment: two\n"
    assert not (root / ".stack" / "history" / "attempt.json").exists()


def test_a_rollback_that_was_killed_gives_the_sources_back(stack: Run, root: Path) -> None:
    history = versions.History(root / ".stack")
    Attempt.begin(history, "rollback to 1", "", {"sources": versions.sources(root)}, digest="")
    (root / "stack.yml").write_text("environment: of version 1\n")
    code, out, _ = stack("status")
    assert code == codes.FINDINGS
    assert "./stack rollback to 1 (pid" in out
    assert "was interrupted" in out
    assert "nothing was applied: the files are on the old configuration" in out
    assert (root / "stack.yml").read_text() == "environment: one\n"
    assert "interrupted" not in stack("status")[1]


def test_a_source_that_is_a_link_stays_one(stack: Run, root: Path, tmp_path: Path) -> None:
    """A file in its place would be read instead of the one that is edited."""
    applied(root, "a" * 64)
    (tmp_path / "elsewhere.yml").write_text("environment: two\n")
    (root / "stack.yml").unlink()
    (root / "stack.yml").symlink_to(tmp_path / "elsewhere.yml")
    applied(root, "b" * 64)
    code, _, err = stack("apply", "--rollback")
    assert code == codes.TOOL
    assert "stack.yml is a symbolic link" in err
    assert str(tmp_path / "elsewhere.yml") in err
    assert (root / "stack.yml").is_symlink()
    assert not (root / ".stack" / "history" / "attempt.json").exists()


def test_edits_after_a_rollback_that_was_killed_are_kept(stack: Run, root: Path) -> None:
    """Whoever finds the sources in a strange state mends them by hand, before any command has ended the rollback."""
    history = versions.History(root / ".stack")
    Attempt.begin(history, "rollback to 1", "", {"sources": versions.sources(root)}, digest="")
    (root / "stack.yml").write_text("environment: mended\n")
    assert "the sources as they are now are kept as version 1" in stack("status")[1]
    assert (root / "stack.yml").read_text() == "environment: one\n"
    assert stack("apply", "--rollback", "1")[0] == codes.FINE
    assert (root / "stack.yml").read_text() == "environment: mended\n"


def test_what_up_puts_in_force_leaves_no_content_behind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever never calls apply has a history that does not grow for ever either."""
    history = versions.History(root / ".stack")
    lost = history.keep({"stack.yml": b"of a version that is no longer kept"})["stack.yml"]
    monkeypatch.setattr(applying, "render", lambda *_: {"prometheus/prometheus.yml": b"one"})
    monkeypatch.setattr(applying, "config_digest", lambda _files: "a" * 64)
    up: Any = SimpleNamespace(engine=SimpleNamespace(name="native"), model=None, live=False, after={})
    attempt = Attempt.begin(history, "apply", "", {}, digest="")
    applying.remember_version(Session(root), Output(), up, "up")
    assert (history.objects / lost).exists(), "an apply that was killed may need it"
    attempt.drop(history)
    assert not (history.objects / lost).exists()
    history.keep({"stack.yml": b"of a version that is no longer kept"})
    (root / "stack.yml").write_text("environment: two\n")
    applying.remember_version(Session(root), Output(), up, "up")
    assert not (history.objects / lost).exists()
    newest = history.newest()
    assert newest is not None
    assert history.contents(newest.sources)["stack.yml"] == b"environment: two\n"


def test_what_exists_only_as_an_image_has_no_effect_natively(tmp_path: Path) -> None:
    model = Model(Stack(profiles=("redis", "blackbox"), collector="alloy"), (), "")
    said = without_effect(model)
    assert len(said) == 2
    assert said[0].startswith("profiles: redis has no effect natively: redis and redis-exporter exist only as images")
    assert said[1].startswith("collector: alloy has no effect natively")
    assert set(said) <= set(notes(model, tmp_path, "native"))
    assert not set(said) & set(notes(model, tmp_path, "docker"))
    assert without_effect(Model(Stack(profiles=("blackbox",)), (), "")) == []


def test_check_says_it_where_the_native_engine_was_used(stack: Run, root: Path) -> None:
    (root / "stack.yml").write_text("environment: one\nprofiles: [redis]\n")
    assert "no effect" not in stack("check")[2]
    (root / ".stack").mkdir(exist_ok=True)
    (root / ".stack" / "engine").write_text("native\n")
    code, _, err = stack("check")
    assert code == codes.FINE
    assert "profiles: redis has no effect natively" in err


def test_what_happens_to_parts_is_said_before_and_while() -> None:
    concerned = Affected(("alertmanager", "prometheus"), ("loki",), ("blackbox-exporter",), ("containers",), ("redis",))
    assert concerned.sentences() == [
        "apply reloads alertmanager, prometheus",
        "apply restarts loki",
        "apply starts blackbox-exporter",
        "apply ends containers",
        "redis does not run; ./stack up starts it",
    ]
    assert concerned.sentences(now=True)[:2] == ["reloading alertmanager, prometheus", "restarting loki"]
    assert concerned.parts == ("alertmanager", "prometheus", "loki", "blackbox-exporter")
    assert Affected().sentences() == []

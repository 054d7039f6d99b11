"""The cache of programs: whole or not at all, verified, one builder at a time."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from stackgen.parts import cache
from stackgen.parts.errors import PartError
from waiting import DEADLINE, until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def put(text: str = "one", version: str = "1.0", recipe: str = "r") -> cache.Entry:
    with cache.staging("tool") as staged:
        (staged / "tool").write_text(text)
        return cache.install("tool", version, staged, ("tool",), {"recipe": recipe})


def test_root_is_the_variable_or_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.root() == tmp_path / "cache"
    monkeypatch.delenv("WATCHSTACK_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.root() == tmp_path / ".cache" / "watchstack"
    assert cache.root().is_dir()


def test_a_root_that_cannot_be_made_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(PartError, match="cannot make the cache folder") as caught:
        cache.root()
    assert caught.value.hint == "name another folder: WATCHSTACK_CACHE"


def test_what_was_installed_is_found_and_executable() -> None:
    put()
    entry = cache.find("tool", "1.0", ("tool",))
    assert entry is not None
    assert os.access(entry.programs["tool"], os.X_OK)
    assert entry.facts["programs"]["tool"]["sha256"] == cache.digest(entry.programs["tool"])
    assert cache.find("tool", "1.1") is None
    assert cache.find("tool", "1.0", ("tool", "toolctl")) is None


def test_another_recipe_is_another_program() -> None:
    put(recipe="old")
    assert cache.find("tool", "1.0", recipe="old") is not None
    assert cache.find("tool", "1.0", recipe="new") is None


def test_altered_programs_are_not_found() -> None:
    path = put().programs["tool"]
    known = path.stat()
    path.write_text("longer than before")
    assert cache.find("tool", "1.0") is None
    path.write_text("two")
    assert cache.find("tool", "1.0") is None  # same size, another time, another content
    path.write_text("one")
    assert cache.find("tool", "1.0") is not None  # another time alone
    path.write_text("two")
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert cache.find("tool", "1.0") is not None  # the cheap look
    assert cache.find("tool", "1.0", full=True) is None  # the full one


@pytest.mark.parametrize("text", ["", "{", "[]", '{"programs": {"tool": 3}}'])
def test_a_broken_manifest_is_no_entry(text: str) -> None:
    put()
    (cache.folder("tool", "1.0") / cache.MANIFEST).write_text(text)
    assert cache.find("tool", "1.0") is None


def test_a_missing_program_leaves_nothing(folder: Path) -> None:
    with cache.staging("tool") as staged:
        (staged / "tool").touch()
        with pytest.raises(PartError, match="no program toolctl"):
            cache.install("tool", "1.0", staged, ("tool", "toolctl"), {})
    assert not cache.folder("tool", "1.0").exists()
    assert list((folder / "tmp").iterdir()) == []


def test_installing_again_replaces() -> None:
    put("one")
    entry = put("two, longer")
    assert entry.programs["tool"].read_text() == "two, longer"
    assert cache.find("tool", "1.0", full=True) is not None


def test_leftovers_of_a_killed_build_go_with_the_next(folder: Path) -> None:
    for name in ("tool@dead", "other@alive"):
        (folder / "tmp" / name).mkdir(parents=True)
    with cache.staging("tool") as staged:
        assert sorted(path.name for path in (folder / "tmp").iterdir()) == sorted(["other@alive", staged.name])
    assert [path.name for path in (folder / "tmp").iterdir()] == ["other@alive"]


def _hold(ready: Path, done: Path) -> None:
    with cache.lock("tool"):
        ready.touch()
        while not done.exists():
            time.sleep(0.01)


def test_a_lock_keeps_out_another_process_and_dies_with_its_own(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path / "ready", tmp_path / "never"))
    process.start()
    until((tmp_path / "ready").exists)
    with cache.alone("tool") as mine:
        assert not mine
    waited: list[bool] = []

    def end() -> None:
        waited.append(True)
        process.kill()

    with cache.lock("tool", end):
        assert waited == [True]
    process.join(DEADLINE)
    with cache.alone("tool") as mine:
        assert mine

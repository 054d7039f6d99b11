"""The history of applied versions and the journal of an apply: whole or not there, bounded, never lost."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from stackgen import history as versions
from stackgen.engines.base import EngineError
from stackgen.history import attempt as journal
from stackgen.history.attempt import Attempt, Version
from stackgen.history.store import APPLIED, KEPT, SET_ASIDE, Entry, History


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / ".stack")


def add(history: History, text: str, what: str = APPLIED) -> Entry:
    sources = history.keep({"stack.yml": text.encode(), "rules/a.yml": b"groups: []\n"})
    files = history.keep({"prometheus/prometheus.yml": f"# {text}".encode()})
    return history.add(
        what, "apply", engine="native", digest=f"digest of {text}", sources=sources, files=files, live={}
    )


def test_a_version_comes_back_as_it_was(history: History) -> None:
    assert history.entries() == []
    assert history.newest() is None
    entry = add(history, "one")
    assert history.newest() == entry
    assert entry.number == 1
    assert entry.who
    assert history.contents(entry.sources) == {"stack.yml": b"one", "rules/a.yml": b"groups: []\n"}
    second = add(history, "two")
    assert [one.number for one in history.entries()] == [2, 1]
    assert second.sources["rules/a.yml"] == entry.sources["rules/a.yml"], "a content is kept once"
    assert len(list(history.objects.iterdir())) == 5


def test_what_was_set_aside_is_not_what_was_applied(history: History) -> None:
    first = add(history, "one")
    add(history, "two", SET_ASIDE)
    assert history.newest() == first


def test_only_the_newest_are_kept_and_no_content_without_a_version(history: History) -> None:
    for number in range(KEPT + 7):
        add(history, f"version {number}")
    history.prune()
    entries = history.entries()
    assert len(entries) == KEPT
    assert entries[0].number == KEPT + 7
    assert entries[-1].number == 8
    assert history.contents(entries[-1].sources)["stack.yml"] == b"version 7"
    assert len(list(history.objects.iterdir())) == 2 * KEPT + 1


def test_a_content_that_was_lost_or_changed_is_told(history: History) -> None:
    entry = add(history, "one")
    path = history.objects / entry.sources["stack.yml"]
    path.write_bytes(b"uno")
    with pytest.raises(EngineError, match="its content was changed"):
        history.contents(entry.sources)
    path.unlink()
    with pytest.raises(EngineError, match="No such file"):
        history.contents(entry.sources)
    assert history.keep({"stack.yml": b"one"}) == {"stack.yml": entry.sources["stack.yml"]}
    assert history.contents(entry.sources)["stack.yml"] == b"one"


def test_a_broken_version_is_passed_over(history: History) -> None:
    add(history, "one")
    (history.folder / "000002.json").write_text("{")
    (history.folder / "000003.json").write_text('{"number": 3}')
    assert [entry.number for entry in history.entries()] == [1]


# The journal


def begun(history: History) -> Attempt:
    before = {"files": {"a": b"old"}, "live": {"a": b"old live"}}
    return Attempt.begin(history, "apply", "native", before, digest="0" * 64)


def test_the_journal_holds_both_sides_until_the_outcome_is_known(history: History) -> None:
    assert Attempt.read(history) is None
    attempt = begun(history)
    assert journal.left(history.folder.parent)
    assert Attempt.read(history) == attempt
    assert attempt.pid == os.getpid()
    reserve = history.folder / "reserve"
    assert reserve.stat().st_blocks * 512 >= journal.ROOM, "room is really taken"
    after = Version(digest="1" * 64, files=history.keep({"a": b"new"}))
    wanting = attempt.wanting(history, after, ("prometheus",), {"id": "x"})
    again = Attempt.read(history)
    assert again == wanting
    assert history.contents(wanting.before.live) == {"a": b"old live"}
    wanting.free(history)
    assert not reserve.exists()
    wanting.applied(history)
    newest = history.newest()
    assert newest is not None
    assert newest.digest == "1" * 64
    wanting.applied(history)
    assert history.newest() == newest, "it is in the history once"
    other = {"stack.yml": "2" * 64}
    replace(wanting, after=replace(after, sources=other)).applied(history)
    assert history.newest() != newest, "other sources are another version, whatever the files say (retention)"
    wanting.drop(history)
    assert not journal.left(history.folder.parent)
    assert sorted(path.read_bytes() for path in history.objects.iterdir()) == [b"new"], "what it began with is gone"


def test_a_journal_that_is_not_whole_is_none(history: History) -> None:
    begun(history)
    (history.folder / "attempt.json").write_text('{"pid": 3')
    assert Attempt.read(history) is None
    (history.folder / "attempt.json").write_text(
        json.dumps({"pid": 3, "before": {}, "after": {"what": 1}, "parts": []})
    )
    assert Attempt.read(history) is None


# The sources


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in {
        "stack.yml": "environment: a\n",
        "rules/a.yml": "groups: []\n",
        "rules/custom/b.yaml": "groups: []\n",
        "rules/notes.txt": "mine",
        "alertmanager/templates/a.tmpl": "{{ define }}",
        "alertmanager/alertmanager.yml": "generated",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_sources_are_what_a_person_edits(root: Path) -> None:
    assert set(versions.sources(root)) == {
        "stack.yml",
        "rules/a.yml",
        "rules/custom/b.yaml",
        "alertmanager/templates/a.tmpl",
    }


def test_sources_are_put_back_as_a_whole(root: Path) -> None:
    before = versions.sources(root)
    (root / "stack.yml").write_text("environment: b\n")
    (root / "rules" / "a.yml").unlink()
    (root / "rules" / "c.yml").write_text("groups: []\n")
    assert versions.put_sources(root, before) == ["rules/a.yml", "rules/c.yml", "stack.yml"]
    assert versions.sources(root) == before
    assert (root / "rules" / "notes.txt").read_text() == "mine"
    assert versions.put_sources(root, before) == []

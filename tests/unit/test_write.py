"""The writer: atomic at every step, prunes what it made, leaves alone what it did not make."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stackgen.journal import DONE, FOLDER, JOURNAL, Disk, Transaction, locked
from stackgen.render.dump import header
from stackgen.write import WriteError, difference, recover, write


def generated(path: str, text: str) -> bytes:
    return f"# {header(path, 'stack.yml')}\n{text}\n".encode()


def tree_of(**texts: str) -> dict[str, bytes]:
    """`prometheus__rules__a='x'` is the file prometheus/rules/a.yml with that text."""
    paths = {name: name.replace("__", "/") + ".yml" for name in texts}
    return {paths[name]: generated(paths[name], text) for name, text in texts.items()}


OLD = tree_of(prometheus__prometheus="old", prometheus__rules__a="old", loki__loki="same", console__gone="old")
NEW = tree_of(prometheus__prometheus="new", prometheus__rules__b="new", loki__loki="same", alertmanager__x__y="new")


def on_disk(root: Path) -> dict[str, bytes]:
    """Every file, state folder aside; hidden leftovers would show."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and FOLDER not in path.relative_to(root).parts
    }


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the platter tells these tests nothing; the order of the calls is what counts."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


class Killed(BaseException):
    """Stands for SIGKILL: nothing that follows reaches the disk."""


class Stopping(Disk):
    """Does `steps` operations, then stops: `stop` says how, and from then on every operation stops alike."""

    def __init__(self, steps: int, stop: Callable[[], BaseException], *, lasting: bool = True) -> None:
        self.steps, self.stop, self.lasting = steps, stop, lasting
        self.done = 0

    def __getattribute__(self, name: str) -> Any:
        operation = super().__getattribute__(name)
        if name not in ("create", "keep", "rename", "remove", "make_folder", "remove_folder", "sync"):
            return operation

        def counted(*args: Any) -> Any:
            self.done += 1
            if self.done == self.steps + 1 or (self.done > self.steps and self.lasting):
                if name == "create" and self.done == self.steps + 1:
                    args[0].write_bytes(args[1][: len(args[1]) // 2])  # half a file is on the disk
                raise self.stop()
            return operation(*args)

        return counted


def operations(root: Path) -> int:
    """How many operations the replacement of OLD by NEW takes."""
    root.mkdir()
    write(root, OLD)
    disk = Stopping(10**9, Killed)
    write(root, NEW, disk)
    return disk.done


def failure_of(root: Path, disk: Disk) -> WriteError | None:
    try:
        write(root, NEW, disk)
    except WriteError as error:
        return error
    return None


def test_writes_prunes_and_says_so(tmp_path: Path) -> None:
    assert write(tmp_path, OLD).written == tuple(sorted(OLD))
    change = write(tmp_path, NEW)
    assert change.written == ("alertmanager/x/y.yml", "prometheus/prometheus.yml", "prometheus/rules/b.yml")
    assert change.removed == ("console/gone.yml", "prometheus/rules/a.yml")
    assert on_disk(tmp_path) == NEW
    assert not write(tmp_path, NEW)


def test_what_is_the_same_is_not_touched_and_folders_keep_their_inode(tmp_path: Path) -> None:
    write(tmp_path, OLD)
    before = (tmp_path / "loki/loki.yml").stat()
    folder = (tmp_path / "prometheus/rules").stat().st_ino
    write(tmp_path, NEW)
    after = (tmp_path / "loki/loki.yml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (tmp_path / "prometheus/rules").stat().st_ino == folder


def test_files_are_readable_by_all_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        write(tmp_path, NEW)
    finally:
        os.umask(umask)
    for path in NEW:
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o644
        assert stat.S_IMODE((tmp_path / path).parent.stat().st_mode) == 0o755
    (tmp_path / "loki/loki.yml").chmod(0o600)
    assert write(tmp_path, NEW).written == ("loki/loki.yml",)
    assert stat.S_IMODE((tmp_path / "loki/loki.yml").stat().st_mode) == 0o644


@pytest.mark.parametrize("lasting", [True, False])
def test_killed_at_every_step_recovery_gives_the_old_tree_or_the_new(tmp_path: Path, lasting: bool) -> None:
    total = operations(tmp_path / "count")
    outcomes = set()
    for step in range(total):
        root = tmp_path / f"{step}-{lasting}"
        root.mkdir()
        write(root, OLD)
        if lasting:
            with pytest.raises(Killed):
                write(root, NEW, Stopping(step, Killed))
        else:  # Ctrl-C: the process lives on long enough to clean up
            with pytest.raises(KeyboardInterrupt):
                write(root, NEW, Stopping(step, KeyboardInterrupt, lasting=False))
        recover(root)
        found = on_disk(root)
        assert found in (OLD, NEW), f"after step {step}"
        outcomes.add(found == NEW)
        assert not (root / FOLDER / JOURNAL).exists()
        assert not (root / FOLDER / DONE).exists()
        write(root, NEW)
        assert on_disk(root) == NEW
    assert outcomes == {True, False}


def test_killed_in_recovery_too(tmp_path: Path) -> None:
    total = operations(tmp_path / "count")
    for step in range(0, total, 2):
        for second in range(0, total, 7):
            root = tmp_path / f"{step}-{second}"
            root.mkdir()
            write(root, OLD)
            with pytest.raises(Killed):
                write(root, NEW, Stopping(step, Killed))
            try:
                recover(root, Stopping(second, Killed))
            except Killed:
                recover(root)
            assert on_disk(root) in (OLD, NEW), f"after step {step} and step {second} of recovery"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_fails_at_any_step_leaves_the_old_tree_at_once(tmp_path: Path, code: int) -> None:
    total = operations(tmp_path / "count")
    failed = 0
    for step in range(total):
        root = tmp_path / str(step)
        root.mkdir()
        write(root, OLD)
        error = failure_of(root, Stopping(step, lambda: OSError(code, os.strerror(code)), lasting=False))
        if error:
            failed += 1
            assert os.strerror(code) in str(error)
            assert error.hint
            assert on_disk(root) == OLD, f"after step {step}"
        else:  # only clearing away second names is left by then: the new tree stands, and recovery clears
            recover(root)
            assert on_disk(root) == NEW
    assert failed > total / 2


def test_a_disk_that_stays_broken_is_recovered_when_it_is_well_again(tmp_path: Path) -> None:
    total = operations(tmp_path / "count")
    for step in range(total):
        root = tmp_path / str(step)
        root.mkdir()
        write(root, OLD)
        try:
            write(root, NEW, Stopping(step, lambda: OSError(errno.EIO, "Input/output error")))
        except WriteError:
            recover(root)
        recover(root)
        assert on_disk(root) in (OLD, NEW), f"after step {step}"


WRITER = """
import sys
from pathlib import Path
from stackgen.render.dump import header
from stackgen.write import recover, write
root = Path(sys.argv[1])
def tree(text, count):
    paths = [f"prometheus/rules/{number}.yml" for number in range(count)]
    return {path: f"# {header(path, 'x')}\\n{text}\\n".encode() for path in paths}
recover(root)
print("ready", flush=True)
for turn in range(10**6):
    write(root, tree("even" if turn % 2 else "odd", 30 if turn % 2 else 24))
"""


def test_real_kills_at_random_moments(tmp_path: Path) -> None:
    moments = random.Random(20261120)
    seen = set()
    for turn in range(60):  # ten, and on a busy machine as many more as it takes to see a whole tree
        if turn >= 10 and seen - {()}:
            break
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0.001, 0.12 + 0.02 * turn))
            process.send_signal(signal.SIGKILL)
        recover(tmp_path)
        found = on_disk(tmp_path)
        texts = {content.split(b"\n")[1] for content in found.values()}
        assert (texts, len(found)) in (({b"even"}, 30), ({b"odd"}, 24), (set(), 0))
        seen.add(tuple(texts))
    assert seen - {()}


def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the kernel refuses half-way through a file."""
    write(tmp_path, OLD)
    script = (
        "import resource, signal, sys; from pathlib import Path; from stackgen.write import WriteError, write;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "p = 'prometheus/prometheus.yml'\n"
        "try: write(Path(sys.argv[1]), {p: b'# ' + p.encode() + b' is generated by ./stack render' + b'x' * 9000})\n"
        "except WriteError as error: print(error, '|', error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert "File too large; nothing was changed" in done.stdout
    assert on_disk(tmp_path) == OLD


def test_a_symbolic_link_in_the_way_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "prometheus").symlink_to(elsewhere)
    with pytest.raises(WriteError, match="prometheus is a symbolic link"):
        write(root, NEW)
    assert on_disk(root) == {}
    assert list(elsewhere.iterdir()) == []
    (root / "prometheus").unlink()
    (root / "loki").mkdir()
    (root / "loki/loki.yml").symlink_to(elsewhere / "x")
    with pytest.raises(WriteError, match=r"loki/loki\.yml is a symbolic link"):
        write(root, NEW)


def test_a_file_where_a_folder_belongs_and_the_reverse(tmp_path: Path) -> None:
    (tmp_path / "prometheus").write_text("mine")
    with pytest.raises(WriteError, match="prometheus is a file where a folder is needed"):
        write(tmp_path, NEW)
    (tmp_path / "prometheus").unlink()
    (tmp_path / "loki/loki.yml").mkdir(parents=True)
    with pytest.raises(WriteError, match=r"loki/loki\.yml is a folder where a file is needed"):
        write(tmp_path, NEW)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.yml", "prometheus/../../x.yml", ""])
def test_nothing_is_written_outside(tmp_path: Path, path: str) -> None:
    with pytest.raises(WriteError, match="outside"):
        write(tmp_path, {path: b"x"})


@pytest.mark.skipif(os.geteuid() != 0, reason="drops from root to an unprivileged user")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    """Run as another user: root may write everywhere."""
    write(tmp_path, OLD)
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055) if folder.stat().st_uid == 0 and folder != Path("/") else None
    (tmp_path / FOLDER).chmod(0o777)
    (tmp_path / FOLDER / "write.lock").chmod(0o666)
    script = (
        "import os, sys; from pathlib import Path; from stackgen.write import WriteError, write; os.setuid(65534)\n"
        "try: write(Path(sys.argv[1]), {'loki/loki.yml': b'# loki/loki.yml is generated by ./stack render'})\n"
        "except WriteError as error: print(error, '|', error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert "Permission denied; nothing was changed | give this user the right to write there" in done.stdout
    assert on_disk(tmp_path) == OLD


def test_files_written_by_hand_are_left_alone(tmp_path: Path) -> None:
    mine = {
        "grafana/dashboards/custom/mine.json": b"{}",
        "alertmanager/templates/mine.tmpl": b"x",
        "prometheus/rules/copy.yml": OLD["prometheus/rules/a.yml"],  # a copy is no longer what render wrote
    }
    for path, content in mine.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    write(tmp_path, OLD)
    write(tmp_path, NEW)
    assert on_disk(tmp_path) == NEW | mine
    (tmp_path / "loki/loki.yml").write_text("auth_enabled: true\n")
    with pytest.raises(WriteError, match=r"loki/loki\.yml was not written by \./stack render"):
        write(tmp_path, OLD)
    assert (tmp_path / "loki/loki.yml").read_text() == "auth_enabled: true\n"


def test_difference_shows_what_a_write_would_do(tmp_path: Path) -> None:
    write(tmp_path, OLD)
    edited = tmp_path / "loki/loki.yml"
    edited.write_bytes(edited.read_bytes() + b"by_hand: 1\n")
    found = {one.path: one for one in difference(tmp_path, NEW)}
    assert {path: one.kind for path, one in found.items()} == {
        "alertmanager/x/y.yml": "added",
        "console/gone.yml": "removed",
        "loki/loki.yml": "changed",
        "prometheus/prometheus.yml": "changed",
        "prometheus/rules/a.yml": "removed",
        "prometheus/rules/b.yml": "added",
    }
    assert "-by_hand: 1\n" in found["loki/loki.yml"].diff
    assert "-old\n+new\n" in found["prometheus/prometheus.yml"].diff
    write(tmp_path, NEW)
    assert difference(tmp_path, NEW) == []


def test_two_writers_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackgen.journal.LOCK_SECONDS", 0.2)
    with locked(tmp_path), pytest.raises(WriteError, match="another process"):
        write(tmp_path, NEW)
    write(tmp_path, NEW)


def test_a_journal_that_cannot_be_understood_is_not_acted_upon(tmp_path: Path) -> None:
    write(tmp_path, OLD)
    (tmp_path / FOLDER / JOURNAL).write_text("{")
    with pytest.raises(WriteError, match="cannot be understood"):
        recover(tmp_path)
    assert on_disk(tmp_path) == OLD


def test_no_hard_links_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    write(tmp_path, OLD)
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(Killed):
        write(tmp_path, NEW, Stopping(30, Killed))
    recover(tmp_path)
    assert on_disk(tmp_path) in (OLD, NEW)


def test_recovery_without_a_journal_makes_nothing(tmp_path: Path) -> None:
    assert recover(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
    assert Transaction(tmp_path).recover() == ""

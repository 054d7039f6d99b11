"""The log pump: order, rotation without loss, a disk that takes no more."""

from __future__ import annotations

import asyncio
import itertools
import os
import selectors
from collections.abc import Coroutine, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar, cast

import pytest
from stackgen.engines import native_log
from stackgen.engines.native_log import LogFile, Pump
from stackgen.engines.native_tail import following, last
from waiting import DEADLINE

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_log, "PAUSE", 0.02)
    monkeypatch.setattr(native_log, "CHUNK", 1_000)


class Jumping(selectors.DefaultSelector):
    """Time that jumps to the next timer when there is nothing to read: no stall of the machine comes between two."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self.now += timeout
        return found


def run(what: Coroutine[None, None, T]) -> T:
    """As asyncio.run does, in a time of its own."""
    selector = Jumping()

    def made() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now  # type: ignore[method-assign]
        return loop

    with asyncio.Runner(loop_factory=made) as runner:
        return runner.run(what)


def everything(log: LogFile) -> str:
    """All files of a log, the oldest first."""
    numbers = range(log.kept + 2, 0, -1)
    paths = [*(log.path.with_name(f"{log.path.name}.{number}") for number in numbers), log.path]
    return "".join(path.read_text() for path in paths if path.exists())


async def pumped(log: LogFile, text: bytes, step: int = 700) -> list[bytes]:
    """Sends the text through a pipe in pieces; the lines that were told."""
    reading, writing = os.pipe()
    lines: list[bytes] = []
    pump = Pump(reading, log, lines.append)
    os.set_blocking(writing, False)
    while text:
        try:
            text = text[os.write(writing, text[:step]) :]
        except BlockingIOError:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
    os.close(writing)
    await asyncio.wait_for(pump.ended, DEADLINE)
    return lines


def test_rotation_keeps_every_line_whole_and_in_order(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "part.log", limit=5_000, kept=40)
    text = "".join(f"line {number:05d} {'x' * (number % 90)}\n" for number in range(2_000))
    lines = run(pumped(log, text.encode()))
    assert everything(log) == text
    assert len(lines) == 2_000
    files = sorted(tmp_path.iterdir())
    assert len(files) > 5
    for file in files:
        assert file.read_bytes().endswith(b"\n"), f"{file} ends within a line"
        assert file.stat().st_size < 5_000 + 2 * native_log.CHUNK


def test_old_files_are_dropped(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "part.log", limit=1_000, kept=2)
    run(pumped(log, b"0123456789\n" * 2_000))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.log", "part.log.1", "part.log.2"]


def test_a_follower_by_name_misses_nothing(tmp_path: Path) -> None:
    """Reads as a collector does: to the end of the open file, and only then looks whether the name is another file."""
    log = LogFile(tmp_path / "part.log", limit=2_000, kept=60)
    seen = b""

    async def follow(done: asyncio.Event) -> None:
        nonlocal seen
        stream = None
        while True:
            if stream is None:
                if log.path.exists():
                    stream = log.path.open("rb")
                elif done.is_set():
                    return
            if stream is not None:
                data = stream.read()
                seen += data
                if not data and log.path.exists() and log.path.stat().st_ino != os.fstat(stream.fileno()).st_ino:
                    stream.close()
                    stream = None
                    continue
                if not data and done.is_set():
                    stream.close()
                    return
            await asyncio.sleep(0.004)

    async def both() -> None:
        done = asyncio.Event()
        follower = asyncio.create_task(follow(done))
        await pumped(log, text.encode(), 300)
        await asyncio.sleep(0.05)
        done.set()
        await follower

    text = "".join(f"{number:06d}\n" for number in range(3_000))
    run(both())
    assert seen.decode() == text


def test_a_line_without_an_end_is_not_cut(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "part.log", limit=100, kept=3)
    run(pumped(log, b"a" * 5_000 + b"\nnext\n"))
    assert everything(log) == "a" * 5_000 + "\nnext\n"
    assert (tmp_path / "part.log").read_text() == "next\n"


def test_a_line_that_never_ends_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else neither the file nor what is held of it in memory would have a bound."""
    monkeypatch.setattr(native_log, "LONGEST", 2_000)
    log = LogFile(tmp_path / "part.log", limit=100, kept=100)
    lines = run(pumped(log, b"a" * 50_000))
    assert everything(log) == "a" * 50_000
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 100 + 2_000 + 2 * native_log.CHUNK
    assert 40_000 < sum(map(len, lines)) <= 50_000
    assert max(map(len, lines)) < 2_000 + native_log.CHUNK


def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "part.log")
    log.write(b"one\n", 0.0)
    log.path.unlink()
    log.write(b"two\n", 10.0)
    assert log.path.read_text() == "two\n"
    log.close()


def test_a_full_disk_is_told_once_it_is_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(tmp_path / "part.log")
    log.write(b"before\n", 0.0)
    real, full = os.write, True

    def write(descriptor: int, data: bytes) -> int:
        if full:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    log.write(b"lost\n", 0.1)
    full = False
    log.write(b"after\n", 0.2)
    log.close()
    assert log.path.read_text() == "before\nsupervisor: 5 bytes of this log were lost, the disk took no more\nafter\n"


def test_last_lines_reach_into_the_file_before(tmp_path: Path) -> None:
    (tmp_path / "part.log.1").write_text("1\n2\n3\n")
    (tmp_path / "part.log").write_text("4\n5\n")
    assert list(last(tmp_path / "part.log", 3)) == ["3", "4", "5"]
    assert list(last(tmp_path / "part.log", 0)) == []


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_following_goes_over_a_rename(tmp_path: Path) -> None:
    path = tmp_path / "part.log"
    path.write_text("old\n")
    lines = cast("Generator[str, None, None]", following(path))
    steps = iter(
        [
            lambda: append(path, "a\n"),
            lambda: (path.rename(tmp_path / "part.log.1"), path.write_text("b\n")),
        ]
    )

    def sleep(_seconds: float) -> None:
        next(steps)()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stackgen.engines.native_tail.time", SimpleNamespace(sleep=sleep))  # no other thread's
        assert list(itertools.islice(lines, 2)) == ["a", "b"]
        lines.close()

"""The supervisor and the search for programs: what is found starts, what is built joins by itself, what fails says why.

The rooms that fetch and build are replaced by files in a folder: `<part>` holds what a search finds, `<part>.built`
what a build gives, `<part>.fails` is there when it cannot.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from native_support import FAKE, FakeStack, alive
from stackgen.engines.base import State
from stackgen.engines.native_plan import PROGRAM, PartPlan
from waiting import until

pytestmark = pytest.mark.native

REPLACED = """
import os, sys, time
from pathlib import Path
from stackgen.parts import resolve as room
from stackgen.parts.errors import PartError
from stackgen.parts.progress import Event, Stage

FOLDER = Path(os.environ["FAKE_PROGRAMS"])


def program(name, origin):
    return room.Program(name, {name: Path(sys.executable)}, (FOLDER / name).read_text(), origin)


def resolve(part, *, accept="floor"):
    if (FOLDER / part.name).exists():
        return program(part.name, "debian")
    raise PartError(part.name, "is not here")


def cached(part, **_):
    return None


def build(part, progress, **_):
    while not (FOLDER / f"{part.name}.built").exists():
        if (FOLDER / f"{part.name}.fails").exists():
            raise PartError(part.name, "the compiler is out of cheese", "buy some")
        progress(Event(part.name, Stage.COMPILING, 3, 10))
        time.sleep(0.05)
    version = (FOLDER / f"{part.name}.built").read_text()
    return room.Program(part.name, {part.name: Path(sys.executable)}, version, "cache")


room.resolve, room.cached, room.build = resolve, cached, build
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is found; `sitecustomize.py` in it replaces the rooms in the searching process."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(REPLACED)
    monkeypatch.setenv("FAKE_PROGRAMS", str(folder))
    return folder


def part(name: str, port: int, **fields: object) -> PartPlan:
    return PartPlan(name, (PROGRAM, str(FAKE), "--port", str(port)), port, "/ready", **fields)  # type: ignore[arg-type]


def test_what_is_found_starts_and_what_is_built_joins_by_itself(
    fake: FakeStack, programs: Path, two_ports: list[int]
) -> None:
    (programs / "prometheus").write_text("2.53.3")
    fake.start(part("prometheus", two_ports[0]), part("loki", two_ports[1]), search="1", path=programs)
    found = fake.becomes("prometheus", State.HEALTHY)
    assert (found.version, found.origin) == ("2.53.3", "from the distribution's package")
    fake.becomes("loki", State.WAITING, lambda now: "compiling, package 3 of about 10" in now.progress)
    assert fake.state.searching
    (programs / "loki.built").write_text("3.7.8")
    built = fake.becomes("loki", State.HEALTHY)
    assert (built.version, built.origin, built.progress) == ("3.7.8", "built at the pinned version", "")


def test_a_newer_program_comes_with_the_next_search(fake: FakeStack, programs: Path, port: int) -> None:
    (programs / "prometheus").write_text("2.53.3")
    fake.start(part("prometheus", port), search="1", path=programs)
    first = fake.becomes("prometheus", State.HEALTHY)
    (programs / "prometheus.built").write_text("3.13.3")
    until(lambda: fake["prometheus"].waits_for == "3.13.3", why="the built one is told")
    assert fake["prometheus"].pid == first.pid
    assert "3.13.3 is ready and comes with the next up" in fake["prometheus"].detail()
    (programs / "prometheus").write_text("3.13.3")
    fake.change(part("prometheus", port), search="1")
    assert fake["prometheus"].pid == first.pid, "without a new search nothing is swapped"
    fake.change(part("prometheus", port), search="2")
    newer = fake.becomes("prometheus", State.HEALTHY, lambda now: now.version == "3.13.3")
    assert not alive(first.pid)
    assert newer.waits_for == ""


def test_a_failed_build_says_why_and_the_next_search_tries_again(
    fake: FakeStack, programs: Path, two_ports: list[int]
) -> None:
    (programs / "loki.fails").write_text("")
    (programs / "promtail.built").write_text("3.6.4")
    plans = part("loki", two_ports[0]), part("promtail", two_ports[1])
    fake.start(*plans, search="1", path=programs)
    failed = fake.becomes("loki", State.FAILED)
    assert failed.final
    assert failed.detail() == "the compiler is out of cheese; buy some"
    fake.becomes("promtail", State.HEALTHY)
    (programs / "loki.fails").unlink()
    (programs / "loki.built").write_text("3.7.8")
    fake.change(*plans, search="2")
    assert fake.becomes("loki", State.HEALTHY).error == ""


def test_a_part_that_is_added_later_is_looked_for(fake: FakeStack, programs: Path, two_ports: list[int]) -> None:
    for name in ("prometheus", "prometheus.built", "loki", "loki.built"):
        (programs / name).write_text("1.0")
    fake.start(part("prometheus", two_ports[0]), search="1", path=programs)
    first = fake.becomes("prometheus", State.HEALTHY)
    until(lambda: not fake.state.searching)
    fake.change(part("prometheus", two_ports[0]), part("loki", two_ports[1]), search="1")
    fake.becomes("loki", State.HEALTHY)
    assert fake["prometheus"].pid == first.pid


def test_the_search_ends_with_the_supervisor(fake: FakeStack, programs: Path, port: int) -> None:
    fake.start(part("loki", port), search="1", path=programs)
    until(lambda: "compiling" in fake["loki"].progress)
    fetching = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_search(pid, programs)]
    assert fetching
    fake.stop()
    assert not any(alive(pid) for pid in fetching)


def test_a_search_that_dies_is_told(fake: FakeStack, programs: Path, port: int) -> None:
    (programs / "sitecustomize.py").write_text("import sys\nif 'native_fetch' in ' '.join(sys.orig_argv): sys.exit(9)")
    fake.start(part("loki", port), search="1", path=programs)
    failed = fake.becomes("loki", State.FAILED)
    assert "the search for its program" in failed.error


def _is_search(pid: int, programs: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return b"native_fetch" in command and str(programs).encode() in environment

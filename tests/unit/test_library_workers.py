"""The numbers that worker processes share: files that grow, are read by others, and may hold nonsense."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support import ROOT
from watchstack import shared
from watchstack.host import HostSampler
from watchstack.host_collector import HostCollector
from watchstack.http.collector import HttpCollector
from watchstack.http.shared import SharedRecorder
from watchstack.measures import Measures
from watchstack.monitoring import Monitoring
from watchstack.settings import SettingError, Settings
from watchstack.shared import SUFFIX, SharedNumbers


def recorded(folder: Path, routes: int) -> dict[tuple[str, str], int]:
    """Adds one request to each of `routes` routes, and tells what a scrape would."""
    recorder = SharedRecorder(SharedNumbers(folder))
    for number in range(routes):
        exchange = recorder.begin("GET")
        exchange.route, exchange.status = f"/route/{number}/" + "é" * (number % 9), "200"
        exchange.end()
    return {key: cells["200"].count for key, cells in recorder.figures().groups.items()}


def in_another_process(code: str, folder: Path) -> str:
    """What it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "exporter")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_file_grows_by_segments_and_other_processes_read_it(tmp_path: Path) -> None:
    here = recorded(tmp_path, 400)
    assert len(here) == 400
    assert set(here.values()) == {1}
    assert max(path.stat().st_size for path in tmp_path.iterdir()) >= 3 * 65536
    code = "import sys\nfrom pathlib import Path\nfrom watchstack.http.shared import SharedRecorder\n"
    code += "from watchstack.shared import SharedNumbers\n"
    code += "figures = SharedRecorder(SharedNumbers(Path(sys.argv[1]))).figures()\n"
    code += "print(len(figures.groups), sum(c.count for g in figures.groups.values() for c in g.values()))"
    assert in_another_process(code, tmp_path) == "400 400\n"


def test_a_file_is_locked_before_others_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader tries the lock too, and would be in the way of its owner, who would count as gone from then on."""
    seen: list[list[Path]] = []
    lock = fcntl.lockf

    def looked(file: int, how: int) -> None:
        seen.append(list(tmp_path.glob(f"*{SUFFIX}")))
        lock(file, how)

    monkeypatch.setattr(shared.fcntl, "lockf", looked)
    numbers = SharedNumbers(tmp_path)
    numbers.slot(("one",))[0] = 7
    assert seen == [[]]
    assert [(part.alive, {key: list(slot) for key, slot in part.numbers.items()}) for part in numbers.parts()] == [
        (True, {("one",): [7.0]})
    ]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 64, bytes(64), b"\x40" + bytes(7) + b"\x30" + bytes(55)])
def test_a_file_of_nonsense_harms_no_scrape(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "watchstack_1_x.numbers").write_bytes(content)
    assert set(recorded(tmp_path, 1).values()) == {1}


def test_where_no_file_can_be_made_the_application_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    recorder = SharedRecorder(SharedNumbers(folder))
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    exchange = recorder.begin("GET")
    exchange.status = "200"
    exchange.end()
    exchange.raised(KeyError("x"))
    assert recorder.troubles == 3
    assert recorder.figures().groups == {}


GONE = """
import os, signal, sys
from pathlib import Path
from watchstack.http.shared import SharedRecorder
from watchstack.measures import Measures
from watchstack.shared import SharedNumbers

numbers = SharedNumbers(Path(sys.argv[1]))
recorder, measures = SharedRecorder(numbers), Measures(numbers=numbers)
for _ in range(3):
    exchange = recorder.begin("GET")
    exchange.route, exchange.status = "/", "200"
    exchange.end()
exchange.raised(KeyError("x"))
recorder.begin("GET")
measures.add("ai_calls_total", "m", "success", amount=5)
measures.set("db_connections_active", 4)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_goes_on_with_the_file_of_one_that_was_killed(tmp_path: Path) -> None:
    """Workers that are replaced day and night (`--max-requests`) leave no more files than run at one time."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "exporter")}
    for _ in range(5):
        subprocess.run([sys.executable, "-c", GONE, str(tmp_path)], env=environment, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    numbers = SharedNumbers(tmp_path)
    recorder, measures = SharedRecorder(numbers), Measures(numbers=numbers)
    exchange = recorder.begin("GET")
    assert recorder.figures().in_progress() == {"GET": 1}
    exchange.route, exchange.status = "/", "200"
    exchange.raised(KeyError("x"))
    exchange.end()
    measures.move("db_connections_active", 1)
    figures, own = recorder.figures(), measures.gather()
    assert figures.groups["GET", "/"]["200"].count == 16
    assert figures.exceptions == {("GET", "/", "KeyError"): 6}
    assert figures.in_progress() == {"GET": 0}
    assert own["ai_calls_total"] == {("m", "success"): 25.0}
    assert own["db_connections_active"] == {(): 1.0}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_inherited_grows_on(tmp_path: Path) -> None:
    first = SharedNumbers(tmp_path)
    for number in range(900):
        first.slot(("old", f"{number}"), 8)[7] = number
    del first  # closes its file, as the end of a process does
    second = SharedNumbers(tmp_path)
    for number in range(1500):
        assert list(second.slot(("new", f"{number}"), 8)) == [0.0] * 8
        second.slot(("new", f"{number}"), 8)[0] = 1
    (part,) = SharedNumbers(tmp_path).parts()
    assert part.alive
    assert len(part.numbers) == 2400
    assert sum(map(sum, part.numbers.values())) == sum(range(900)) + 1500


def test_failed_readings_of_the_host_go_on_where_a_process_left_them(tmp_path: Path) -> None:
    def told(numbers: SharedNumbers) -> float | None:
        registry, sampler = CollectorRegistry(), HostSampler()
        sampler.failures = {"cpu": 2}
        HostCollector(sampler, registry, None, numbers)
        sampler.sample()
        sampler.failures["cpu"] = 3
        sampler.sample()
        return registry.get_sample_value("host_read_failures_total", {"reading": "cpu"})

    assert told(SharedNumbers(tmp_path)) == 3
    gc.collect()
    assert told(SharedNumbers(tmp_path)) == 6
    assert len(list(tmp_path.iterdir())) == 1


def test_two_in_one_process_know_that_both_run(tmp_path: Path) -> None:
    one, two = (SharedRecorder(SharedNumbers(tmp_path)) for _ in range(2))
    one.begin("GET")
    two.begin("POST")
    for _ in range(2):
        assert one.figures().in_progress() == two.figures().in_progress() == {"GET": 1, "POST": 1}
    code = "import sys\nfrom pathlib import Path\nfrom watchstack.shared import SharedNumbers\n"
    code += "print([part.alive for part in SharedNumbers(Path(sys.argv[1])).parts()])"
    assert in_another_process(code, tmp_path) == "[True, True]\n"


def test_where_no_file_can_be_locked_none_piles_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(shared.fcntl, "lockf", refused)
    numbers = SharedNumbers(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        with pytest.raises(OSError, match="No locks"):
            numbers.slot(("one",))
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) < before + 20


def test_a_folder_that_is_none_is_told_at_start(tmp_path: Path) -> None:
    settings = Settings.from_environ({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "gone")})
    with pytest.raises(SettingError, match=r"PROMETHEUS_MULTIPROC_DIR=.*a folder that exists"):
        Monitoring(settings=settings)

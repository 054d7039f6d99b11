"""The numbers that worker processes share: files that grow, are read by others, and may hold nonsense."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support import ROOT
from watchstack import shared
from watchstack.http.collector import HttpCollector
from watchstack.http.shared import SharedRecorder
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


def test_a_file_grows_by_segments_and_other_processes_read_it(tmp_path: Path) -> None:
    here = recorded(tmp_path, 400)
    assert len(here) == 400
    assert set(here.values()) == {1}
    assert max(path.stat().st_size for path in tmp_path.iterdir()) >= 3 * 65536
    code = "import sys\nfrom pathlib import Path\nfrom watchstack.http.shared import SharedRecorder\n"
    code += "from watchstack.shared import SharedNumbers\n"
    code += "figures = SharedRecorder(SharedNumbers(Path(sys.argv[1]))).figures()\n"
    code += "print(len(figures.groups), sum(c.count for g in figures.groups.values() for c in g.values()))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "exporter")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "400 400\n"


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


def test_a_folder_that_is_none_is_told_at_start(tmp_path: Path) -> None:
    settings = Settings.from_environ({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "gone")})
    with pytest.raises(SettingError, match=r"PROMETHEUS_MULTIPROC_DIR=.*a folder that exists"):
        Monitoring(settings=settings)

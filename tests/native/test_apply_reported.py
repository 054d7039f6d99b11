"""What Prometheus and Alertmanager report is recognised as what was written, and any other configuration is not."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.cli.reported import WRITTEN as KEYS
from stackgen.cli.reported import compared, difference
from stackgen.engines.native_placement import placement
from stackgen.load import load
from stackgen.render import render
from support import ROOT, choose_ports
from trees import RICH, put
from waiting import until

pytestmark = pytest.mark.native

WRITTEN = {"prometheus": "prometheus/prometheus.yml", "alertmanager": "alertmanager/alertmanager.yml"}
Reports = dict[str, tuple[bytes, str]]


@pytest.fixture(scope="module")
def reports(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    """For each part: the file that was written for the rich stack, and what the running program reports."""
    root = tmp_path_factory.mktemp("reported")
    ports = dict(zip(("prometheus", "alertmanager"), choose_ports(2), strict=True))
    files = render(load(RICH)[0], placement(root, ports, config=root / "config"))
    put(root / "config", files)
    shutil.copytree(ROOT / "alertmanager" / "templates", root / "config" / "alertmanager" / "templates")
    addresses = {part: f"127.0.0.1:{port}" for part, port in ports.items()}
    commands = {
        "prometheus": [program("prometheus"), f"--storage.tsdb.path={root}/data"],
        "alertmanager": [program("alertmanager"), f"--storage.path={root}/silences", "--cluster.listen-address="],
    }
    processes = [
        subprocess.Popen(
            [*command, f"--config.file={root}/config/{WRITTEN[part]}", f"--web.listen-address={addresses[part]}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for part, command in commands.items()
    ]
    try:
        reported = {
            "prometheus": until(lambda: answer(addresses["prometheus"], "/api/v1/status/config"))["data"]["yaml"],
            "alertmanager": until(lambda: answer(addresses["alertmanager"], "/api/v2/status"))["config"]["original"],
        }
        yield {part: (files[path], reported[part]) for part, path in WRITTEN.items()}
    finally:
        for process in processes:
            process.terminate()
            process.wait(60)


def answer(address: str, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answered:
            return json.load(answered)
    except OSError:
        return None


@pytest.mark.parametrize("part", WRITTEN)
def test_what_was_written_is_recognised(reports: Reports, part: str) -> None:
    assert difference(part, *reports[part]) == ""


def edits(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The configuration with one value changed, one key or entry left out, each in turn."""
    keys = list(content) if isinstance(content, dict) else range(len(content))
    for key in keys:
        value = content[key]
        without = copy.deepcopy(content)
        del without[key]
        yield ".".join(map(str, (*path, key))) + " left out", without
        if isinstance(value, dict | list):
            for name, inner in edits(value, (*path, key)):
                changed = copy.copy(content)
                changed[key] = inner
                yield name, changed
        else:
            changed = copy.copy(content)
            changed[key] = not value if isinstance(value, bool) else 7 if isinstance(value, int) else f"{value}x"
            yield ".".join(map(str, (*path, key))) + " changed", changed


# Left out, these are what the program takes by itself; a hidden address and maps with keys of its own cannot be told.
SAME = ("send_resolved", "scrape_timeout", "type", "parse_mode", "url", "headers", "Subject", "details")


@pytest.mark.parametrize("part", WRITTEN)
def test_every_other_configuration_is_told(reports: Reports, part: str) -> None:
    written, reported = (yaml.safe_load(text) for text in reports[part])
    every = dict(edits(written))
    missed = [name for name, changed in every.items() if not compared(part, changed, reported)]
    print(f"{part}: {len(every) - len(missed)} of {len(every)} other configurations are told; not told: {missed}")
    assert len(every) > 200
    assert len(missed) < len(every) / 15
    assert [name for name in missed if not excused(part, name.split()[0])] == []


def excused(part: str, place: str) -> bool:
    """Whether another value there cannot be told; an option of a receiver may be too new for the list of WRITTEN."""
    key = place.rpartition(".")[2]
    return key in SAME or (place.startswith("receivers.") and key not in KEYS[part])

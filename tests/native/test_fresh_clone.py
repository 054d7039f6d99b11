"""A newcomer's first minutes: a fresh clone, nothing cached, no Docker engine. Times are those the design allows."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_support import example_ports
from running import RunningStack
from stackgen.engines import native_examples
from support import ROOT, answers, copy_checkout
from waiting import until

pytestmark = pytest.mark.native

METRICS, ALERTS = 60.0, 180.0  # seconds from the command on


@pytest.fixture
def clone(tmp_path: Path, free_ports: dict[str, str]) -> Iterator[RunningStack]:
    """A clone without `.venv`, with a cache and a Docker host of its own: both empty."""
    root = copy_checkout(tmp_path / "watchstack")
    (root / ".venv").unlink()
    nobody = f"unix://{tmp_path}/no-docker.sock"
    stack = RunningStack(root, free_ports, "native", WATCHSTACK_CACHE=str(tmp_path / "cache"), DOCKER_HOST=nobody)
    yield stack
    stack.destroy()


def test_first_up_of_a_newcomer(clone: RunningStack, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    command = [str(clone.root / "stack"), "up"]
    process = subprocess.Popen(
        command, cwd=clone.root, env=clone.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    reached: dict[str, float] = {}
    parts = {"exporter": "/metrics", "console": "/health/ready", "prometheus": "/-/ready", "alertmanager": "/-/ready"}

    def everything() -> bool:
        for part, path in parts.items():
            if part not in reached and answers(clone.url(part) + path):
                reached[part] = time.monotonic() - began
        return set(reached) == set(parts)

    try:
        until(everything, ALERTS + 60, "metrics, console and alerts answer")
        said, _ = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    returned = time.monotonic() - began
    with capsys.disabled():
        times = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in reached.items())
        print(f"\nfresh clone, empty cache: {times}; up returned after {returned:.0f} s")
    assert process.returncode == 0, said
    assert "engine: native" in said
    assert max(reached["exporter"], reached["console"], reached["prometheus"]) <= METRICS
    assert reached["alertmanager"] <= ALERTS
    assert returned <= ALERTS
    status = clone.status()
    assert {status[part]["state"] for part in parts} == {"healthy"}
    assert {status[part]["state"] for part in ("loki", "promtail")} <= {"waiting", "starting", "healthy"}
    clone.environment |= example_ports()
    said = clone.command("up", "--examples").stdout
    assert "installing what the examples need into .venv" in said
    assert "fastapi==" in said
    applications = [one.name for one in native_examples.EXAMPLES]
    until(lambda: {clone.status()[name]["state"] for name in applications} == {"healthy"}, 120, "the examples run")


def test_the_clone_holds_nothing_of_this_machine(clone: RunningStack) -> None:
    assert not (clone.root / ".stack").exists()
    assert not (clone.root / ".venv").exists()
    assert sorted(os.listdir(clone.root / "secrets")) == [".gitignore"]
    assert ROOT not in (clone.root, *clone.root.parents)

"""Fixtures of the native tier."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from native_support import FakeStack, marked
from running import RunningStack
from support import choose_ports


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeStack]:
    """A supervisor over fake parts; whatever it left is ended after the test."""
    stack = FakeStack(tmp_path / ".stack")
    yield stack
    stack.clean()


@pytest.fixture
def port() -> int:
    """A free port."""
    return choose_ports(1)[0]


@pytest.fixture
def two_ports() -> list[int]:
    """Two free ports."""
    return choose_ports(2)


@pytest.fixture
def free_ports(free_ports: dict[str, str]) -> dict[str, str]:
    """Loki's second port too."""
    names = [*free_ports, "LOKI_GRPC_PORT"]
    return {name: str(port) for name, port in zip(names, choose_ports(len(names)), strict=True)}


@pytest.fixture
def stack(checkout: Path, free_ports: dict[str, str]) -> Iterator[RunningStack]:
    """`./stack` of a fresh copy; nothing is started. Whatever runs in the end is ended."""
    stack = RunningStack(checkout, free_ports, "native", DOCKER_HOST="unix:///nonexistent/docker.sock")
    yield stack
    stack.command("down", check=False)
    left = marked(checkout / ".stack")
    for process in left:
        process.kill()
    assert left == [], "down left processes behind"

"""Fixtures of the native tier."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from native_support import FakeStack, end_native, native_stack
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
def stack(checkout: Path, free_ports: dict[str, str]) -> Iterator[RunningStack]:
    """`./stack` of a fresh copy; nothing is started. Whatever runs in the end is ended."""
    stack = native_stack(checkout, free_ports)
    yield stack
    end_native(stack)

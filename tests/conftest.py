"""Fixtures of all tiers: programs from the cache, a copy of the checkout, free ports."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import copy_checkout, port_variables, unavailable


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh copy of the checkout: no `.stack`, no `secrets`, `.venv` shared."""
    folder = tmp_path / "watchstack"
    folder.mkdir()
    return copy_checkout(folder)


@pytest.fixture
def free_ports() -> dict[str, str]:
    """A free port for each part, as the variables that `./stack` and Compose read."""
    return port_variables()


@pytest.fixture(scope="session")
def program() -> Callable[..., Path]:
    """`program("promtool")` at its pin, `program("promtool", "floor")` at the oldest version that is served."""
    from stackgen.parts import extras, resolve

    def find(name: str, which: str = "pin") -> Path:
        try:
            return extras.floor_program(name) if which == "floor" else resolve.pinned_program(name)
        except resolve.PartError as error:
            unavailable(f"{name} ({which}): {error}")

    return find


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never inherit a running stack's ports, images or project."""
    for name in list(os.environ):
        if name.endswith(("_PORT", "_IMAGE")) or name in ("COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "STACK_ROOT"):
            monkeypatch.delenv(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts and failures for the closing table of `./stack test`."""
    if path := os.environ.get("STACK_TEST_COUNTS"):
        stats = terminalreporter.stats
        failed = {report.nodeid: None for name in ("failed", "error") for report in stats.get(name, [])}
        counts = {name: len(stats.get(name, [])) for name in ("skipped", "failed", "error")}
        counts["passed"] = len([report for report in stats.get("passed", []) if report.nodeid not in failed])
        Path(path).write_text(json.dumps({"counts": counts, "failed": list(failed)}))

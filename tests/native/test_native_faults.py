"""Native engine: a part that stops is told in the inbox, and that it is back; so is the silence of alerting itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from faults import Fault, check_part_faults, check_watchdog
from running import RunningStack
from waiting import until

pytestmark = pytest.mark.native


@pytest.fixture
def stack(checkout: Path, free_ports: dict[str, str]) -> Iterator[RunningStack]:
    stack = RunningStack(checkout, free_ports, "native")
    try:
        stack.up("--wait")
        until(lambda: set(stack.targets().values()) == {"up"}, 120, "every target is up")
        yield stack
    finally:
        stack.destroy()


def test_a_fault_reaches_the_inbox_and_so_does_its_end(stack: RunningStack, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        faults = {
            part: Fault(partial(stack.freeze, part), partial(stack.thaw, part))
            for part in ("exporter", "node-exporter")
        }
        check_part_faults(stack, faults, hangs=True)
        check_watchdog(stack, partial(stack.freeze, "prometheus"), partial(stack.thaw, "prometheus"))

"""A part that stops is told in the inbox, and that it is back; so is the silence of alerting itself.

It begins before the first test of the tier and passes beside those before this one, on a stack of its own.
"""

from __future__ import annotations

import pytest
from outage import Outage

pytestmark = pytest.mark.compose


def test_a_fault_reaches_the_inbox_and_so_does_its_end(outage: Outage, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        outage.ended.result(900)
    finally:
        with capsys.disabled():
            print("", *outage.lines, sep="\n")

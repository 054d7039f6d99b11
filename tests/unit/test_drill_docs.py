"""docs/drill.md is a drill of the whole catalogue: every shipped alert stands in it, and none failed."""

from __future__ import annotations

from stackgen.drill.rendered import catalogue
from stackgen.drill.report import INTRODUCTION
from support import ROOT
from trees import model, tree

PAGE = (ROOT / "docs" / "drill.md").read_text()
ROWS = [[cell.strip() for cell in line.split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")][1:]


def test_every_alert_has_its_row() -> None:
    """After a change of rules: ./stack drill --write docs/drill.md (a minute and a half)."""
    shipped = sorted(one.name for one in catalogue(tree("shipped", "compose"), model("shipped")).alerts)
    assert sorted(row[0].removeprefix("| ") for row in ROWS) == shipped


def test_every_alert_arrived_somewhere_in_time() -> None:
    for name, _severity, receivers, seconds, expected, *_rest in ROWS:
        assert receivers != "-", name
        assert float(seconds) <= float(expected), name
    assert "FAILED" not in PAGE
    assert "not drilled" not in PAGE.removeprefix("\n".join(INTRODUCTION))


def test_the_words_before_the_table_are_those_of_the_command() -> None:
    assert PAGE.startswith("\n".join(INTRODUCTION) + "\n")

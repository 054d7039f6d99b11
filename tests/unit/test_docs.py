"""Documents: every relative link leads to a file, and docs/coverage.md is what the tests give."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from support import ROOT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def broken(document: Path, text: str) -> list[str]:
    links = [link for link in LINK.findall(text) if "://" not in link and not link.startswith("mailto:")]
    return [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    assert broken(document, document.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_seen() -> None:
    assert broken(ROOT / "README.md", "[a](LICENSE) [b](no-such.md) [c](https://example.com)") == ["no-such.md"]


def test_coverage_is_up_to_date() -> None:
    coverage = runpy.run_path(str(ROOT / "scripts" / "coverage.py"))
    written = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert coverage["document"]() == written, "run: python scripts/coverage.py"
    assert coverage["rows_in"]("B-67..B-69, L-05") == {"B-67", "B-68", "B-69", "L-05"}
    assert coverage["rows_in"]("Q-01, B-90") == set()

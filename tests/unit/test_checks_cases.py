"""Every folder of tests/cases/bad is a bad source with the exact text of its findings; UPDATE_CASES=1 writes them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from stackgen import report
from stackgen.diagnostic import Diagnostic, SourceError
from stackgen.findings import KINDS
from stackgen.load import load

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path for path in (ROOT / "tests/cases/bad").iterdir() if path.is_dir())
HEADER = re.compile(r"^\S+:\d+:\d+ (?:error|warning) ([a-z0-9-]+): ", re.MULTILINE)


def findings(root: Path) -> list[Diagnostic]:
    try:
        return load(root)[1]
    except SourceError as error:
        return error.diagnostics


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_findings_of_a_bad_source(case: Path) -> None:
    text = report.text(findings(case), case)
    expected = case / "expected.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert text, "a bad source without a finding"


def told(case: Path) -> set[str]:
    return set(HEADER.findall((case / "expected.txt").read_text(encoding="utf-8")))


def test_every_check_has_its_case() -> None:
    names = {case.name for case in CASES}
    for check in KINDS:
        assert check in names, f"no tests/cases/bad/{check}"
    for case in CASES:
        check = case.name.partition("--")[0]
        if check in KINDS:
            assert check in told(case), f"{case.name} does not show {check}"


def test_every_finding_of_the_cases_is_a_declared_check() -> None:
    for case in CASES:
        assert told(case) <= set(KINDS)


def test_every_check_has_its_heading_and_every_heading_its_check() -> None:
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### `([a-z0-9-]+)`$", text, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == set(KINDS)


def test_one_function_tells_one_check() -> None:
    functions = [kind.function for kind in KINDS.values()]
    assert len(set(functions)) == len(functions)
    for kind in KINDS.values():
        assert kind.function.__name__ == kind.check.replace("-", "_")


def test_at_least_45_cases() -> None:
    assert len(CASES) >= 45

"""promtool agrees: what is taken from `rules/custom/` as it is, Prometheus takes; what is an error here, it refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[1] / "cases"
REFUSED = (
    "duplicate-group",
    "duplicate-key--rules",
    "empty-expression",
    "invalid-duration",
    "invalid-expression",
    "invalid-label--rules",
    "merge-key",
    "missing-key--rules",
    "record-field",
    "record-name",
    "rule-kind",
    "template-function",
    "template-syntax",
    "template-variable",
    "unbalanced-expression",
    "unknown-key--rules",
    "wrong-type--rules",
    "yaml-syntax--template",
)


def check(promtool: Path, rules: Path) -> subprocess.CompletedProcess[str]:
    command = [str(promtool), "check", "rules", "--lint=none", str(rules)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.tools
def test_promtool_takes_the_foreign_file(program: Callable[..., Path]) -> None:
    result = check(program("promtool"), CASES / "foreign/rules.yml")
    assert result.returncode == 0, result.stderr
    assert "5 rules found" in result.stdout


@pytest.mark.tools
@pytest.mark.parametrize("case", REFUSED)
def test_promtool_refuses_what_is_an_error_here(case: str, program: Callable[..., Path]) -> None:
    files = sorted((CASES / "bad" / case / "rules/custom").glob("*.yml"))
    assert files
    for rules in files:
        result = check(program("promtool"), rules)
        assert result.returncode != 0, f"{rules} is accepted:\n{result.stdout}"

"""The tests beside the rules notice wrong edits: at least 95 % of them, over every alert and recording rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stackgen.load import load
from stackgen.mutate import mutants, mutate, subjects
from stackgen.mutate.__main__ import told
from stackgen.mutate.run import MutationError
from support import ROOT
from trees import load_text

MOST = 400  # mutants in this test: of more, every second, third … one; `python -m stackgen.mutate` runs them all
RULE = """groups:
  - name: g
    rules:
      - alert: A
        expr: a > 80
        for: 5m
        labels: {severity: info}
        tests:
          - {name: fires, series: {a: '81x20'}, at: 6m, fires: [{severity: info}]}
          - {name: quiet, series: {a: '80x20'}, at: 6m, fires: []}
"""


@pytest.mark.tools
def test_wrong_edits_of_the_shipped_rules_are_noticed(  # D-61
    program: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model = load(ROOT)[0]
    count = sum(1 for subject in subjects(model) for _ in mutants(subject.body))
    outcome = mutate(model, program("promtool"), every=-(-count // MOST))
    with capsys.disabled():
        print(f"\nmutation run: {told(outcome)[-1].removeprefix('in all').strip()}, of {count} mutants")
    assert len(outcome.verdicts) > 100
    assert outcome.share >= 0.95, "\n".join(told(outcome))


@pytest.mark.tools
def test_good_tests_notice_every_edit(program: Callable[..., Path], tmp_path: Path) -> None:
    outcome = mutate(load_text(tmp_path, one=RULE), program("promtool"))
    assert {verdict.mutant.kind for verdict in outcome.verdicts} == {"threshold", "comparison", "for", "label"}
    assert outcome.survivors == []


@pytest.mark.tools
def test_weak_tests_let_edits_live(program: Callable[..., Path], tmp_path: Path) -> None:
    weak = RULE.replace("'81x20'", "'200x60'").replace("'80x20'", "'1x20'").replace("[{severity: info}]", "[{}]")
    outcome = mutate(load_text(tmp_path, one=weak.replace("at: 6m", "at: 30m")), program("promtool"))
    assert [verdict.mutant.words for verdict in outcome.survivors] == [
        "84 instead of 80",
        "76 instead of 80",
        "for: 10m instead of 5m",
        "without the label severity",
    ]
    assert outcome.share == 0.2
    untested = mutate(load_text(tmp_path, one=RULE.split("        tests:", maxsplit=1)[0]), program("promtool"))
    assert untested.killed == 0
    assert "(it has no tests)" in told(untested)[0]


@pytest.mark.tools
def test_rules_that_fail_unchanged_are_told(program: Callable[..., Path], tmp_path: Path) -> None:
    model = load_text(tmp_path, one=RULE.replace("81x20", "79x20"))
    with pytest.raises(MutationError, match=r"(?s)rules/one.yml:4 A fails its tests:.*exp: \{\} 1"):
        mutate(model, program("promtool"))

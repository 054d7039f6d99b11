"""What promtool says of generated files, put at the lines of their sources. With the real promtool: tests/tools."""

from __future__ import annotations

from pathlib import Path

from stackgen.cli.refused import refusals
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from trees import load_text

RULES = """groups:
  - name: g
    rules:
      - record: r
        expr: sum(up)
        tests: []
      - alert: A
        expr: |
          up == 0
        labels: {severity: info}
"""
FILE = "/tmp/tree/prometheus/rules/one.yml"


def found(tmp_path: Path, said: str) -> list[tuple[str, int, int, str, str]]:
    model = load_text(tmp_path, one=RULES)
    findings = refusals(said, render(model, COMPOSE), model)
    return [(one.where.file, one.where.line, one.where.column, one.check, one.message) for one in findings]


def test_an_expression(tmp_path: Path) -> None:
    said = (
        f'{FILE}: 9:3: group "g", rule 2, "A": could not parse expression: 1:1: parse error: unexpected end of input\n'
    )
    assert found(tmp_path, said * 2) == [
        ("rules/one.yml", 9, 11, "invalid-expression", "the expression ends too early")
    ]


def test_a_template(tmp_path: Path) -> None:
    said = f'{FILE}: group "g", rule 2, "A": annotation "summary": template: __alert_A:1: unexpected <.> in operand'
    message = "promtool refuses the annotation 'summary' of 'A': unexpected <.> in operand"
    assert found(tmp_path, said) == [("rules/one.yml", 7, 16, "template-syntax", message)]


def test_whatever_else_it_says_of_a_rule(tmp_path: Path) -> None:
    said = f'{FILE}: 4:1: group "g", rule 1, "r": something new\n{FILE}: no such thing'
    assert found(tmp_path, said) == [("rules/one.yml", 4, 17, "rule-kind", "promtool refuses 'r': something new")]


def test_rules_that_no_source_has_are_left_to_promtools_own_words(tmp_path: Path) -> None:
    assert found(tmp_path, f'{FILE}: group "other", rule 1, "A": x') == []
    assert found(tmp_path, 'prometheus/rules/stack-config.yml: group "stack-config", rule 1, "r": x') == []

"""Whatever promtool refuses of a rule is refused by `check` too, at the source's line and column, in plain words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from stackgen.checks.promtool import Judge, ask
from stackgen.cli.tools import verify
from stackgen.diagnostic import Diagnostic, SourceError
from stackgen.engines.base import EngineError
from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.render import render

EXPRESSIONS = {  # expression: check, what the caret stands under, a word of the message
    "rate(x)": ("invalid-expression", "x", "wants a range"),
    "rate(x[5m] foo)": ("invalid-expression", "foo", "'foo' cannot stand here"),
    "up ==": ("invalid-expression", "", "ends too early"),
    "up == bool": ("invalid-expression", "", "ends too early"),
    "foo(x)": ("invalid-expression", "foo", "no function 'foo'"),
    "sum(x, y)": ("invalid-expression", "sum", "wants 1 arguments"),
    "quantile_over_time(x[5m])": ("invalid-expression", "quantile_over_time", "wants 2 argument"),
    "topk(x)": ("invalid-expression", "topk", "wants 2 arguments"),
    "up{a=1}": ("invalid-expression", "1", "wants quotes"),
    "x[5 m]": ("invalid-expression", "m", "unexpected character"),
    "x[5m": ("unbalanced-expression", "[", "never closed"),
    "sum(x": ("unbalanced-expression", "(", "never closed"),
    'up{a=~"("}': ("invalid-expression", "a", "regular expression"),
    "x offset y": ("invalid-expression", "y", "'y' cannot stand here"),
    "x @ y": ("invalid-expression", "y", "'y' cannot stand here"),
    "a and 1": ("invalid-expression", "a", "joins series"),
    "sum by x (y)": ("invalid-expression", "x", "in brackets"),
    "x bool 1": ("invalid-expression", "bool", "unexpected <bool>"),
    "a + bool b": ("invalid-expression", "+", "behind a comparison"),
    '{a=""}': ("invalid-expression", "{", "every series there is"),
    "rate(sum(x)[5m])": ("invalid-expression", "[", "behind a metric"),
    "x[5m] > 3": ("invalid-expression", "x", "cannot be compared"),
    "histogram_quantile(0.9, x[5m])": ("invalid-expression", "x", "takes no range"),
    "x y": ("invalid-expression", "y", "'y' cannot stand here"),
    "x > 5%": ("invalid-expression", "%", "no '%'"),
    "x => 5": ("invalid-expression", "=>", "no '=>'"),
    "x = 5": ("invalid-expression", "=", "compares nothing"),
    "x && y": ("invalid-expression", "&&", "no '&&'"),
    "x || y": ("invalid-expression", "||", "no '||'"),
    "limitk(3, x)": ("invalid-expression", "limitk", "limitk() is experimental"),
    "mad_over_time(x[5m])": ("invalid-expression", "mad_over_time", "mad_over_time() is experimental"),
    "$x > 1": ("invalid-expression", "$", "unexpected character"),
}
ALERT = "      - alert: A\n        expr: up == 0\n"
RULES = {  # rule: check, line of the file, a word of the message
    ALERT + "        for: 5 minutes\n": ("invalid-duration", 6, "is no duration"),
    ALERT + "        keep_firing_for: 5\n": ("invalid-duration", 6, "is no duration"),
    ALERT + "        labels: {__name__: c}\n": ("invalid-label", 6, "cannot be the name of a label"),
    ALERT + "        annotations: {a: '{{ $x }}'}\n": ("template-variable", 6, "gives templates no $x"),
    ALERT + "        annotations: {a: '{{ if }}'}\n": ("template-syntax", 6, "has no end"),
    ALERT + "        annotations: {a: '{{ $value | humanise }}'}\n": ("template-function", 6, "no function 'humanise'"),
    ALERT + "        labels: {a: '{{ $value'}\n": ("template-syntax", 6, "never closed"),
    ALERT + "        annotations: {a: [b]}\n": ("wrong-type", 6, "must be text"),
    ALERT + "        annotation: {a: b}\n": ("unknown-key", 6, "annotation"),
    ALERT + "        for: 1m\n        for: 2m\n": ("duplicate-key", 7, "second time"),
    ALERT + "  - name: g\n    rules: []\n": ("duplicate-group", 6, "second group"),
    "      - record: 'a{b}'\n        expr: up\n": ("record-name", 4, "cannot be the name of a series"),
    "      - record: a\n        expr: up\n        for: 5m\n": ("record-field", 6, "no meaning"),
    "      - alert: A\n        record: b\n        expr: up\n": ("rule-kind", 5, "at once"),
    "      - expr: up\n": ("rule-kind", 4, "neither"),
    "      - alert: A\n": ("missing-key", 4, "lacks expr"),
    "      - alert: A\n        expr: ''\n": ("empty-expression", 5, "empty expression"),
    "      - alert: A\n        expr: {{ up }}\n": ("yaml-syntax", 5, "cannot begin with"),
}


@pytest.fixture
def refused(program: Callable[..., Path], tmp_path: Path) -> Callable[[str], list[Diagnostic]]:
    """The errors of one rule in a file of rules/custom/, after promtool has refused the very file."""
    promtool = program("promtool")
    judge: Judge = partial(ask, promtool)

    def errors(rule: str) -> list[Diagnostic]:
        file = tmp_path / "rules/custom/one.yml"
        file.parent.mkdir(parents=True)
        file.write_text("groups:\n  - name: g\n    rules:\n" + rule)
        (tmp_path / "stack.yml").write_text("environment: test\n")
        command = [str(promtool), "check", "rules", "--lint=none", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode != 0, f"promtool takes it:\n{done.stdout}"
        with pytest.raises(SourceError) as caught:
            load(tmp_path, judge)
        return [found for found in caught.value.diagnostics if found.severity.value == "error"]

    return errors


@pytest.mark.tools
@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_an_expression_that_promtool_refuses(expr: str, refused: Callable[[str], list[Diagnostic]]) -> None:
    check, under, words = EXPRESSIONS[expr]
    (found,) = refused(f"      - alert: A\n        expr: |-\n          {expr}\n")
    assert found.check == check
    assert words in found.message
    assert found.hint, "nobody is told how to mend it"
    assert found.where.line == 6
    column = found.where.column - 11
    assert expr[column : column + found.where.length] == under


@pytest.mark.tools
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_promtool_refuses(rule: str, refused: Callable[[str], list[Diagnostic]]) -> None:
    check, line, words = RULES[rule]
    (found,) = refused(rule)
    assert (found.check, found.where.line) == (check, line)
    assert words in found.message
    assert found.hint, "nobody is told how to mend it"


@pytest.mark.tools
def test_promtool_has_the_last_word_on_what_the_parser_does_not_know(
    program: Callable[..., Path], tmp_path: Path
) -> None:
    """Whatever promtool takes is no error here, known to the parser or not."""
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    taken = ["x", "sum(x) by (a,)", "rate(x[5m:1m])", "step()", "max_of(1, 2)", "x[5m] offset -1m > 1"]
    verdicts = ask(program("promtool"), taken)
    assert verdicts is not None
    good = [expr for expr, fault in zip(taken, verdicts, strict=True) if fault is None]
    assert {"x", "rate(x[5m:1m])"} <= set(good)
    rules = "".join(f"      - {{record: 'r{number}', expr: '{expr}'}}\n" for number, expr in enumerate(good))
    (tmp_path / "rules/custom/one.yml").write_text("groups:\n  - name: g\n    rules:\n" + rules)
    findings = load(tmp_path, partial(ask, program("promtool")))[1]
    assert [found.check for found in findings if found.check == "invalid-expression"] == []


@pytest.mark.tools
def test_what_only_promtool_finds_is_told_at_the_source(program: Callable[..., Path], tmp_path: Path) -> None:
    """Without promtool `check` lets a doubtful expression pass; the check of the generated files names its line."""
    program("promtool")
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    expressions = ALERT.replace("up == 0", "rate(up[5m] foo) > 1") + "      - {record: b, expr: up is}\n"
    assert found_by_promtool(tmp_path, expressions) == [
        (5, "invalid-expression", "'foo' cannot stand here"),
        (6, "invalid-expression", "'is' cannot stand here"),
    ]
    template = "      - {alert: T, expr: up, annotations: {a: '{{ $labels.a. }}'}}\n"
    ((line, check, message),) = found_by_promtool(tmp_path, template)
    assert (line, check) == (4, "template-syntax")
    assert "unexpected <.> in operand" in message


def found_by_promtool(root: Path, rules: str) -> list[tuple[int, str, str]]:
    (root / "rules/custom/one.yml").write_text("groups:\n  - name: g\n    rules:\n" + rules)
    model, _ = load(root)
    files = render(model, COMPOSE)
    with pytest.raises(EngineError, match="promtool refuses the generated files"):
        verify(files, fetched=False)
    with pytest.raises(SourceError) as refused:
        verify(files, fetched=False, model=model)
    assert {one.where.file for one in refused.value.diagnostics} == {"rules/custom/one.yml"}
    return [(one.where.line, one.check, one.message) for one in refused.value.diagnostics]


@pytest.mark.tools
def test_the_command_asks_promtool(program: Callable[..., Path], tmp_path: Path) -> None:
    """`./stack check` finds an error where the parser alone would only have a doubt."""
    program("promtool")
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    rule = ALERT.replace("up == 0", "rate(up[5m] foo) > 1")
    (tmp_path / "rules/custom/one.yml").write_text("groups:\n  - name: g\n    rules:\n" + rule)
    environment = {**os.environ, "STACK_ROOT": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "stackgen", "check"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    place = "rules/custom/one.yml:5:27 error invalid-expression: 'foo' cannot stand here\n"
    assert place in done.stdout

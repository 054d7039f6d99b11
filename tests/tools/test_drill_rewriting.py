"""What the drill makes of the shipped rules means what the rules mean: their tests pass on it, sixty times faster too.

promtool judges. Its time begins at zero, as the drill's clock does here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stackgen.drill.cases import Case, case
from stackgen.drill.clock import FACTOR, Clock
from stackgen.drill.expression import TAG, rewrite
from stackgen.drill.rendered import catalogue
from stackgen.drill.series import read
from stackgen.load import load
from stackgen.model import RuleTest
from stackgen.model.values import seconds
from stackgen.render import render
from support import ROOT
from trees import PLACEMENTS

pytestmark = pytest.mark.tools


def cases() -> Iterator[Case]:
    """Every shipped alert."""
    model, _ = load(ROOT)
    known = catalogue(render(model, PLACEMENTS["compose"]), model)
    for number, alert in enumerate(known.alerts):
        if alert.rule.type == "prometheus" and alert.tests:
            yield case(alert, known, str(number))


def played(one: Case, test: RuleTest, clock: Clock) -> dict[str, Any]:
    """A test of an alert on a clock, its series and its question with the label of the case."""
    question = f'ALERTS{{alertname="{one.name}", alertstate="firing"}}'
    counts = [{"expr": f"count({question})", "eval_time": clock.shorten(test.at)}]
    if test.fires:
        counts[0]["exp_samples"] = [{"labels": "{}", "value": len(test.fires)}]  # type: ignore[assignment]
    return {
        "name": f"{one.name}: {test.name}",
        "interval": clock.shorten(test.interval),
        "input_series": [
            {"series": tagged(selector, one.tag), "values": values} for selector, values in test.series.items()
        ],
        "promql_expr_test": counts,
    }


def tagged(selector: str, tag: str) -> str:
    head, brace, rest = selector.partition("{")
    return f'{head}{{{TAG}="{tag}"{", " + rest if brace and rest.strip() != "}" else "}"}'


def lasting(test: RuleTest) -> bool:
    """Whether every series is there all the time: promtool's five minutes of grace do not become shorter."""
    at = seconds(test.at) or 0.0
    return all(one.end >= at and None not in one.values for one in read(test))


@pytest.mark.parametrize("factor", [1.0, FACTOR])
def test_all_tests_of_all_alerts_pass_on_the_rewritten_rules(
    factor: float, program: Callable[..., Path], tmp_path: Path
) -> None:
    clock, left_out, count, files = Clock(factor=factor), 0, 0, []
    for one in cases():
        tests = [test for test in one.alert.tests if factor == 1.0 or lasting(test)]
        count, left_out = count + len(tests), left_out + len(one.alert.tests) - len(tests)
        (tmp_path / f"rules-{one.tag}.yml").write_text(json.dumps({"groups": [one.group(clock)]}))
        content = {
            "rule_files": [f"rules-{one.tag}.yml"],
            "evaluation_interval": clock.shorten("15s"),
            "tests": [played(one, test, clock) for test in tests],
        }
        files.append(tmp_path / f"tests-{one.tag}.yml")
        files[-1].write_text(json.dumps(content))
    command = [program("promtool"), "test", "rules", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert count > 3 * left_out, "most tests are played"


def test_hostile_expressions_are_still_what_prometheus_reads(program: Callable[..., Path], tmp_path: Path) -> None:
    """Names that are words of PromQL, strings that look like ranges, comments, quoted names, every kind of modifier."""
    rules = [
        {"record": "r", "expr": rewrite(expr, Clock(1e9), 'a"b\\c').text}
        for expr in (
            'a{x="rate(b[5m])", y=~"\\\\d{2}[5m]"} # [5m] offset 5m',
            'rate(a{b="}"}[5m] offset -1h @ 1234.5) > bool 0x1F',
            "max_over_time((a - b)[30m:2m] offset 1h @ end())",
            "sum by (by, on, offset) (bool_value) / on (by) group_left (on) offset_bytes",
            "a unless ignoring (x) b and on () vector(1)",
            '{"a.metric", "a.label"="b"} + {__name__=~"x|y"}',
            "-a ^ -b ^ 2 % -(3)",
            "time() - timestamp(a offset 5m) > 1h30m",
            "hour() > 8 and day_of_week(vector(time())) < 6",
            'label_replace(a, "dst", "$1", "src", "(.*)[5m]")',
            "predict_linear(a[1h], 4 * 3600) < 0 or absent_over_time(b[1h])",
            'count_values("le", quantile by (a) (0.9, b)) == Inf',
            "topk(3, a) atan2 (NaN)",
            "histogram_quantile(0.99, sum by (le) (irate(a_bucket[2m])))",
            "sum_over_time(deriv(a[5m])[1h:])",
            "vector(1) or a",
        )
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "hostile", "rules": rules}]}))
    done = subprocess.run(
        [program("promtool"), "check", "rules", "--lint=none", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout

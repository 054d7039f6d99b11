"""promtool as the judge of what the parser here does not understand, and its words put plainly.

It is asked only when there is something to judge, and only when it is on this machine: nothing is fetched or built.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from stackgen.model.problems import nearest

WITHIN = 30  # seconds for one run
_REFUSED = re.compile(r'group "g", rule (\d+), "r": could not parse expression: (\d+):(\d+): parse error: (.*)')


class Fault(NamedTuple):
    """Where an expression goes wrong, and what promtool says."""

    offset: int
    message: str


# For each expression its fault, None for a good one; None for all when promtool is not to be had.
Judge: TypeAlias = Callable[[Sequence[str]], "list[Fault | None] | None"]


def judge(expressions: Sequence[str]) -> list[Fault | None] | None:
    """What the promtool of this machine says of each expression."""
    promtool = _at_hand()
    return ask(promtool, expressions) if promtool else None


def _at_hand() -> Path | None:
    from stackgen.parts.resolve import cached, from_path  # late: it is seldom needed
    from stackgen.parts.table import PARTS

    row = PARTS["prometheus"]
    found = cached(row) or from_path(row, row.floor)
    return found.programs.get("promtool") if found else None


def ask(promtool: Path, expressions: Sequence[str]) -> list[Fault | None] | None:
    """As `judge`, through this promtool. None when it cannot be run."""
    rules = [{"record": "r", "expr": expr} for expr in expressions]
    faults: list[Fault | None] = [None] * len(expressions)
    with tempfile.TemporaryDirectory(prefix="stack-judge-") as folder:
        file = Path(folder) / "rules.yml"
        file.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}), encoding="utf-8")
        command = [str(promtool), "check", "rules", "--lint=none", str(file)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
        except (OSError, subprocess.SubprocessError):
            return None
    for match in _REFUSED.finditer(done.stdout + done.stderr):
        number, line, column, message = int(match[1]) - 1, int(match[2]), int(match[3]), match[4]
        faults[number] = Fault(_offset(expressions[number], line, column), message)
    refused = any(faults)
    return faults if refused or done.returncode == 0 else None


def _offset(expr: str, line: int, column: int) -> int:
    """Prometheus counts lines and bytes of a line from 1."""
    lines = expr.split("\n")
    before = sum(len(text) + 1 for text in lines[: line - 1])
    this = lines[line - 1].encode() if line <= len(lines) else b""
    return before + len(this[: column - 1].decode("utf-8", "ignore"))


# Functions and aggregations, for "did you mean".
FUNCTIONS = tuple(
    re.findall(
        r"\w+",
        "abs absent absent_over_time acos acosh asin asinh atan atanh avg avg_over_time bottomk ceil changes clamp "
        "clamp_max clamp_min cos cosh count count_over_time count_values day_of_month day_of_week day_of_year "
        "days_in_month deg delta deriv double_exponential_smoothing exp first_over_time floor group histogram_avg "
        "histogram_count histogram_fraction histogram_quantile histogram_stddev histogram_stdvar histogram_sum hour "
        "idelta increase info irate label_join label_replace last_over_time limit_ratio limitk ln log10 log2 "
        "mad_over_time max max_over_time min min_over_time minute month pi predict_linear present_over_time quantile "
        "quantile_over_time rad rate resets round scalar sgn sin sinh sort sort_by_label sort_by_label_desc "
        "sort_desc sqrt stddev stddev_over_time stdvar stdvar_over_time sum sum_over_time tan tanh time timestamp "
        "topk vector year",
    )
)
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (r"expected type (?:range vector|matrix) in call to function .(\w+)., got .*",
     r"\1() wants a range of time", "write the metric with a range, as in x[5m]"),
    (r"expected type (?:instant )?vector in call to function .(\w+)., got (?:range vector|matrix)",
     r"\1() takes no range of time", "remove the [...], or put rate() or avg_over_time() around it"),
    (r"expected (.*) in call to .(\w+)., got (\d+)", r"\2() wants \1, there are \3", "add or remove one"),
    (r"wrong number of arguments for aggregate expression provided, expected (\d+), got (\d+)",
     r"this aggregation wants \1 arguments, there are \2", "as in sum(x) or topk(5, x)"),
    (r"binary expression must contain only scalar and instant vector types",
     "a range of time cannot be compared or calculated with", "put rate() or avg_over_time() around it"),
    (r"set operator .(\w+). not allowed in binary scalar expression", r"'\1' joins series, not numbers",
     "write a metric on both sides"),
    (r"ranges only allowed for vector selectors", "a range such as [5m] belongs behind a metric",
     "behind an expression write [5m:]"),
    (r"vector selector must contain at least one non-empty matcher", "this selects every series there is",
     "name a metric, or a label with a value"),
    (r"bool modifier can only be used on comparison operators", "'bool' belongs behind a comparison", "as in > bool 1"),
    (r"unexpected end of input.*", "the expression ends too early", "write what belongs behind the last word"),
    (r"(?:error parsing regexp: |illegal regex for )(.*)", r"this regular expression is wrong: \1",
     "write signs that are meant as text as [(] or [.]"),
    (r'unexpected "="', "'=' compares nothing outside of braces", "write '=='"),
    (r'unexpected .*in grouping opts, expected "\("', "labels to group by stand in brackets", "as in by (instance)"),
    (r"unexpected character inside braces: .*", "the value of a label wants quotes", 'as in {job="x"}'),
    (r'(?:function "(.*)"|(.*)\(\)) (?:is not enabled|is experimental and must be enabled .*)',
     r"\1\2() is experimental: Prometheus refuses it without a feature flag, which the stack does not set",
     "choose another function"),
    (r"(\w+) modifier is experimental and not enabled.*",
     r"'\1' is experimental: Prometheus refuses it without a feature flag, which the stack does not set",
     "leave it out"),
    (r"unknown escape sequence .*", "a backslash in quotes begins an escape, and there is none like this",
     r'write two backslashes for one, or put the text between backticks: `a\.b`'),
    (r'unexpected identifier "([^"]*)".*', r"'\1' cannot stand here", "an operator or a comma is missing before it"),
)  # fmt: skip


def reworded(message: str) -> tuple[str, str]:
    """What promtool, or the parser here, says of an expression, in plain words with a way to mend it."""
    unknown = re.fullmatch(r"unknown function with name .([^\"']*).", message)
    if unknown:
        hint = nearest(unknown[1], FUNCTIONS) or "prometheus.io/docs/prometheus/latest/querying/functions lists them"
        return f"there is no function '{unknown[1]}'", hint
    for pattern, words, hint in _TEXTS:
        match = re.fullmatch(pattern, message)
        if match:
            return match.expand(words), hint
    return f"Prometheus does not understand this: {message}", "look at what stands just before this place"

"""The numbers on the dashboard of promises: reckoned by hand, and asked of the real Prometheus as the panels ask.

Two services promise 99.9 % availability and that 99 % of requests are answered within 0.5 s, over 30 days. Requests
come evenly, so that every number follows from the shares: kept = 1 - errors, burn rate = errors / budget,
budget left = 1 - burn rate (over what is stored), spent in = budget left * 30 days / burn rate of the last hour.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from stackgen.render.dump import to_yaml
from support import ROOT
from trees import load_text, put

pytestmark = pytest.mark.tools

PROMISE = "slo: {availability: 99.9 %, latency: {under: 500ms, for: 99 %}, over: 30d}"
STACK = f"""\
environment: test
services:
  - {{name: fine, preset: iot, targets: [fine:80], {PROMISE}}}
  - {{name: bad, preset: iot, targets: [bad:80], {PROMISE}}}
  - {{name: plain, preset: iot, targets: [plain:80]}}
"""
MONTH = 30.0  # days
# Of 10,000 requests a minute: failed and slow, from the first minute on, and from minute 121 on.
TRAFFIC = {"fine": ((5, 20), (5, 20)), "bad": ((0, 0), (30, 300)), "plain": ((9, 9), (9, 9))}
STEADY = {  # after three hours of `fine`: 0.05 % fail of 0.1 % that may, 0.2 % are slow of 1 %
    "Availability: promised": 0.999,
    "Availability: kept": 0.9995,
    "Availability: budget left": 0.5,
    "Availability: budget over time": 0.5,
    "Availability: good requests": 0.9995,
    "Availability: spent in": 0.5 * MONTH * 86400 / 0.5,
    "Availability: burn rate 1h": 0.5,
    "Availability: burn rate 6h": 0.5,
    "Availability: burn rate 1d": 0.5,
    "Availability: burn rate 3d": 0.5,
    "Latency: promised": 0.99,
    "Latency: kept": 0.998,
    "Latency: budget left": 0.8,
    "Latency: good requests": 0.998,
    "Latency: spent in": 0.8 * MONTH * 86400 / 0.2,
    "Latency: burn rate 1h": 0.2,
}
LIMITS = {"1h": 14.4, "6h": 6.0, "1d": 3.0, "3d": 1.0}  # times the budget: 2, 5, 10 and 10 % of it within the window
# After three hours of `bad`, the last with 0.3 % failed and 3 % slow: 0.1 % and 1 % of all, so that nothing is left.
# Rates over five minutes reach the new share gradually: two decimals are what can be said by hand.
BROKEN = {
    "Availability: kept": (0.999, 4),
    "Availability: budget left": (0.0, 1),
    "Availability: burn rate 1h": (3.0, 0),
    "Availability: good requests": (0.997, 4),
    "Latency: kept": (0.99, 3),
    "Latency: budget left": (0.0, 1),
    "Latency: burn rate 1h": (3.0, 0),
}
# promised, over, kept, left, burn rate, spent in
TABLE = {"availability": (99.9, 30, 99.95, 50, 0.5, 30), "latency": (99, 30, 99.8, 80, 0.2, 120)}


def counters() -> list[dict[str, str]]:
    """Requests of three hours, counted every minute."""
    found = []
    for service, (before, after) in TRAFFIC.items():
        labels = f'service="{service}", preset="iot", team="t", environment="e"'

        def add(name: str, more: str, first: int, then: int, labels: str = labels) -> None:
            start = first * 120
            values = f"0+{first}x120 {start + then}+{then}x59"
            found.append({"series": f"{name}{{{labels}, {more}}}", "values": values})

        add("http_requests_total", 'status="200"', 10_000 - before[0], 10_000 - after[0])
        add("http_requests_total", 'status="500"', before[0], after[0])
        add("http_request_duration_seconds_bucket", 'le="0.5"', 10_000 - before[1], 10_000 - after[1])
        add("http_request_duration_seconds_bucket", 'le="+Inf"', 10_000, 10_000)
    return found


def asked(dashboard: dict[str, Any], title: str, service: str) -> list[str]:
    """What a panel asks for one service."""
    (panel,) = [one for one in dashboard["panels"] if one["title"] == title]
    return [target["expr"].replace("$service", service) for target in panel["targets"]]


def case(expr: str, decimals: int, *found: tuple[str, float]) -> dict[str, Any]:
    """found: the labels and the value of every series that comes back."""
    samples = [{"labels": f"{{{labels}}}", "value": value} for labels, value in found]
    return {"expr": f"round({expr}, {10.0**-decimals:g})", "eval_time": "179m", "exp_samples": samples}


def cases(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Every panel with its number, and that a service without a promise has none."""
    found = [
        case(expr, 3 if value > 1e6 else 6, ('service="fine"', value))
        for title, value in STEADY.items()
        for expr in asked(dashboard, title, "fine")[:2]
    ]
    for window, limit in LIMITS.items():
        found.append(case(asked(dashboard, f"Availability: burn rate {window}", "fine")[2], 6, ("", limit)))
    found += [
        case(asked(dashboard, title, "bad")[0], decimals, ('service="bad"', value))
        for title, (value, decimals) in BROKEN.items()
    ]
    for number, expr in enumerate(asked(dashboard, "Promises", "fine")):
        found.append(case(expr, 6, *((f'service="fine", slo="{kind}"', row[number]) for kind, row in TABLE.items())))
    found += [case(expr, 6) for title in STEADY for expr in asked(dashboard, title, "plain")]
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The generated rules and dashboards of STACK."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    shipped = {name: (ROOT / f"rules/{name}.yml").read_text() for name in ("slo", "recording-services")}
    return put(tmp_path, render(load_text(tmp_path, STACK, **shipped), COMPOSE))


def promtool(program: Callable[..., Path], which: str, tree: Path) -> subprocess.CompletedProcess[str]:
    dashboard = json.loads((tree / "grafana/dashboards/slo.json").read_text())
    content = {
        "rule_files": [f"prometheus/rules/{name}.yml" for name in ("stack-slo", "slo", "recording-services")],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": counters(), "promql_expr_test": cases(dashboard)}],
    }
    (tree / "panels.yml").write_bytes(to_yaml(content, "written by a test"))
    command = [str(program("promtool", which)), "test", "rules", str(tree / "panels.yml")]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("which", ["pin", "floor"])
def test_the_panels_show_what_is_reckoned_by_hand(
    which: str, tree: Path, program: Callable[..., Path]
) -> None:  # J-13, N-10
    done = promtool(program, which, tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("vector(2592000)", "vector(604800)"),  # the period
        ("vector(0.999)", "vector(0.99)"),  # the objective
        ('slo="latency"}[30d]', 'slo="availability"}[30d]'),  # the other promise's errors
    ],
)
def test_a_wrong_number_is_seen(right: str, wrong: str, tree: Path, program: Callable[..., Path]) -> None:
    path = tree / "prometheus/rules/stack-slo.yml"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    assert promtool(program, "pin", tree).returncode == 1

"""Figures of the console in the real Prometheus's numbers: what is asked, over series that were reckoned by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stackgen.render.dump import to_yaml
from watchstack.console.knowledge import insights, report, services
from watchstack.console.knowledge.common import Period

pytestmark = pytest.mark.tools

OVER = Period(0.0, 600.0)
# Four samples a minute, of ten minutes. The shop is down all the time, the till for the first five minutes, as its
# probe finds; the exporter that asks for both is up.
SERIES = {
    'up{job="shop", instance="shop:80", service="shop"}': "0x60",
    'up{job="probe", instance="http://shop/", service="shop"}': "1x60",
    'probe_success{job="probe", instance="http://shop/", service="shop"}': "0x60",
    'up{job="probe", instance="http://till/", service="till"}': "1x60",
    'probe_success{job="probe", instance="http://till/", service="till"}': "0x20 1x40",
    'ALERTS{alertname="A", alertstate="firing", severity="critical", service="shop"}': "1x60",
    'ALERTS{alertname="A", alertstate="firing", severity="critical", service="shop", escalated="1"}': "1x60",
}


def case(expr: str, **of_services: float) -> dict[str, Any]:
    found = [{"labels": f'{{service="{name}"}}', "value": value} for name, value in of_services.items()]
    return {"expr": f"sum by (service) (round({expr}, 0.01))", "eval_time": "10m", "exp_samples": found}


def test_a_service_answers_when_its_targets_do_and_its_probe_finds_it(
    program: Callable[..., Path], tmp_path: Path
) -> None:
    """The exporter that asks for probes is no target of the service: a service that is down is 0 % available."""
    asked = report.queries(OVER)
    cases = [
        case(asked["available"], shop=0, till=0.5),
        case(insights.queries(OVER)["availability"], shop=0, till=0.5),
        case(asked["away"], shop=600, till=300),
        case(asked["watched"], shop=600, till=600),
        case(services.QUERIES["alerts"], shop=1),
        case(f"{insights.queries(OVER)['firing']} * on () group_left (service) (0 * up{{job='shop'}} + 1)", shop=1),
    ]
    test = {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in SERIES.items()],
        "promql_expr_test": cases,
    }
    path = tmp_path / "figures.yml"
    path.write_bytes(to_yaml({"evaluation_interval": "1m", "tests": [test]}, "written by a test"))
    command = [str(program("promtool")), "test", "rules", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr

"""The noise of each alert, in the real Prometheus's numbers: reckoned by hand, asked as the panels of Alerts ask."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stackgen.render.dump import to_yaml
from trees import put, tree

pytestmark = pytest.mark.tools

COMMON = 'alertstate="firing", service="s", team="t"'
# A minute a sample. Flaps: three times, of 3, 4 and 10 minutes. Steady: once, for 20 minutes, and on; its escalation
# counts nowhere. Watchdog: always.
ALERTS = {
    f'ALERTS{{alertname="Flaps", severity="warning", {COMMON}}}': (
        "_ _ _ 1x2 stale _x9 1x3 stale _x9 1x9 stale _x9"  # 3-5, 16-19, 30-39
    ),
    f'ALERTS{{alertname="Steady", severity="critical", {COMMON}}}': "_x41 1x30",
    f'ALERTS{{alertname="Steady", severity="critical", escalated="1", {COMMON}}}': "_x56 1x15",
    f'ALERTS{{alertname="Watchdog", severity="info", {COMMON}}}': "1x90",
    'ALERTS_FOR_STATE{alertname="Steady", severity="critical", service="s", team="t"}': "_x41 2400x30",
}
FLAPS, STEADY = 'alertname="Flaps", severity="warning", team="t"', 'alertname="Steady", severity="critical", team="t"'
NOISE = [  # times, hours, percent that ended within five minutes
    [(FLAPS, 3), (STEADY, 1)],
    [(FLAPS, 17 / 60), (STEADY, 20 / 60)],
    [(FLAPS, 200 / 3)],
]


def asked(title: str) -> list[str]:
    content = json.loads(tree("shipped", "compose")["grafana/dashboards/alerts.json"])
    (panel,) = [one for one in content["panels"] if one["title"] == title]
    return [target["expr"] for target in panel["targets"]]


def case(expr: str, found: list[tuple[str, float]]) -> dict[str, Any]:
    samples = [{"labels": f"{{{labels}}}", "value": round(value, 3)} for labels, value in found]
    return {"expr": f"round({expr}, 0.001)", "eval_time": "60m", "exp_samples": samples}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = {path: content for path, content in tree("shipped", "compose").items() if path.endswith("/recording.yml")}
    return put(tmp_path, rules)


def promtool(program: Callable[..., Path], folder: Path) -> subprocess.CompletedProcess[str]:
    cases = [case(expr, found) for expr, found in zip(asked("Noise of a week"), NOISE, strict=True)]
    cases += [case(asked("Started within the hour")[0], [('severity="warning"', 3), ('severity="critical"', 1)])]
    now = 'alertname="Steady", alertstate="firing", severity="critical", service="s", team="t"'
    cases += [case(asked("Firing and pending")[0], [(now, 1200)])]  # since minute 40, asked at minute 60
    cases += [case(asked("Critical")[0], [("", 1)]), case(asked("By service")[0], [('service="s"', 1)])]
    content = {
        "rule_files": ["prometheus/rules/recording.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in ALERTS.items()],
                "promql_expr_test": cases,
            }
        ],
    }
    (folder / "noise.yml").write_bytes(to_yaml(content, "written by a test"))
    command = [str(program("promtool")), "test", "rules", str(folder / "noise.yml")]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def test_the_noise_of_each_alert_is_what_was_counted_by_hand(
    folder: Path, program: Callable[..., Path]
) -> None:  # J-13, N-18
    done = promtool(program, folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_way_of_counting_is_seen(folder: Path, program: Callable[..., Path]) -> None:
    path = folder / "prometheus/rules/recording.yml"
    text = path.read_text()
    assert "offset 6m" in text
    path.write_text(text.replace("offset 5m", "offset 2m").replace("offset 6m", "offset 2m"))  # within three minutes
    assert promtool(program, folder).returncode == 1

"""What Grafana's server answers to marks over the panels, to the dashboard of promises, to the shapes of log lines."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from grafana_support import Grafana
from running import RunningStack
from stackgen.engines.native_examples import EXAMPLES
from waiting import until

pytestmark = pytest.mark.grafana

SETTLED = 15.0  # seconds after which a moment's scrapes and rules are stored, on a machine with other work too


def board(stack: RunningStack, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((stack.root / f"grafana/dashboards/{name}.json").read_text())
    return content


def ask(grafana: Grafana, target: dict[str, Any], moment: float | None = None) -> list[dict[str, Any]]:
    """The frames with values that Grafana's query API gives for one target, with every service chosen.

    moment: Unix seconds at which the five minutes end, None for now.
    """
    query = {**target, "expr": target["expr"].replace("$service", ".*"), "intervalMs": 15000, "maxDataPoints": 300}
    ends = int(1000 * (time.time() if moment is None else moment))
    answer = grafana.call("/api/ds/query", {"queries": [query], "from": str(ends - 300_000), "to": str(ends)})
    result = answer["results"][target["refId"]]
    assert "error" not in result, f"{target['expr']}: {result.get('error')}"
    return [frame for frame in result["frames"] if frame["data"]["values"]]


def events(grafana: Grafana, dashboard: dict[str, Any], name: str) -> list[tuple[dict[str, str], set[float]]]:
    """Labels and values of each series of a mark, asked for as Grafana's page asks for a legacy annotation."""
    (mark,) = [one for one in dashboard["annotations"]["list"] if one["name"] == name]
    target = {"refId": "Anno", "datasource": mark["datasource"], "expr": mark["expr"], "range": True}
    frames = ask(grafana, {**target, "interval": mark["step"]})
    return [(frame["schema"]["fields"][1]["labels"], set(frame["data"]["values"][1])) for frame in frames]


def test_the_start_of_each_example_is_a_deployment(grafana: Grafana, stack: RunningStack) -> None:
    """At the moment in milliseconds at which its process started, with the version that its label tells."""
    dashboard = board(stack, "service")
    names = {example.name for example in EXAMPLES}

    def marked(name: str) -> list[tuple[dict[str, str], set[float]]]:
        """Those of the examples, once each of them has one."""
        found = [one for one in events(grafana, dashboard, name) if one[0]["service"] in names]
        return found if {labels["service"] for labels, _ in found} == names else []

    deployed, restarted = (until(lambda name=name: marked(name), 180, name) for name in ("Deployments", "Restarts"))
    assert len(deployed) == len(restarted) == len(names)
    assert all(labels["version"] for labels, _ in deployed)
    started = {
        one["metric"]["service"]: float(one["value"][1])
        for one in stack.query('min by (service) (process_start_time_seconds{service=~"example-.*"})')
    }
    for labels, moments in (*deployed, *restarted):
        assert list(moments) == [pytest.approx(1000 * started[labels["service"]], abs=1)]


def test_a_promise_has_its_numbers(grafana: Grafana, stack: RunningStack) -> None:  # N-10
    panels = board(stack, "slo")["panels"]
    (promised,) = [example for example in EXAMPLES if example.slo]

    def numbers() -> dict[str, list[float]]:
        """By title, once each promise is reckoned: the first requests need two scrapes and two evaluations.

        All of one moment, so long ago that whatever the rules make of it is stored: later numbers are others.
        """
        moment = time.time() - SETTLED
        asked = {panel["title"]: ask(grafana, panel["targets"][0], moment) for panel in panels}
        told = {title: [frame["data"]["values"][-1][-1] for frame in frames] for title, frames in asked.items()}
        whole = all(told[f"{kind}: {what}"] for kind in ("Availability", "Latency") for what in ("kept", "budget left"))
        return told if whole else {}

    found = until(numbers, 180, "the promises are reckoned")
    assert found["Availability: promised"] == [pytest.approx(promised.slo.availability / 100)]  # type: ignore[union-attr,operator]
    assert found["Latency: promised"] == [pytest.approx(promised.slo.latency.share / 100)]  # type: ignore[union-attr]
    for kind in ("Availability", "Latency"):
        (kept,), (left,) = found[f"{kind}: kept"], found[f"{kind}: budget left"]
        budget = 1 - found[f"{kind}: promised"][0]
        assert 1 - kept == pytest.approx((1 - left) * budget, abs=budget / 50)


def test_lines_of_the_parts_are_grouped_by_their_shape(grafana: Grafana, stack: RunningStack) -> None:
    (panel,) = [one for one in board(stack, "logs")["panels"] if one["title"] == "Most frequent shapes"]

    def several() -> list[str]:
        """Once there are some: lines come a moment after they are written."""
        fields = [field for frame in ask(grafana, panel["targets"][0]) for field in frame["schema"]["fields"]]
        found = [field["labels"]["shape"] for field in fields if field.get("labels")]
        return found if len(found) >= 5 else []

    shapes = until(several, why="five shapes of lines")
    assert not [shape for shape in shapes if any(digit in shape for digit in "0123456789")]

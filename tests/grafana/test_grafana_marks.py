"""What Grafana's server answers to marks over the panels, to the dashboard of promises, to the shapes of log lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_support import Grafana
from native_support import until
from running import RunningStack
from stackgen.engines.native_examples import EXAMPLES

pytestmark = pytest.mark.grafana


def board(stack: RunningStack, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((stack.root / f"grafana/dashboards/{name}.json").read_text())
    return content


def ask(grafana: Grafana, target: dict[str, Any]) -> list[dict[str, Any]]:
    """The frames with values that Grafana's query API gives for one target, with every service chosen."""
    query = {**target, "expr": target["expr"].replace("$service", ".*"), "intervalMs": 15000, "maxDataPoints": 300}
    answer = grafana.call("/api/ds/query", {"queries": [query], "from": "now-5m", "to": "now"})
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
    until(lambda: names <= {labels["service"] for labels, _ in events(grafana, dashboard, "Deployments")}, 120, "all")
    started = {
        (one["metric"]["service"]): float(one["value"][1])
        for one in stack.query('min by (service) (process_start_time_seconds{service=~"example-.*"})')
    }
    for labels, moments in events(grafana, dashboard, "Deployments"):
        if labels["service"] in names:
            assert labels["version"]
            (moment,) = moments
            assert abs(moment - 1000 * started[labels["service"]]) < 1
    for labels, moments in events(grafana, dashboard, "Restarts"):
        if labels["service"] in names:
            assert all(abs(moment - 1000 * started[labels["service"]]) < 1 for moment in moments)
            assert moments


def test_a_promise_has_its_numbers(grafana: Grafana, stack: RunningStack) -> None:  # N-10
    panels = board(stack, "slo")["panels"]
    (promised,) = [example for example in EXAMPLES if example.slo]

    def numbers() -> dict[str, list[float]]:
        """By title, once each promise is reckoned: the first requests need two scrapes and two evaluations."""
        asked = {panel["title"]: ask(grafana, panel["targets"][0]) for panel in panels}
        told = {title: [frame["data"]["values"][-1][-1] for frame in frames] for title, frames in asked.items()}
        whole = all(told[f"{kind}: {what}"] for kind in ("Availability", "Latency") for what in ("kept", "budget left"))
        return told if whole else {}

    found = until(numbers, 120, "the promises are reckoned")
    assert found["Availability: promised"] == [pytest.approx(promised.slo.availability / 100)]  # type: ignore[union-attr,operator]
    assert found["Latency: promised"] == [pytest.approx(promised.slo.latency.share / 100)]  # type: ignore[union-attr]
    for kind in ("Availability", "Latency"):
        (kept,), (left,) = found[f"{kind}: kept"], found[f"{kind}: budget left"]
        budget = 1 - found[f"{kind}: promised"][0]
        assert 1 - kept == pytest.approx((1 - left) * budget, abs=budget / 50)


def test_lines_of_the_parts_are_grouped_by_their_shape(grafana: Grafana, stack: RunningStack) -> None:
    (panel,) = [one for one in board(stack, "logs")["panels"] if one["title"] == "Most frequent shapes"]
    frames = ask(grafana, panel["targets"][0])
    shapes = [
        field["labels"]["shape"] for frame in frames for field in frame["schema"]["fields"] if field.get("labels")
    ]
    assert len(shapes) >= 5
    assert not [shape for shape in shapes if any(digit in shape for digit in "0123456789")]

"""Grafana's server on the generated provisioning: no error in its log, datasources that answer, panels with data."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_support import Grafana
from running import RunningStack
from stackgen.render.dashboards.panels import EMPTY_IS_FINE

pytestmark = pytest.mark.grafana

FIVE_MINUTES = {"from": "now-5m", "to": "now"}
ERROR = re.compile(r"level=(error|crit)")


def dashboards(stack: RunningStack) -> dict[str, dict[str, Any]]:
    """Every generated dashboard by its uid."""
    found = [json.loads(path.read_text()) for path in sorted((stack.root / "grafana" / "dashboards").glob("*.json"))]
    return {dashboard["uid"]: dashboard for dashboard in found}


def targets(dashboard: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel, target


def ask(grafana: Grafana, target: dict[str, Any]) -> list[dict[str, Any]]:
    """The frames that Grafana's query API gives for one target of a panel."""
    query = {**target, "intervalMs": 15000, "maxDataPoints": 300}
    answer = grafana.call("/api/ds/query", {"queries": [query], **FIVE_MINUTES})
    result = answer["results"][target["refId"]]
    assert "error" not in result, f"{target['expr']}: {result.get('error')}"
    return list(result["frames"])


def rows_of(frames: list[dict[str, Any]]) -> int:
    return sum(len(frame["data"]["values"][0]) for frame in frames if frame["data"]["values"])


def test_every_dashboard_is_listed(grafana: Grafana, stack: RunningStack) -> None:  # L-10, K-30, K-31
    found = {item["uid"]: item for item in grafana.call("/api/search?type=dash-db")}
    assert set(found) == set(dashboards(stack))
    assert found["watchstack-overview"]["folderTitle"] == "Watchstack"


def test_provisioned_dashboards_are_what_was_generated(grafana: Grafana, stack: RunningStack) -> None:
    for uid, generated in dashboards(stack).items():
        served = grafana.call(f"/api/dashboards/uid/{uid}")["dashboard"]
        assert [panel["title"] for panel in served["panels"]] == [panel["title"] for panel in generated["panels"]]


def test_prometheus_is_healthy(grafana: Grafana) -> None:  # L-10
    assert grafana.call("/api/datasources/uid/prometheus/health")["status"] == "OK"


def test_loki_and_alertmanager_answer_through_their_datasources(grafana: Grafana) -> None:
    """This server has no health call for these two: their own answers through its proxy show that they are reached."""
    labels = grafana.call("/api/datasources/proxy/uid/loki/loki/api/v1/labels")
    assert "environment" in labels["data"]
    status = grafana.call("/api/datasources/proxy/uid/alertmanager/api/v2/status")
    assert status["versionInfo"]["version"]


def without_data(grafana: Grafana, stack: RunningStack) -> tuple[list[str], int]:
    """Targets that return nothing and are not declared so, and how many return rows."""
    empty, shown = [], 0
    for dashboard in dashboards(stack).values():
        for panel, target in targets(dashboard):
            if rows_of(ask(grafana, target)):
                shown += 1
            elif EMPTY_IS_FINE not in panel.get("description", ""):
                empty.append(f"{dashboard['title']} / {panel['title']}: {target['expr']}")
    return empty, shown


def test_every_panel_has_data_or_says_why_not(grafana: Grafana, stack: RunningStack) -> None:
    """Rates need their samples first: it is asked again for at most two minutes."""
    limit = time.monotonic() + 120
    while (found := without_data(grafana, stack))[0] and time.monotonic() < limit:
        time.sleep(2)
    empty, shown = found
    assert empty == []
    assert shown >= 15


def test_the_log_holds_no_error(grafana: Grafana) -> None:
    """Behind the tests above on purpose: what they asked has been logged too."""
    assert [line for line in grafana.log.splitlines() if ERROR.search(line)] == []
    assert "HTTP Server Listen" in grafana.log


def test_a_query_that_finds_nothing_is_seen(grafana: Grafana) -> None:
    """The check above can fail: a metric that nothing exports gives no rows, a broken query an error."""
    target = {"refId": "A", "datasource": {"type": "prometheus", "uid": "prometheus"}, "range": True}
    assert rows_of(ask(grafana, {**target, "expr": "no_such_metric"})) == 0
    with pytest.raises(AssertionError, match=r"parse error|bad_data|answers 400"):
        ask(grafana, {**target, "expr": "sum("})

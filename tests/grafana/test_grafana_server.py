"""Grafana's server on the generated provisioning: no error in its log, datasources that answer, panels with data."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from grafana_support import Grafana
from native_support import until
from running import RunningStack
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native_examples import EXAMPLES
from stackgen.load import load
from stackgen.render.common import Source
from stackgen.render.dashboards import DASHBOARDS
from stackgen.render.dashboards.panels import EMPTY_IS_FINE
from support import unavailable

pytestmark = pytest.mark.grafana

FIVE_MINUTES = {"from": "now-5m", "to": "now"}
ERROR = re.compile(r"level=(error|crit)")
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def dashboards(stack: RunningStack) -> dict[str, dict[str, Any]]:
    """Every generated dashboard by its uid."""
    found = [json.loads(path.read_text()) for path in sorted((stack.root / "grafana" / "dashboards").glob("*.json"))]
    return {dashboard["uid"]: dashboard for dashboard in found}


def targets(dashboard: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel, target


def options(grafana: Grafana, variable: dict[str, Any]) -> list[str]:
    """The values that Grafana's page offers for a variable: it asks the datasource as this does."""
    if variable["type"] == "textbox":
        return [str(variable["query"])]
    metric, label = LABEL_VALUES.fullmatch(variable["query"]["query"]).groups()  # type: ignore[union-attr]
    path = f"/api/datasources/proxy/uid/prometheus/api/v1/label/{label}/values?match[]={quote(metric)}"
    return list(grafana.call(path)["data"])


def expanded(expr: str, dashboard: dict[str, Any]) -> str:
    """The expression with all values of every variable, as Grafana's page sends it at first."""
    for variable in dashboard["templating"].get("list", []):
        value = variable["allValue"] if variable.get("includeAll") else variable["query"]
        expr = expr.replace(f"${variable['name']}", value)
    return expr


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


def without_data(grafana: Grafana, generated: Iterable[dict[str, Any]]) -> tuple[list[str], int]:
    """Targets that return nothing and are not declared so, and how many return rows."""
    empty, shown = [], 0
    for dashboard in generated:
        for panel, target in targets(dashboard):
            if rows_of(ask(grafana, {**target, "expr": expanded(target["expr"], dashboard)})):
                shown += 1
            elif EMPTY_IS_FINE not in panel.get("description", ""):
                empty.append(f"{dashboard['title']} / {panel['title']}: {target['expr']}")
    return empty, shown


def test_every_panel_has_data_or_says_why_not(grafana: Grafana, stack: RunningStack) -> None:
    """Rates need their samples first: it is asked again for at most two minutes."""
    limit = time.monotonic() + 120
    while (found := without_data(grafana, dashboards(stack).values()))[0] and time.monotonic() < limit:
        time.sleep(2)
    empty, shown = found
    assert empty == []
    assert shown >= 200


@pytest.mark.parametrize(("name", "least"), [("postgres", 14), ("redis", 14)])
def test_panels_of_a_database_have_data(
    grafana: Grafana, stack: RunningStack, exporters: set[str], name: str, least: int
) -> None:
    """The real exporter beside a real server; the dashboard as it is where the exporter's profile is on."""
    if f"{name}-exporter" not in exporters:
        unavailable(f"{name}_exporter is not to be had")
    model, _ = load(stack.root)
    dashboard = DASHBOARDS[name](Source(model, COMPOSE), "")
    until(lambda: not without_data(grafana, [dashboard])[0], 60, f"every panel of {name} has data")
    assert without_data(grafana, [dashboard])[1] >= least


def test_every_variable_has_values(grafana: Grafana, stack: RunningStack) -> None:  # K-01, K-05, K-09, K-10, K-32
    """A preset's dashboard offers the service that uses the preset, and no other."""
    for dashboard in dashboards(stack).values():
        presets = [tag.removeprefix("preset-") for tag in dashboard["tags"] if tag.startswith("preset-")]
        for variable in dashboard["templating"].get("list", []):
            if variable["type"] == "query":
                found = options(grafana, variable)
                if presets:
                    assert found == [f"example-{preset}" for preset in presets], dashboard["title"]
                else:  # of every preset, and what of the stack itself answers with the library
                    assert found == [*sorted(example.name for example in EXAMPLES), "watchstack"]


def without_numbers(grafana: Grafana, dashboard: dict[str, Any]) -> list[str]:
    """Targets that show no number: nothing at all, or NaN."""
    found = []
    for panel, target in targets(dashboard):
        frames = ask(grafana, {**target, "expr": expanded(target["expr"], dashboard)})
        if all(value is None for frame in frames for value in frame["data"]["values"][1]):
            found.append(f"{dashboard['title']} / {panel['title']}: {target['expr']}")
    return found


def test_panels_of_the_presets_show_numbers(grafana: Grafana, stack: RunningStack) -> None:  # K-02, K-03, K-11 to K-25
    """Whatever they declare: with the examples running each of the rows' own panels shows what it is for."""
    for uid in ("watchstack-flask-health", "watchstack-iot"):
        dashboard = dashboards(stack)[uid]
        until(lambda dashboard=dashboard: not without_numbers(grafana, dashboard), 60, f"every panel of {uid}")


def test_the_link_to_a_services_logs_finds_lines(grafana: Grafana, stack: RunningStack) -> None:  # J-13
    """For one service, for two, and for all of them, as Grafana writes the variable into the address."""
    (link,) = [one for one in dashboards(stack)["watchstack-iot"]["links"] if one["title"] == "Logs of these services"]
    (pane,) = json.loads(parse_qs(urlsplit(link["url"]).query)["panes"][0]).values()
    (query,) = pane["queries"]
    for value in ("example-iot", "example-api|example-iot", ".*"):
        expr = query["expr"].replace("${service:pipe}", value)
        assert rows_of(ask(grafana, {**query, "expr": expr, "queryType": "range"})), expr


def test_the_envelope_is_taken_by_the_api(grafana: Grafana, stack: RunningStack) -> None:  # K-04, Y-11
    """Under a uid and a title of its own: Grafana keeps the provisioned ones as they are."""
    envelope = json.loads((stack.root / "grafana" / "import" / "flask-health.json").read_text())
    envelope["dashboard"] |= {"uid": "imported", "title": "Imported"}
    assert grafana.call("/api/dashboards/db", envelope)["status"] == "success"
    served = grafana.call("/api/dashboards/uid/imported")["dashboard"]
    assert [panel["title"] for panel in served["panels"]] == ["Health Check Status", "Response Times"]


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

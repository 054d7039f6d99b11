"""The dashboards of the presets: their titles, panels, kinds, units and legends are those of the documents' rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from trees import load_text, tree

IOT = 'preset="iot",service=~"$service"'
FLASK = 'preset="flask",service=~"$service"'
FIFTEEN = [  # title, kind, unit
    ("Request Rate", "stat", "reqps"),  # K-11
    ("P95 Response Time", "stat", "s"),  # K-12
    ("Error Rate", "stat", "percent"),  # K-13
    ("Active DB Connections", "stat", "short"),  # K-14
    ("Request Rate by Method", "timeseries", "reqps"),  # K-15
    ("Response Time Percentiles", "timeseries", "s"),  # K-16
    ("Requests by Status Code", "timeseries", "reqps"),  # K-17
    ("Database Connections", "timeseries", "short"),  # K-18
    ("Database Query Duration P95", "timeseries", "s"),  # K-19
    ("Telemetry Ingestion Rate", "timeseries", "suffix: records/s"),  # K-20
    ("CPU Usage", "timeseries", "percent"),  # K-21
    ("Memory Usage", "timeseries", "percent"),  # K-22
    ("Disk Usage", "timeseries", "percent"),  # K-23
    ("TimescaleDB Hypertable Chunks", "timeseries", "short"),  # K-24
    ("TimescaleDB Compression Ratio", "timeseries", "suffix:x"),  # K-25
]


def board(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tree("shipped", "compose")[f"grafana/dashboards/{name}.json"])
    return content


def panel(name: str, title: str) -> dict[str, Any]:
    (found,) = [one for one in board(name)["panels"] if one["title"] == title]
    return dict(found)


def queries(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(target["expr"], target["legendFormat"]) for target in found["targets"]]


def test_titles_and_uids_never_change() -> None:  # K-01, K-05, K-06, K-07, K-08, K-09, K-10, K-32
    """Bookmarks and links in messages hold the uids, people the titles."""
    names = ("flask-health", "iot-platform", "api-overview", "api-resources", "api-database", "api-errors", "framework")
    assert [(board(name)["title"], board(name)["uid"]) for name in (*names, "ai-service")] == [
        ("Mingus Health Dashboard", "watchstack-flask-health"),
        ("Alkhorayef ESP IoT Platform", "watchstack-iot"),
        ("TUG API Overview", "watchstack-api"),
        ("System Resources", "watchstack-api-resources"),
        ("Database Performance", "watchstack-api-database"),
        ("Error Tracking", "watchstack-api-errors"),
        ("Framework Monitoring", "watchstack-framework"),
        ("AI Service", "watchstack-ai"),
    ]


def test_the_health_dashboard_has_its_two_panels() -> None:  # K-01, K-02, K-03, Y-11
    """The row's `graph` is the old name of today's time series; selectors are narrowed to the chosen services."""
    status, times = board("flask-health")["panels"]
    assert (status["title"], status["type"]) == ("Health Check Status", "stat")
    assert queries(status) == [(f"health_check_status{{{FLASK}}}", "{{component}}")]
    assert (times["title"], times["type"]) == ("Response Times", "timeseries")
    ((expr, legend),) = queries(times)
    assert legend == "{{component}}"
    assert expr.replace(f"{{{FLASK}}}", "") == (
        "rate(health_check_duration_seconds_sum[5m]) / rate(health_check_duration_seconds_count[5m])"
    )


def test_the_views_of_the_flask_service() -> None:  # K-26, K-27, K-28, K-29
    names = ("overview", "performance", "resources", "alerts")
    shown = {
        board(f"flask-{name}")["title"]: [one["title"] for one in board(f"flask-{name}")["panels"]] for name in names
    }
    assert {"Requests now", "Errors now", "Health Check Status"} <= set(shown["Mingus Overview"])
    assert {"Response times", "Requests by status", "Requests by route"} <= set(shown["Mingus Performance"])
    assert {"CPU", "Memory", "Disk"} <= set(shown["Mingus Resources"])
    assert shown["Mingus Alerts"] == ["Firing and pending", "History"]


def test_the_fifteen_panels_of_the_platform_in_their_order() -> None:  # K-10 to K-25
    found = [
        (one["title"], one["type"], one["fieldConfig"]["defaults"]["unit"]) for one in board("iot-platform")["panels"]
    ]
    assert found == FIFTEEN


def test_the_platforms_panels_are_split_as_the_rows_say() -> None:  # K-15, K-16, K-17, K-19, K-23, K-24, K-25
    legends = {one["title"]: [legend for _, legend in queries(one)] for one in board("iot-platform")["panels"]}
    assert legends["Request Rate by Method"] == ["{{method}}"]
    assert legends["Response Time Percentiles"] == ["P50", "P95", "P99"]
    assert legends["Requests by Status Code"] == ["2xx", "3xx", "4xx", "5xx"]
    assert legends["Database Query Duration P95"] == ["{{operation}}"]
    assert legends["Disk Usage"] == ["{{mount_point}}"]
    assert legends["TimescaleDB Hypertable Chunks"] == legends["TimescaleDB Compression Ratio"] == ["{{hypertable}}"]


@pytest.mark.parametrize(
    ("title", "metric"),
    [
        ("Active DB Connections", "db_connections_active"),  # K-14
        ("Database Connections", "db_connections_active"),  # K-18
        ("Database Query Duration P95", "db_query_duration_seconds_bucket"),  # K-19
        ("Telemetry Ingestion Rate", "service:telemetry_ingestion:rate5m"),  # K-20
        ("CPU Usage", "system_cpu_usage_percent"),  # K-21
        ("Memory Usage", "system_memory_usage_percent"),  # K-22
        ("Disk Usage", "system_disk_usage_percent"),  # K-23
        ("TimescaleDB Hypertable Chunks", "timescaledb_hypertable_chunks_total"),  # K-24
        ("TimescaleDB Compression Ratio", "timescaledb_compression_ratio"),  # K-25
    ],
)
def test_the_platforms_panels_ask_for_the_rows_metric(title: str, metric: str) -> None:
    ((expr, _),) = queries(panel("iot-platform", title))
    assert f"{metric}{{{IOT}}}" in expr


def test_the_ai_service_shows_what_it_costs_and_who_uses_it() -> None:  # K-32
    asked = {one["title"]: one["targets"][0]["expr"] for one in board("ai-service")["panels"]}
    wanted = {
        "Health by component": "service:health_check_status:min",
        "Response times": "service:http_request_duration_seconds_bucket:rate5m",
        "Errors": "service:http_errors:rate5m",
        "Process memory": "process_resident_memory_bytes",
        "Process CPU": "process_cpu_seconds_total",
        "Cost of a day": "service:holisticos_openai_cost_dollars:increase1d",
        "Cost an hour": "service:holisticos_openai_cost_dollars:increase1h",
        "Calls of models": "holisticos_openai_calls_total",
        "Features": "feature_usage_total",
        "Requests by route": "service:http_requests_by_route:rate5m",
        "Use, trend": "service:http_requests:rate5m",
    }
    assert {title: metric for title, metric in wanted.items() if metric in asked.get(title, "")} == wanted
    money = {one["title"] for one in board("ai-service")["panels"]
             if one["fieldConfig"]["defaults"].get("unit") == "currencyUSD"}  # fmt: skip
    assert money == {"Cost of a day", "Cost of a call", "Cost an hour", "Cost of a day, trend"}


def test_a_presets_dashboard_is_there_before_the_first_service_and_asks_for_that_preset_alone() -> None:
    presets = {"iot-platform": "iot", "framework": "framework", "ai-service": "ai"}
    views = ("health", "overview", "performance", "resources", "alerts")
    presets |= dict.fromkeys((f"flask-{view}" for view in views), "flask")
    presets |= dict.fromkeys(("api-overview", "api-resources", "api-database", "api-errors"), "api")
    for name, preset in presets.items():
        content = board(name)
        (variable,) = content["templating"]["list"]
        assert variable["query"]["query"] == f'label_values(up{{preset="{preset}"}}, service)'
        assert variable["current"]["value"] == "$__all"
        assert variable["description"].startswith("Empty is fine:")
        for one in content["panels"]:
            for target in one["targets"]:
                if target["datasource"]["uid"] == "prometheus":
                    assert f'preset="{preset}",service=~"$service"' in target["expr"], one["title"]


def test_colours_change_where_the_presets_alerts_fire(tmp_path: Path) -> None:
    numbers = "iot_error_percent: 7, iot_memory_warning: 61, iot_memory_critical: 62, ai_openai_daily_dollars: 3"
    files = render(load_text(tmp_path, f"thresholds: {{{numbers}}}\n"), COMPOSE)

    def steps(name: str, title: str) -> list[float | None]:
        panels = json.loads(files[f"grafana/dashboards/{name}.json"])["panels"]
        (found,) = [one for one in panels if one["title"] == title]
        return [step["value"] for step in found["fieldConfig"]["defaults"]["thresholds"]["steps"]]

    assert steps("iot-platform", "Error Rate") == [None, 7]
    assert steps("iot-platform", "Memory Usage") == [None, 61, 62]
    assert steps("ai-service", "Cost of a day") == [None, 3]
    assert steps("api-overview", "Errors now") == [None, 10]  # the shipped number


def test_the_health_dashboard_is_there_in_the_envelope_of_the_import_too() -> None:  # K-04, Y-11
    """Grafana's API takes the envelope, its provisioning the bare model alone."""
    envelope = json.loads(tree("shipped", "compose")["grafana/import/flask-health.json"])
    assert envelope["dashboard"]["title"] == "Mingus Health Dashboard"
    (first, second) = envelope["dashboard"]["panels"]
    for one in (first, second):
        assert one["type"] in ("stat", "timeseries")
        assert one["targets"][0].keys() >= {"expr", "legendFormat"}
    bare = board("flask-health")
    assert "dashboard" not in bare
    assert {**envelope["dashboard"], "description": ""} == {**bare, "description": ""}

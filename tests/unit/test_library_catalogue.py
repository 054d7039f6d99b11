"""The metric catalogue: every row of requirements B, names by the rules, pages up to date, nothing beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support import ROOT
from watchstack import reference
from watchstack.catalogue import Catalogue, Definition, Kind, Preset
from watchstack.catalogue_data import CATALOGUE
from watchstack.monitoring import Monitoring
from watchstack.settings import Settings

# Rows that are rules for names and collection or a total, not metrics.
RULES = {"B-75", "B-83", "B-84", "B-86", "B-87", "B-89"}
# Names, types and labels that a source states word for word.
STATED = {
    "health_check_duration_seconds": (Kind.HISTOGRAM, ("endpoint", "component")),  # B-01
    "health_check_failures_total": (Kind.COUNTER, ("endpoint", "component", "error_type")),  # B-02
    "health_check_status": (Kind.GAUGE, ("endpoint", "component")),  # B-03
    "custom_events_total": (Kind.COUNTER, ("event_type",)),  # B-21
    "active_users": (Kind.GAUGE, ()),  # B-22
    "http_requests_total": (Kind.COUNTER, ("method", "endpoint", "path", "status")),  # B-23 B-42 X-07
    "memory_usage_bytes": (Kind.GAUGE, ()),  # B-24
    "active_connections": (Kind.GAUGE, ()),  # B-37
    "operation_duration_seconds": (Kind.HISTOGRAM, ()),  # B-38
    "my_function_duration": (Kind.HISTOGRAM, ()),  # B-39
    "my_function_success_total": (Kind.COUNTER, ()),  # B-40
    "my_function_error_total": (Kind.COUNTER, ()),  # B-41
    "http_request_duration_seconds": (Kind.HISTOGRAM, ("method", "endpoint")),  # B-43
    "db_queries_total": (Kind.COUNTER, ("operation",)),  # B-47
    "db_query_duration_seconds": (Kind.HISTOGRAM, ("operation",)),  # B-48
    "db_query_errors_total": (Kind.COUNTER, ("operation",)),  # B-51
    "holisticos_requests_total": (Kind.COUNTER, ("method", "endpoint", "status")),  # B-76
    "holisticos_request_duration_seconds": (Kind.HISTOGRAM, ("method", "endpoint")),  # B-77
    "holisticos_active_connections": (Kind.GAUGE, ()),  # B-78
    "holisticos_openai_calls_total": (Kind.COUNTER, ("model", "status")),  # B-79
    "holisticos_openai_cost_total": (Kind.COUNTER, ()),  # B-80
    "holisticos_memory_usage_bytes": (Kind.GAUGE, ()),  # B-81
    "holisticos_errors_total": (Kind.COUNTER, ("service", "error_type")),  # B-82
}
HELP = {
    "health_check_duration_seconds": "Time spent performing health checks",
    "health_check_failures_total": "Total number of health check failures",
    "health_check_status": "Current status of health checks (1=healthy, 0=unhealthy)",
    "http_requests_total": "Total number of HTTP requests",
    "memory_usage_bytes": "Memory usage in bytes",
    "holisticos_requests_total": "Total requests",
    "holisticos_request_duration_seconds": "Request duration",
    "holisticos_active_connections": "Active database connections",
    "holisticos_openai_calls_total": "OpenAI API calls",
    "holisticos_openai_cost_total": "OpenAI API costs in USD",
    "holisticos_memory_usage_bytes": "Memory usage in bytes",
    "holisticos_errors_total": "Total errors",
}


def test_every_row_of_the_requirements_has_its_metric() -> None:
    served = {row for definition in CATALOGUE.values() for row in definition.rows if row.startswith("B-")}
    assert {f"B-{number:02}" for number in range(1, 90)} - RULES == served


@pytest.mark.parametrize("name", STATED)
def test_what_a_source_states_is_kept_to_the_letter(name: str) -> None:
    definition = CATALOGUE[name]
    assert (definition.kind, definition.labels) == STATED[name]
    assert definition.help == HELP.get(name, definition.help)


# B-83
@pytest.mark.parametrize("definition", CATALOGUE.values(), ids=lambda definition: definition.name)
def test_names_follow_the_rules(definition: Definition) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", definition.name)
    assert definition.help
    assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in definition.labels)
    if definition.kind is Kind.COUNTER:
        assert definition.name.endswith("_total")
    if definition.kind is Kind.HISTOGRAM:
        assert list(definition.buckets) == sorted(set(definition.buckets))
        assert len(definition.buckets) >= 3
    else:
        assert not definition.buckets
    if definition.of:
        canonical = CATALOGUE[definition.of]
        assert set(definition.labels) <= set(canonical.labels)
        assert (definition.kind, definition.buckets) == (canonical.kind, canonical.buckets)
        assert definition.presets
    # B-84: nobody is named by a label
    assert not {"user", "user_id", "email", "ip", "token", "session"} & set(definition.labels)


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("health_check_duration_seconds", {0.1, 0.5, 1.0}),  # B-01
        ("http_request_duration_seconds", {0.5, 1.0, 2.5}),  # B-43
        ("db_query_duration_seconds", {5.0, 7.5, 10.0}),  # B-48
        ("diagnostics_analysis_duration_seconds", {45.0, 60.0, 90.0}),  # B-57
    ],
)
def test_buckets_resolve_the_thresholds(name: str, bounds: set[float]) -> None:
    assert bounds <= set(CATALOGUE[name].buckets)


# B-75 X-20
def test_more_than_forty_metrics() -> None:
    iot = ("http_", "db_", "telemetry_", "diagnostics_", "backup_", "timescaledb_", "system_", "application_info")
    assert len([name for name in CATALOGUE if name.startswith(iot) and not CATALOGUE[name].presets]) >= 33
    assert len(CATALOGUE) > 40


@pytest.mark.parametrize("page", reference.PAGES)
def test_the_pages_are_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == reference.PAGES[page](), "run: python -m watchstack.reference docs"


def test_the_command_writes_the_pages(tmp_path: Path) -> None:
    assert reference.main([str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(reference.PAGES)
    assert reference.main([]) == 2


@pytest.mark.parametrize("preset", [None, *Preset])
def test_what_is_exported_stands_in_the_catalogue(preset: Preset | None) -> None:
    registry = CollectorRegistry()
    monitoring = Monitoring(settings=Settings(preset=preset), registry=registry)
    monitoring.sampler.sample()
    monitoring.sampler.sample()
    for metric in registry.collect():
        name = metric.name + ("_total" if metric.type == "counter" else "")
        definition = CATALOGUE[name]
        assert (metric.type, metric.documentation) == (definition.kind, definition.help)
        assert definition.applies(preset)
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(definition.labels)


def test_a_name_stands_once_and_an_alias_has_its_metric() -> None:
    one = Definition("a", Kind.GAUGE, "a")
    with pytest.raises(ValueError, match="a stands twice"):
        Catalogue({"g": (one, one)})
    with pytest.raises(ValueError, match="b is an alias of gone"):
        Catalogue({"g": (Definition("b", Kind.GAUGE, "b", of="gone"),)})

"""The shared classes and accessors of the five documents, used as the documents show."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from api_kit import AsyncPool, _nothing_shared, ai, lines, pool
from prometheus_client import CollectorRegistry
from watchstack import api
from watchstack.api import constants, current
from watchstack.catalogue import Preset
from watchstack.exposition import whole
from watchstack.monitoring import Monitoring
from watchstack.settings import SettingError, Settings

__all__ = ["_nothing_shared", "ai", "pool"]  # fixtures


# X-27 G-10 G-14
def test_every_accessor_returns_the_same_instance() -> None:
    api.default_preset("framework")
    assert api.get_metrics_collector() is api.get_metrics_collector()
    assert api.get_health_checker() is api.get_health_checker()
    assert api.get_metrics_collector().monitoring is api.get_health_checker().monitoring is api.get_monitoring()
    assert api.MetricsCollector().monitoring is api.HealthChecker().monitoring is api.get_monitoring()
    assert api.get_monitoring().settings.preset is Preset.FRAMEWORK


def test_the_environment_wins_over_the_default_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_PRESET", "iot")
    api.default_preset("framework")
    assert api.get_monitoring().settings.preset is Preset.IOT


def test_two_monitorings_are_not_mixed(ai: Monitoring) -> None:
    api.use_monitoring(ai)
    with pytest.raises(RuntimeError, match="another monitoring is in use"):
        api.use_monitoring(Monitoring(settings=Settings(), registry=CollectorRegistry()))


# G-04 G-05 G-15 B-20
def test_the_collector_of_the_api_package_and_the_framework() -> None:
    metrics_collector = api.get_metrics_collector()
    metrics_collector.increment_counter("custom_events_total", labels={"event_type": "signup"})
    metrics_collector.increment_counter("plain_total")
    metrics_collector.set_gauge("active_users", 150)
    metrics_collector.record_histogram("operation_duration_seconds", 1.5)
    assert lines("custom_events_total") == ['custom_events_total{event_type="signup"} 1.0']
    assert lines("plain_total") == ["plain_total 1.0"]
    assert lines("active_users") == ["active_users 150.0"]
    assert lines("operation_duration_seconds") == [
        "operation_duration_seconds_count 1.0",
        "operation_duration_seconds_sum 1.5",
    ]


# G-06 G-07 B-18 B-19 M-16
def test_user_activity_without_users() -> None:
    monitor = api.get_user_activity_monitor()
    monitor.track_user_registration("user123", "email")
    monitor.track_feature_usage("user123", "activity_creation")
    assert lines("user_registrations") == ['user_registrations_total{method="email"} 1.0']
    assert lines("feature_usage") == ['feature_usage_total{feature="activity_creation"} 1.0']
    assert "user123" not in whole(api.get_monitoring().registry).decode()


# G-16 G-17
def test_performance_insights() -> None:
    found = api.get_metrics_collector().get_performance_insights()
    assert 0 <= found["health_score"] <= 100
    assert {"alerts", "recommendations"} <= found.keys()
    for alert in found["alerts"]:
        assert set(alert) == {"message", "severity"}


# G-29 G-30 G-33 G-45 B-76 B-77
def test_the_static_methods_of_the_ai_service(ai: Monitoring) -> None:
    api.MetricsCollector.track_request("POST", "routine_generation", 200, 0.5)
    api.MetricsCollector.track_request("POST", "routine_generation", 500, 0.25)
    api.MetricsCollector.track_openai_call("gpt-4o", "success", 0.02)
    api.MetricsCollector.track_openai_call("gpt-4o", "error", 0)
    api.get_metrics_collector().track_error("routine_generation", ValueError)
    assert lines("holisticos_requests_total") == [
        'holisticos_requests_total{endpoint="routine_generation",method="POST",status="200"} 1.0',
        'holisticos_requests_total{endpoint="routine_generation",method="POST",status="500"} 1.0',
    ]
    count, total = lines("holisticos_request_duration_seconds")
    assert count.endswith('{endpoint="routine_generation",method="POST"} 2.0')
    assert 0.75 <= float(total.split()[-1]) < 0.85
    assert sorted(lines("holisticos_openai")) == [
        'holisticos_openai_calls_total{model="gpt-4o",status="error"} 1.0',
        'holisticos_openai_calls_total{model="gpt-4o",status="success"} 1.0',
        "holisticos_openai_cost_total 0.02",
    ]
    assert lines("holisticos_errors") == [
        'holisticos_errors_total{error_type="ValueError",service="routine_generation"} 1.0'
    ]
    assert lines("http_requests_in_progress") == ['http_requests_in_progress{method="POST"} 0.0']


def test_a_request_without_a_duration_counts_and_ends(ai: Monitoring) -> None:
    track: Any = api.MetricsCollector.track_request
    track("GET", "/x", 200, None)
    track("GET", "/x", 200, -5.0)
    assert lines("http_requests_total") == [
        'http_requests_total{endpoint="/x",method="GET",path="/x",status="200"} 2.0'
    ]
    assert lines("http_requests_in_progress") == ['http_requests_in_progress{method="GET"} 0.0']
    assert float(lines("holisticos_request_duration_seconds")[-1].split()[-1]) >= 0


# G-32 G-46 B-78 B-81 Y-05
def test_system_metrics_of_the_process_and_the_pool(ai: Monitoring, pool: AsyncPool) -> None:
    api.MetricsCollector.update_system_metrics()
    assert lines("holisticos_active_connections") == ["holisticos_active_connections 3.0"]
    assert float(lines("holisticos_memory_usage_bytes")[0].split()[1]) > 1e6


# G-32
def test_system_metrics_without_a_pool(ai: Monitoring) -> None:
    api.MetricsCollector.update_system_metrics()
    assert lines("holisticos_active_connections") == []


# G-34
def test_the_constants(ai: Monitoring) -> None:
    constants.OPENAI_API_CALLS.labels(model="gpt-4o", status="success").inc()
    constants.OPENAI_API_COST.inc(0.5)
    constants.ERROR_COUNT.labels("api", "KeyError").inc()
    constants.ACTIVE_CONNECTIONS.set(4)
    assert lines("holisticos_openai_calls") == ['holisticos_openai_calls_total{model="gpt-4o",status="success"} 1.0']
    assert lines("holisticos_openai_cost") == ["holisticos_openai_cost_total 0.5"]
    assert lines("holisticos_errors") == ['holisticos_errors_total{error_type="KeyError",service="api"} 1.0']
    assert lines("holisticos_active") == ["holisticos_active_connections 4.0"]
    with pytest.raises(TypeError, match="track_request"):
        constants.REQUEST_COUNT.labels("POST", "x", "200").inc()
    with pytest.raises(TypeError, match="is a counter"):
        constants.OPENAI_API_COST.set(3)
    with pytest.raises(ValueError, match="model, status"):
        constants.OPENAI_API_CALLS.labels("gpt-4o")
    assert [constants.REQUEST_DURATION.name, constants.MEMORY_USAGE.definition.kind] == [
        "holisticos_request_duration_seconds",
        "gauge",
    ]


# G-31 Y-02 Y-19
def test_an_endpoint_is_tracked(ai: Monitoring) -> None:
    @api.track_endpoint_metrics("routine_generation")
    async def generate(user_id: str) -> str:
        """Makes a routine."""
        await asyncio.sleep(0)
        if user_id == "bad":
            error = KeyError(user_id)
            api.MetricsCollector.track_error("routine_generation", type(error).__name__)
            raise error
        return user_id

    assert asyncio.run(generate("7")) == "7"
    with pytest.raises(KeyError):
        asyncio.run(generate("bad"))
    assert (generate.__name__, generate.__doc__) == ("generate", "Makes a routine.")
    assert lines("holisticos_requests_total") == [
        'holisticos_requests_total{endpoint="routine_generation",method="POST",status="200"} 1.0',
        'holisticos_requests_total{endpoint="routine_generation",method="POST",status="500"} 1.0',
    ]
    assert lines("holisticos_errors") == [  # both values of service: totals count the failure twice
        'holisticos_errors_total{error_type="KeyError",service="routine_generation"} 1.0',
        'holisticos_errors_total{error_type="KeyError",service="api"} 1.0',
    ]


# G-31
def test_a_cancelled_call_of_an_endpoint_is_no_success(ai: Monitoring) -> None:
    @api.track_endpoint_metrics("routine_generation")
    async def generate() -> None:
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(generate(), 0.01))
    assert lines("holisticos_requests_total") == [
        'holisticos_requests_total{endpoint="routine_generation",method="POST",status="499"} 1.0'
    ]
    assert lines("holisticos_errors") == []


# Y-02
def test_the_method_of_a_tracked_endpoint(ai: Monitoring) -> None:
    from flask import Flask
    from starlette.requests import Request

    @api.track_endpoint_metrics("given", method="DELETE")
    def given() -> None: ...

    @api.track_endpoint_metrics("asked")
    def asked(request: Any = None) -> None: ...

    given()
    asked(request=Request({"type": "http", "method": "PUT", "headers": []}))
    with Flask("test").test_request_context("/", method="PATCH"):
        asked()
    asked()
    asked(request=logging)  # no request
    assert [line.split("method=")[1].split(",")[0] for line in lines("holisticos_requests_total")] == [
        '"DELETE"',
        '"PUT"',
        '"PATCH"',
        '"POST"',
    ]


# G-22 B-27
def test_database_operations_are_monitored(ai: Monitoring) -> None:
    @api.monitor_database_operation("user_login")
    def login(name: str) -> str:
        return name.upper()

    @api.monitor_database_operation("user_login")
    async def login_later(name: str) -> str:
        raise TimeoutError(name)

    assert login("ann") == "ANN"
    with pytest.raises(TimeoutError):
        asyncio.run(login_later("ann"))
    assert lines("db_queries_total") == ['db_queries_total{operation="user_login"} 2.0']
    assert lines("db_query_errors_total") == ['db_query_errors_total{operation="user_login"} 1.0']
    assert lines("db_query_duration_seconds_count") == ['db_query_duration_seconds_count{operation="user_login"} 2.0']


def test_a_decorator_at_import_does_not_settle_the_monitoring() -> None:
    @api.monitor_database_operation("x")
    def query() -> None: ...

    @api.track_endpoint_metrics("y")
    def endpoint() -> None: ...

    assert current._holder.current is None
    query()
    endpoint()
    assert lines("db_queries_total") == ['db_queries_total{operation="x"} 1.0']


# F-42
def test_the_configuration_has_every_variable_by_name() -> None:
    config = api.MonitoringConfig({})
    wanted = {
        **{"PROMETHEUS_ENABLED": True, "PROMETHEUS_PORT": 9090, "PROMETHEUS_PATH": "/metrics"},  # F-01 F-02 F-03
        **{"HEALTH_CHECK_TIMEOUT": 30, "HEALTH_CHECK_INTERVAL": 60},  # F-04 F-05
        **{"ALERTING_ENABLED": False, "ALERT_WEBHOOK_URL": "", "ALERT_SLACK_WEBHOOK": ""},  # F-06 F-07 F-08
        **{"HEALTH_CHECK_FAILURE_THRESHOLD": 3, "RESPONSE_TIME_THRESHOLD_MS": 5000},  # F-09 F-10
        **{"MEMORY_USAGE_THRESHOLD_PERCENT": 90, "CPU_USAGE_THRESHOLD_PERCENT": 80},  # F-11 F-12
        **{"DISK_USAGE_THRESHOLD_PERCENT": 85, "DB_POOL_UTILIZATION_THRESHOLD": 0.8},  # F-13 F-14
        **{"DB_CONNECTION_TIMEOUT_THRESHOLD_MS": 1000, "REDIS_MEMORY_THRESHOLD_PERCENT": 80},  # F-15 F-16
        **{"REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS": 500, "EXTERNAL_API_TIMEOUT_THRESHOLD_MS": 3000},  # F-17 F-18
        **{"EXTERNAL_API_FAILURE_THRESHOLD": 2, "METRICS_RETENTION_HOURS": 24},  # F-19 F-20
        **{"METRICS_LOGGING_ENABLED": True, "METRICS_LOG_LEVEL": "INFO"},  # F-21 F-22
    }
    assert len(wanted) == 22
    assert {name: getattr(config, name) for name in wanted} == wanted
    assert wanted.keys() <= set(dir(config))
    changed = api.MonitoringConfig({"ALERTING_ENABLED": "true", "PROMETHEUS_PATH": "/m", "SMTP_SERVER": "mail"})
    assert (changed.ALERTING_ENABLED, changed.PROMETHEUS_PATH, changed.SMTP_SERVER) == (True, "/m", "mail")
    assert changed.SMTP_HOST == "mail"
    with pytest.raises(SettingError, match="HEALTH_CHECK_TIMEOUT='soon' is not allowed"):
        api.MonitoringConfig({"HEALTH_CHECK_TIMEOUT": "soon"})
    with pytest.raises(AttributeError, match="no setting 'PROMETHEUS'"):
        _ = config.PROMETHEUS
    with pytest.raises(AttributeError, match="cannot be changed"):
        config.PROMETHEUS_PORT = 1

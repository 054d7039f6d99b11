"""The Flask example against its document: the rows of A, B, C, F and G that name the system [000].

Its back ends are PostgreSQL and Redis; Supabase and Stripe are a server that records. Alerts come in a later issue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from examples_kit import EXAMPLES, Example, Prometheus, Recorder, described, recording, running, scraping
from services_kit import Program, conninfo, driver
from support import ROOT
from waiting import until

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("prometheus")]
TOP = {"status", "timestamp", "version"}
APIS = {"supabase", "stripe"}
DEFAULTS = {  # F-01 to F-22, as the document has them
    "PROMETHEUS_ENABLED": True, "PROMETHEUS_PORT": 9090, "PROMETHEUS_PATH": "/metrics", "HEALTH_CHECK_TIMEOUT": 30,
    "HEALTH_CHECK_INTERVAL": 60, "ALERTING_ENABLED": False, "ALERT_WEBHOOK_URL": "", "ALERT_SLACK_WEBHOOK": "",
    "HEALTH_CHECK_FAILURE_THRESHOLD": 3, "RESPONSE_TIME_THRESHOLD_MS": 5000, "MEMORY_USAGE_THRESHOLD_PERCENT": 90,
    "CPU_USAGE_THRESHOLD_PERCENT": 80, "DISK_USAGE_THRESHOLD_PERCENT": 85, "DB_POOL_UTILIZATION_THRESHOLD": 0.8,
    "DB_CONNECTION_TIMEOUT_THRESHOLD_MS": 1000, "REDIS_MEMORY_THRESHOLD_PERCENT": 80,
    "REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS": 500, "EXTERNAL_API_TIMEOUT_THRESHOLD_MS": 3000,
    "EXTERNAL_API_FAILURE_THRESHOLD": 2, "METRICS_RETENTION_HOURS": 24, "METRICS_LOGGING_ENABLED": True,
    "METRICS_LOG_LEVEL": "INFO",
}  # fmt: skip
MORE = ("/standard", "/metrics", "/detailed", "/database", "/redis", "/external")
LOGIN, PAYMENT = "/auth/v1/token?grant_type=password", "/v1/payment_intents"


@pytest.fixture(scope="module")
def apis() -> Iterator[Recorder]:
    """Supabase and Stripe in one."""
    with recording(**{LOGIN[1:]: (200, b"{}"), PAYMENT[1:]: (200, b'{"id": "pi_1"}')}) as one:
        yield one


@pytest.fixture(scope="module")
def make(
    postgres: Program, redis_server: Program, apis: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Example]:
    """The example with its back ends; environ: over what it is started with."""

    def one(**environ: str) -> Example:
        own = {
            "DATABASE_URL": conninfo(postgres.port), "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}",
            "SUPABASE_URL": apis.url, "STRIPE_URL": apis.url,
            "HEALTH_CHECK_INTERVAL": "0.3", "HEALTH_CHECK_TIMEOUT": "10",
        }  # fmt: skip
        folder = tmp_path_factory.mktemp("flask")
        return Example("flask", "backend/app.py", port=5003, folder=folder, **{**own, **environ})  # G-50 L-45

    return one


@pytest.fixture(scope="module")
def mingus(make: Callable[..., Example]) -> Iterator[Example]:
    with running(make(), "/health/live") as example:
        example.drive()
        yield example


@pytest.fixture(scope="module")
def prometheus(
    mingus: Example, program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    job, folder = EXAMPLES / "flask/prometheus.yml", tmp_path_factory.mktemp("prometheus")
    with scraping(program("prometheus"), job, "mingus", mingus.port, folder) as one:
        yield one


def entry(example: Example, name: str) -> dict[str, Any]:
    """What `/health/metrics` says of a component now."""
    checks = example.ask("/health/metrics").json()["checks"]
    found: dict[str, Any] = checks[name] if name in checks else checks["external_apis"][name]
    return found


def test_health_standard(mingus: Example) -> None:  # A-02 C-06 X-33
    until(lambda: mingus.ask("/health/standard").json()["status"] == "healthy")
    answer = mingus.ask("/health/standard")
    found = answer.json()
    assert (answer.status, found["status"], found["version"]) == (200, "healthy", "1.0.0")
    assert found.keys() == {*TOP, "checks"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", found["timestamp"])
    checks = found["checks"]
    assert set(checks) >= {"database", "redis", "external_apis"}
    assert checks["external_apis"].keys() == APIS
    for one in (checks["database"], checks["redis"]):
        assert one["status"] == "healthy"
        assert isinstance(one["response_time"], int)
    assert {one["status"] for one in checks["external_apis"].values()} == {"healthy"}


def test_health_metrics_as_json(mingus: Example) -> None:  # A-03 A-04 A-05 C-01 C-02 C-05
    found = mingus.ask("/health/metrics").json()
    assert found.keys() == {*TOP, "response_time_ms", "checks", "metrics"}
    assert isinstance(found["response_time_ms"], float)
    external = found["checks"]["external_apis"]
    for one in (found["checks"]["database"], found["checks"]["redis"], external["supabase"], external["stripe"]):
        assert one["status"] == "healthy"
        assert isinstance(one["response_time_ms"], float)
    figures = found["metrics"]
    system = {f"memory_{kind}_bytes" for kind in ("total", "available", "used")} | {"memory_percent", "cpu_percent"}
    assert figures["system_metrics"].keys() == system | {"disk_used_bytes", "disk_total_bytes", "disk_percent"}
    assert figures["database_metrics"]["connection_pool_size"] == 5
    assert figures["database_metrics"]["connections_checked_out"] >= 0
    redis = figures["redis_metrics"]
    assert redis.keys() == {"memory_usage_bytes", "connected_clients", "total_commands_processed"}
    assert min(redis.values()) > 0


def test_further_health_paths(mingus: Example) -> None:  # A-06 A-07 A-08 A-09 A-10
    assert mingus.ask("/health").json()["status"] == "healthy"
    detailed = mingus.ask("/health/detailed").json()
    assert detailed["postgresql"]["connected"] is True
    assert {"metrics", "database", "system"} <= detailed.keys()
    for name in ("database", "redis"):
        found = mingus.ask(f"/health/{name}").json()
        assert (found["name"], found["status"]) == (name, "healthy")
    assert mingus.ask("/health/external").json()["checks"]["external_apis"].keys() == APIS


def test_every_path_is_served_as_described(mingus: Example) -> None:  # A-01..A-10
    paths = {"/metrics", *(f"/health{more}" for more in ("", *MORE))}
    found = described(mingus)
    assert {path: found[path] for path in paths} == dict.fromkeys(paths, 200)


def test_metrics_by_name_and_labels(mingus: Example) -> None:  # A-01 A-11 B-01 B-03 B-04 B-05 B-09 C-08
    answer = mingus.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert mingus.ask("/health/standard").json()["status"] == "healthy"
    found = mingus.samples("/metrics")
    asked = 'endpoint="/api/sums",method="GET",status="200"'
    assert found[f"app_request_total{{{asked}}}"] == 4
    assert found['app_request_total{endpoint="/api/report",method="GET",status="500"}'] == 2
    assert found['app_request_duration_seconds_count{endpoint="/api/sums",method="GET"}'] == 4
    assert found['logins_total{outcome="success"}'] == 2
    assert found["db_connection_pool_size"] == 5
    bounds = {name: value for name, value in found.items() if 'component="database",endpoint="standard",le=' in name}
    assert {"0.1", "0.5", "1.0"} <= {re.findall(r'le="([^"]+)"', name)[0] for name in bounds}
    assert found['health_check_status{component="database",endpoint="standard"}'] == 1
    assert found['health_check_duration_seconds_count{component="supabase",endpoint="standard"}'] >= 1


def test_commands_of_the_document(mingus: Example) -> None:  # N-30 L-43 G-03
    told = {
        path: mingus.shell(f"curl http://localhost:5003{path}")
        for path in (
            "/health/standard", "/health/metrics", "/metrics", "/health/database", "/health/redis", "/health/external"
        )
    }  # fmt: skip
    assert "# TYPE health_check_status gauge" in told.pop("/metrics")
    assert {json.loads(body)["status"] for body in told.values()} == {"healthy"}
    said = mingus.shell("python scripts/health_check_demo.py", HEALTH_CHECK_URL=mingus.url)
    assert "health: healthy (/health/standard" in said
    assert "  200 /health/external" in said
    assert "prometheus" in mingus.shell("pip list | grep prometheus")


def test_troubleshooting_page(mingus: Example) -> None:  # N-29
    page = (ROOT / "docs" / "instrument.md").read_text().partition("## When something is not as it should be")[2]
    for topic in ("No metrics", "No alert", "Slow answers", "Memory that grows"):
        assert f"**{topic}.**" in page
    commands = re.findall(r"`(curl http://localhost:5003[^`]*|pip [^`]*)`", page)
    assert len(commands) == 5
    for command in commands:
        assert mingus.shell(command)
    found = {name.partition("{")[0] for name in mingus.samples("/metrics")}
    assert set(re.findall(r"`((?:db|process)_[a-z_]+)`", page)) <= found


def test_python_of_the_document(mingus: Example) -> None:  # G-01 G-02 F-42
    lines = """
from scripts.health_check_demo import HealthCheckClient
client = HealthCheckClient()
standard = client.get_standard_health()
print(f"Status: {standard['data']['status']}")
metrics = client.get_metrics_health()
print(metrics['data']['response_time_ms'] >= 0)
print(len(client.get_prometheus_metrics()['data']) > 1000)

from config.monitoring import MonitoringConfig
config = MonitoringConfig()
print(config.PROMETHEUS_ENABLED, config.ALERTING_ENABLED)
import json
print(json.dumps({name: getattr(config, name) for name in dir(config) if name.isupper()}))
"""
    said = mingus.python(lines, **dict.fromkeys(DEFAULTS, ""), HEALTH_CHECK_URL=mingus.url).splitlines()
    assert said[:4] == ["Status: healthy", "True", "True", "True False"]
    told = json.loads(said[4])
    assert {name: told[name] for name in DEFAULTS} == DEFAULTS
    changed = {"ALERTING_ENABLED": "true", "METRICS_RETENTION_HOURS": "48", "METRICS_LOG_LEVEL": "debug"}
    lines = "from config.monitoring import MonitoringConfig as C\nc = C()\n"
    lines += "print(c.ALERTING_ENABLED, c.METRICS_RETENTION_HOURS, c.METRICS_LOG_LEVEL)"
    assert mingus.python(lines, **changed).split() == ["True", "48.0", "DEBUG"]


def test_what_the_application_sends(mingus: Example, apis: Recorder) -> None:  # C-03 C-04
    for method, path in (("POST", LOGIN), ("POST", PAYMENT), ("GET", "/")):  # the last is the check's
        assert any(seen[:2] == (method, path) for seen in apis.seen)
    assert json.loads(next(body for _, path, _, body in apis.seen if path == PAYMENT))["currency"] == "usd"
    apis.give[LOGIN] = (400, b"{}")
    try:
        assert mingus.ask("/api/login", "POST", {"email": "ann", "password": "no"}).status == 401
    finally:
        apis.give[LOGIN] = (200, b"{}")
    assert mingus.samples("/metrics")['logins_total{outcome="failure"}'] == 1


def test_the_database_goes_and_returns(mingus: Example, postgres: Program) -> None:  # A-08 B-02 C-01 C-06
    postgres.stop()
    try:
        until(lambda: entry(mingus, "database")["status"] == "unhealthy")
        for path in ("/health", "/health/standard", "/health/metrics", "/health/database", "/health/ready"):
            answer = mingus.ask(path)
            assert (answer.status, answer.json()["status"]) == (503, "unhealthy"), path
        codes = described(mingus)
        assert {codes[path] for path in ("/health/live", "/health/redis", "/health/external", "/metrics")} == {200}
        assert mingus.ask("/api/expenses/1").status == 503
        found = mingus.samples("/metrics")
        assert found['health_check_status{component="database",endpoint="standard"}'] == 0
        failed = 'component="database",endpoint="standard",error_type="OperationalError"'
        assert found[f"health_check_failures_total{{{failed}}}"] >= 1
        assert found["db_connection_errors_total"] >= 1
    finally:
        postgres.start()
    until(lambda: mingus.ask("/health/standard").json()["status"] == "healthy")
    assert mingus.ask("/api/expenses/1").status == 200


def test_redis_goes_and_returns(mingus: Example, redis_server: Program) -> None:  # A-09 C-02 C-06
    redis_server.stop()
    try:
        until(lambda: entry(mingus, "redis")["status"] == "degraded")
        assert mingus.ask("/health/standard").json()["status"] == "degraded"
        assert mingus.ask("/health/redis").status == 200
        assert mingus.ask("/health/redis").json()["message"].startswith("Redis error: ")
        assert mingus.ask("/api/sums").status == 200
    finally:
        redis_server.start()
    until(lambda: mingus.ask("/health/standard").json()["status"] == "healthy")


def test_an_api_fails_twice_and_returns(mingus: Example, apis: Recorder) -> None:  # A-10 C-03 C-04 F-19
    apis.give["/"] = (503, b"{}")
    try:
        until(lambda: entry(mingus, "stripe")["status"] == "unhealthy")
        answer = mingus.ask("/health/external")
        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        found = _external(mingus, "stripe")
        assert found["message"] == "stripe answered 503"
        assert found["details"]["failures"] >= 2
    finally:
        del apis.give["/"]
    until(lambda: mingus.ask("/health/standard").json()["status"] == "healthy")


def test_variables_take_effect(make: Callable[..., Example]) -> None:  # A-11 F-03 F-05 F-15 F-17 F-18 F-25 C-07
    low = {
        "PROMETHEUS_PATH": "/internal/figures", "EXTERNAL_API_FAILURE_THRESHOLD": "1", "SUPABASE_URL": "http://127.0.0.1:1",
        "DB_CONNECTION_TIMEOUT_THRESHOLD_MS": "0.0001", "REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS": "0.0001",
        "EXTERNAL_API_TIMEOUT_THRESHOLD_MS": "0.001", "MEMORY_USAGE_WARNING_PERCENT": "0.01",
        "ENVIRONMENT": "staging", "APP_VERSION": "2.3.4",
    }  # fmt: skip
    with running(make(**low), "/health/live") as example:
        assert example.ask("/metrics").status == 404
        found = example.samples("/internal/figures")
        assert found['application_info{environment="staging",version="2.3.4"}'] == 1
        checks = example.ask("/health/detailed").json()["checks"]  # of the first runs, if need be
        assert checks["database"]["message"].startswith("Database connect slow: ")
        assert checks["redis"]["message"].startswith("Redis connect slow: ")
        assert checks["system"]["message"].startswith("High memory usage: ")
        assert checks["external_apis"]["stripe"]["message"].startswith("stripe slow: ")
        assert checks["external_apis"]["supabase"]["status"] == "unhealthy"
        until(lambda: example.samples("/internal/figures")[_runs("database")] >= 3)  # HEALTH_CHECK_INTERVAL is 0.3


def test_thresholds_of_stores_take_effect(
    make: Callable[..., Example], postgres: Program, redis_server: Program, apis: Recorder
) -> None:  # F-04 F-14 F-16 C-07
    low = {
        "REDIS_MEMORY_THRESHOLD_PERCENT": "0", "DB_POOL_SIZE": "2", "DB_POOL_UTILIZATION_THRESHOLD": "0.4",
        "HEALTH_CHECK_TIMEOUT": "0.5",
    }  # fmt: skip
    with running(make(**low), "/health/live") as example, ThreadPoolExecutor(1) as pool:
        with driver("psycopg").connect(conninfo(postgres.port)) as other:
            other.execute("LOCK TABLE expenses")
            waiting = pool.submit(example.ask, "/api/expenses/1")  # keeps one of the two connections of the pool
            until(lambda: _message(example, "database") == "Database pool utilization high: 50%")
        assert waiting.result().status == 200
        with driver("redis").Redis(port=redis_server.port) as client:
            client.config_set("maxmemory", "100mb")
            until(lambda: _message(example, "redis").startswith("Redis memory high: "))
            client.config_set("maxmemory", "0")
        apis.seconds = 60.0
        try:
            until(lambda: _external(example, "stripe")["message"] == "stripe timeout after 0.5s")
        finally:
            apis.seconds = 0.0


def test_prometheus_answers_each_metric_by_name(prometheus: Prometheus) -> None:  # B-06 B-07 B-08 B-10 B-11 B-12 L-21
    names = [
        "health_check_duration_seconds", "health_check_status", "app_request_duration_seconds", "app_request_total",
        "system_memory_bytes", "system_cpu_percent", "system_disk_bytes", "db_connection_pool_size",
        "db_connection_pool_used", "redis_memory_bytes", "redis_connected_clients",
    ]  # fmt: skip
    prometheus.answer_to(names)
    assert prometheus.labels("health_check_duration_seconds") == {frozenset({"component", "endpoint"})}
    panel = "rate(health_check_duration_seconds_sum[5m]) / rate(health_check_duration_seconds_count[5m])"
    until(lambda: prometheus.query(panel))
    assert prometheus.silent(["no_such_metric"]) == ["no_such_metric"]


def test_metrics_and_monitoring_switched_off(make: Callable[..., Example]) -> None:  # F-01 F-37
    with running(make(PROMETHEUS_ENABLED="false"), "/health/live") as example:
        assert example.ask("/metrics").status == 404
        assert example.ask("/health/standard").status == 200
    with running(make(ENABLE_MONITORING="false"), "/") as example:
        assert example.ask("/health/standard").status == 404
        assert example.ask("/api/sums").status == 200


def test_a_bad_value_is_told_at_the_start(make: Callable[..., Example]) -> None:  # F-10
    example = make(RESPONSE_TIME_THRESHOLD_MS="soon")
    with pytest.raises(AssertionError, match="RESPONSE_TIME_THRESHOLD_MS='soon' is not allowed: a number not below 0"):
        example.start("/health/live")


def test_without_a_server_it_keeps_a_file(make: Callable[..., Example], tmp_path: Path) -> None:
    with running(make(DATABASE_URL="", TMPDIR=str(tmp_path)), "/health/live") as example:
        example.drive()
        until(lambda: example.ask("/health/ready").status == 200)
        assert (tmp_path / "mingus.db").stat().st_size > 0


def test_it_starts_without_any_back_end(make: Callable[..., Example]) -> None:  # C-06 Y-10
    gone = {"DATABASE_URL": "postgresql://watch@127.0.0.1:1/postgres", "REDIS_URL": "redis://127.0.0.1:1"}
    with running(make(**gone, SUPABASE_URL="http://127.0.0.1:1", STRIPE_URL="http://127.0.0.1:1"), "/") as example:
        assert example.ask("/health/live").status == 200
        assert example.ask("/health").status == 503
        assert example.ask("/api/sums").status == 503
        assert example.ask("/api/payments", "POST", {"amount": 1}).status == 502


def _message(example: Example, name: str) -> str:
    return str(example.ask(f"/health/{name}").json()["message"])


def _external(example: Example, name: str) -> dict[str, Any]:
    found: dict[str, Any] = example.ask("/health/external").json()["checks"]["external_apis"][name]
    return found


def _runs(component: str) -> str:
    return f'health_check_duration_seconds_count{{component="{component}",endpoint="background"}}'

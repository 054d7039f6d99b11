"""The AI example when its back ends are away, hang or refuse, and with other settings: rows that name the system [004].

What it answers and measures when all is well stands in test_ai.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_kit import GENERATE, GOAL, MODELS, SERVICES, TIMEOUT, health, seen
from examples_kit import Example, Recorder, described, running
from services_kit import Program, Proxy
from waiting import until

pytestmark = pytest.mark.services


def test_the_database_goes_and_returns(holistic: Example, postgres: Program) -> None:  # A-37 C-45 C-59 C-62 X-02 Y-01
    postgres.stop()
    try:
        found = seen(holistic, lambda found: found["services"]["database"]["message"].startswith("Database error: "))
        database = found["services"]["database"]
        assert (database["status"], database["response_time_ms"]) == ("critical", -1)
        assert found["overall_status"] == "critical"
        assert found["summary"]["critical_issues"] == [f"database: {database['message']}"]
        assert holistic.ask("/api/health").status == 200  # [004] answers always 200
        simple = holistic.ask("/api/health/simple")
        assert (simple.status, simple.json()) == (503, {"status": "unhealthy"})
        assert described(holistic)["/health/live"] == 200
        assert holistic.ask("/api/user/nobody/routine").status == 500
    finally:
        postgres.start()
    until(lambda: health(holistic)["overall_status"] == "healthy")
    until(lambda: holistic.ask("/api/health/simple").status == 200)


def test_a_database_that_hangs(holistic: Example, line: Proxy) -> None:  # C-38 C-44 C-62
    line.seconds = 600.0
    told = f"Database timeout after {TIMEOUT}s"
    try:
        found = seen(holistic, lambda found: found["services"]["database"]["message"] == told)
        assert found["services"]["database"]["response_time_ms"] == 1000 * int(TIMEOUT)
        assert holistic.ask("/api/health/simple").status == 503
        assert holistic.ask("/health/live").status == 200
    finally:
        line.seconds = 0.0
    until(lambda: health(holistic)["overall_status"] == "healthy")


def test_redis_goes_and_returns(holistic: Example, redis_server: Program) -> None:  # C-56 C-59 C-60
    redis_server.stop()
    try:
        found = seen(
            holistic,
            lambda found: (
                set(found["summary"]["healthy_services"]) == SERVICES - {"redis"}
                and found["services"]["redis"]["response_time_ms"] == -1
            ),
        )
        redis = found["services"]["redis"]
        assert found["overall_status"] == "degraded"
        assert (redis["status"], redis["response_time_ms"]) == ("degraded", -1)
        assert redis["message"].startswith("Redis error: ")
        assert found["summary"]["warnings"] == [f"redis: {redis['message']}"]
        assert holistic.ask("/api/user/ann/routine").status == 200
    finally:
        redis_server.start()
    until(lambda: health(holistic)["overall_status"] == "healthy")


def test_the_model_refuses_the_key_fails_and_hangs(holistic: Example, model: Recorder) -> None:  # C-47 C-48 C-49 C-59
    def told() -> tuple[str, str]:
        found = health(holistic)
        return found["overall_status"], found["services"]["openai"]["message"]

    try:
        model.give["/v1/models"] = (401, b'{"error": {"message": "wrong key"}}')
        refused = "OpenAI error: authentication refused: "
        found = seen(holistic, lambda found: found["services"]["openai"]["message"].startswith(refused))
        assert found["overall_status"] == "critical"
        assert "key-of-a-test" not in json.dumps(found)
        model.give["/v1/models"] = (500, b"{}")
        until(lambda: told()[0] == "degraded" and told()[1].startswith("OpenAI error: "))
        model.give["/v1/models"], model.seconds = (200, MODELS), 60.0
        found = seen(holistic, lambda found: found["services"]["openai"]["message"] == "OpenAI API timeout")
        assert found["overall_status"] == "degraded"
        assert found["services"]["openai"]["response_time_ms"] == 1000 * int(TIMEOUT)
    finally:
        model.give["/v1/models"], model.seconds = (200, MODELS), 0.0
    until(lambda: told() == ("healthy", "OpenAI API accessible"))


def test_variables_take_effect(make: Callable[..., Example]) -> None:  # C-41 C-51 F-25 F-28
    low = {
        "DB_QUERY_SLOW_THRESHOLD_MS": "0.001", "MEMORY_USAGE_WARNING_PERCENT": "0.01", "ENVIRONMENT": "staging",
        "HEALTH_ALWAYS_200": "false", "OPENAI_API_KEY": "",
    }  # fmt: skip
    with running(make(**low), "/health/live") as example:

        def services() -> dict[str, Any]:
            found = example.ask("/api/monitoring/stats").json()
            assert found["environment"] == "staging"
            return dict(found["health"]["services"])

        until(lambda: services()["database"]["message"].startswith("Database slow: "), why=services)
        assert services()["system"]["message"].startswith("High memory usage: ")
        assert "openai" not in services()


def test_without_a_server_it_keeps_a_file(make: Callable[..., Example], tmp_path: Path) -> None:
    with running(make(DATABASE_URL="", TMPDIR=str(tmp_path)), "/health/live") as example:
        example.drive()
        until(lambda: example.ask("/health/ready").status == 200)
        assert (tmp_path / "holisticos.db").stat().st_size > 0


def test_it_starts_without_any_back_end(make: Callable[..., Example]) -> None:  # A-37 C-45 F-27
    gone = {"DATABASE_URL": "postgresql://watch@127.0.0.1:1/postgres", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    with running(make(**gone, REDIS_URL="redis://127.0.0.1:1"), "/health/live") as example:
        assert example.ask("/").status == 200
        assert example.ask("/api/health/simple").status == 503
        assert example.ask(GENERATE, "POST", GOAL).status == 500
        assert health(example)["overall_status"] == "critical"

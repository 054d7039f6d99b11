"""The insights: each finding and what it costs, the trends, the bounds of the history."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from library_kit import Hands
from watchstack.catalogue_data import DURATION_BUCKETS
from watchstack.health.check import Check, Result, Status
from watchstack.health.health import Health
from watchstack.history import MOST, Change, History, Point, quantile
from watchstack.host import Disk, HostSampler, Sample
from watchstack.http.recorder import Recorder
from watchstack.insights import Insights, trends
from watchstack.measures import Measures
from watchstack.settings import Settings


class Watched:
    """The parts that the insights read, a host made up, a clock to set by hand."""

    def __init__(self, **fields: Any) -> None:
        self.hands = Hands()
        clocks = self.hands.clocks()
        settings = Settings(**fields)
        self.recorder = Recorder(clocks=clocks)
        self.sampler = HostSampler(clocks=clocks)
        self.health = Health(settings, self.sampler, None, clocks=clocks)
        self.health.checks._checks = {}
        self.measures = Measures(settings=settings, clocks=clocks)
        self.insights = Insights(settings, self.recorder, self.sampler, self.health, self.measures)
        self.host()

    def host(self, cpu: float = 5.0, memory: float = 30.0, disk: float = 40.0) -> None:
        self.sampler.latest = Sample(
            self.hands.now, cpu_percent=cpu, memory_percent=memory, disks={"/": Disk(100, int(disk), 1, disk)}
        )

    def answer(self, number: int, status: str = "200", seconds: float = 0.02) -> None:
        for _ in range(number):
            exchange = self.recorder.begin("GET")
            exchange.status, exchange.route = status, "/"
            self.hands.forward(seconds)
            exchange.end()

    def found(self) -> dict[str, Any]:
        found = self.insights.performance()
        json.dumps(found)
        assert found["health_score"] == max(0, 100 + sum(reason["points"] for reason in found["reasons"]))
        return found

    def told(self) -> tuple[int, list[str]]:
        found = self.found()
        return found["health_score"], [alert["severity"] for alert in found["alerts"]]


# A-21 G-16 G-17
def test_nothing_to_say_of_an_application_that_is_well() -> None:
    watched = Watched()
    watched.answer(100)
    found = watched.found()
    assert found["health_score"] == 100
    assert found["alerts"] == found["recommendations"] == found["reasons"] == []


# A-21 G-16 G-17
@pytest.mark.parametrize(
    ("errors", "score", "severities"), [(1, 100, []), (4, 90, ["warning"]), (12, 70, ["critical"])]
)
def test_failed_requests(errors: int, score: int, severities: list[str]) -> None:
    watched = Watched()
    watched.answer(200 - errors)
    watched.answer(errors, "500")
    assert watched.told() == (score, severities)


def test_few_requests_say_nothing() -> None:
    watched = Watched()
    watched.answer(19, "500", seconds=9.0)
    assert watched.told() == (100, [])
    watched.answer(1, "500", seconds=9.0)
    assert watched.told() == (50, ["critical", "error"])


def test_slow_requests() -> None:
    watched = Watched()
    watched.answer(100, seconds=1.2)
    assert watched.told() == (90, ["warning"])
    watched = Watched()
    watched.answer(80)
    watched.answer(20, seconds=7.0)
    found = watched.found()
    assert found["health_score"] == 80
    assert found["alerts"] == [
        {"message": "5 % of the requests took longer than 6.9 s; the threshold is 5 s", "severity": "error"}
    ]
    assert set(found["recommendations"][0]) == {"message", "action"}


@pytest.mark.parametrize(
    ("host", "score", "severities"),
    [
        ({"memory": 79.9}, 100, []),
        ({"memory": 80.0}, 90, ["warning"]),
        ({"memory": 90.0}, 80, ["critical"]),
        ({"cpu": 85.0}, 90, ["warning"]),
        ({"disk": 96.0}, 80, ["critical"]),
        ({"cpu": 99.0, "memory": 99.0, "disk": 99.0}, 40, ["critical"] * 3),
    ],
)
def test_the_resources_of_the_host(host: dict[str, float], score: int, severities: list[str]) -> None:
    watched = Watched()
    watched.host(**host)
    assert watched.told() == (score, severities)


@pytest.mark.parametrize(
    ("status", "critical", "score"),
    [
        (Status.HEALTHY, True, 100),
        (Status.DEGRADED, True, 95),
        (Status.CRITICAL, False, 95),
        (Status.CRITICAL, True, 75),
    ],
)
def test_health_checks(status: Status, critical: bool, score: int) -> None:
    watched = Watched()
    watched.health.add(Check("database", lambda: Result(status, "as it is"), "of the orders", critical=critical))
    found = watched.found()
    assert found["health_score"] == score
    if score < 100:
        assert found["alerts"][0]["message"] == f"Health check database is {status}: as it is"
        assert "of the orders" in found["recommendations"][0]["action"]


def test_the_database_and_the_cache() -> None:
    watched = Watched()
    for number in range(100):
        watched.measures.add("db_queries_total", "select")
        watched.measures.observe("db_query_duration_seconds", 7.0 if number < 20 else 0.1, "select")
        watched.measures.add("cache_requests_total", "hit" if number < 30 else "miss")
    for _ in range(10):
        watched.measures.add("db_query_errors_total", "select")
    assert watched.told() == (70, ["error", "warning", "info"])


def test_what_is_long_ago_is_forgiven() -> None:
    watched = Watched()
    watched.answer(100, "500")
    assert watched.told()[0] == 70
    watched.insights.sample()
    for _ in range(20):
        watched.hands.forward(60.0)
        watched.insights.sample()
    watched.answer(100)
    found = watched.found()
    assert found["health_score"] == 100
    assert 900 <= found["window_seconds"] <= 962


# D-62 G-17
def test_a_rise_is_told_before_it_is_too_late() -> None:
    watched = Watched()
    for minute in range(30):
        watched.hands.forward(60.0)
        watched.host(memory=40.0 + minute / 2)
        watched.insights.sample()
    found = watched.found()
    assert found["health_score"] == 95
    assert found["alerts"] == [{"message": "Memory rises and reaches 90 % in about 1.2 h", "severity": "warning"}]
    assert found["trends"]["memory_percent"]["direction"] == "rising"
    assert found["trends"]["disk_percent"]["direction"] == "steady"


# G-17
def test_trends_compare_the_newer_half_with_the_older() -> None:
    def point(minute: int, requests: float, errors: float) -> Point:
        return Point(minute * 60.0, requests=requests, errors=errors, cpu=50.0 - minute)

    found = trends([point(0, 0, 0), point(1, 60, 0), point(2, 120, 0), point(3, 360, 60), point(4, 600, 120)])
    assert found["requests_per_second"] == {
        "before": 1.0, "now": 4.0, "change_percent": 300.0, "direction": "rising"
    }  # fmt: skip
    assert found["error_share"] == {"before": 0.0, "now": 0.25, "change_percent": 100.0, "direction": "rising"}
    assert found["cpu_percent"]["direction"] == "steady"
    assert trends([point(0, 0, 0)]) == {}


# B-89 F-20 F-46
def test_the_history_is_bounded_in_time_and_memory() -> None:
    day = History(24)
    durations = tuple(float(number) for number in range(16))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for second in range(0, 3 * 86400, 30):
        day.add(Point(float(second), requests=float(second), durations=tuple(map(float, durations))))
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(day.points) == MOST
    assert day.points[-1].at - day.points[0].at <= 86400
    assert used < 2_000_000
    print(f"a day of history: {used} bytes")
    week = History(24 * 7)
    for second in range(0, 8 * 86400, 60):
        week.add(Point(float(second)))
    assert 1000 < len(week.points) <= MOST
    assert week.points[-1].at - week.points[0].at > 6 * 86400
    none = History(0)
    assert [none.add(Point(at)) for at in (0.0, 30.0, 60.0, 120.0)] == [True, False, True, True]
    assert len(none.points) == 1


def test_a_counter_that_begins_anew_is_no_negative_number() -> None:
    change = Change.between(Point(0.0, requests=100.0, durations=(5.0,)), Point(60.0, requests=10.0, durations=(1.0,)))
    assert (change.requests, change.durations) == (0.0, (0.0,))


@pytest.mark.parametrize(
    ("share", "counts", "value"),
    [(0.5, [0, 10], 1.5), (0.95, [100, 0], 0.95), (0.5, [1, 1, 8], 2.0), (0.9, [0, 0], None), (0.5, [], None)],
)
def test_a_quantile_is_that_of_prometheus(share: float, counts: list[float], value: float | None) -> None:
    assert quantile(share, counts, [1.0, 2.0]) == (pytest.approx(value) if value is not None else None)
    assert len(DURATION_BUCKETS) == 14

"""Sampling for high traffic: every request is counted, and what is observed stays true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from library_kit import Hands, samples
from prometheus_client import CollectorRegistry
from watchstack.http.collector import HttpCollector
from watchstack.http.recorder import Recorder
from watchstack.http.shared import SharedRecorder
from watchstack.monitoring import Monitoring
from watchstack.settings import SettingError, Settings
from watchstack.shared import SharedNumbers

LABELS = 'endpoint="/x",method="GET"'
Make = Callable[..., Recorder]


@pytest.fixture(params=["alone", "shared"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def shared(**more: Any) -> Recorder:
        return SharedRecorder(SharedNumbers(tmp_path), **more)

    return Recorder if request.param == "alone" else shared


def run(make: Make, ratio: float, requests: int, durations: tuple[float, ...] = (0.2,)) -> dict[str, float]:
    """What a scrape shows after `requests` requests that take the durations in turn."""
    hands = Hands()
    recorder = make(clocks=hands.clocks(), sample_ratio=ratio)
    registry = CollectorRegistry()
    HttpCollector(recorder, registry)
    for number in range(requests):
        exchange = recorder.begin("GET")
        exchange.route, exchange.status, exchange.response_size = "/x", "200", 500
        exchange.request_size = 50 * (number % 2)
        hands.forward(durations[number % len(durations)])
        exchange.end()
    return samples(registry, "http_")


# B-85
@pytest.mark.parametrize(("ratio", "observed"), [(1.0, 3000), (0.5, 1500), (0.1, 300), (0.3, 900), (0.001, 3)])
def test_all_requests_are_counted_and_a_share_of_them_is_observed(make: Make, ratio: float, observed: int) -> None:
    found = run(make, ratio, 3000)
    total = [value for key, value in found.items() if key.startswith("http_requests_total")]
    assert total == [3000.0]
    assert found['http_requests_in_progress{method="GET"}'] == 0.0
    for name in ("http_request_duration_seconds", "http_request_size_bytes", "http_response_size_bytes"):
        assert abs(found[f"{name}_count{{{LABELS}}}"] - observed) <= 1, name


def test_averages_and_quantiles_hold(make: Make) -> None:
    durations = (0.02, 0.02, 0.2, 0.2, 0.2, 0.2, 3.0)  # no pattern that a tenth of the requests could miss
    whole, part = run(make, 1.0, 7000, durations), run(make, 0.1, 7000, durations)
    for found in (whole, part):
        count = found[f"http_request_duration_seconds_count{{{LABELS}}}"]
        mean = found[f"http_request_duration_seconds_sum{{{LABELS}}}"] / count
        below = found['http_request_duration_seconds_bucket{endpoint="/x",le="0.25",method="GET"}'] / count
        assert mean == pytest.approx(sum(durations) / len(durations), rel=0.02)
        assert below == pytest.approx(6 / 7, abs=0.01)
        assert found[f"http_response_size_bytes_sum{{{LABELS}}}"] == 500 * count


def test_the_first_request_of_a_label_set_is_observed(make: Make) -> None:
    assert run(make, 0.01, 1)[f"http_request_duration_seconds_count{{{LABELS}}}"] == 1.0


def test_monitoring_takes_the_ratio_from_its_settings() -> None:
    settings = Settings.from_environ({"METRICS_SAMPLE_RATIO": "0.25"})
    assert Monitoring(settings=settings).recorder.sample_ratio == 0.25
    for wrong in ("0", "-1", "1.01", "nan", "all"):
        with pytest.raises(SettingError, match=r"METRICS_SAMPLE_RATIO=.*a number from 0.0001 to 1"):
            Settings.from_environ({"METRICS_SAMPLE_RATIO": wrong})

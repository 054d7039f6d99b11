"""Metrics made on first use: their lines, what cannot be, and the bounds."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from library_kit import Hands
from prometheus_client import CollectorRegistry, Counter
from support import ROOT
from watchstack import Monitoring
from watchstack.catalogue import Preset
from watchstack.exposition import whole
from watchstack.measure import MetricError
from watchstack.measures import Measures
from watchstack.settings import Settings
from watchstack.shared import SharedNumbers
from watchstack.workers import WorkersRegistry


def made(**fields: Any) -> tuple[Measures, CollectorRegistry]:
    registry = CollectorRegistry()
    return Measures(registry, Settings(**fields)), registry


def lines(registry: Any) -> list[str]:
    return whole(registry).decode().splitlines()


# B-20 B-21 B-22 B-37 B-87
def test_counters_and_gauges_are_made_on_first_use() -> None:
    measures, registry = made()
    measures.increment_counter("custom_events_total", {"event_type": "signup"})
    measures.increment_counter("custom_events_total", labels={"event_type": "signup"})
    measures.increment_counter("jobs", amount=2.5)
    measures.set_gauge("active_users", 150)
    measures.set_gauge("active_connections", 40)
    measures.set_gauge("active_connections", 42)
    assert lines(registry) == [
        "# HELP custom_events_total Events that the application counts",
        "# TYPE custom_events_total counter",
        'custom_events_total{event_type="signup"} 2.0',
        "# HELP jobs_total A counter of the application",
        "# TYPE jobs_total counter",
        "jobs_total 2.5",
        "# HELP active_users Users who are active now",
        "# TYPE active_users gauge",
        "active_users 150.0",
        "# HELP active_connections Connections that are open now",
        "# TYPE active_connections gauge",
        "active_connections 42.0",
    ]


# B-38 B-39
def test_histograms_are_made_on_first_use() -> None:
    measures, registry = made()
    measures.record_histogram("operation_duration_seconds", 1.5)
    measures.record_histogram("my_function_duration", 0.002)
    measures.record_histogram("batch_rows", 30, {"kind": "a"}, buckets=(10, 100))
    found = lines(registry)
    assert 'operation_duration_seconds_bucket{le="1.0"} 0.0' in found
    assert 'operation_duration_seconds_bucket{le="2.5"} 1.0' in found
    assert "operation_duration_seconds_sum 1.5" in found
    assert "my_function_duration_count 1.0" in found
    assert found[-5:] == [
        'batch_rows_bucket{kind="a",le="10.0"} 0.0',
        'batch_rows_bucket{kind="a",le="100.0"} 1.0',
        'batch_rows_bucket{kind="a",le="+Inf"} 1.0',
        'batch_rows_count{kind="a"} 1.0',
        'batch_rows_sum{kind="a"} 30.0',
    ]


# B-40 B-41
def test_a_function_tracked_by_hand_as_the_documents_do() -> None:
    measures, registry = made()

    def my_function(fails: bool) -> None:
        try:
            if fails:
                raise KeyError("gone")
            measures.increment_counter("my_function_success_total")
        except KeyError:
            measures.increment_counter("my_function_error_total")
            raise

    my_function(False)
    with pytest.raises(KeyError):
        my_function(True)
    assert "my_function_success_total 1.0" in lines(registry)
    assert "my_function_error_total 1.0" in lines(registry)


MISUSES: list[tuple[str, str, Any]] = [
    ("type", "it is a counter, used as a gauge", lambda m: m.set_gauge("events_total", 1)),
    ("labels", "its labels are kind, used with none", lambda m: m.increment_counter("events_total")),
    ("labels", "its labels are kind, used with other", lambda m: m.increment_counter("events", {"other": "a"})),
    ("name", "begins with no digit", lambda m: m.increment_counter("1st")),
    ("name", "letters, digits", lambda m: m.set_gauge("a-b", 1)),
    ("name", "letters, digits", lambda m: m.set_gauge(7, 1)),
    ("labels", "cannot be a label", lambda m: m.set_gauge("x", 1, {"__a": "b"})),
    ("labels", "cannot be a label", lambda m: m.record_histogram("x", 1, {"le": "b"})),
    ("sensitive", "single persons", lambda m: m.increment_counter("x", {"user_id": "7"})),
    ("value", "cannot be increased by -1", lambda m: m.increment_counter("x", amount=-1)),
    ("value", "is no number", lambda m: m.set_gauge("x", "many")),
    ("value", "nan", lambda m: m.record_histogram("x", float("nan"))),
    ("value", "buckets", lambda m: m.record_histogram("x", 1, buckets=(2, 1))),
    ("name", "the registry has it already", lambda m: m.increment_counter("theirs_total")),
]


def test_a_name_of_the_process_s_own_metrics_is_taken() -> None:
    measures = Monitoring(settings=Settings(environment="test")).measures
    for misuse in (
        lambda: measures.set_gauge("process_resident_memory_bytes", 1),
        lambda: measures.increment_counter("process_cpu_seconds"),
        lambda: measures.set_gauge("python_info", 1),
    ):
        with pytest.raises(MetricError, match="the registry has it already"):
            misuse()


def test_a_collector_of_the_application_is_asked_by_a_scrape_alone() -> None:
    class Late:
        def collect(self) -> Any:
            raise AssertionError("asked too early")

    Monitoring(settings=Settings()).registry.register(Late())


# M-16
@pytest.mark.parametrize(("reason", "told", "misuse"), MISUSES, ids=[f"{m[0]}: {m[1]}" for m in MISUSES])
def test_a_misuse_is_an_error_in_development_and_counted_elsewhere(
    reason: str, told: str, misuse: Any, caplog: pytest.LogCaptureFixture
) -> None:
    strict, registry = made(environment="development")
    Counter("theirs", "of the application", registry=registry)
    strict.increment_counter("events_total", {"kind": "a"})
    with pytest.raises(MetricError, match=told) as raised:
        misuse(strict)
    assert raised.value.reason == reason
    lenient, registry = made()
    Counter("theirs", "of the application", registry=registry)
    lenient.increment_counter("events_total", {"kind": "a"})
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        misuse(lenient)
        misuse(lenient)
    assert [told in record.message for record in caplog.records] == [True]
    found = lines(registry)
    assert f'watchstack_dropped_observations_total{{reason="{reason}"}} 2.0' in found
    assert 'events_total{kind="a"} 1.0' in found


def test_labels_and_metrics_are_bounded() -> None:
    measures, registry = made(monitoring_label_limit=3)
    for number in range(5000):
        measures.increment_counter("uses_total", {"a": f"a{number}", "b": f"b{number % 7}"})
    found = [line for line in lines(registry) if line.startswith("uses_total{")]
    assert len(found) <= 16
    assert 'uses_total{a="overflow",b="overflow"}' in " ".join(found)
    assert sum(float(line.rpartition(" ")[2]) for line in found) == 5000
    for number in range(1000):
        measures.set_gauge(f"made_up_{number}", number)
    kept = [line for line in lines(registry) if line.startswith("made_up_")]
    assert 400 < len(kept) < 501
    assert any(line.startswith('watchstack_dropped_observations_total{reason="limit"}') for line in lines(registry))


def test_many_threads_lose_nothing() -> None:
    measures, registry = made()

    def work() -> None:
        for number in range(500):
            measures.increment_counter("work_total", {"part": str(number % 5)})
            measures.record_histogram("work_seconds", 0.1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines(registry)
    assert [line for line in found if line.startswith("work_total{")] == [
        f'work_total{{part="{part}"}} 800.0' for part in range(5)
    ]
    assert "work_seconds_count 4000.0" in found


def test_a_label_value_of_any_kind_can_be_written() -> None:
    measures, registry = made()
    measures.set_gauge("odd", 1, {"a": 'q"\n\\', "b": "\ud800", "c": 7, "d": "x" * 1000})
    assert [line for line in lines(registry) if line.startswith("odd{")] == [
        'odd{a="q\\"\\n\\\\",b="?",c="7",d="' + "x" * 200 + '"} 1.0'
    ]


def test_an_alias_counts_for_its_metric() -> None:
    measures, registry = made(preset=Preset.AI)
    measures.increment_counter("holisticos_errors_total", {"service": "api", "error_type": "KeyError"})
    found = lines(registry)
    assert 'holisticos_errors_total{error_type="KeyError",service="api"} 1.0' in found
    assert 'application_errors_total{error_type="KeyError",service="api"} 1.0' in found


def test_both_forms_of_the_collector_agree() -> None:
    measures, registry = made()
    measures.increment_counter("a_total", {"k": "v"})
    measures.record_histogram("h", 0.3)
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }
    assert samples[("a_total", ("k", "v"))] == 1.0
    assert samples[("h_bucket", ("le", "0.5"))] == 1.0
    assert samples[("h_sum",)] == 0.3


ELSEWHERE = """
import sys
from pathlib import Path
from watchstack.clocks import Clocks
from watchstack.measures import Measures
from watchstack.settings import Settings
from watchstack.shared import SharedNumbers
def now(): return 500.0
there = Measures(numbers=SharedNumbers(Path(sys.argv[1])), clocks=Clocks(now, now, now))
there.increment_counter("jobs_total", {"kind": "a"}, 5)
there.increment_counter("only_there_total")
there.record_histogram("rows", 3, buckets=(1, 10))
there.set_gauge("queue", 7)
there.set_gauge("clash", 7)
there.observe("db_query_duration_seconds", 0.2, "select")
there.move("db_connections_active", 1)
there.set("sessions_active", 3)
"""


def test_workers_add_up_and_know_each_other_s_metrics(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(tmp_path)], check=True, cwd=ROOT / "exporter")
    registry = CollectorRegistry()
    here = Measures(registry, numbers=SharedNumbers(tmp_path), clocks=Hands(1000.0).clocks())
    here.increment_counter("jobs_total", {"kind": "a"})
    here.increment_counter("clash_total")
    here.set_gauge("queue", 2)
    found = lines(WorkersRegistry(registry, tmp_path))
    assert 'jobs_total{kind="a"} 6.0' in found
    assert "only_there_total 1.0" in found
    assert 'rows_bucket{le="10.0"} 1.0' in found
    assert "queue 2.0" in found  # the newest
    assert "clash_total 1.0" in found
    assert 'db_query_duration_seconds_count{operation="select"} 1.0' in found
    assert "sessions_active 3.0" in found
    assert not any(line.startswith("db_connections_active ") for line in found)  # of a process that is gone

"""Takes samples of all containers within a bounded time and gives them to Prometheus. The Docker API: `engine`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from watchstack.containers.engine import Gone, Unavailable
from watchstack.containers.events import Events
from watchstack.containers.sample import MEASURED, Sample, condition, listed, usage

PATIENCE = 1.8  # seconds a scrape waits for a fresh sample before it gets the last one
FIRST_PATIENCE = 5.0  # the same while there is no last one
FRESH = 2.0  # seconds for which a sample serves a second scraper
STALE = 60.0  # seconds after which a sample is no longer shown
# Older engines (20.10 among them) answer about usage only at their next tick of one second, `one-shot` or not: all
# containers are asked at once, so that a round takes one tick and not one for each few of them.
WORKERS = 128
LABELS = ("name", "project", "compose_service")
_log = logging.getLogger("watchstack.containers")


class Source(Protocol):
    """What is asked: `engine.Engine`."""

    def containers(self) -> list[dict[str, Any]]: ...

    def inspect(self, container: str) -> dict[str, Any]: ...

    def stats(self, container: str) -> dict[str, Any]: ...


class Errors:
    """Questions to Docker that failed, by operation. Read after the sampling, so that a scrape tells of its own."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(("list", "inspect", "stats", "events"), 0)
        self._lock = threading.Lock()

    def count(self, operation: str) -> None:
        with self._lock:
            self._counts[operation] += 1

    def metric(self) -> Metric:
        metric = CounterMetricFamily(
            "container_collector_errors", "Questions to Docker that failed, by operation.", labels=["operation"]
        )
        for operation, count in self._counts.items():
            metric.add_metric([operation], count)
        return metric


@dataclass(frozen=True)
class Round:
    """One complete look at all containers. at: monotonic seconds; dropped: containers beyond the limit."""

    samples: tuple[Sample, ...]
    at: float
    seconds: float
    dropped: int = 0


class Sampler:
    """Keeps the newest complete round. One round at a time, whoever asks; nobody waits longer than he says."""

    def __init__(
        self,
        source: Source,
        limit: int,
        count_error: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._limit = limit
        self._count_error = count_error
        self._clock = clock
        self._lock = threading.Condition()
        self._running = False
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="container")
        self.latest: Round | None = None
        self.up = False
        self.problem = "Docker has not been asked yet"

    def sample(self, patience: float | None = None) -> Round | None:
        """A fresh round if one is had within `patience` seconds, else the last; None when stale or Docker is gone."""
        with self._lock:
            if not self._is_fresh() and not self._running:
                threading.Thread(target=self._run, name="sample", daemon=True).start()
                self._running = True  # not before: no thread may be to be had
            if patience is None:
                patience = FIRST_PATIENCE if self.latest is None else PATIENCE
            end = time.monotonic() + patience
            while self._running and (left := end - time.monotonic()) > 0:
                self._lock.wait(left)
            latest = self.latest
            return latest if latest is not None and self.age(latest) < STALE else None

    def age(self, taken: Round) -> float:
        """Seconds since the round was complete."""
        return max(0.0, self._clock() - taken.at)

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_fresh(self) -> bool:
        return self.latest is not None and self.age(self.latest) < FRESH

    def _run(self) -> None:
        latest: Round | None = None
        problem = ""
        try:
            latest = self._round()
        except Unavailable as error:
            problem = str(error)
            self._count_error("list")
        except Exception as error:  # a shape never seen must not end the sampling
            problem = f"its answers are not understood ({type(error).__name__}: {error})"
            self._count_error("list")
        with self._lock:
            if problem and (self.up or problem != self.problem):
                _log.warning("Docker is not available: %s", problem)
            elif not problem and not self.up:
                _log.info("Docker answers, %d containers", len(latest.samples) if latest else 0)
            self.up, self.problem, self.latest = not problem, problem, latest
            self._running = False
            self._lock.notify_all()

    def _round(self) -> Round:
        began = self._clock()
        samples = [sample for row in self._source.containers() if (sample := listed(row)) is not None]
        # Docker lists the newest first; a stable sort keeps that among the running and among the rest
        samples.sort(key=lambda sample: sample.state not in MEASURED)
        unique = list({sample.identity.name: sample for sample in reversed(samples)}.values())[::-1]
        kept, dropped = unique[: self._limit], max(0, len(samples) - len(unique[: self._limit]))
        complete = tuple(sample for sample in self._pool.map(self._fill, kept) if sample is not None)
        now = self._clock()
        return Round(complete, now, now - began, dropped)

    def _fill(self, sample: Sample) -> Sample | None:
        """With condition and usage; None when it has gone meanwhile. A failed question leaves its part out."""
        try:
            sample = replace(sample, condition=condition(self._source.inspect(sample.id)))
        except Gone:
            return None
        except Unavailable:
            self._count_error("inspect")
        if sample.state in MEASURED:
            try:
                sample = replace(sample, usage=usage(self._source.stats(sample.id)))
            except Gone:
                pass
            except Unavailable:
                self._count_error("stats")
        return sample


USAGE = (
    ("cpu_seconds", "container_cpu_usage_seconds", "CPU time used.", CounterMetricFamily),
    ("memory", "container_memory_usage_bytes", "Memory used, without inactive page cache.", GaugeMetricFamily),
    ("memory_limit", "container_memory_limit_bytes", "Memory limit, the host's memory without one.", GaugeMetricFamily),
    ("received", "container_network_receive_bytes", "Bytes received on all networks.", CounterMetricFamily),
    ("transmitted", "container_network_transmit_bytes", "Bytes sent on all networks.", CounterMetricFamily),
    ("block_read", "container_block_read_bytes", "Bytes read from block devices.", CounterMetricFamily),
    ("block_written", "container_block_write_bytes", "Bytes written to block devices.", CounterMetricFamily),
)


class ContainerCollector(Collector):
    """Everything about containers and about the collecting itself."""

    def __init__(self, sampler: Sampler, events: Events, errors: Errors) -> None:
        self._sampler = sampler
        self._events = events
        self._errors = errors

    def describe(self) -> list[Metric]:
        return []  # registering must not ask Docker

    def collect(self) -> Iterator[Metric]:
        began = time.monotonic()
        taken = self._sampler.sample()
        if taken is not None:
            self._events.keep({sample.id for sample in taken.samples})
            yield from self._containers(taken.samples)
            age = self._sampler.age(taken)
            yield GaugeMetricFamily("container_collector_sample_age_seconds", "Age of the containers' numbers.", age)
            yield GaugeMetricFamily("container_collector_containers", "Containers shown.", len(taken.samples))
            yield GaugeMetricFamily(
                "container_collector_containers_dropped", "Containers left out for their number.", taken.dropped
            )
            yield GaugeMetricFamily(
                "container_collector_round_seconds", "How long asking about all containers took.", taken.seconds
            )
        yield self._errors.metric()
        yield GaugeMetricFamily(
            "container_collector_docker_up", "1 while the Docker API answers.", float(self._sampler.up)
        )
        yield GaugeMetricFamily(
            "container_collector_scrape_seconds", "How long this scrape took.", time.monotonic() - began
        )

    def _containers(self, samples: tuple[Sample, ...]) -> Iterator[Metric]:
        for field, name, text, family in USAGE:
            metric = family(name, text, labels=LABELS)
            for sample in samples:
                value = None if sample.usage is None else getattr(sample.usage, field)
                if value is not None:
                    metric.add_metric(sample.identity.labels, value)
            yield metric
        yield from self._conditions(samples)
        ooms = CounterMetricFamily("container_oom_events", "Out-of-memory kills heard of.", labels=LABELS)
        ends = CounterMetricFamily("container_ends", "Ends of the container's process heard of.", labels=LABELS)
        state = GaugeMetricFamily("container_state", "1 for the state it is in.", labels=[*LABELS, "state"])
        info = GaugeMetricFamily("container_info", "1; what it runs.", labels=[*LABELS, "image", "id"])
        for sample in samples:
            labels, counts = sample.identity.labels, self._events.of(sample.id)
            ooms.add_metric(labels, counts.ooms)
            ends.add_metric(labels, counts.ends)
            state.add_metric([*labels, sample.state], 1)
            info.add_metric([*labels, sample.image, sample.id[:12]], 1)
        yield from (ooms, ends, state, info)

    @staticmethod
    def _conditions(samples: tuple[Sample, ...]) -> Iterator[Metric]:
        restarts = CounterMetricFamily("container_restarts", "Restarts by the restart policy.", labels=LABELS)
        killed = GaugeMetricFamily("container_oom_killed", "1 when its last end was for want of memory.", labels=LABELS)
        health = GaugeMetricFamily("container_health", "1 healthy, 0 unhealthy, absent without a check.", labels=LABELS)
        start = GaugeMetricFamily("container_start_time_seconds", "When it last started.", labels=LABELS)
        for sample in samples:
            found, labels = sample.condition, sample.identity.labels
            if found is None:
                continue
            restarts.add_metric(labels, found.restarts)
            killed.add_metric(labels, float(found.oom_killed))
            if found.healthy is not None and sample.state in MEASURED:
                health.add_metric(labels, float(found.healthy))
            if found.started_at is not None:
                start.add_metric(labels, found.started_at)
        yield from (restarts, killed, health, start)

"""The handlers of what looks into a running application: metrics as JSON, status, debug figures, summary, statistics.

Names and access of the endpoints live in routes.py, health answers in health/serving.py.
"""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import psutil
from prometheus_client.core import Metric

from watchstack.clocks import SYSTEM, Clocks
from watchstack.endpoints import Answer, Handler, Request, json_answer
from watchstack.health import answers
from watchstack.health.health import Health
from watchstack.health.responsiveness import totals
from watchstack.health.serving import HealthAnswers
from watchstack.host import HostSampler
from watchstack.http.recorder import Figures
from watchstack.settings import Settings

Body = dict[str, Any]
_PIECE = 200  # samples that are written in one go
_MOST = 20  # entries of a list of the largest
_ELSEWHERE = "See /metrics endpoint"  # as A-38 has it


@dataclass
class Inspection:
    """One application seen from inside.

    figures: what the HTTP core has recorded. performance: the insights of A-21. collect: the metric families, None
    where metrics are switched off.
    """

    settings: Settings
    health: Health
    told: HealthAnswers
    sampler: HostSampler
    figures: Callable[[], Figures]
    performance: Callable[[], Body]
    collect: Callable[[], Iterable[Metric]] | None
    clocks: Clocks = SYSTEM

    def __post_init__(self) -> None:
        self._began = self.clocks.steady()

    def handlers(self) -> Mapping[str, Handler]:
        found: dict[str, Handler] = {
            "status": self._status,
            "debug": self._debug,
            "summary": lambda request: json_answer(self.summary()),
            "performance": lambda request: json_answer(self.performance()),
            "stats": self._stats,
        }
        return found if self.collect is None else {**found, "metrics_json": self._metrics}

    @property
    def uptime(self) -> float:
        """Seconds since the monitoring began."""
        return round(self.clocks.steady() - self._began, 3)

    def now(self) -> str:
        return answers.timestamp(self.clocks.wall())

    def _metrics(self, request: Request) -> Answer:
        """A-16: in pieces, between which the application's own requests get their turn."""
        assert self.collect is not None
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        head = f'{{"timestamp": {json.dumps(self.now())}, "metrics": '.encode()
        return Answer(200, headers, chain((head,), written(self.collect()), (b"}\n",)))

    def _status(self, request: Request) -> Answer:
        """A-17."""
        outcomes, sample = self.health.outcomes("status", self.health.checks), self.sampler.latest
        body: Body = {
            **self.told.top(outcomes),
            "environment": self.settings.environment,
            "uptime_seconds": self.uptime,
            "preset": self.settings.preset,
            "python": platform.python_version(),
            "process": self._process(psutil.Process()),
            "requests": self._requests(self.figures()),
            "checks": answers.named_checks(outcomes),
        }
        return json_answer(body if sample is None else {**body, "system": answers.system_metrics(sample)})

    def _debug(self, request: Request) -> Answer:
        """A-18. What costs the application time is told on demand alone."""
        process = psutil.Process()
        body: Body = {
            "timestamp": self.now(),
            "process": {
                **self._process(process),
                "vms_bytes": process.memory_info().vms,
                "open_files": process.num_fds() if hasattr(process, "num_fds") else None,
            },
            "threads": [
                {"name": one.name, "daemon": one.daemon, "alive": one.is_alive()} for one in threading.enumerate()
            ],
            "gc": {
                "enabled": gc.isenabled(),
                "counts": list(gc.get_count()),
                "thresholds": list(gc.get_threshold()),
                "generations": gc.get_stats(),
            },
        }
        if request.parameter("types") == "true":
            counted = Counter(_type_name(type(one)) for one in gc.get_objects())
            body["types"] = [{"type": name, "count": number} for name, number in counted.most_common(_MOST)]
        if request.parameter("tracemalloc") == "true":
            body["tracemalloc"] = _allocations()
        return json_answer(body)

    def summary(self) -> Body:
        """A-20."""
        figures, sample = self.figures(), self.sampler.latest
        outcomes = self.health.outcomes("summary", self.health.checks)
        body: Body = {
            "timestamp": self.now(),
            "uptime_seconds": self.uptime,
            "requests": self._requests(figures),
            "endpoints": _endpoints(figures),
            "health": {
                "status": answers.three(answers.overall(outcomes)),
                "checks": {one.check.name: answers.critical(one.result.status) for one in outcomes},
            },
        }
        return body if sample is None else {**body, "system": answers.system_metrics(sample)}

    def _stats(self, request: Request) -> Answer:
        """A-38."""
        metrics = {
            "uptime_seconds": self.uptime,
            "total_requests": _ELSEWHERE,
            "current_connections": _ELSEWHERE,
        }
        return json_answer(
            {
                "health": self.told.comprehensive(),
                "metrics": metrics,
                "version": self.settings.app_version,
                "environment": self.settings.environment,
            }
        )

    def _process(self, process: psutil.Process) -> Body:
        with process.oneshot():
            times = process.cpu_times()
            return {
                "pid": os.getpid(),
                "uptime_seconds": round(self.clocks.wall() - process.create_time(), 3),
                "rss_bytes": process.memory_info().rss,
                "threads": process.num_threads(),
                "cpu_seconds": round(times.user + times.system, 3),
            }

    def _requests(self, figures: Figures) -> Body:
        found = totals(figures)
        return {
            "total": found.count,
            "errors": found.errors,
            "error_percent": round(100.0 * found.errors / found.count, 2) if found.count else 0.0,
            "in_progress": sum(figures.in_progress().values()),
            "mean_response_ms": round(1000 * found.seconds / found.observed, 2) if found.observed else 0.0,
        }


def _endpoints(figures: Figures) -> list[Body]:
    """Those with the most requests."""
    found: list[Body] = []
    for (method, endpoint), cells in list(figures.groups.items()):
        known = list(cells.items())
        observed = sum(sum(cell.durations) for _, cell in known)
        seconds = sum(cell.duration_sum for _, cell in known)
        found.append(
            {
                "method": method,
                "endpoint": endpoint,
                "requests": sum(cell.count for _, cell in known),
                "errors": sum(cell.count for status, cell in known if status.startswith("5")),
                "mean_response_ms": round(1000 * seconds / observed, 2) if observed else 0.0,
            }
        )
    return sorted(found, key=lambda one: (-one["requests"], one["endpoint"], one["method"]))[:_MOST]


def written(families: Iterable[Metric]) -> Iterator[bytes]:
    """The families as a JSON array, piece by piece."""
    yield b"["
    between = ""
    for family in families:
        head = {"name": family.name, "type": family.type, "help": family.documentation}
        yield (between + json.dumps(head, ensure_ascii=False)[:-1] + ', "samples": [').encode()
        between = ", "
        samples = list(family.samples)
        for start in range(0, len(samples), _PIECE):
            piece = json.dumps([_sample(one) for one in samples[start : start + _PIECE]], ensure_ascii=False)
            yield ((", " if start else "") + piece[1:-1]).encode()
        yield b"]}"
    yield b"]"


def _sample(sample: Any) -> Body:
    value = float(sample.value)
    told = value if math.isfinite(value) else "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return {"name": sample.name, "labels": dict(sample.labels), "value": told}


def _type_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _allocations() -> Body:
    """The lines that hold the most memory, where tracemalloc was started; this never starts it."""
    if not tracemalloc.is_tracing():
        return {"tracing": False, "current_bytes": 0, "peak_bytes": 0, "largest": []}
    current, peak = tracemalloc.get_traced_memory()
    found = tracemalloc.take_snapshot().statistics("lineno")[:_MOST]
    largest = [{"where": _place(one.traceback[0]), "bytes": one.size, "blocks": one.count} for one in found]
    return {"tracing": True, "current_bytes": current, "peak_bytes": peak, "largest": largest}


def _place(frame: tracemalloc.Frame) -> str:
    """File and line, without the folders of this machine that lead to the library."""
    roots = [one + os.sep for one in sys.path if one and frame.filename.startswith(one + os.sep)]
    path = frame.filename.removeprefix(max(roots, key=len, default=""))
    return f"{path}:{frame.lineno}"

"""A monitoring that reads no host, and what it has counted of requests: for the tests of the web frameworks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from watchstack import Monitoring
from watchstack.host import HostSampler
from watchstack.settings import Settings


def monitoring(**fields: Any) -> Monitoring:
    return Monitoring(settings=Settings(**fields), sampler=HostSampler(NoHost(), interval=3600))


class NoHost:
    """A host that tells nothing, so that no test waits for one."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)


@pytest.fixture
def watched() -> Iterator[Monitoring]:
    one = monitoring()
    yield one
    one.stop()


def endpoints(found: Monitoring) -> dict[str, float]:
    """`GET /x 200` -> number of requests."""
    counted: dict[str, float] = {}
    for metric in found.registry.collect():
        for sample in metric.samples:
            if sample.name == "http_requests_total":
                labels = sample.labels
                counted[f"{labels['method']} {labels['endpoint']} {labels['status']}"] = sample.value
    return counted

"""The numbers of one label set of the HTTP metrics, under one lock. Who adds to them: recorder.py.

The thread that has the lock may take it again: Python may close another request's generator in the midst of it.
"""

from __future__ import annotations

from threading import RLock

from watchstack.catalogue_data import DURATION_BUCKETS, SIZE_BUCKETS

Seen = tuple[str, float, float]  # an exemplar: trace id, seconds the request took, Unix seconds of its end


class Cell:
    """What all requests of one method, endpoint and status came to. Sizes in bytes, durations in seconds.

    request_sizes: requests with a body alone; all others belong into its first bucket. unobserved: requests that were
    counted alone, when a sample is observed. exemplars: by bucket of the durations, the last one of each.
    """

    __slots__ = (
        "credit", "duration_sum", "durations", "exemplars", "lock", "request_sizes", "request_sum",
        "response_sizes", "response_sum", "unobserved",
    )  # fmt: skip

    def __init__(self) -> None:
        self.lock = RLock()
        self.credit = 1.0
        self.exemplars: dict[int, Seen] | None = None
        self.unobserved = 0
        self.durations = [0] * (len(DURATION_BUCKETS) + 1)
        self.duration_sum = 0.0
        self.request_sizes = [0] * (len(SIZE_BUCKETS) + 1)
        self.request_sum = 0
        self.response_sizes = [0] * (len(SIZE_BUCKETS) + 1)
        self.response_sum = 0

    @property
    def count(self) -> int:
        """Requests, observed or not."""
        return int(sum(self.durations) + self.unobserved)

    def passes(self, ratio: float) -> bool:
        """Counts a request and tells that it is none of the sample: of all calls, `1 - ratio`. Under the lock."""
        if self.credit >= 1.0:
            self.credit += ratio - 1.0
            return False
        self.credit += ratio
        self.unobserved += 1
        return True

    def exemplify(self, bucket: int, trace: str, duration: float, moment: float) -> None:
        """Keeps a request as the bucket's exemplar. moment: Unix seconds. Under the lock."""
        if self.exemplars is None:
            self.exemplars = {}
        self.exemplars[bucket] = (trace, duration, moment)

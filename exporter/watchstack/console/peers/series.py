"""What Prometheus answers, as plain data for pages and charts. What is asked stands with the pages that ask it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watchstack.console.peers.ask import Peer, PeerError, understood, words_by_name

API = "/api/v1"
MOST_SERIES = 50  # of one chart
MOST_POINTS = 1500  # of one series
SMALLEST_STEP = 15.0  # seconds: the scrape interval


@dataclass(frozen=True)
class Sample:
    """One series at one moment; the value is a finite number."""

    labels: Mapping[str, str]
    value: float


def instant(peer: Peer, query: str, at: float | None = None) -> list[Sample]:
    """The vector of an instant query; what is no number is left out. at: Unix seconds. Raises PeerError."""
    when = [] if at is None else [("time", f"{at:.3f}")]
    found = []
    rows = _result(peer.get(f"{API}/query", [("query", query), *when]), "vector")
    with understood("Prometheus"):
        for row in rows:
            value = number(row["value"][1])
            if value is not None:
                found.append(Sample(words_by_name(row["metric"]), value))
    return found


def ranged(peer: Peer, query: str, start: float, end: float, name: str = "") -> list[dict[str, Any]]:
    """Series over a time, as charts take them: `{"name", "points": [[Unix seconds, value or None], …]}`.

    name: the label that names a series. The step fits the time into MOST_POINTS. Raises PeerError.
    """
    step = max(SMALLEST_STEP, math.ceil((end - start) / (MOST_POINTS - 1)))
    asked = [("query", query), ("start", f"{start:.3f}"), ("end", f"{end:.3f}"), ("step", f"{step:g}")]
    rows = _result(peer.get(f"{API}/query_range", asked), "matrix")
    with understood("Prometheus"):
        return [
            {
                "name": labels.get(name, "") or ", ".join(labels.values()),
                "points": [[float(moment), number(value)] for moment, value in row["values"]],
            }
            for row in rows[:MOST_SERIES]
            for labels in [words_by_name(row["metric"])]
        ]


def _result(told: Any, kind: str) -> list[Any]:
    with understood("Prometheus"):
        data = told["data"]
        if data["resultType"] != kind:
            raise PeerError(f"Prometheus gave a {data['resultType']} where a {kind} was asked for")
        return list(data["result"])


def number(text: str) -> float | None:
    """A value of Prometheus; None for NaN and the infinities."""
    value = float(text)
    return value if math.isfinite(value) else None

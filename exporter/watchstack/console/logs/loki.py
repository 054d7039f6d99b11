"""Questions to Loki: what a search means in LogQL, lines, their volume, what stood around one. Pages: logs.py."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from watchstack.console.peers.ask import Peer, understood, words_by_name

LIMIT = 500  # lines of a page
SAMPLE = 5000  # lines of which patterns are made; Loki's own limit
AROUND = 25  # lines before and after one
BARS = 60
LONGEST_LINE = 4000  # characters that are shown
LARGEST = 10 << 20  # bytes of the lines of one answer
LATEST = 2**63  # nanoseconds: what Loki cannot have
API = "/loki/api/v1"
# The labels under which a service or a job of Prometheus may stand in Loki: those that the collector of this stack
# sets, and those that Loki and other collectors do. A label that a stream has not compares as empty. `service` of this
# stack's own parts is `job` of their lines; a job says which of them. The job of a probe names no process at all, so
# that the lines of its service stay.
OWN = ("service", "compose_service")
SERVICE = (*OWN, "part", "service_name", "job")  # Loki makes service_name of the job where nothing else is told
JOB = ("job", "part", "compose_service")
SOURCE = ("service", "compose_service", "part", "container", "service_name", "job")
STREAM = ("job", "service", "compose_service", "part", "container", "service_name", "filename", "instance", "host")
LEVELS = ("critical", "error", "warning", "info", "debug")
# What other programs and Loki's own detection call a level.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "critical": ("critical", "fatal", "CRITICAL", "FATAL"),
    "error": ("error", "err", "ERROR"),
    "warning": ("warning", "warn", "WARNING", "WARN"),
    "info": ("info", "INFO"),
    "debug": ("debug", "DEBUG", "trace"),
}
MODES = ("text", "anycase", "regex")  # how the text is looked for
_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True)
class Search:
    """What is looked for. start, end: Unix seconds. mode: one of MODES; level: one of LEVELS or empty."""

    service: str
    job: str
    text: str
    start: float
    end: float
    mode: str = "text"
    level: str = ""

    @property
    def query(self) -> str:
        """LogQL."""
        parts = ['{job=~".+"}']
        if self.text:
            parts.append(self._line_filter())
        if self.service:
            parts.append("| " + _any(SERVICE, self.service))
        if self.job:
            parts.append("| " + _any(JOB, self.job) + (" or " + _any(OWN, self.service) if self.service else ""))
        if self.level:
            spellings = quoted("|".join(SPELLINGS[self.level]))
            parts.append(f"| detected_level=~{spellings} or level=~{spellings}")
        return " ".join(parts)

    def _line_filter(self) -> str:
        if self.mode == "regex":
            return f"|~ {quoted(self.text)}"
        if self.mode == "anycase":
            return "|~ " + quoted("(?i)" + _SPECIAL.sub(r"\\\1", self.text))
        return f"|= {quoted(self.text)}"

    @property
    def step(self) -> int:
        """Seconds of one bar of the volume."""
        return max(1, round((self.end - self.start) / BARS))

    def explore(self, grafana: str) -> str:
        """The same in Grafana's Explore."""
        source = {"type": "loki", "uid": "loki"}
        pane = {
            "datasource": "loki",
            "queries": [{"refId": "A", "expr": self.query, "datasource": source}],
            "range": {"from": str(int(self.start * 1000)), "to": str(int(self.end * 1000))},
        }
        return f"{grafana}/explore?schemaVersion=1&panes={quote(json.dumps({'logs': pane}), safe='')}"


@dataclass(frozen=True)
class Line:
    """time: Unix seconds; nanoseconds: the same, exact. source: which stream, in a word. level: one of LEVELS or "".

    labels: those of STREAM that it has.
    """

    time: float
    source: str
    level: str
    text: str
    nanoseconds: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"time": self.nanoseconds, "source": self.source, "level": self.level, "line": self.text,
                "labels": dict(self.labels)}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """Lines from a moment (Unix seconds) on, by level; "" for those without one."""

    start: float
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def lines(peer: Peer, search: Search, limit: int = LIMIT) -> list[Line]:
    """Newest first. Raises PeerError."""
    return _lines(peer, search.query, (int(search.start * 1e9), int(search.end * 1e9)), limit, newest=True)


def around(peer: Peer, labels: Mapping[str, str], at: int) -> list[Line]:
    """What its stream wrote around a line, newest first. at: nanoseconds. labels: of STREAM. Raises PeerError."""
    query = '{job=~".+"}' + "".join(f" | {name}={quoted(value)}" for name, value in labels.items() if name in STREAM)
    hour = 3600 * 10**9
    later = _lines(peer, query, (at, at + hour), AROUND + 1, newest=False)
    return [*later, *_lines(peer, query, (at - hour, at), AROUND, newest=True)]


def _lines(peer: Peer, query: str, times: tuple[int, int], limit: int, *, newest: bool) -> list[Line]:
    """Newest first. times: from and to, nanoseconds. newest: those are taken when there are too many.

    Loki cuts the lines, so that a page of those that hold hundreds of kilobytes comes as well.
    """
    direction = "backward" if newest else "forward"
    most = min(4 * LONGEST_LINE, LARGEST // limit)  # bytes
    asked = [
        ("query", f"{query} | line_format `{{{{ trunc {most} __line__ }}}}`"),
        ("start", str(times[0])),
        ("end", str(times[1])),
        ("limit", str(limit)),
        ("direction", direction),
    ]
    told = peer.get(f"{API}/query_range", asked)
    with understood("Loki"):
        found = [
            Line(int(at) / 1e9, _source(labels), level(labels), plain(text), str(at), _stream(labels))
            for row in told["data"]["result"]
            for labels in [words_by_name(row["stream"])]
            for at, text, *_ in row["values"]
            if int(at) < LATEST
        ]
    found.sort(key=lambda line: int(line.nanoseconds), reverse=True)
    return found[:limit] if newest else found[-limit:]


def volume(peer: Peer, search: Search) -> list[Bar]:
    """How many lines over the time of the search, oldest first, empty bars as well. Raises PeerError."""
    step = search.step
    first = int(search.start // step) * step
    asked = [
        ("query", f"sum by (detected_level, level) (count_over_time({search.query} [{step}s]))"),
        ("start", str((first + step) * 10**9)),
        ("end", str((int(search.end // step) + 1) * step * 10**9)),
        ("step", str(step)),
    ]
    told = peer.get(f"{API}/query_range", asked)
    counts: dict[int, dict[str, int]] = {moment: {} for moment in range(first, int(search.end) + 1, step)}
    with understood("Loki"):
        for row in told["data"]["result"]:
            name = level(row["metric"])
            for moment, value in row["values"]:
                at = int(float(moment)) - step
                if first <= at <= search.end:
                    bar = counts.setdefault(at, {})
                    bar[name] = bar.get(name, 0) + int(float(value))
    return [Bar(moment, found) for moment, found in sorted(counts.items())]


def plain(text: str) -> str:
    """A line as a page shows it: without the colours of a terminal, and not endless; an ellipsis where it is cut."""
    text = _COLOURS.sub("", text)
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


def level(labels: Mapping[str, str]) -> str:
    """One of LEVELS, or empty."""
    found = labels.get("level") or labels.get("detected_level") or ""
    return next((name for name, spellings in SPELLINGS.items() if found in spellings), "")


def _source(labels: Mapping[str, str]) -> str:
    return next((labels[name] for name in SOURCE if labels.get(name)), "")


def _stream(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: labels[name] for name in STREAM if labels.get(name)}


def _any(names: tuple[str, ...], value: str) -> str:
    return " or ".join(f"{name}={quoted(value)}" for name in names)


def quoted(text: str) -> str:
    """A LogQL string."""
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)

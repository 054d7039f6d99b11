"""A real fault until its notification lies in the inbox, timed against the bound of the design, whatever the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from running import RunningStack
from waiting import until

SCRAPE = EVALUATION = 15.0
FOR = 30.0  # PartDown
GROUP_WAIT = 10.0
SLACK = 2.0
ROOM = 10.0  # one sample of a bound that the design gives as a p95, on a machine with other work
HANG = 10.0  # a hanging target adds its scrape timeout
GROUP_INTERVAL = 60.0  # how long Alertmanager may sit on a change of a group it has told of
RESTART = 15.0  # until a mended part answers again
WATCHDOG_BOUND = 150.0
ALARM = "AlertingSilent"  # the console's own entry


@dataclass(frozen=True)
class Fault:
    """How to break a part and how to mend it."""

    stop: Callable[[], None]
    start: Callable[[], None]


@dataclass(frozen=True)
class Told:
    """seconds: from the fault (or the mending) until the console had it."""

    entry: dict[str, Any]
    seconds: float
    bound: float

    def line(self, what: str) -> str:
        return f"{what:<42} {self.seconds:6.1f} s   bound {self.bound:5.0f} s"


def inbox(stack: RunningStack) -> list[dict[str, Any]]:
    """All entries of the inbox, newest first."""
    return list(stack.get("console", "/api/v1/inbox", 5, limit="500"))


def wait_for(stack: RunningStack, matches: Callable[[dict[str, Any]], bool], since: float, bound: float) -> Told:
    """Polls until an entry that came after `since` matches; fails a minute past the bound, which the caller asserts."""

    def look() -> Told | None:
        came = (entry for entry in inbox(stack) if arrival(entry) >= since - 1 and matches(entry))
        return next((Told(entry, arrival(entry) - since, bound) for entry in came), None)

    return until(look, since + bound + 60 - time.time(), lambda: f"an entry in the inbox; it holds {inbox(stack)[:5]}")


def arrival(entry: dict[str, Any]) -> float:
    """Unix seconds at which the console had it."""
    return datetime.fromisoformat(entry["receivedAt"]).timestamp()


def part_down(job: str, status: str) -> Callable[[dict[str, Any]], bool]:
    """Matches the PartDown entry of one job."""

    def matches(entry: dict[str, Any]) -> bool:
        labels = entry["labels"]
        return entry["status"] == status and entry["alertname"] == "PartDown" and labels.get("job") == job

    return matches


def check_part_faults(
    stack: RunningStack,
    faults: dict[str, Fault],
    *,
    hangs: bool,
    meanwhile: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = print,
) -> None:
    """Stops all the parts at once, expects a notification of each, mends them, expects each recovery; says the times.

    The parts are one group in Alertmanager: the first is told within the bound of the design, the others with it or
    within one group_interval more. meanwhile: called when Alertmanager has heard of the recovery and sits on it; what
    it does may end Prometheus.
    """
    bound = SCRAPE + EVALUATION + FOR + GROUP_WAIT + SLACK + (HANG if hangs else 0)
    began: dict[str, float] = {}
    told: dict[str, Told] = {}
    try:
        for job, fault in faults.items():
            fault.stop()
            began[job] = time.time()
        for job, since in began.items():
            told[job] = wait_for(stack, part_down(job, "firing"), since, bound + GROUP_INTERVAL)
    finally:
        mended = time.time()
        for fault in faults.values():
            fault.start()
    limits = [bound] + [bound + GROUP_INTERVAL] * (len(faults) - 1)
    for (job, fired), limit in zip(sorted(told.items(), key=lambda pair: pair[1].seconds), limits, strict=True):
        say(replace(fired, bound=limit).line(f"{job} stops: firing"))
        assert fired.seconds <= limit + ROOM
        annotations = fired.entry["annotations"]
        assert job in annotations["summary"]
        assert "up is 0" in annotations["description"]
        assert annotations["runbook_url"].endswith("/runbooks/part-down")
        assert_page(annotations["runbook_url"], stack)
    until(lambda: not faults.keys() & firing_jobs(stack), 180, "Alertmanager has heard that all is well again")
    meanwhile()
    recovery = RESTART + SCRAPE + EVALUATION + GROUP_INTERVAL + SLACK
    for job, fired in told.items():
        back = wait_for(stack, part_down(job, "resolved"), mended, recovery)
        say(back.line(f"{job} is back: resolved"))
        assert back.seconds <= recovery + ROOM
        assert back.entry["annotations"]["summary"] == fired.entry["annotations"]["summary"]


def firing_jobs(stack: RunningStack) -> set[str]:
    """Jobs whose PartDown Alertmanager holds."""
    labels = [alert["labels"] for alert in stack.get("alertmanager", "/api/v2/alerts")]
    return {one.get("job", "") for one in labels if one["alertname"] == "PartDown"}


def assert_page(url: str, stack: RunningStack) -> None:
    """The link of a notification leads to a page of this console (its port may differ from the one in stack.yml)."""
    path = "/" + url.split("/", 3)[3]
    assert b"<h1" in stack.read("console", path)


def check_watchdog(
    stack: RunningStack, stop: Callable[[], None], start: Callable[[], None], *, say: Callable[[str], None] = print
) -> None:
    """Stops Prometheus itself: the console notices that nothing comes any more, and that it comes again."""
    began = time.time()
    stop()
    try:
        fired = wait_for(stack, watchdog_entry("firing"), began, WATCHDOG_BOUND)
    finally:
        mended = time.time()
        start()
    say(fired.line("prometheus stops: the watchdog's alarm"))
    assert fired.entry["annotations"]["summary"]
    assert fired.entry["annotations"]["runbook_url"].endswith("/runbooks/watchdog")
    assert_page(fired.entry["annotations"]["runbook_url"], stack)
    assert fired.seconds <= WATCHDOG_BOUND + ROOM
    told = wait_for(stack, watchdog_entry("resolved"), mended, 90.0)
    say(told.line("prometheus is back: resolved"))
    assert told.seconds <= told.bound + ROOM


def watchdog_entry(status: str) -> Callable[[dict[str, Any]], bool]:
    """Matches the console's own entry about the silence."""

    def matches(entry: dict[str, Any]) -> bool:
        return bool(entry["status"] == status and entry["alertname"] == ALARM)

    return matches

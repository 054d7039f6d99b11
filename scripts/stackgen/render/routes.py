"""Alertmanager's routing tree: the watchdog, test notifications, the inbox, escalation, routes of one's own, the teams.

Only leaves send. An alert reaches every receiver of the first list that it belongs to: side by side, each but the last
with `continue`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stackgen.model import Team
from stackgen.model.routing import Match, Tell
from stackgen.model.stack import INBOX, SEVERITIES
from stackgen.promql import quoted
from stackgen.render.common import Source, duration

WATCHDOG = "watchdog"
NOBODY = "nobody"  # a receiver without a way out
TEST = "NotificationTest"  # alertname of test notifications
TOLD = "told"  # their label that names the receiver
ESCALATED = "escalated"  # label of an alert that was told to the next ones; its value is the number of the step
WATCHDOG_BEAT = 30.0  # seconds; the console raises its alarm after a few of these have not come
WATCHDOG_REPEAT = (
    15.0  # under the beat: a flush after exactly repeat_interval passes one over, so beats came each minute
)
TEST_INTERVAL = 10.0  # seconds; how long Alertmanager tries to send one, at least


def route(source: Source) -> dict[str, Any]:
    """The root."""
    intervals = source.stack.intervals
    return {
        "receiver": INBOX,
        "group_by": ["alertname", "service", "environment"],
        "group_wait": duration(intervals.group_wait),
        "group_interval": duration(intervals.group_interval),
        "repeat_interval": duration(intervals.repeat),
        "routes": [
            {
                "receiver": WATCHDOG,
                "matchers": [equals("alertname", "Watchdog")],
                "group_wait": "0s",
                "group_interval": duration(WATCHDOG_BEAT),
                "repeat_interval": duration(WATCHDOG_REPEAT),
            },
            *_tests(source),
            {"receiver": INBOX, "continue": True},
            *_maintained(source),
            *_told(source, source.stack.maintenance),
        ],
    }


def _tests(source: Source) -> Iterator[dict[str, Any]]:
    """Test notifications go to the receiver that they name, at once, and to nobody else."""
    names = [name for name in source.stack.receivers if name != INBOX]
    routes = [{"receiver": name, "matchers": [equals(TOLD, name)]} for name in names]
    yield {
        "receiver": INBOX,
        "matchers": [equals("alertname", TEST)],
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": duration(TEST_INTERVAL),
        **({"routes": routes} if routes else {}),
    }


def _maintained(source: Source) -> Iterator[dict[str, Any]]:
    """A service with windows of its own has all routes once more, silent in those windows too."""
    for service in source.stack.services:
        if service.maintenance:
            silent = tuple(dict.fromkeys((*source.stack.maintenance, *service.maintenance)))
            yield {
                "receiver": NOBODY,
                "matchers": [equals("service", service.name)],
                "routes": list(_told(source, silent)),
            }


def _told(source: Source, silent: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Who is told. silent: windows in which nobody is."""
    teams = source.stack.teams.values()
    for team in teams:
        for number, step in enumerate(team.escalation, 1):
            matchers = [_whose(source, team), equals(ESCALATED, str(number))]
            yield from _leaves(matchers, step.tell, silent, {}) or _end(matchers)
    for one in source.stack.routes:
        matchers, options = [matcher(match) for match in one.when], _options(one.group_by, one.repeat)
        leaves = _leaves(matchers, one.tell, silent, options, goes_on=one.also)
        yield from leaves or ([] if one.also else _end(matchers))
    for team in teams:
        for severity in SEVERITIES:
            options = _options(team.group_by, team.repeats(severity))
            matchers = [_whose(source, team), equals("severity", severity)]
            yield from _leaves(matchers, team.tells(severity), silent, options)


def _end(matchers: list[str]) -> list[dict[str, Any]]:
    """What is for the inbox alone must not reach the routes that follow."""
    return [{"receiver": NOBODY, "matchers": matchers}]


def _options(group_by: Sequence[str], repeat: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {"group_by": list(group_by)} if group_by else {}
    return options if repeat is None else {**options, "repeat_interval": duration(repeat)}


def _leaves(
    matchers: list[str], tells: Iterable[Tell], silent: Sequence[str], options: dict[str, Any], *, goes_on: bool = False
) -> list[dict[str, Any]]:
    """One route a recipient. The inbox is not among them, it has everything already."""
    told = list(dict.fromkeys(tell for tell in tells if tell.receiver != INBOX))
    leaves = []
    for tell in told:
        found: dict[str, Any] = {"receiver": tell.receiver, "matchers": matchers, **options}
        if muted := [*silent, *([tell.window] if tell.outside else [])]:
            found["mute_time_intervals"] = list(dict.fromkeys(muted))
        if tell.window and not tell.outside:
            found["active_time_intervals"] = [tell.window]
        if goes_on or tell != told[-1]:
            found["continue"] = True
        leaves.append(found)
    return leaves


def _whose(source: Source, team: Team) -> str:
    """An alert without a team is the default team's."""
    if team.name == source.stack.default_team:
        return f"team=~{quoted(re.escape(team.name) + '|')}"
    return equals("team", team.name)


def matcher(match: Match) -> str:
    """Alertmanager's words for one label of `when`."""
    return f"{match.label}{match.operator}{quoted(match.value)}"


def equals(label: str, value: str) -> str:
    return f"{label}={quoted(value)}"

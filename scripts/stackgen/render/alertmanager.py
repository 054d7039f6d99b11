"""alertmanager/alertmanager.yml: routes by team and severity, inhibition, receivers. Message texts are the hand-written
templates in alertmanager/templates; how a receiver of each kind is written lives in `receivers`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stackgen.model import Team
from stackgen.model.stack import INBOX, SEVERITIES
from stackgen.render.common import STACK, Source, duration
from stackgen.render.dump import header, to_yaml
from stackgen.render.receivers import receiver, webhook

PATH = "alertmanager/alertmanager.yml"
WATCHDOG = "watchdog"
TOKEN = "inbox-token"
WATCHDOG_BEAT = 30.0  # seconds; the console raises its alarm after a few of these have not come
WATCHDOG_REPEAT = (
    15.0  # under the beat: a flush after exactly repeat_interval passes one over, so beats came each minute
)


def render(source: Source) -> dict[str, bytes]:
    """The file by its path."""
    return {PATH: to_yaml(_config(source), header(PATH, STACK))}


def _config(source: Source) -> dict[str, Any]:
    return {
        "templates": ["templates/*.tmpl"],
        "route": _route(source),
        "inhibit_rules": list(_inhibit_rules()),
        "receivers": [
            {"name": INBOX, "webhook_configs": [_console(source, "inbox")]},
            {"name": WATCHDOG, "webhook_configs": [_console(source, "watchdog")]},
            *(
                receiver(one, source.placement["alertmanager"].secrets)
                for one in source.stack.receivers.values()
                if one.name != INBOX
            ),
        ],
    }


def _console(source: Source, path: str) -> dict[str, Any]:
    places = source.placement
    return webhook(
        {"url": f"{places['console'].url}/api/v1/{path}"}, bearer=f"{places['alertmanager'].secrets}/{TOKEN}"
    )


def _route(source: Source) -> dict[str, Any]:
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
                "matchers": [_equals("alertname", "Watchdog")],
                "group_wait": "0s",
                "group_interval": duration(WATCHDOG_BEAT),
                "repeat_interval": duration(WATCHDOG_REPEAT),
            },
            {"receiver": INBOX, "continue": True},
            *(route for team in source.stack.teams.values() for route in _team_routes(source, team)),
        ],
    }


def _team_routes(source: Source, team: Team) -> Iterator[dict[str, Any]]:
    """One route a receiver, side by side: an alert reaches every receiver of its team and severity.

    The inbox is not among them, it has everything already. An alert without a team is the default team's.
    """
    whose = _equals("team", team.name)
    if team.name == source.stack.default_team:
        whose = f"team=~{_text(re.escape(team.name) + '|')}"
    for severity in SEVERITIES:
        told = [name for name in dict.fromkeys(team.told(severity)) if name != INBOX]
        for name in told:
            route: dict[str, Any] = {"receiver": name, "matchers": [whose, _equals("severity", severity)]}
            if name != told[-1]:
                route["continue"] = True
            yield route


def _inhibit_rules() -> Iterator[dict[str, Any]]:
    """A higher severity mutes the lower ones about the same subject; what is down mutes what hangs on it.

    Labels missing on both sides count as equal in Alertmanager: the matchers keep alerts without the labels out.
    """
    for rank, severity in enumerate(SEVERITIES[:-1]):
        lower = SEVERITIES[rank + 1 :]
        target = _equals("severity", lower[0]) if len(lower) == 1 else f"severity=~{_text('|'.join(lower))}"
        yield {
            "source_matchers": [_equals("severity", severity), 'subject=~".+"'],
            "target_matchers": [target, 'subject=~".+"'],
            "equal": ["subject", "service", "instance"],
        }
    yield {
        "source_matchers": [_equals("inhibits", "instance")],
        "target_matchers": ['instance=~".+"'],
        "equal": ["service", "instance"],
    }


def _equals(label: str, value: str) -> str:
    return f"{label}={_text(value)}"


def _text(value: str) -> str:
    """A matcher's value in double quotes, which is read alike with and without UTF-8 matchers."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

"""The routing tree as people read it: who is told of what, one line a list of recipients."""

from __future__ import annotations

from collections.abc import Iterator

from stackgen.model import Stack
from stackgen.model.routing import Match, Route, Tell
from stackgen.model.stack import INBOX, SEVERITIES
from stackgen.model.values import spell

INDENT = "  "


def picture(stack: Stack) -> str:
    """The whole tree."""
    rows = list(_rows(stack))
    width = max((len(what) for what, told in rows if told), default=0)
    return "\n".join(f"{what.ljust(width)}  {told}" if told else what for what, told in rows)


def _rows(stack: Stack) -> Iterator[tuple[str, str]]:
    """A heading with nothing behind it, or what and who."""
    yield "every alert", INBOX
    if stack.maintenance:
        yield f"nobody else is told during {_and(stack.maintenance)}", ""
    for service in stack.services:
        if service.maintenance:
            yield f"nobody else is told of {service.name} during {_and(service.maintenance)}", ""
    if stack.routes:
        yield "routes of your own, the first that fits", ""
    for route in stack.routes:
        after = f"{_extra(route.group_by, route.repeat)}{'; then the team' if route.also else ''}"
        yield INDENT + _when(route), _told(route.tell) + after
    for team in stack.teams.values():
        default = " (and what belongs to no team)" if team.name == stack.default_team else ""
        yield f"team {team.name}{default}", ""
        for severity in SEVERITIES:
            told = team.tells(severity)
            yield INDENT + severity, _told(told) + (_extra(team.group_by, team.repeats(severity)) if told else "")
        for step in team.escalation:
            yield f"{INDENT}not taken up for {spell(step.after)}", _told(step.tell)


def _told(tells: tuple[Tell, ...]) -> str:
    return ", ".join(tell.words for tell in tells) or "the inbox alone"


def _extra(group_by: tuple[str, ...], repeat: float | None) -> str:
    words = [f"grouped by {', '.join(group_by)}"] if group_by else []
    words += [f"again every {spell(repeat)}"] if repeat else []
    return f" ({', '.join(words)})" if words else ""


def _when(route: Route) -> str:
    return ", ".join(_match(match) for match in route.when) or "everything"


def _match(match: Match) -> str:
    return f"{match.label}{match.operator}{match.value}"


def _and(names: tuple[str, ...]) -> str:
    return " and ".join(names)

"""Where Alertmanager sends an alert, with the time intervals of the way, and which labels a routing tree asks for.

What a matcher means is known in `stackgen.routing`; what a change of the tree means is said in `routes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from stackgen.routing.walk import matches

MATCHER = re.compile(r'\s*"?([^"=!~\s]+)"?\s*(=~|!~|!=|=)\s*(.*)\s*', re.DOTALL)


@lru_cache(maxsize=4096)
def parsed(matcher: str) -> tuple[str, str, str]:
    """`severity=~"a|b"` as name, operator and value; ("", "=", "") for what is no matcher."""
    found = MATCHER.fullmatch(matcher)
    if not found:
        return "", "=", ""
    value = found[3].strip()
    if value.startswith('"'):
        try:
            value = str(json.loads(value))
        except ValueError:
            value = value.strip('"')
    return found[1], found[2], value


def fits(matcher: str, labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil a matcher; nothing fulfils what Alertmanager itself would refuse."""
    try:
        return matches(matcher, labels)
    except (ValueError, re.error):
        return False


def ways(route: Mapping[str, Any], labels: Mapping[str, str], receiver: str = "") -> list[str]:
    """Receivers of an alert in order, each once, with the time intervals that bound it: `pager (outside of nights)`."""
    return list(dict.fromkeys(_ways(route, labels, receiver)))


def _ways(route: Mapping[str, Any], labels: Mapping[str, str], receiver: str) -> Iterator[str]:
    named = str(route.get("receiver") or receiver)
    went = False
    for child in route.get("routes") or ():
        if all(fits(str(one), labels) for one in child.get("matchers") or ()):
            went = True
            yield from _ways(child, labels, named)
            if not child.get("continue"):
                break
    if not went:
        yield named + _when(route)


def _when(route: Mapping[str, Any]) -> str:
    muted, active = route.get("mute_time_intervals") or (), route.get("active_time_intervals") or ()
    said = [f"in {' or '.join(map(str, active))}"] if active else []
    said += [f"outside of {' and '.join(map(str, muted))}"] if muted else []
    return f" ({', '.join(said)})" if said else ""


def asked(route: Mapping[str, Any]) -> set[str]:
    """Labels that any matcher of the tree looks at."""
    return {parsed(matcher)[0] for matcher in matchers(route)}


def matchers(route: Mapping[str, Any]) -> Iterator[str]:
    """Every matcher of the tree."""
    yield from map(str, route.get("matchers") or ())
    for child in route.get("routes") or ():
        yield from matchers(child)


def values(routes: Iterable[Mapping[str, Any]], label: str) -> set[str]:
    """Values that the trees ask for with `=`."""
    found = (parsed(matcher) for route in routes for matcher in matchers(route))
    return {value for name, operator, value in found if name == label and operator == "="}

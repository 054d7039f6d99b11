"""Two generated trees of one placement, side by side: everything that is different, as sentences in reading order.

The trees are read as the parts read them (YAML, JSON), so that a moved line or a comment is no change. What differs in
the alerts, routes, jobs and the rest is found by the modules beside this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stackgen.words import alerts, jobs, rest, routes
from stackgen.words.spell import folded
from stackgen.words.trees import Tree, differing


@dataclass(frozen=True)
class Change:
    """about: alert, recording rule, group, route, receiver, scraping, dashboard, message, or the part concerned."""

    about: str
    text: str


def changes(before: Mapping[str, bytes], after: Mapping[str, bytes], disabled: Iterable[str] = ()) -> list[Change]:
    """What becomes different when `after` takes the place of `before`, [] when nothing does.

    disabled: alerts that `overrides:` of stack.yml switches off, so that their absence can be told from a removal.
    """
    old, new = Tree(before), Tree(after)
    return list(_changes(old, new, frozenset(disabled))) if differing(old, new) else []


def _changes(old: Tree, new: Tree, disabled: frozenset[str]) -> Iterator[Change]:
    for about, told in (
        ("alert", alerts.alerts(old, new, disabled)),
        ("recording rule", alerts.records(old, new)),
        ("group", alerts.groups(old, new)),
        ("route", routes.routes(old, new)),
        ("receiver", routes.receivers(old, new)),
        ("scraping", jobs.jobs(old, new)),
    ):
        yield from (Change(about, sentence) for sentence in folded(told, about))
    yield from (Change(about, sentence) for about, sentence in rest.rest(old, new))

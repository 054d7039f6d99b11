"""From `thresholds`, of the whole stack or of one service, to names and values."""

from __future__ import annotations

from collections.abc import Iterable

from stackgen.model import problems, values
from stackgen.model.defaults import STATISTICS, is_statistic
from stackgen.model.section import named
from stackgen.model.values import Sink
from stackgen.source.nodes import Node


def read_thresholds(node: Node | None, owner: str, known: Iterable[str] | None, tell: Sink) -> dict[str, float | str]:
    """Numbers, and words for the names of a statistic. known: names that may stand here, None for any."""
    found: dict[str, float | str] = {}
    names = None if known is None else list(known)
    for name, entry in named(node, owner, tell):
        if names is not None and name not in names:
            tell(problems.unknown_threshold(entry.key.where, name, names))
            continue
        convert: values.Converter[float | str] = values.choice(STATISTICS) if is_statistic(name) else values.number
        value = convert(entry.value, name, tell)
        if value is not None:
            found[name] = value
    return found

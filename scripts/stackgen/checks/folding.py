"""One line for all alike in somebody else's file: a large one must not drown its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stackgen.diagnostic import Severity
from stackgen.findings import Words
from stackgen.model.read_rules import ReadRule

Found = Iterable[tuple[ReadRule, Words]]


def folded(found: Found) -> Iterator[Words]:
    """Every finding in shipped rules; in a foreign file the first as a warning, with the number of the others."""
    foreign: dict[str, list[Words]] = {}
    for read, words in found:
        if read.custom:
            foreign.setdefault(read.node.source.path, []).append(words)
        else:
            yield words
    for first, *others in foreign.values():
        more = f" (and {len(others)} more in this file)" if others else ""
        yield first._replace(message=first.message + more, severity=Severity.WARNING)

"""What labels and annotations say, and what the expression gives them. Their syntax is looked at in `templates`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackgen.checks.folding import Found, folded
from stackgen.checks.labels import Labels, labels
from stackgen.checks.subject import Subject
from stackgen.checks.templates import actions
from stackgen.findings import Words, check
from stackgen.source.nodes import Scalar

_USED = re.compile(r"\$labels\.([A-Za-z_]\w*)|\bindex\s+\$labels\s+\"([^\"]+)\"|\$labels\s*\|\s*index\s+\"([^\"]+)\"")

_ASKING = re.compile(r"\s*-?\s*(?:else\s+)?(?:if|with)\b")


@check("lost-label")
def lost_label(subject: Subject) -> Iterator[Words]:
    """Templates see the labels of the expression's result, not those that the rule adds."""
    yield from folded(_lost(subject))


def _lost(subject: Subject) -> Found:
    for read, node, parsed in subject.parsed:
        if read.rule.kind != "alert" or parsed.root is None:
            continue
        has = labels(parsed.root)
        if has.open and not has.dropped:
            continue
        for scalar in (*read.texts("labels"), *read.texts("annotations")):
            for name, offset in _used(scalar):
                if not has.may_have(name):
                    message = f"$labels.{name} is empty: the expression drops the label '{name}'"
                    hint = _OWN if name in read.rule.body.get("labels", {}) else _hint(name, has)
                    yield read, Words(scalar.at(offset, len(name)), message, hint, node.where)


def _used(scalar: Scalar) -> Iterator[tuple[str, int]]:
    """Labels that a text takes without asking for them by `if` or `with` first, and where they stand."""
    if "$labels" not in scalar.text:
        return
    found, faults = actions(scalar.text)
    asked = {name for action in found if _ASKING.match(action.body) for name, _ in _names(action.body)}
    for action in found if not faults else ():
        for name, offset in _names(action.body):
            if name not in asked:
                yield name, action.offset + 2 + offset


def _names(body: str) -> Iterator[tuple[str, int]]:
    for match in _USED.finditer(body):
        group = next(number for number in (1, 2, 3) if match[number])
        yield match[group], match.start(group)


_OWN = "labels that the rule itself adds are not among $labels: write the word out"


def _hint(name: str, has: Labels) -> str:
    if has.open:
        return f"take {name} out of without(…)/ignoring(…), or leave it out of the text"
    kept = ", ".join(sorted(has.names))
    return f"it keeps {kept}; add {name} to its by(…)" if kept else f"add by ({name}) to the expression"

"""What a PromQL expression consists of, with the place of each piece. Made by `promql`, looked at by the checks.

Two nodes are equal when they mean the same, wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
SETS = ("and", "or", "unless")


@dataclass(frozen=True, slots=True)
class Place:
    """offset, length: characters of the expression as written."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Matcher:
    """One of `label="value"`, op: =, !=, =~ or !~."""

    label: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """name: "" when the metric is not named outright. window: seconds of a range selector, None for an instant one."""

    name: str
    matchers: tuple[Matcher, ...]
    window: float | None
    shifted: bool  # it has an offset or an @
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """given: the value came from `${threshold.NAME}`."""

    value: float
    given: bool
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple[Node, ...]
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """by, without: None when not written; both None for an aggregation over everything."""

    op: str
    by: tuple[str, ...] | None
    without: tuple[str, ...] | None
    param: Node | None
    of: Node
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """on, ignoring: None when not written. many: the side ("left", "right") of group_left or group_right, else "".

    extra: labels that group_left or group_right takes over.
    """

    op: str
    left: Node
    right: Node
    bool: bool
    on: tuple[str, ...] | None
    ignoring: tuple[str, ...] | None
    many: str
    extra: tuple[str, ...]
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Minus:
    of: Node


@dataclass(frozen=True, slots=True)
class Subquery:
    of: Node
    window: float


Node: TypeAlias = "Selector | Number | Text | Call | Aggregate | Binary | Minus | Subquery"


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text."""
    yield node
    for child in below(node):
        yield from walk(child)


def below(node: Node) -> tuple[Node, ...]:
    match node:
        case Call():
            return node.args
        case Aggregate():
            return (node.param, node.of) if node.param is not None else (node.of,)
        case Binary():
            return node.left, node.right
        case Minus() | Subquery():
            return (node.of,)
        case _:
            return ()

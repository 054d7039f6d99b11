"""A YAML file as plain data with a position beside every key and value. Building the tree lives in `loader`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from stackgen.diagnostic import Position
from stackgen.source import scalars
from stackgen.source.locate import Written, locate

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
Path: TypeAlias = Sequence[str | int]


@dataclass(slots=True, eq=False)
class Text:
    """One file's text. path: relative to the root, POSIX separators. foreign: read as Prometheus reads it, all text."""

    path: str
    text: str
    foreign: bool = False
    _lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """Lines as YAML counts them, without their ends."""
        if self._lines is None:
            self._lines = scalars.LINE_END.split(self.text)
        return self._lines


@dataclass(slots=True, eq=False)
class Node:
    """A value. line and column are 0-based; length: what a caret underlines on that line."""

    source: Text
    line: int
    column: int
    length: int

    @property
    def where(self) -> Position:
        return Position(self.source.path, self.line + 1, self.column + 1, max(1, self.length))


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """text: the value. style: "" for plain, else one of `'`, `"`, `|`, `>`. start, end: indexes into the file."""

    text: str
    style: str
    start: int
    end: int
    tagged: bool = False  # `!!str`: text whatever it looks like

    @property
    def value(self) -> bool | int | float | str | None:
        """Plain scalars by the rules on which YAML 1.1 and 1.2 agree; everything quoted is text."""
        return self.text if self.style or self.tagged else scalars.resolve(self.text)

    @property
    def empty(self) -> bool:
        return not self.style and not self.tagged and scalars.resolve(self.text) is None

    def at(self, offset: int, length: int = 1) -> Position:
        """The place in the file of characters of the value, whatever its quotes, escapes and folds."""
        written = Written(self.source.text, self.start, self.end, self.style, self.text)
        line, column, width = locate(written, offset, length)
        if line == 0:
            column += self.column
        return Position(self.source.path, self.line + line + 1, column + 1, max(1, width))


@dataclass(slots=True, eq=False)
class Items(Node):
    """A YAML sequence."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Entry:
    """A key and its value."""

    key: Scalar
    value: Node


@dataclass(slots=True, eq=False)
class Mapping(Node):
    """A YAML mapping; keys are text."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.value if entry else None


@dataclass(frozen=True)
class Document:
    """A file that was read: its text and its tree, None when it holds nothing (or nothing that could be read)."""

    source: Text
    root: Node | None

    @property
    def data(self) -> Plain:
        return plain(self.root) if self.root is not None else None

    def value(self, path: Path) -> Position | None:
        """Where the value at a path of keys and indexes stands."""
        node = find(self.root, path)
        return node.where if node else None

    def key(self, path: Path) -> Position | None:
        """Where the last key of a path stands."""
        parent = find(self.root, path[:-1])
        if isinstance(parent, Mapping) and path[-1] in parent.entries:
            return parent.entries[str(path[-1])].key.where
        return None


def find(node: Node | None, path: Path) -> Node | None:
    """The node at a path, None when there is none."""
    for step in path:
        if isinstance(node, Mapping):
            node = node.get(str(step))
        elif isinstance(node, Items) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def plain(node: Node) -> Plain:
    """The data without positions."""
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Scalar):
        return node.text if node.source.foreign and not node.empty else node.value
    return None


def children(node: Node) -> Iterator[Node]:
    """Values directly below a node."""
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            yield entry.value
    elif isinstance(node, Items):
        yield from node.items

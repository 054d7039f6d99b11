"""One mapping of a source file being read: known keys are taken, unknown ones told. What keys mean is the readers'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from stackgen.model import problems
from stackgen.model.values import Converter, Sink, kind_of
from stackgen.source.nodes import Entry, Mapping, Node, Scalar

T = TypeVar("T")


class Section:
    """A mapping with a closed set of keys. owner: what it is, in words, for messages."""

    def __init__(self, node: Node, owner: str, keys: Iterable[str], tell: Sink, ours: Iterable[str] = ()) -> None:
        """ours: further keys that are somebody else's business and not told as unknown."""
        self.node = node
        self.owner = owner
        self.tell = tell
        self.keys = tuple(keys)
        self.entries = entries(node, owner, tell)
        allowed = {*self.keys, *ours}
        for key, entry in self.entries.items():
            if key not in allowed:
                tell(problems.unknown_key(entry.key.where, key, owner, self.keys))

    def node_of(self, key: str) -> Node | None:
        """The value of a key, None when it is not there."""
        if key not in self.keys:
            raise KeyError(f"{key!r} is not in the table of keys of {self.owner}")
        entry = self.entries.get(key)
        return entry.value if entry else None

    def take(self, key: str, convert: Converter[T]) -> T | None:
        """The value of a key, None when it is absent or wrong (which has been told then)."""
        node = self.node_of(key)
        return None if node is None else convert(node, key, self.tell)

    def get(self, key: str, convert: Converter[T], default: T) -> T:
        value = self.take(key, convert)
        return default if value is None else value

    def need(self, key: str, convert: Converter[T], hint: str) -> T | None:
        """As take, and its absence is a finding."""
        if self.node_of(key) is None:
            if isinstance(self.node, Mapping):
                self.tell(problems.missing_key(self.node.where, self.owner, key, hint))
            return None
        return self.take(key, convert)


def entries(node: Node | None, owner: str, tell: Sink) -> dict[str, Entry]:
    """Keys and values of a mapping; nothing for an empty value, a finding and nothing for anything else."""
    if isinstance(node, Mapping):
        return node.entries
    if node is not None and not (isinstance(node, Scalar) and node.empty):
        tell(problems.wrong_type(node.where, owner, "a mapping of keys to values", kind_of(node)))
    return {}


def named(node: Node | None, owner: str, tell: Sink) -> Iterator[tuple[str, Entry]]:
    """Entries of a mapping whose keys are the user's own names."""
    yield from entries(node, owner, tell).items()

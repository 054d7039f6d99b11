"""Numbers under keys, as one process keeps them for itself. Several processes keep theirs together in shared.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Key = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """What one process has written. alive: it still runs."""

    alive: bool
    numbers: Mapping[Key, Sequence[float]]


class Numbers(Protocol):
    """What both kinds offer."""

    def slot(self, key: Key, size: int = 1) -> Any: ...
    def parts(self) -> Iterator[Part]: ...
    def on_fork(self, forget: Callable[[], None]) -> None: ...


class OwnNumbers:
    """The numbers of a process that shares them with no other."""

    def __init__(self) -> None:
        self._slots: dict[Key, list[float]] = {}

    def slot(self, key: Key, size: int = 1) -> MutableSequence[float]:
        """`size` numbers under `key`, zero at first; the same ones for the same key."""
        return self._slots.setdefault(key, [0.0] * size)

    def parts(self) -> Iterator[Part]:
        yield Part(True, dict(self._slots))

    def on_fork(self, forget: Callable[[], None]) -> None:
        """A forked process goes on with a copy of its parent's numbers."""

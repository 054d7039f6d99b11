"""Numbers under keys, as one process keeps them for itself. Several processes keep theirs together in shared.py."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

Key = tuple[str, ...]
Inherited = Mapping[Key, Any]  # memory that can be written to


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
    def on_inherit(self, settle: Callable[[Inherited], None]) -> None: ...


class OwnNumbers:
    """The numbers of a process that shares them with no other."""

    def __init__(self) -> None:
        self._slots: dict[Key, list[float]] = {}
        self._forgetting: list[Callable[[], None]] = []
        in_child(self._forget)

    def slot(self, key: Key, size: int = 1) -> MutableSequence[float]:
        """`size` numbers under `key`, zero at first; the same ones for the same key."""
        return self._slots.setdefault(key, [0.0] * size)

    def parts(self) -> Iterator[Part]:
        yield Part(True, dict(self._slots))

    def on_fork(self, forget: Callable[[], None]) -> None:
        """Calls `forget` in every process that is forked off, which goes on with a copy of its parent's numbers: a lock
        that another thread of the parent held is held by nobody there.
        """
        self._forgetting.append(forget)

    def on_inherit(self, settle: Callable[[Inherited], None]) -> None:
        """There is nothing here that a process that is gone has left."""

    def _forget(self) -> None:
        for forget in self._forgetting:
            forget()


def in_child(method: Callable[[], None]) -> None:
    """Calls a bound method in every process that is forked off, as long as its object lives."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(_forked, weakref.WeakMethod(method)))


def _forked(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    found = method()
    if found is not None:
        found()

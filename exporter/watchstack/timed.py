"""`Timed` measures a block (`with`) or each call of a function (`@`), plain or async. What is recorded: business.py."""

from __future__ import annotations

import copy
import functools
import inspect
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Timed:
    """Once made it can be used in any number of threads and tasks as a decorator; as a block, one at a time.

    ended: is told the seconds, and the exception that left the block: None for none, nor for a cancellation.
    begun: is called before. Exceptions pass through.
    """

    def __init__(
        self,
        ended: Callable[[float, Exception | None], None],
        *,
        begun: Callable[[], None] | None = None,
        ticks: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._ended = ended
        self._begun = begun
        self._ticks = ticks
        self._started = 0.0

    def __enter__(self) -> Self:
        if self._begun is not None:
            self._begun()
        self._started = self._ticks()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(self._ticks() - self._started, error if isinstance(error, Exception) else None)

    def finish(self, seconds: float, error: Exception | None) -> None:
        self._ended(seconds, error)

    def __copy__(self) -> Self:
        """As copy.copy would do it, at a third of its time: a decorator copies at each call."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    def called_with(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        """What measures a call with these arguments, itself a copy already."""
        return self

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """The function, measured at each call. Raises TypeError for a generator, whose call does no work yet."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator: use a `with` block inside of it")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with copy.copy(self).called_with(args, kwargs):
                    return await function(*args, **kwargs)

            return cast("Callable[_P, _R]", awaited)

        @functools.wraps(function)
        def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with copy.copy(self).called_with(args, kwargs):
                return function(*args, **kwargs)

        return called

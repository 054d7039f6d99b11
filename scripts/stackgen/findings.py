"""How a finding is declared: one id, one function. The table of ids grows here; what each looks for is in its room.

A *problem* is told by a reader that stumbles over it, a *check* looks at the whole of what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from stackgen.diagnostic import Diagnostic, Position, Severity

P = ParamSpec("P")
S = TypeVar("S")


class Words(NamedTuple):
    """What a finding says. severity: only where it differs from the one the id was declared with."""

    where: Position
    message: str
    hint: str = ""
    related: Position | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Kind:
    """An id, how much it weighs by default, and the one function that tells it."""

    check: str
    severity: Severity
    function: Callable[..., Any]


KINDS: dict[str, Kind] = {}
CHECKS: list[Callable[[Any], Iterator[Diagnostic]]] = []


def _declare(check: str, severity: Severity, function: Callable[..., Any]) -> None:
    if check in KINDS:
        raise ValueError(f"the id {check!r} is declared twice")
    KINDS[check] = Kind(check, severity, function)


def _diagnostic(check: str, severity: Severity, words: Words) -> Diagnostic:
    return Diagnostic(check, words.severity or severity, words.where, words.message, words.hint, words.related)


def problem(check: str, severity: Severity = Severity.ERROR) -> Callable[[Callable[P, Words]], Callable[P, Diagnostic]]:
    """Declare a problem: the function puts it into words, the decorated one gives the finding."""

    def decorate(function: Callable[P, Words]) -> Callable[P, Diagnostic]:
        _declare(check, severity, function)

        @wraps(function)
        def tell(*args: P.args, **kwargs: P.kwargs) -> Diagnostic:
            return _diagnostic(check, severity, function(*args, **kwargs))

        return tell

    return decorate


def check(
    name: str, severity: Severity = Severity.ERROR
) -> Callable[[Callable[[S], Iterable[Words]]], Callable[[S], Iterator[Diagnostic]]]:
    """Declare a check: the function looks at its subject and yields words; `CHECKS` holds them all in order."""

    def decorate(function: Callable[[S], Iterable[Words]]) -> Callable[[S], Iterator[Diagnostic]]:
        _declare(name, severity, function)

        @wraps(function)
        def tell(subject: S) -> Iterator[Diagnostic]:
            for words in function(subject):
                yield _diagnostic(name, severity, words)

        CHECKS.append(tell)
        return tell

    return decorate

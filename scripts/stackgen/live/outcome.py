"""What came out of asking: one result for each query, counts for each dashboard. How it is told lives in `told`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stackgen.live.boards import Board


class Verdict(StrEnum):
    """declared: nothing came back, and the description says that this may be so."""

    OK = "ok"
    DECLARED = "empty as declared"
    EMPTY = "empty"
    ERROR = "error"


WRONG = (Verdict.EMPTY, Verdict.ERROR)


@dataclass(frozen=True)
class Result:
    """One query of a dashboard, or of a rule. place: panel, variable, annotation or rule; ref: the query's letter.

    rows: samples or lines that came back; numbers: those of them that are one. why: what is wrong, in words.
    missing: metrics that no series has, each with the nearest name that there is, "" for none.
    unasked: its datasource is dead, which is told once and not for each query.
    """

    file: str
    place: str
    ref: str
    expr: str
    verdict: Verdict
    why: str = ""
    rows: int = 0
    numbers: int = 0
    missing: tuple[tuple[str, str], ...] = ()
    unasked: bool = False

    def as_data(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "place": self.place,
            "query": self.ref,
            "expr": self.expr,
            "verdict": str(self.verdict),
            "why": self.why,
            "missing": [{"metric": name, "nearest": near} for name, near in self.missing],
        }


@dataclass(frozen=True)
class Outcome:
    """through: who was asked. results: of dashboards; rules: of alert and recording rules; notes: what is no fault."""

    through: str
    boards: Sequence[Board]
    results: Sequence[Result]
    rules: Sequence[Result] = ()
    rules_asked: int = 0
    notes: Sequence[str] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def wrong(self) -> list[Result]:
        """Queries that are empty undeclared or fail, and rules that cannot work."""
        return [one for one in (*self.results, *self.rules) if one.verdict in WRONG]

    @property
    def told(self) -> list[Result]:
        """What is wrong, without the queries for which a dead datasource is told instead."""
        return [one for one in self.wrong if not one.unasked]

    def of(self, board: Board) -> Iterator[Result]:
        return (one for one in self.results if one.file == board.file)


def counts(results: Iterable[Result]) -> dict[Verdict, int]:
    """How many there are of each verdict."""
    verdicts = [one.verdict for one in results]
    return {verdict: verdicts.count(verdict) for verdict in Verdict}

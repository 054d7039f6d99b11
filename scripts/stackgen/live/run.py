"""Asks everything at once, within bounds, and judges what came back. How one query is asked lives in `ask`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from stackgen.live import rules
from stackgen.live.ask import Answer, Asker, AskError, DeadError
from stackgen.live.boards import NAMES, Board, Opened, Question
from stackgen.live.missing import Names, look, named, unmatched
from stackgen.live.options import resolve
from stackgen.live.outcome import Outcome, Result, Verdict
from stackgen.render.grafana import LOKI_UID, PROMETHEUS_UID

AT_A_TIME = 8  # queries
WITHIN = 30.0  # seconds for all of it
PROBES = {PROMETHEUS_UID: "/api/v1/labels", LOKI_UID: "/loki/api/v1/labels"}
NO_METRIC = "no series has the metric"
NOTHING_LEFT = "its metrics have series, and the query leaves nothing of them"

T = TypeVar("T")
R = TypeVar("R")


class Bounded:
    """An asker that asks no dead datasource, and nobody any more once the time for the whole check is over.

    dead: why, by the datasource's uid. deadline: of the monotonic clock.
    """

    def __init__(self, asker: Asker, dead: Mapping[str, str], deadline: float) -> None:
        self.through = asker.through
        self._asker = asker
        self._dead = dead
        self._deadline = deadline

    def ask(self, question: Question) -> Answer:
        self._may(question.datasource)
        return self._asker.ask(question)

    def get(self, datasource: str, path: str, **parameters: str) -> Any:
        self._may(datasource)
        return self._asker.get(datasource, path, **parameters)

    def provisioned(self) -> frozenset[str] | None:
        return self._asker.provisioned()

    def _may(self, datasource: str) -> None:
        if datasource in self._dead:
            raise DeadError(self._dead[datasource])
        if time.monotonic() > self._deadline:
            raise AskError("was not asked: the time for the whole check was over")


@dataclass(frozen=True)
class Reached:
    """Who answers. dead: datasources that do not, and why. taken: uids of the dashboards that Grafana has taken over,
    None where none runs. faults: what is told of it, once instead of for every query.
    """

    dead: Mapping[str, str]
    taken: frozenset[str] | None
    faults: Sequence[Result]


def examine(found: Sequence[Board], asker: Asker, within: float = WITHIN) -> Outcome:
    """Every query of these dashboards and of the running rules. Never raises for what does not answer: it is told."""
    started = time.monotonic()
    reached = _reach(asker)
    bounded = Bounded(asker, reached.dead, started + within)
    pairs = _everywhere(lambda board: _of_board(board, bounded), found)
    asked = [question for _, some in pairs for question in some]
    answers = _everywhere(lambda question: _result(question, bounded), asked)
    answered = list(zip(asked, answers, strict=True))
    running = rules.running(bounded, [one for one in rules.ASKED if one not in reached.dead])
    notes = list(running.faults)
    wrong: list[Result] = []
    if PROMETHEUS_UID not in reached.dead:
        try:
            empty = (question.expr for question, one in answered if _promql_empty(question, one))
            names = look(bounded, [*running.exprs, *empty], running.recorded)
        except AskError as error:
            notes.append(f"Prometheus could not be asked for its metrics: {error}")
        else:
            answers = [_explained(question, one, bounded, names) for question, one in answered]
            wrong, resting = rules.judge(running, names)
            notes += resting
    results = [
        *reached.faults,
        *(result for some, _ in pairs for result in some),
        *answers,
        *_not_taken(found, reached),
    ]
    return Outcome(asker.through, found, results, wrong, len(running.rules), notes, time.monotonic() - started)


def _everywhere(do: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(do, items))


def _reach(asker: Asker) -> Reached:
    try:
        taken = asker.provisioned()
    except AskError as error:
        return Reached(dict.fromkeys(PROBES, str(error)), None, [_fault("Grafana", str(error))])
    dead = {}
    for uid, path in PROBES.items():
        try:
            asker.get(uid, path)
        except AskError as error:
            dead[uid] = str(error)
    return Reached(dead, taken, [_fault(NAMES[uid], why) for uid, why in dead.items()])


def _fault(name: str, why: str) -> Result:
    return Result("the running stack", name, "", "", Verdict.ERROR, why)


def _of_board(board: Board, asker: Asker) -> tuple[list[Result], list[Question]]:
    """The results of its variables, and what its panels ask."""
    if board.fault:
        return [Result(board.file, "the file", "", "", Verdict.ERROR, board.fault)], []
    try:
        values, absent, results = resolve(board, asker)
        return results, list(Opened(board, values, absent).questions())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"cannot be understood ({type(error).__name__}: {error}); ./stack dashboard import mends a saved one"
        return [Result(board.file, "the file", "", "", Verdict.ERROR, why)], []


def _result(question: Question, asker: Asker) -> Result:
    result = Result(question.board.file, question.place, question.ref, question.expr, Verdict.ERROR)
    if question.datasource in PROBES and not question.expr.strip():
        return replace(result, why="the query is empty")
    try:
        answer = asker.ask(question)
    except DeadError as error:
        return replace(result, why=str(error), unasked=True)
    except AskError as error:
        return replace(result, why=str(error))
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        return replace(result, why=f"{asker.through} gave an answer of another form ({type(error).__name__}: {error})")
    verdict = Verdict.OK if answer.rows else Verdict.DECLARED if question.declared else Verdict.EMPTY
    why = "" if answer.rows else question.declared
    return replace(result, verdict=verdict, why=why, rows=answer.rows, numbers=answer.numbers)


def _promql_empty(question: Question, result: Result) -> bool:
    return question.datasource == PROMETHEUS_UID and result.verdict in (Verdict.EMPTY, Verdict.DECLARED)


def _explained(question: Question, result: Result, asker: Asker, names: Names) -> Result:
    """Of an empty query, why; and no declaration excuses a metric that can never come."""
    if not _promql_empty(question, result):
        return result
    lacking = names.lacking(question.expr)
    if result.verdict is Verdict.DECLARED:
        lacking = () if question.board.custom else tuple(one for one in lacking if names.unheard(one))
        if not lacking:
            return result
        why = f"{NO_METRIC}, and no program of the stack exports it; declared: {result.why}"
        return replace(result, verdict=Verdict.EMPTY, why=why, missing=names.with_nearest(lacking))
    if lacking:
        return replace(result, why=NO_METRIC, missing=names.with_nearest(lacking))
    try:
        why = unmatched(asker, question.expr, names)
    except AskError:
        why = ""
    return replace(result, why=why or (NOTHING_LEFT if named(question.expr) else ""))


def _not_taken(found: Sequence[Board], reached: Reached) -> Iterator[Result]:
    """Dashboards that Grafana has not provisioned: it says why in its log."""
    for board in found:
        # Without a uid of its own a dashboard gets one from Grafana, which is not known here.
        if reached.taken is not None and not board.fault and board.uid and board.uid not in reached.taken:
            why = f"Grafana has no dashboard with the uid '{board.uid}': ./stack logs grafana says why"
            yield Result(board.file, "the file", "", "", Verdict.ERROR, why)

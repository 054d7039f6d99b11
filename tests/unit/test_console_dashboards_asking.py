"""How the console asks: once for all who look, several at a time, not for ever, and not a part that is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_kit import NOBODY, FakeClock
from dashboards_kit import Query, Told, console_with, telling, vector
from waiting import until
from watchstack.console.dashboards import asking
from watchstack.console.dashboards.answers import Answer, Question
from watchstack.console.dashboards.asking import Asker
from watchstack.console.peers.ask import PeerError


def question(expr: str = "up", source: str = "prometheus") -> Question:
    return Question(source, expr, 0, 0)


def matrix(path: str, query: Query) -> Any:
    values = [[moment, "1"] for moment in range(int(query["start"]), int(query["end"]) + 1, int(query["step"]))]
    return {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[tuple[Asker, FakeClock]]:
    """An asker whose Prometheus is set by `at`."""
    clock = FakeClock()
    own = console_with(tmp_path, clock=clock, prometheus=NOBODY, loki=NOBODY)
    found = Asker(own)
    yield found, clock
    found.close()
    own.store.close()


def at(asker: Asker, **peers: str) -> None:
    object.__setattr__(asker._own.config.current, "peers", peers)


def test_the_same_is_asked_once_while_it_is_fresh(asker: tuple[Asker, FakeClock]) -> None:
    own, clock = asker
    with telling(lambda path, query: vector(({}, "7"))) as (url, told):
        at(own, prometheus=url)
        for _ in range(5):
            (found,) = own.ask([question(), question()]).values()
            assert isinstance(found, Answer)
            assert found.series[0].last == 7
        assert len(told.asked) == 1
        clock.advance(6)
        own.ask([question()])
        assert len(told.asked) == 2


def test_several_people_at_once_cost_one_question(asker: tuple[Asker, FakeClock]) -> None:
    own, _ = asker
    with telling(lambda path, query: vector(({}, "7"))) as (url, told):
        told.go.clear()
        at(own, prometheus=url)
        found: list[Any] = []
        people = [threading.Thread(target=lambda: found.append(own.ask([question()]))) for _ in range(6)]
        for one in people:
            one.start()
        until(lambda: told.asked)
        told.go.set()
        for one in people:
            one.join()
        assert len(found) == 6
        assert all(isinstance(answer, Answer) for one in found for answer in one.values())
        assert len(told.asked) == 1


def test_questions_go_out_together_but_never_too_many(asker: tuple[Asker, FakeClock]) -> None:
    own, _ = asker

    def meet(path: str, query: Query) -> Any:
        until(lambda: seen[0].most_at_once > 1)
        return vector(({}, "7"))

    seen: list[Told] = []
    with telling(meet) as (url, told):
        seen.append(told)
        at(own, prometheus=url)
        own.ask([question(f"up{number}") for number in range(24)])
        assert len(told.asked) == 24
        assert 1 < told.most_at_once <= asking.WORKERS


def test_a_part_that_is_away_is_left_alone_for_a_while(asker: tuple[Asker, FakeClock]) -> None:
    own, clock = asker
    answers = own.ask([question(f"up{number}") for number in range(30)])
    words = {str(one) for one in answers.values()}
    assert words == {f"Prometheus is not reached at {NOBODY}: Connection refused"}
    before = own.asked
    assert before < 30  # those that had not begun did not try
    own.ask([question("another")])
    assert own.asked == before
    clock.advance(4)
    own.ask([question("another")])
    assert own.asked == before + 1


def test_a_failure_has_its_time_when_it_is_seen(
    asker: tuple[Asker, FakeClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for an answer goes on before what is called back when it is there."""
    own, clock = asker
    done, late = own._done, threading.Event()
    monkeypatch.setattr(own, "_done", lambda *given: (late.wait(5), done(*given)))
    own.ask([question()])
    clock.advance(4)
    late.set()
    own.ask([question()])
    assert own.asked == 2


def test_a_refused_question_leaves_the_others_alone(asker: tuple[Asker, FakeClock]) -> None:
    own, _ = asker

    def answer(path: str, query: Query) -> Any:
        return vector(({}, "1")) if query["query"] == "good" else (400, {"error": "parse error <b>"})

    with telling(answer) as (url, _told):
        at(own, prometheus=url)
        found = own.ask([question("bad"), question("good")])
    assert str(found[question("bad")]) == "Prometheus answered 400: parse error <b>"
    assert isinstance(found[question("good")], Answer)


def test_nobody_waits_longer_than_the_patience(asker: tuple[Asker, FakeClock]) -> None:
    own, _ = asker
    with telling(lambda path, query: vector(({}, "7"))) as (url, told):
        told.go.clear()
        at(own, prometheus=url)
        (found,) = own.ask([question()], patience=0.1).values()
        assert str(found) == "Prometheus gave no answer within 0.1 s"
        told.go.set()
        (found,) = own.ask([question()]).values()  # it was under way: the next who asks has it
        assert isinstance(found, Answer)
        assert len(told.asked) == 1


def test_the_number_of_waiting_questions_is_bounded(
    asker: tuple[Asker, FakeClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, _ = asker
    monkeypatch.setattr(asking, "WAITING", 3)
    with telling(lambda path, query: vector(({}, "7"))) as (url, told):
        told.go.clear()
        at(own, prometheus=url)
        found = own.ask([question(f"up{number}") for number in range(5)], patience=0.1)
        words = [str(one) for one in found.values() if isinstance(one, PeerError)]
        assert words[:3] == ["Prometheus gave no answer within 0.1 s"] * 3
        assert words[3:] == ["the console is busy: too many questions wait for their turn"] * 2


def test_answers_take_bounded_room(asker: tuple[Asker, FakeClock], monkeypatch: pytest.MonkeyPatch) -> None:
    own, _ = asker
    monkeypatch.setattr(asking, "KEPT", 5000)
    with telling(matrix) as (url, told):
        at(own, prometheus=url)
        for number in range(12):
            own.ask([Question("prometheus", f"up{number}", 0, 15_000, 15)])
        until(lambda: not own._waiting)  # an answer is weighed after it was given
        with own._lock:
            assert own._weight <= 5000
        assert 2 <= len(own._kept) <= 4
        own.ask([Question("prometheus", "up11", 0, 15_000, 15)])
        assert len(told.asked) == 12  # the newest is still there
        own.ask([Question("prometheus", "up0", 0, 15_000, 15)])
        assert len(told.asked) == 13


def test_a_part_that_the_stack_has_not_is_said(asker: tuple[Asker, FakeClock]) -> None:
    own, _ = asker
    at(own)
    (found,) = own.ask([question("{a=~'.+'}", "loki")]).values()
    assert str(found) == "this stack has no Loki"

"""`notify-test`: what Alertmanager's counters mean while it counts. The real one is asked in tests/tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from stackgen.routing import trial
from stackgen.routing.trial import Counts, Outcome, TrialError, Trials


class Counted(Trials):
    """Over an Alertmanager whose counters are these, one look after the other; the last ones stay."""

    def __init__(self, looks: Iterable[Counts]) -> None:
        super().__init__("", "", "", list)
        self._looks = list(looks)

    def known(self) -> list[str]:
        return ["hook"]

    def _counts(self, receiver: str) -> Counts:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    def _ask(self, path: str, body: object = None) -> Any:
        return None


def tried(monkeypatch: pytest.MonkeyPatch, *looks: Counts) -> Outcome:
    monkeypatch.setattr(trial, "STEP", 0.0)
    return Counted(looks).run("hook")


def test_an_attempt_that_is_just_being_counted_as_failed_was_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alertmanager counts the attempt first, then that it failed, then that it gives up: a look can fall in between."""
    outcome = tried(monkeypatch, Counts(), Counts(1), Counts(1, 1), Counts(1, 1), Counts(1, 1, 1))
    assert (outcome.accepted, outcome.attempts) == (False, 1)
    assert outcome.words == "not accepted after 1 attempt: the log of Alertmanager says why"


def test_what_was_accepted_stays_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = tried(monkeypatch, Counts(7, 2, 1), Counts(7, 2, 1), Counts(8, 3, 1), Counts(9, 3, 1))
    assert (outcome.accepted, outcome.words, outcome.attempts) == (True, "accepted at attempt 2", 2)


def test_counts_that_never_stand_still_are_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other notifications go out without a pause, the trial ends instead of looking for ever."""
    with pytest.raises(TrialError, match="so much to 'hook' that its counts never stand still"):
        tried(monkeypatch, *(Counts(number) for number in range(trial.RESTLESS + 10)))


def test_the_reason_stands_on_one_line_as_the_service_said_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "STEP", 0.0)
    trials = Counted([Counts(), Counts(), Counts(1, 1, 1)])
    logs = [[], ['err="hook/webhook[0]: status code 422: {\\"error\\":\\"no\\\\nC:\\\\\\\\n\\"}\\n"']]
    trials._log = lambda: logs.pop(0) if len(logs) > 1 else logs[0]
    outcome = trials.run("hook")
    assert outcome.words.endswith('after 1 attempt: hook/webhook[0]: status code 422: {"error":"no\\nC:\\\\n"}')

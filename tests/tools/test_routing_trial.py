"""`notify-test` against a running Alertmanager: a receiver that accepts, refuses, hangs, is not there, is silenced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alertmanager_kit import Alertmanager, Recorder, files, recording, running
from stackgen.routing.trial import Outcome, TrialError, Trials
from support import choose_ports
from waiting import until

pytestmark = pytest.mark.tools

STACK = """
environment: staging
teams: {web: {critical: [fine, refuses, forbids, hangs, away, limps]}}
receivers:
  fine: {slack: {webhook_url_file: fine}}
  refuses: {webhook: {url: "HTTP/refuses", format: alertmanager}}
  forbids: {webhook: {url: "HTTP/forbids", format: alertmanager}}
  hangs: {discord: {webhook_url_file: hangs}}
  away: {webhook: {url: "http://127.0.0.1:AWAY/", format: alertmanager}}
  limps: {webhook: {url: "HTTP/limps", format: alertmanager}}
"""
Running = tuple[Alertmanager, Recorder, Trials, dict[str, Outcome]]
SLOW = ("refuses", "hangs", "away")
PATIENT = 90.0  # seconds: on a busy machine Alertmanager gives up later, and it is what is to be heard


@pytest.fixture(scope="module", params=["pin", "floor"])
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, program: Callable[..., Path]
) -> Iterator[Running]:
    with recording() as recorder:
        stack = STACK.replace("HTTP", recorder.http).replace("AWAY", str(choose_ports(1)[0]))
        secrets = {name: f"{recorder.http}/{name}" for name in ("fine", "hangs")}
        path = files(tmp_path_factory.mktemp("trial"), stack, secrets, recorder.http.removeprefix("http://"))
        asked: list[str] = []

        def answer(path: str) -> int:
            asked.append(path)
            limping = path == "/limps" and asked.count(path) == 1
            return 500 if path == "/refuses" or limping else 403 if path == "/forbids" else 200

        recorder.answer, recorder.held = answer, lambda path: path == "/hangs"
        with running(program("alertmanager", request.param), path) as alertmanager:
            trials = Trials(
                alertmanager.address, recorder.http, "staging", lambda: alertmanager.log.read_text().splitlines()
            )
            with ThreadPoolExecutor() as pool:  # each takes the ten seconds after which Alertmanager gives up
                slow = dict(zip(SLOW, pool.map(lambda name: trials.run(name, PATIENT), SLOW), strict=True))
            yield alertmanager, recorder, trials, slow
            recorder.hold.set()


def test_a_receiver_that_accepts(started: Running) -> None:
    alertmanager, recorder, trials, _ = started
    outcome = trials.run("fine", PATIENT)
    assert (outcome.accepted, outcome.words, outcome.attempts) == (True, "accepted", 1)
    sent = json.loads(recorder.of("/fine")[0].body)["attachments"][0]
    assert sent["title"] == "[INFO] NotificationTest on watchstack (staging)"
    assert sent["text"].startswith(
        "*A test: nothing is wrong*\n./stack notify-test sent this to fine. It ends by itself."
    )
    assert not recorder.of("/api/v1/inbox")  # nobody else is told
    fine = lambda: [one for one in alertmanager.alerts() if one["labels"]["told"] == "fine"]  # noqa: E731
    until(lambda: not fine(), why="the test is ended")
    until(lambda: len(recorder.of("/fine")) == 2, why="and its end is told")
    assert "RESOLVED" in recorder.of("/fine")[1].body.decode()


def test_a_receiver_that_refuses(started: Running) -> None:
    """Alertmanager tries again for ten seconds after a 500, and not at all after a 403."""
    outcome = started[3]["refuses"]
    assert not outcome.accepted
    assert outcome.attempts > 1
    assert outcome.words.startswith(f"not accepted after {outcome.attempts} attempts: unexpected status code 500")
    outcome = started[2].run("forbids", PATIENT)
    assert (outcome.accepted, outcome.attempts) == (False, 1)
    assert "not accepted after 1 attempt: " in outcome.words
    assert "unexpected status code 403" in outcome.words


def test_a_receiver_that_hangs(started: Running) -> None:
    outcome = started[3]["hangs"]
    assert not outcome.accepted
    assert outcome.words.startswith("not accepted after 1 attempt: ")
    assert "deadline exceeded" in outcome.words
    assert started[1].http not in outcome.words  # the address is a secret


def test_a_receiver_that_is_not_there(started: Running) -> None:
    outcome = started[3]["away"]
    assert not outcome.accepted
    assert "connection refused" in outcome.words


def test_a_receiver_that_takes_it_at_the_second_attempt(started: Running) -> None:
    outcome = started[2].run("limps", PATIENT)
    assert (outcome.accepted, outcome.words) == (True, "accepted at attempt 2")


def test_a_silence_is_told(started: Running) -> None:
    alertmanager, recorder, trials, _ = started
    now = datetime.now(UTC)
    matcher = {"name": "environment", "value": "staging", "isRegex": False}
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(seconds=30)).isoformat()}
    before = len(recorder.of("/fine"))
    made = alertmanager.ask("/api/v2/silences", {"matchers": [matcher], "createdBy": "a", "comment": "b", **times})
    outcome = trials.run("fine", within=3)
    assert (outcome.accepted, outcome.words) == (False, f"a silence holds it back: {made['silenceID']}")
    assert len(recorder.of("/fine")) == before


def test_what_cannot_be_tried(started: Running) -> None:
    with pytest.raises(TrialError, match="does not know the receiver 'other'"):
        started[2].run("other")
    nowhere = Trials(f"http://127.0.0.1:{choose_ports(1)[0]}", "", "", list)
    with pytest.raises(TrialError, match="Alertmanager does not answer at"):
        nowhere.run("fine")

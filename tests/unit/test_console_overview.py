"""The first page and its JSON: is anything wrong, since when, whose; with every part, and without any."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_kit import START, TOKEN, FakeClock, alert, body, console, signed_in
from flask.testing import FlaskClient
from front_fakes import Answers, answering, vector
from watchstack.console import Console, create_app
from watchstack.console.overview import ANSWERING, BUDGET, BY_KEY, SERVICE_FIGURES, TARGETS, spoken

QUIET = "/api/v1/alerts"


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Prometheus and Alertmanager as they answer: nothing fires, one service of two is down."""
    with answering() as found:
        found.queries[TARGETS] = vector({"service": "shop"}, 2) + vector({"service": "billing"}, 1)
        found.queries[ANSWERING] = vector({"service": "shop"}, 2) + vector({"service": "billing"}, 0)
        found.queries[SERVICE_FIGURES["latency"]] = vector({"service": "shop"}, 0.0471)
        found.queries[BY_KEY["memory"].value] = vector({}, 84.2)
        found.queries[BY_KEY["errors"].value] = vector({}, "NaN")
        found.queries[BUDGET] = vector({"service": "shop", "slo": "availability"}, -0.125)
        yield found


@pytest.fixture
def own(tmp_path: Path, answers: Answers) -> Iterator[Console]:
    made = console(tmp_path, FakeClock(), prometheus=answers.address, alertmanager=answers.address)
    made.watchdog.heartbeat()
    yield made
    made.store.close()


def told(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/overview")
    assert answer.status_code == 200
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


def text(client: FlaskClient, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_what_is_wrong_since_when_and_whose(client: FlaskClient, answers: Answers) -> None:  # J-04 J-12
    answers.alerts = [
        answers.alert("High", START - 7200, severity="critical", service="shop", team="web"),
        answers.alert("Low", START - 90000, severity="info", team="ops"),
        answers.alert("Off", START - 10, severity="warning", state="suppressed", silencedBy=["gone"]),
    ]
    found = told(client)
    assert found["state"] == "bad"
    assert found["firing"] == {"critical": 1, "error": 0, "warning": 0, "info": 1, "other": 0}
    assert found["since_seconds"] == 7200  # the gravest alone: what is only told is no trouble
    assert found["whose"] == ["web"]
    assert [one["alertname"] for one in found["alerts"]] == ["High", "Low"]
    page = text(client)
    assert "Something is wrong" in page
    assert "2 alerts fire, since 2 h; team web." in page
    assert "<title>(2) Overview" in page


def test_services_have_health_in_words_and_colours_worst_first(client: FlaskClient, answers: Answers) -> None:  # J-03
    answers.queries[TARGETS] += vector({"service": "search"}, 1) + vector({"service": "till"}, 2)
    answers.queries[ANSWERING] += vector({"service": "search"}, 1) + vector({"service": "till"}, 1)
    answers.queries[SERVICE_FIGURES["checks"]] = vector({"service": "search"}, 0)
    answers.alerts = [answers.alert("Slow", START, severity="warning", service="shop")]
    rows = {row["service"]: row for row in told(client)["services"]}
    found = {name: (row["state"], row["words"]) for name, row in rows.items()}
    assert list(found) == ["billing", "search", "shop", "till"]
    assert found == {
        "billing": ("bad", "down"),
        "search": ("bad", "unhealthy"),
        "shop": ("fair", "degraded"),
        "till": ("fair", "degraded"),
    }
    assert [rows[name]["up"] for name in ("billing", "shop", "till")] == [False, True, False]
    page = text(client)
    assert 'class="health bad"><span class="sign bad" aria-hidden="true">✕</span>down' in page


def test_numbers_carry_units_and_the_state_of_their_limits(client: FlaskClient) -> None:  # J-02 J-06 J-14
    numbers = {number["key"]: number for number in told(client)["numbers"]}
    assert list(numbers) == ["requests", "errors", "latency", "cpu", "memory", "disk"]
    assert (numbers["memory"]["text"], numbers["memory"]["state"]) == ("84 %", "fair")
    assert (numbers["errors"]["text"], numbers["errors"]["state"]) == ("–", "unknown")  # not a number
    page = text(client)
    assert page.count('data-chart="/api/overview/charts/memory"') == 1
    assert 'data-chart="/api/overview/charts/cpu"' not in page  # nothing to draw


def test_budgets_under_zero_are_bad(client: FlaskClient) -> None:
    [budget] = told(client)["budgets"]
    assert (budget["text"], budget["state"]) == ("overspent by 12 %", "bad")
    assert 'aria-label="Error budget of shop, availability"' in text(client)


def test_a_chart_is_the_course_of_a_number_with_its_limits(client: FlaskClient, answers: Answers) -> None:
    series = [{"metric": {"instance": "a"}, "values": [[START - 15, "1"], [START, "NaN"]]}]
    answers.queries[BY_KEY["cpu"].chart] = series
    found = client.get("/api/overview/charts/cpu").get_json()
    assert found["series"] == [{"name": "a", "points": [[START - 15, 1.0], [START, None]]}]
    assert found["thresholds"] == [{"value": 80, "colour": "orange"}, {"value": 90, "colour": "red"}]
    asked = answers.asked[-1]
    assert float(asked["end"]) - float(asked["start"]) == 3600
    assert client.get("/api/overview/charts/nothing").status_code == 404


def test_without_any_part_the_page_says_what_is_missing_and_shows_what_the_inbox_knows(tmp_path: Path) -> None:
    own = console(tmp_path, FakeClock(), prometheus="http://127.0.0.1:1", alertmanager="http://127.0.0.1:1")
    client = signed_in(create_app(own).test_client())
    content = body(alert("Kept", severity="critical", team="web"))
    client.post("/api/v1/inbox", json=content, headers={"Authorization": f"Bearer {TOKEN}"})
    page = text(client)
    assert "Prometheus is not reached" in page
    assert "Alertmanager is not reached" in page
    assert "1 alert fires" in page
    assert "Kept it is" in page
    assert client.get("/api/overview/charts/cpu").status_code == 503
    own.store.close()


def test_a_part_that_hangs_holds_the_page_up_for_no_longer_than_its_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("overview", "alerts.active"):
        monkeypatch.setattr(f"watchstack.console.{module}.SHORT", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hanging:  # takes connections and never answers
        address = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        own = console(tmp_path, FakeClock(), prometheus=address, alertmanager=address)
        client = signed_in(create_app(own).test_client())
        began = time.monotonic()
        page = text(client)
        assert time.monotonic() - began < 15  # half of what the usual timeout makes of sixteen questions
        assert "Prometheus is not reached" in page
        own.store.close()


def test_the_verdict_says_what_is_wrong(own: Console, client: FlaskClient, answers: Answers) -> None:
    assert "billing is down. " in text(client)
    answers.queries[TARGETS] = vector({"service": "shop"}, 2)
    assert "is down. " not in text(client)
    own.clock.advance(3600)  # type: ignore[attr-defined]
    own.watchdog.tick()
    assert "Watchdog: silent. " in text(client)


def test_all_is_well_is_not_said_blindly(client: FlaskClient, answers: Answers) -> None:
    answers.queries[TARGETS] = vector({"service": "shop"}, 2)
    assert told(client)["state"] == "good"
    answers.broken.add(QUIET)
    assert told(client)["state"] == "unknown"
    assert "All is well" not in text(client)


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (None, "s", "–"), (0.0404, "s", "40 ms"), (2.5, "s", "2.50 s"), (9.96, "percent", "10.0 %"),
        (61, "percent", "61 %"), (0.1, "reqps", "0.10/s"), (1234, "reqps", "1.2 k/s"), (3, "short", "3"),
    ],
)  # fmt: skip
def test_numbers_are_spoken(value: float | None, unit: str, wanted: str) -> None:
    assert spoken(value, unit) == wanted


def test_answers_that_are_no_answers_break_nothing(client: FlaskClient, answers: Answers) -> None:
    for content in (b"null", b"{}", b'{"data": {"resultType": "matrix"}}', b"<html>", json.dumps({"data": 1}).encode()):
        answers.raw = content
        assert client.get("/").status_code == 200
        assert told(client)["troubles"]
        assert client.get("/alerts").status_code == 200

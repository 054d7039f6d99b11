"""How often one may guess and ask: delays, floods, who is counted as one, memory."""

from __future__ import annotations

from typing import Any

import pytest
from console_kit import PASSWORDS, FakeClock, signed_in
from flask import Flask
from flask.testing import FlaskClient
from watchstack.console.access.limits import FREE, LONGEST, LONGEST_ACCOUNT, MOST, Buckets, Guesses, guesser


def guess(client: FlaskClient, password: str, user: str = "admin", address: str = "127.0.0.1") -> Any:
    return client.post("/login", data={"user": user, "password": password}, environ_overrides={"REMOTE_ADDR": address})


def test_wrong_passwords_cost_ever_more_time(client: FlaskClient, clock: FakeClock) -> None:  # M-07
    waits = []
    for number in range(FREE + 8):
        answer = guess(client, f"wrong {number}")
        assert answer.status_code == 401
        answer = guess(client, PASSWORDS["admin"]) if number + 1 >= FREE else answer
        if answer.status_code == 429:
            waits.append(int(answer.headers["Retry-After"]))
            assert "Set-Cookie" not in answer.headers
            assert "try again in" in answer.get_data(as_text=True)
            clock.advance(waits[-1] - 0.1)
            assert guess(client, PASSWORDS["admin"]).status_code == 429
            clock.advance(0.2)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert guess(client, PASSWORDS["admin"]).status_code == 303


def test_one_guesser_holds_up_neither_other_addresses_nor_other_accounts(client: FlaskClient) -> None:
    for number in range(FREE):
        guess(client, f"wrong {number}", address="192.0.2.1")
    assert guess(client, PASSWORDS["admin"], address="192.0.2.1").status_code == 429
    assert guess(client, PASSWORDS["admin"], address="192.0.2.2").status_code == 303
    assert guess(client, PASSWORDS["viewer"], "viewer", "192.0.2.1").status_code == 303


def test_guessers_from_everywhere_are_slowed_down_together(client: FlaskClient, clock: FakeClock) -> None:
    tried = 0
    for number in range(1000):
        clock.advance(0.3)
        tried += guess(client, f"wrong {number}", address=f"198.51.{number % 200}.{number // 200}").status_code == 401
    assert 100 <= tried <= 100 + 300 / LONGEST_ACCOUNT + 10
    clock.advance(LONGEST_ACCOUNT)
    assert guess(client, PASSWORDS["admin"], address="192.0.2.1").status_code == 303


def test_bearer_tokens_are_no_way_around(client: FlaskClient, clock: FakeClock) -> None:
    def shown(token: str) -> int:
        return client.get("/api/v1/inbox", headers={"Authorization": f"Bearer {token}"}).status_code

    assert [shown(f"wrong {number}") for number in range(FREE)] == [401] * FREE
    assert shown(PASSWORDS["admin"]) == 429
    for path in ("/health", "/metrics", "/login"):  # what is open stays open
        assert client.get(path, headers={"Authorization": "Bearer x"}).status_code in (200, 503)
    clock.advance(LONGEST)
    assert [shown(PASSWORDS["admin"]) for _ in range(50)] == [200] * 50
    assert [shown("the old one") for _ in range(50)] == [401] + [429] * 49
    clock.advance(LONGEST)
    assert [shown("the old one") for _ in range(50)] == [401] * 50  # the same again is no guess
    assert shown(PASSWORDS["admin"]) == 200


def test_a_proxys_own_basic_credentials_are_not_ours(client: FlaskClient) -> None:
    assert client.get("/api/v1/inbox", headers={"Authorization": "Basic YTpi"}).status_code == 401
    signed_in(client)
    assert client.get("/api/v1/inbox", headers={"Authorization": "Basic YTpi"}).status_code == 200


def test_many_people_with_large_pages_never_hit_the_limit(app: Flask, clock: FakeClock) -> None:
    """Five people, each with two pages of 24 panels with three questions, every 15 s, for five minutes."""
    people = [signed_in(app.test_client(), role) for role in ("admin", "viewer", "viewer", "viewer", "admin")]
    for _ in range(3):
        for person in people:
            statuses = {person.get("/api/v1/inbox?limit=1").status_code for _ in range(2 * 24 * 3)}
            assert statuses == {200}
        clock.advance(15)


def test_a_flood_is_answered_429_and_the_flooder_alone(app: Flask, clock: FakeClock) -> None:
    calm, flooder = signed_in(app.test_client()), app.test_client()
    answers = [flooder.get("/api/v1/inbox") for _ in range(400)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "try again" in answers[-1].json["error"]
    assert calm.get("/api/v1/inbox").status_code == 200
    clock.advance(1)
    assert flooder.get("/api/v1/inbox").status_code == 401


def test_what_alertmanager_sends_is_never_held_up(client: FlaskClient) -> None:
    statuses = {client.post("/api/v1/inbox", json={}).status_code for _ in range(500)}
    assert statuses == {401}  # no token; never 429


def test_memory_is_bounded_against_many_addresses() -> None:
    clock = FakeClock()
    buckets, guesses = Buckets(clock, 1, 2), Guesses(clock)
    for number in range(MOST + 500):
        buckets.take(f"{number}")
        guesses.attempt(f"{number}", "admin", f"{number}", lambda: None)
    assert len(buckets) == MOST
    assert len(guesses) == MOST
    clock.advance(3600)
    assert guesses.attempt("new", "admin", "right", lambda: "found") == (0.0, "found")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("x\n", "unknown"),
    ],
)
def test_whom_a_limit_counts_as_one(address: str, counted: str) -> None:
    assert guesser(address) == counted

"""Every route of the console against everybody who may knock. The routes are read from the application itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from console_kit import PASSWORDS, FakeClock, bearer, console, signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.access.accounts import FILES
from watchstack.console.access.guard import COOKIE, CSRF_HEADER
from watchstack.console.access.sessions import ABSOLUTE, IDLE, csrf_of

# What is not under the rule, written down here once more: a route that opens itself must change this test.
OPEN = {
    ("GET", "/login"), ("POST", "/login"), ("GET", "/health"), ("GET", "/health/live"), ("GET", "/health/ready"),
    ("GET", "/metrics"), ("GET", "/static/<path:filename>"), ("GET", "/assets/chart.js"),
    ("GET", "/assets/chart.js.LICENSE"),
}  # fmt: skip
TOKEN = {("POST", "/api/v1/inbox"), ("POST", "/api/v1/watchdog"), ("POST", "/api/v1/relay/<name>")}
ADMIN = {("GET", path) for path in ("/audit", "/api/audit", "/api/export", "/api/export/alerts.csv")}
ANY_ACCOUNT = {"/logout"}
VALUES = {"number": 1, "filename": "style.css"}


@dataclass(frozen=True)
class Route:
    method: str
    rule: str
    path: str

    @property
    def key(self) -> tuple[str, str]:
        """HEAD goes the way of GET."""
        return ("GET" if self.method == "HEAD" else self.method, self.rule)

    @property
    def for_viewers(self) -> bool:
        return self.key not in ADMIN and (self.method in ("GET", "HEAD") or self.rule in ANY_ACCOUNT)


@pytest.fixture
def own(tmp_path: Path, clock: FakeClock) -> Iterator[Console]:
    made = console(tmp_path, clock)
    yield made
    made.store.close()


def routes(client: FlaskClient) -> list[Route]:
    """Every route and method, and a few addresses that are none."""
    adapter = client.application.url_map.bind("localhost")
    found = []
    for rule in client.application.url_map.iter_rules():
        path = adapter.build(rule.endpoint, {name: VALUES.get(name, "one") for name in rule.arguments})
        found += [Route(method, rule.rule, path) for method in sorted(rule.methods or ())]
    absent = [
        Route(method, path, path) for path in ("/nothing", "/api/nothing") for method in ("GET", "POST", "DELETE")
    ]
    return [*found, *absent, Route("PUT", "/silences", "/silences"), Route("DELETE", "/login", "/login")]


def guarded(client: FlaskClient) -> list[Route]:
    free = OPEN | TOKEN
    told = {rule for _, rule in free}  # OPTIONS there tells the methods alone
    found = [
        one for one in routes(client) if one.key not in free and not (one.method == "OPTIONS" and one.rule in told)
    ]
    assert len(found) > 40
    return found


def ask(client: FlaskClient, route: Route, **options: Any) -> Any:
    return client.open(route.path, method=route.method, buffered=True, **options)


def is_turned_away(route: Route, answer: Any) -> bool:
    """As one who is not signed in: JSON for programs, the form for people."""
    if route.path.startswith("/api/"):
        said = route.method == "HEAD" or "error" in answer.json
        return bool(answer.status_code == 401 and said and answer.headers["WWW-Authenticate"].startswith("Bearer"))
    location = answer.headers.get("Location", "")
    return bool(answer.status_code == 303 and (location == "/login" or location.startswith("/login?next=%2F") or
                                                location.startswith("/login?next=/")))  # fmt: skip


# M-01 M-05 M-06
def test_nobody_gets_in_anywhere(client: FlaskClient) -> None:
    for route in guarded(client):
        assert is_turned_away(route, ask(client, route)), route


def test_what_is_open_and_what_wants_the_inbox_token_is_exactly_this(client: FlaskClient) -> None:
    there = {route.key for route in routes(client)}
    assert there >= OPEN | TOKEN | ADMIN
    for route in routes(client):
        if route.method == "OPTIONS":
            continue
        answer = ask(client, route)
        if route.key in OPEN:
            assert answer.status_code in (200, 401 if route.method == "POST" else 200, 503), route  # 503: unhealthy
        if route.key in TOKEN:
            assert (answer.status_code, answer.json["error"]) == (401, "show the inbox token as a bearer token"), route
    for role in FILES:  # nor does an account's password open the inbox
        assert client.post("/api/v1/inbox", json={}, headers=bearer(role)).status_code == 401


@pytest.mark.parametrize("way", ["session", "bearer"])
def test_a_viewer_looks_and_changes_nothing(client: FlaskClient, way: str) -> None:
    for route in guarded(client):
        if way == "session" and client.get_cookie(COOKIE) is None:  # at first, and after /logout
            signed_in(client, "viewer")
        answer = ask(client, route, headers=bearer("viewer") if way == "bearer" else {})
        if route.for_viewers:
            assert answer.status_code not in (401, 403, 429), route
            assert route.rule in ANY_ACCOUNT or "/login" not in answer.headers.get("Location", ""), route
        else:
            assert answer.status_code == 403, route


@pytest.mark.parametrize("way", ["session", "bearer"])
def test_an_admin_may_do_everything(client: FlaskClient, way: str) -> None:
    for route in guarded(client):
        if way == "session" and client.get_cookie(COOKIE) is None:  # at first, and after /logout
            signed_in(client)
        answer = ask(client, route, headers=bearer() if way == "bearer" else {})
        assert answer.status_code not in (401, 403, 429), route
        assert route.rule in ANY_ACCOUNT or "/login" not in answer.headers.get("Location", ""), route


def test_a_forged_session_is_none(client: FlaskClient) -> None:
    signed_in(client)
    real = client.get_cookie(COOKIE)
    assert real is not None
    for forged in (
        real.value[:-1] + ("A" if real.value[-1] != "A" else "B"),
        real.value[:-1],
        "x" * 43,
        "é",
        "a" * 3000,
    ):
        client.set_cookie(COOKIE, forged)
        client.environ_base["HTTP_X_CSRF_TOKEN"] = csrf_of(forged)
        for route in guarded(client)[::7]:
            assert is_turned_away(route, ask(client, route)), (route, forged[:50])


def test_a_kept_hash_is_no_session(own: Console, client: FlaskClient) -> None:
    """What a reader of the store sees lets nobody in, and does not hold the password."""
    signed_in(client)
    with own.store.read() as connection:
        [row] = [tuple(found) for found in connection.execute("SELECT * FROM session")]
    assert PASSWORDS["admin"] not in str(row)
    for value in row:
        client.set_cookie(COOKIE, str(value))
        assert client.get("/api/v1/inbox").status_code == 401


@pytest.mark.parametrize("after", [IDLE, ABSOLUTE])
def test_an_expired_session_is_none(client: FlaskClient, clock: FakeClock, after: float) -> None:
    for route in guarded(client)[::7]:
        signed_in(client)
        clock.advance(after)
        assert is_turned_away(route, ask(client, route)), route


def test_a_session_lives_while_it_is_used_and_ends_after_seven_days_all_the_same(
    client: FlaskClient, clock: FakeClock
) -> None:
    signed_in(client)
    passed = 0.0
    while passed + IDLE - 1 < ABSOLUTE:
        clock.advance(IDLE - 1)
        passed += IDLE - 1
        assert client.get("/api/v1/inbox").status_code == 200, passed
    clock.advance(ABSOLUTE - passed)
    assert client.get("/api/v1/inbox").status_code == 401


def test_a_session_of_a_clock_that_was_far_ahead_is_none(client: FlaskClient, clock: FakeClock) -> None:
    """Else it would live until that time comes; a clock that is set back a little throws nobody out."""
    clock.wall += 365 * 86400.0
    signed_in(client)
    clock.wall -= 3600.0
    assert client.get("/api/v1/inbox").status_code == 200
    clock.wall -= 365 * 86400.0
    assert client.get("/api/v1/inbox").status_code == 401


def test_a_session_that_was_left_is_none(client: FlaskClient) -> None:
    signed_in(client)
    kept = client.get_cookie(COOKIE)
    assert kept is not None
    assert client.post("/logout").headers["Location"] == "/login"
    assert client.get_cookie(COOKIE) is None
    client.set_cookie(COOKIE, kept.value)
    for route in guarded(client):
        assert is_turned_away(route, ask(client, route)), route


@pytest.mark.parametrize(("changed", "stays"), [("admin", "viewer"), ("viewer", "admin")])
def test_a_changed_password_ends_the_sessions_of_its_account_alone(own: Console, changed: str, stays: str) -> None:
    app = create_app(own)
    out, still = signed_in(app.test_client(), changed), signed_in(app.test_client(), stays)
    (own.settings.secrets / FILES[changed]).write_text("another-password\n")
    for route in guarded(out)[::5]:
        assert is_turned_away(route, ask(out, route)), route
        assert out.get("/api/v1/inbox", headers=bearer(changed)).status_code in (401, 429)
    assert still.get("/api/v1/inbox").status_code == 200
    assert out.get("/login").status_code == 200
    answer = app.test_client().get("/api/v1/inbox", headers={"Authorization": "Bearer another-password"})
    assert answer.status_code in (200, 429)


def test_a_password_file_that_is_away_lets_nobody_in_and_throws_nobody_out(
    own: Console, client: FlaskClient, clock: FakeClock
) -> None:
    signed_in(client)
    file = own.settings.secrets / FILES["admin"]
    for content in (None, "", "  \n"):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        assert client.get("/api/v1/inbox").status_code == 401
        for shown in ("", "none", "\0none"):
            clock.advance(1000)
            headers = {"Authorization": f"Bearer {shown}".encode().decode("latin-1")}
            assert client.get("/api/v1/inbox", headers=headers).status_code == 401
        assert any("nobody signs in as admin" in problem for problem in own.problems())
    file.write_text(PASSWORDS["admin"])
    assert client.get("/api/v1/inbox").status_code == 200


def test_sessions_outlive_a_restart_and_a_store_that_cannot_be_written(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    first = console(tmp_path, clock)
    client = signed_in(create_app(first).test_client())  # the store is away: memory holds it
    assert client.get("/health/ready").status_code == 503
    kept = client.get_cookie(COOKIE)
    assert kept is not None
    (tmp_path / "data").unlink()
    first.access.sessions.keep()
    first.store.close()
    again = console(tmp_path, clock)
    client = create_app(again).test_client()
    client.set_cookie(COOKIE, kept.value)
    assert client.get("/api/v1/inbox").status_code == 200
    assert client.post("/logout", headers={CSRF_HEADER: csrf_of(kept.value)}).status_code == 303
    again.store.close()
    third = console(tmp_path, clock)
    client = create_app(third).test_client()
    client.set_cookie(COOKIE, kept.value)
    assert client.get("/api/v1/inbox").status_code == 401
    third.store.close()

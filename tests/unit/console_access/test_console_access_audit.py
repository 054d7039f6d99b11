"""The audit log, its page and its bounds; the headers of every answer."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from console_kit import PASSWORDS, TOKEN, FakeClock, bearer, console, signed_in
from flask import Flask
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.access.audit import DAYS, LONGEST, harmless
from watchstack.console.access.guard import COOKIE
from watchstack.console.app import HEADERS
from watchstack.serve import JsonLines

END = "/silences/0-1/end"
ASKED = (
    "/", "/login", "/audit", "/api/audit", "/api/v1/inbox", "/api/nothing", "/nothing", "/health", "/metrics",
    "/static/style.css", "/static/nothing", "/assets/chart.js", "/runbooks", "/silences/new",
)  # fmt: skip


def noted(own: Console) -> list[tuple[str, str, str]]:
    """Who, what, to what; oldest first."""
    return [(one.user, one.action, one.target) for one in reversed(own.audit.newest(limit=1000))]


def test_every_access_and_change_is_noted(own: Console, client: FlaskClient, app: Flask) -> None:  # M-11
    client.post("/login", data={"user": "admin", "password": "wrong"})
    client.post("/login", data={"user": "who", "password": "wrong"})
    signed_in(client, "viewer")
    client.get("/silences")  # looking at what everybody may see is none
    client.post(END)
    client.get("/audit")
    client.post("/logout")
    signed_in(client)
    client.post(END)
    client.get("/api/audit")
    client.post(END, headers={"X-CSRF-Token": "wrong"})
    client.get("/api/v1/inbox", headers={"Authorization": "Bearer wrong"})
    program = {"headers": bearer("viewer"), "environ_overrides": {"REMOTE_ADDR": "192.0.2.8"}}
    for _ in range(3):  # with every request, which is one sign-in
        assert app.test_client().get("/api/v1/inbox", **program).status_code == 200
    app.test_client().post(END, headers=bearer(), environ_overrides={"REMOTE_ADDR": "192.0.2.9"})
    assert noted(own) == [
        ("-", "login.failed", "admin"),
        ("-", "login.failed", "unknown"),
        ("viewer", "login", "viewer"),
        ("viewer", "refused", END),
        ("viewer", "refused", "/audit"),
        ("viewer", "logout", "viewer"),
        ("admin", "login", "admin"),
        ("admin", "silences.end", END),
        ("admin", "read", "/api/audit"),
        ("admin", "refused", END),
        ("-", "refused", "/api/v1/inbox"),
        ("viewer", "login", "viewer"),
        ("admin", "login", "admin"),
        ("admin", "silences.end", END),
    ]
    last = own.audit.newest(limit=1)[0]
    assert (last.address, last.at, dict(last.facts)) == (
        "192.0.2.9",
        own.clock.time(),
        {"method": "POST", "status": "503"},
    )


def test_a_view_says_more_and_the_guard_then_says_nothing(own: Console, app: Flask) -> None:
    @app.post("/made")
    def made() -> str:
        own.audit.note("thing.make", "thing 7", until="noon")
        return "made"

    signed_in(app.test_client()).post("/made")
    assert noted(own)[1:] == [("admin", "thing.make", "thing 7")]
    assert own.audit.newest(limit=1)[0].facts == {"until": "noon"}


def test_outside_of_a_request_the_console_itself_acts(own: Console) -> None:
    own.audit.note("thing.make", "thing")
    assert noted(own) == [("console", "thing.make", "thing")]


def test_no_secret_is_in_the_log_or_the_store(
    own: Console, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:  # M-14 M-16
    caplog.set_level(logging.DEBUG)
    typed = "a-password-in-the-wrong-field"
    client.post("/login", data={"user": typed, "password": "guess-of-a-password"})
    signed_in(client)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    client.post(END, data={"why": "text-of-a-body"})
    client.get("/api/v1/inbox", headers={"Authorization": "Bearer token-that-is-wrong"})
    client.post(END, headers=bearer())
    with own.store.read() as connection:
        kept = str(
            [
                tuple(row)
                for table in ("audit", "session", "note")
                for row in connection.execute(f"SELECT * FROM {table}")
            ]
        )
    said = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert '"action": "login"' in said
    for secret in (
        typed, "guess-of-a-password", "text-of-a-body", "token-that-is-wrong", cookie.value, TOKEN, *PASSWORDS.values(),
        client.environ_base["HTTP_X_CSRF_TOKEN"],
    ):  # fmt: skip
        assert secret not in said
        assert secret not in kept


def test_nothing_of_a_request_begins_a_line_of_the_log(
    own: Console, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    signed_in(client, "viewer")
    evil = '/x\n{"level": "info", "user": "admin"}\r\x1b[31m\x85\u2028\u202e"'
    client.post(quote(evil))
    [record] = [one for one in caplog.records if "refused" in one.getMessage()]
    line = JsonLines().format(record)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    told = json.loads(line)
    assert (told["user"], told["action"], told["address"]) == ("viewer", "refused", "127.0.0.1")
    [kept] = own.audit.newest(limit=1)
    assert kept.target == told["target"]
    assert kept.target.isprintable()
    assert "\\n" in kept.target
    page = signed_in(client).get("/audit").get_data(as_text=True)
    assert "\x1b" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("text", ["", "plain", "ä 日本", "a\nb\r\0\x7f\x1b[0m\x9f\ud800\u2066", "x" * 5000])
def test_what_is_noted_is_one_short_line(text: str) -> None:
    said = harmless(text)
    assert said.isprintable()
    assert len(said) <= max(LONGEST, 10 * len(text) if len(text) < LONGEST else LONGEST)
    assert said.encode() or not text
    assert harmless("plain ä") == "plain ä"


def test_the_page_shows_filters_and_goes_on(own: Console, client: FlaskClient) -> None:
    signed_in(client)
    for number in range(130):
        own.audit.note("silence.create" if number % 2 else "silence.end", f"number {number}", why=f"<b>{number}</b>")
    page = client.get("/audit").get_data(as_text=True)
    assert "number 129" in page
    assert "&lt;b&gt;129" in page
    assert "<b>129" not in page
    assert "number 3<" not in page
    older = client.get("/audit" + page.split('<p class="more"><a href="')[1].split('"')[0].replace("&amp;", "&"))
    assert "number 3<" in older.get_data(as_text=True)
    ends = client.get("/audit?action=silence.end&user=console").get_data(as_text=True)
    assert "number 128" in ends
    assert "number 129" not in ends
    assert "Nothing matches" in client.get("/audit?user=nobody").get_data(as_text=True)
    assert client.get("/audit?before=x").status_code == 400


def test_the_json_twin(own: Console, client: FlaskClient) -> None:
    def found(query: str = "") -> Any:
        answer = client.get(f"/api/audit{query}", headers=bearer())
        assert answer.status_code == 200
        return answer.json

    assert found()[0]["facts"] == {"by": "bearer token"}
    own.audit.note("silence.create", "a", until="noon")
    own.audit.note("silence.end", "b")
    own.audit.note("silences", "c")
    assert found("?limit=1")[0] == {
        "id": 5, "at": "2026-09-21T14:13:20.000Z", "user": "console", "action": "silences", "target": "c",
        "address": "", "facts": {},
    }  # fmt: skip
    assert [one["target"] for one in found("?action=silence")] == ["b", "a"]
    assert next(one["target"] for one in found("?before=4")) == "a"
    assert [one["action"] for one in found("?user=admin")] == ["read"] * 4 + ["login"]
    for query in ("?limit=0", "?limit=1001", "?limit=x", "?before=-1", "?before=9" + "9" * 30, "?limit=²"):
        assert client.get(f"/api/audit{query}", headers=bearer()).status_code == 400


def test_it_is_bounded_by_number_age_and_rate(own: Console, clock: FakeClock, app: Flask, monkeypatch: Any) -> None:
    monkeypatch.setattr("watchstack.console.access.audit.MOST", 50)
    for number in range(80):
        own.audit.note("a", f"{number}")
    assert [one.target for one in own.audit.newest(limit=100)] == [f"{number}" for number in range(79, 29, -1)]
    clock.advance(DAYS * 86400 + 1)
    own.audit.note("b")
    own.prune()
    assert [one.action for one in own.audit.newest(limit=100)] == ["b"]
    flooder = signed_in(app.test_client(), "viewer")
    for _ in range(300):
        assert flooder.post(END).status_code == 403
    assert len(own.audit.newest(limit=1000, action="refused")) <= 50
    clock.advance(5)
    flooder.post(END)
    assert own.audit.newest(limit=1)[0].facts["left_out"] == "100"


def test_a_long_flood_of_refusals_pushes_out_no_more_than_half(
    own: Console, clock: FakeClock, app: Flask, monkeypatch: Any
) -> None:
    """One a second is noted for ever: in six hours it would be the whole log."""
    monkeypatch.setattr("watchstack.console.access.audit.MOST", 20)
    for number in range(30):
        own.audit.note("silence.create", f"{number}")
    with app.test_request_context("/login"):
        for number in range(60):
            clock.advance(1)
            own.audit.refuse(("refused", "login.failed")[number % 2], f"{number}", "-")
    found = [one.target for one in own.audit.newest(limit=100)]
    assert found == [f"{number}" for number in (*range(59, 49, -1), *range(29, 19, -1))]


def test_a_store_that_is_away_costs_the_row_and_not_the_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "data").write_text("a file where the folder should be")
    own = console(tmp_path)
    client = signed_in(create_app(own).test_client())
    assert any("admin login admin" in record.getMessage() for record in caplog.records)
    assert client.get("/audit").status_code == 503
    assert client.get("/api/audit").status_code == 503
    own.store.close()


# Headers


@pytest.mark.parametrize("who", ["nobody", "viewer", "admin"])
def test_every_answer_carries_the_secure_headers(app: Flask, who: str) -> None:
    client = app.test_client() if who == "nobody" else signed_in(app.test_client(), who)
    asked = [("GET", path) for path in ASKED]
    asked += [("PUT", "/silences"), ("DELETE", "/api/v1/inbox"), ("POST", END), ("OPTIONS", "/"), ("POST", "/health")]
    for method, path in asked:
        answer = client.open(path, method=method, buffered=True)
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (method, path, name)
        assert "Server" not in answer.headers
        files = answer.status_code == 200 and path.startswith(("/static/", "/assets/"))
        assert files or answer.headers["Cache-Control"] == "no-store", (method, path)
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]


def test_errors_are_json_for_programs_and_a_page_for_people(app: Flask) -> None:
    @app.get("/api/broken")
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the inner life of the console")

    client = signed_in(app.test_client())
    for path in ("/api/broken", "/broken"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "inner life" not in answer.get_data(as_text=True)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert (answer.json is not None and "its log says why" in answer.json["error"]) == path.startswith("/api/")
    answer = client.put("/api/v1/inbox")
    assert (answer.status_code, "error" in answer.json, "POST" in answer.headers["Allow"]) == (405, True, True)
    answer = client.put("/silences")
    assert (answer.status_code, answer.mimetype) == (405, "text/html")
    huge = client.post("/api/v1/inbox", data=b"x" * (9 << 20), headers={"Authorization": f"Bearer {TOKEN}"})
    assert (huge.status_code, "error" in huge.json) == (413, True)


def test_a_stranger_learns_nothing_of_the_stack_from_an_error(client: FlaskClient) -> None:
    for path in ("/static/nothing", "/nothing", "/api/nothing", "/login"):
        said = client.get(path, buffered=True).get_data(as_text=True)
        assert "Watchdog" not in said
        assert "alerting is silent" not in said

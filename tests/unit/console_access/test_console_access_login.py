"""Signing in and out: the form, the cookie, CSRF, where `next` may lead. Guessing and floods: _limits."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from console_kit import PASSWORDS, FakeClock, anywhere, bearer, console, signed_in
from flask import Flask
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.access.guard import COOKIE, CSRF_HEADER, SECURE_COOKIE, own_path
from watchstack.console.access.limits import FREE
from watchstack.console.access.sessions import csrf_of
from watchstack.console.alerts.silences import LARGEST_FORM

RIGHT = {"user": "admin", "password": PASSWORDS["admin"]}
END = "/silences/0-1/end"  # a change that reaches its view: Alertmanager is away, 503


def cookie(client: FlaskClient) -> str:
    found = client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def guess(client: FlaskClient, password: str, user: str = "admin", address: str = "127.0.0.1") -> Any:
    return client.post("/login", data={"user": user, "password": password}, environ_overrides={"REMOTE_ADDR": address})


def test_the_form_leads_to_where_one_wanted_to_go(client: FlaskClient) -> None:
    turned = client.get("/inbox?status=firing&alertname=A%26b")
    assert turned.status_code == 303
    page = client.get(turned.headers["Location"]).get_data(as_text=True)
    [wanted] = re.findall(r'name="next" value="([^"]*)"', page)
    assert html.unescape(wanted) == "/inbox?status=firing&alertname=A%26b"
    answer = client.post("/login", data={**RIGHT, "next": html.unescape(wanted)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox?status=firing&alertname=A%26b")
    assert client.get(answer.headers["Location"]).status_code == 200
    assert client.post("/silences").status_code == 403  # this session, but without a CSRF token
    assert client.post("/login", data=RIGHT).headers["Location"] == "/"


@pytest.mark.parametrize("user", ["admin", "viewer", "root", "", "x" * 9000, "ad\0min", "ädmin"])
def test_a_wrong_password_is_not_told_apart_from_an_unknown_account(client: FlaskClient, user: str) -> None:
    answer = guess(client, "wrong", user)
    assert answer.status_code == 401
    assert "do not belong together" in answer.get_data(as_text=True)
    assert client.get_cookie(COOKIE) is None
    assert "Set-Cookie" not in answer.headers
    assert guess(client, PASSWORDS["viewer"], "admin").status_code == 401
    assert guess(client, "", user).status_code == 401


def test_what_was_typed_comes_back_harmless_and_the_password_does_not(client: FlaskClient) -> None:
    page = guess(client, '"><script>secret-guess', '"><script>alert(1)</script>').get_data(as_text=True)
    assert "secret-guess" not in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


OUTSIDE = [
    "//evil.test", "///evil.test", "http://evil.test", "https:evil.test", "javascript:alert(1)", "/\\evil.test",
    "\\/evil.test", "/\t/evil.test", "/\n/evil.test", " //evil.test", "evil.test", "", "/x\r\nSet-Cookie: a=b",
    "/login?next=/login", "/logout", "/" + "x" * 3000, "/ /evil.test", "/\x00", "/[", "//[", "/\u2028x", "?x", "#x",
]  # fmt: skip


@pytest.mark.parametrize("wanted", OUTSIDE)
def test_next_leads_nowhere_else(client: FlaskClient, wanted: str) -> None:
    answer = client.post("/login", data={**RIGHT, "next": wanted})
    assert answer.status_code == 303
    location = answer.headers["Location"]
    assert location == "/" or (wanted == "/[" and location.startswith("/"))
    assert "a=b" not in answer.headers["Set-Cookie"]
    page = client.get("/login", query_string={"next": wanted}).get_data(as_text=True)
    assert 'name="next" value="/' in page


@pytest.mark.parametrize("wanted", ["/", "/inbox?status=firing", "/rules/a%2Fb/c", "/logs?q=%22//x%22", "/entries/7"])
def test_next_leads_to_a_page_of_ours(wanted: str) -> None:
    assert own_path(wanted) == wanted


def test_a_post_that_finds_nobody_signed_in_leads_to_the_form_and_not_back_to_itself(client: FlaskClient) -> None:
    assert client.post(END).headers["Location"] == "/login"
    assert client.get("/login").status_code == 200
    query = parse_qs(urlsplit(client.get("//evil.test/x").headers["Location"]).query)
    assert query.get("next", ["/"]) == ["/"] or query["next"][0].startswith("/x")


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client: FlaskClient) -> None:
    said = client.post("/login", data=RIGHT).headers["Set-Cookie"]
    assert said.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in said.split(";")}
    assert "Domain" not in said
    assert len(cookie(client)) >= 43  # 256 bits


def test_with_https_the_cookie_is_for_https_and_this_host_alone(tmp_path: Path) -> None:
    own = console(tmp_path, FakeClock(), address="https://console.test")
    client = create_app(own).test_client(use_cookies=False)
    said = client.post("/login", data=RIGHT, headers={"Host": "console.test"}).headers["Set-Cookie"]
    assert said.startswith(f"{SECURE_COOKIE}=")
    assert SECURE_COOKIE.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in said.split(";")}
    number = said.split("=", 1)[1].split(";")[0]
    shown = {"Host": "console.test", "Cookie": f"{SECURE_COOKIE}={number}"}
    assert client.get("/api/v1/inbox", headers=shown).status_code == 200
    plain = {"Host": "console.test", "Cookie": f"{COOKIE}={number}"}  # set by whoever has a neighbouring host
    assert client.get("/api/v1/inbox", headers=plain).status_code == 401
    assert "Secure" not in client.post("/login", data=RIGHT).headers["Set-Cookie"]  # over loopback, without TLS
    own.store.close()


def test_no_header_of_a_stranger_makes_it_https_or_another_address(own: Console, client: FlaskClient) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1;proto=https"}
    assert client.post("/login", data=RIGHT, headers=told).headers["Set-Cookie"].startswith(f"{COOKIE}=")
    assert own.audit.newest(limit=1)[0].address == "127.0.0.1"
    for number in range(FREE):
        client.post("/login", data={**RIGHT, "password": f"{number}"}, headers={"X-Forwarded-For": f"192.0.2.{number}"})
    assert client.post("/login", data=RIGHT, headers={"X-Forwarded-For": "192.0.2.99"}).status_code == 429


def test_a_session_is_new_at_every_sign_in(client: FlaskClient) -> None:
    """Nobody gets a session by having laid a cookie before (fixation)."""
    client.set_cookie(COOKIE, "laid-by-somebody")
    assert client.post("/login", data=RIGHT).status_code == 303
    first = cookie(client)
    assert first != "laid-by-somebody"
    assert client.post("/login", data=RIGHT).status_code == 303
    second = cookie(client)
    assert second != first
    client.set_cookie(COOKIE, first)
    assert client.get("/api/v1/inbox").status_code == 401  # the one before has ended
    client.set_cookie(COOKIE, "laid-by-somebody")
    assert client.get("/api/v1/inbox").status_code == 401


def test_sessions_are_bounded(own: Console, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.console.access.sessions.MOST", 5)
    begun = []
    for _ in range(8):
        begun.append(own.access.sessions.begin("viewer"))
        clock.advance(1)
        assert own.access.sessions.find(begun[0])  # used all the time
        clock.advance(1)
    alive = [number for number in begun if own.access.sessions.find(number)]
    assert alive == [begun[0], *begun[-4:]]
    with own.store.read() as connection:
        assert connection.execute("SELECT count(*) FROM session").fetchone()[0] == 5


def test_nobody_waits_for_a_slow_disk(own: Console) -> None:
    number = own.access.sessions.begin("admin")
    with ThreadPoolExecutor(1) as pool:
        with own.store.write():  # as long as this holds, nobody else writes
            saving = pool.submit(own.access.sessions.begin, "viewer")
            assert not wait([saving], 0.2).done
            assert own.access.sessions.find(number)
        assert own.access.sessions.find(saving.result(60))


# CSRF


def test_a_change_needs_the_token_of_its_own_session(app: Flask) -> None:
    client, other = signed_in(app.test_client()), signed_in(app.test_client())
    theirs = csrf_of(cookie(other))
    del client.environ_base["HTTP_X_CSRF_TOKEN"]
    for shown in ("", "x", theirs, cookie(client), csrf_of(""), "é"):
        assert client.post(END, data={"csrf": shown}).status_code == 403
        assert client.post(END, headers={CSRF_HEADER: shown}).status_code == 403
        assert client.delete("/api/nothing", headers={CSRF_HEADER: shown}).status_code == 403
    assert client.post(END).status_code == 403
    mine = csrf_of(cookie(client))
    assert client.post(END, data={"csrf": mine}).status_code == 503
    assert client.post(END, headers={CSRF_HEADER: mine}).status_code == 503
    assert client.get(END.removesuffix("/end"), query_string={"csrf": mine}).status_code == 503
    assert client.post(END, query_string={"csrf": mine}).status_code == 403  # an address is written into logs
    assert client.post("/logout").status_code == 403
    assert client.get("/api/v1/inbox").status_code == 200  # not signed out by somebody else's page


def test_every_form_that_posts_carries_the_token_and_the_page_tells_it_to_scripts(client: FlaskClient) -> None:
    signed_in(client)
    token = csrf_of(cookie(client))
    page = client.get("/silences/new").get_data(as_text=True)
    assert f'<meta name="csrf-token" content="{token}">' in page
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    assert len(forms) >= 2  # the silence, and Sign out
    for form in forms:
        assert f'<input type="hidden" name="csrf" value="{token}">' in form
    templates = Path(str(client.application.root_path), "templates")
    for file in templates.glob("*.html"):
        for form in re.findall(r'<form[^>]*method="post".*?</form>', file.read_text(), re.DOTALL):
            assert "csrf" in form or file.name == "login.html", file.name


def test_a_program_with_a_bearer_token_needs_none(client: FlaskClient) -> None:
    assert client.post(END, headers=bearer()).status_code == 503
    assert client.post(END, headers=bearer("viewer")).status_code == 403


def test_a_form_of_another_site_cannot_sign_anybody_in(client: FlaskClient) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}, {"Host": "evil.test"}):
        answer = client.post("/login", data=RIGHT, headers=headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


def test_a_change_from_another_site_is_refused_even_with_the_token(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/made", "made", lambda: "made", methods=["POST"])
    sender = anywhere(signed_in(client))
    assert sender.post("/made").status_code == 200
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Host": "evil.test"}):
        assert sender.post("/made", headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/login", END])
def test_a_body_beyond_all_measure_is_not_read(client: FlaskClient, path: str) -> None:
    if path != "/login":
        signed_in(client)
        del client.environ_base["HTTP_X_CSRF_TOKEN"]
    answer = client.post(path, data={"csrf": "x" * LARGEST_FORM, "user": "x", "password": "x"})
    assert answer.status_code == 413
    strange = client.post(path, data=b"\xff\x00%%%&&==" * 100, content_type="application/x-www-form-urlencoded")
    assert strange.status_code in (401, 403)
    broken = client.post(
        path, data=b"--x\r\nContent-Disposition: form-data", content_type="multipart/form-data; boundary=x"
    )
    assert broken.status_code in (400, 401, 403)

"""Requests that are well formed and hostile: methods, paths, Host, headers of proxies, cookies, links elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from console_kit import PASSWORDS, FakeClock, bearer, console, signed_in
from flask import Flask
from flask.testing import FlaskClient
from hostile import whole_stack
from pages_kit import addresses, asked, hostile_console
from standin import StandIn, json_of, standing_in
from watchstack.console import Console, create_app

METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, StandIn]]:
    with hostile_console(tmp_path_factory.mktemp("requests"), "plain", "http://plain.test/") as made:
        yield made


@pytest.fixture(scope="module")
def app(stack: tuple[Console, StandIn]) -> Flask:
    return create_app(stack[0])


@pytest.fixture(scope="module")
def admin(app: Flask) -> FlaskClient:
    return signed_in(app.test_client())


@pytest.fixture(scope="module")
def viewer(app: Flask) -> FlaskClient:
    return signed_in(app.test_client(), "viewer")


PATHS = {"number": ["1"], "uid": ["hostile"], "panel": ["1"], "group": ["plain"], "name": ["plain"],
         "filename": ["style.css"]}  # fmt: skip


# Methods


def test_a_method_that_a_page_has_not_changes_nothing(app: Flask, admin: FlaskClient, stack: Any) -> None:
    before = len(stack[1].asked)
    found = {}
    for path, rule in addresses(app, PATHS):
        own = {method for one in app.url_map.iter_rules() if one.rule == rule.rule for method in one.methods or ()}
        for method in set(METHODS) - own:
            answer = admin.open(path, method=method, headers={"X-Told": "back"})
            if answer.status_code not in (400, 403, 404, 405) or "X-Told" in answer.get_data(as_text=True):
                found[path, method] = answer.status_code
    assert found == {}
    assert {method for method, _ in stack[1].asked[before:]} <= {"GET"}


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_or_field_turns_one_method_into_another(viewer: FlaskClient, stack: Any, header: str) -> None:
    before = len(stack[1].asked)
    for path in ("/silences", "/logout", "/api/v1/inbox", "/silences/1/end"):
        viewer.get(path, headers={header: "POST"})
        viewer.get(path, query_string={"_method": "DELETE"})
        viewer.open(path, method="HEAD", headers={header: "DELETE"})
    assert {method for method, _ in stack[1].asked[before:]} <= {"GET"}
    assert viewer.get("/inbox").status_code == 200  # nobody was signed out


def test_head_is_get_without_a_body(app: Flask, admin: FlaskClient) -> None:
    for path, _ in addresses(app, PATHS):
        get, head = asked(admin, path), admin.head(path)
        head.close()
        assert head.status_code == get.status_code, path
        assert head.get_data() == b"", path


def test_options_tells_methods_and_nothing_else(app: Flask, admin: FlaskClient) -> None:
    for path, _ in addresses(app, PATHS):
        answer = admin.options(path)
        assert answer.status_code in (200, 403, 405), path
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")], path


# Paths


CLIMBING = (
    "..", "../..", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//....//etc/passwd", "..\\..\\etc",
    "..%5c..%5cetc%5cpasswd", "%252e%252e%252fetc%252fpasswd", "hostile%00", "hostile.md%00.html", "/etc/passwd",
    "%2fetc%2fpasswd", "C:%5cwindows", "..;/..;/etc/passwd", "%c0%ae%c0%ae/etc/passwd", "~root", "hostile/../../x",
    "../secrets/inbox-token", "..%2fsecrets%2fconsole-admin-password", "../config/console.json", ".", "%20", "CON",
    "../../templates/base.html", "..%2ftemplates%2fbase.html", "../app.py", "%2e%2e%2fapp.py",
)  # fmt: skip
PLACES = (
    "/runbooks/", "/static/", "/assets/", "/dashboards/", "/api/dashboards/", "/rules/", "/api/rules/", "/exports/",
    "/api/exports/", "/silences/", "/entries/", "/",
)  # fmt: skip
OF_FILES = ("root:x:", "planted", "create_app", "{% extends", 'watchdog":', *PASSWORDS.values())


@pytest.mark.parametrize("place", PLACES)
def test_no_path_leads_out_of_its_folder(admin: FlaskClient, place: str) -> None:
    for climbing in CLIMBING:
        for path in (place + climbing, place + quote(climbing, safe="")):
            answer = admin.get(path)
            text = answer.get_data(as_text=True)
            assert answer.status_code in (200, 301, 302, 303, 308, 400, 404), path
            assert not [words for words in OF_FILES if words in text], path
            assert answer.status_code != 200 or answer.mimetype in ("text/html", "application/json"), path


def test_a_link_out_of_the_folder_of_runbooks_is_no_runbook(tmp_path: Path) -> None:
    own = console(tmp_path)
    try:
        (tmp_path / "runbooks" / "out.md").symlink_to(tmp_path / "secrets" / "inbox-token")
        answer = create_app(own).test_client().get("/runbooks/out", headers=bearer())
        assert answer.status_code == 404
    finally:
        own.store.close()


# Host, proxies, redirects


HOSTILE_HOSTS = ("evil.test", "evil.test:80", "127.0.0.1@evil.test", "127.0.0.1:80:evil", "a b", "evil.test/x", "[::1",
                 "evil.test\\x", "EVIL.TEST.", "")  # fmt: skip
FORWARDED = {
    "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil.test",
    "X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7;host=evil.test;proto=https", "X-Host": "evil.test",
    "X-Original-URL": "/audit", "X-Rewrite-URL": "/audit", "X-Real-IP": "203.0.113.7", "X-Script-Name": "/evil.test",
}  # fmt: skip


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_a_foreign_host_is_in_no_answer_and_changes_nothing(app: Flask, host: str) -> None:
    client = app.test_client(use_cookies=False)
    for path in ("/", "/inbox", "/login", "/silences", "/dashboards/hostile", "/nothing", "/runbooks/hostile.md"):
        for who in ({}, bearer()):
            answer = client.get(path, headers={**who, "Host": host})
            assert answer.status_code < 500, (path, host)
            told = answer.get_data(as_text=True) + str(answer.headers)
            assert "evil" not in told.lower(), (path, host)


def test_headers_of_a_proxy_are_not_believed(app: Flask, stack: Any) -> None:
    plain, forwarded = (app.test_client(use_cookies=False) for _ in range(2))
    for path in ("/", "/login", "/audit", "/inbox", "/api/v1/inbox"):
        with_them, without = forwarded.get(path, headers=FORWARDED), plain.get(path)
        assert with_them.status_code == without.status_code, path
        assert "evil" not in with_them.get_data(as_text=True) + str(with_them.headers), path
        assert "Secure" not in with_them.headers.get("Set-Cookie", "")
    forwarded.post("/login", data={"user": "admin", "password": "wrong"}, headers=FORWARDED)
    noted = forwarded.get("/api/audit", headers=bearer(), query_string={"limit": "20"}).get_data(as_text=True)
    assert "203.0.113.7" not in noted  # the address that stands in the audit log is the connection's own


def test_nothing_that_belongs_to_somebody_is_kept_by_a_cache(app: Flask, admin: FlaskClient) -> None:
    for path, rule in addresses(app, PATHS):
        answer = asked(admin, path)
        if answer.mimetype in ("text/html", "application/json", "text/csv"):
            assert "no-store" in answer.headers.get("Cache-Control", ""), path
        elif rule.rule.startswith(("/static", "/assets")):
            assert "Set-Cookie" not in answer.headers, path
            again = asked(admin, path + "?evil=1", headers=FORWARDED)
            assert again.get_data() == answer.get_data(), path


ELSEWHERE = ("//evil.test", "///evil.test", "/\\evil.test", "\\/evil.test", "https://evil.test", "javascript:alert(1)",
             "/%09/evil.test", "/\t/evil.test", "/\r\nSet-Cookie: a=b", "data:text/html,x", " //evil.test",
             "http:evil.test", "/\x00/evil.test", "evil.test", "/login?next=//evil.test", "@evil.test")  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_the_way_in_leads_nowhere_else(app: Flask, wanted: str) -> None:
    client = app.test_client()
    answer = client.post("/login", data={"user": "viewer", "password": PASSWORDS["viewer"], "next": wanted})
    assert answer.status_code == 303
    location = answer.headers["Location"]
    assert location.startswith("/"), location
    assert not location.startswith(("//", "/\\")), location
    assert "\n" not in location
    assert answer.headers.getlist("Set-Cookie") == [
        cookie for cookie in answer.headers.getlist("Set-Cookie") if "a=b" not in cookie
    ]


def test_a_redirect_never_carries_a_line_end(app: Flask, admin: FlaskClient) -> None:
    for path in ("/runbooks/a%0d%0aX-Evil:%20b.md", "/dashboards/a%0d%0aX-Evil:%20b", "/logs?q=a%0d%0aX-Evil:%20b",
                 "/%0d%0aX-Evil:%20b", "/login?next=/a%0d%0aX-Evil:%20b"):  # fmt: skip
        for client in (admin, app.test_client()):
            answer = client.get(path)
            assert "X-Evil" not in answer.headers, path
            assert "\n" not in answer.headers.get("Location", ""), path


# Cookies


@pytest.mark.parametrize("address", ["http://localhost", "https://watch.example.test"])
def test_the_cookie_of_a_session(tmp_path: Path, address: str) -> None:
    own = console(tmp_path, FakeClock(), address=address)
    try:
        client = create_app(own).test_client()
        fields = {"user": "admin", "password": PASSWORDS["admin"]}
        host = address.split("//")[1]
        answer = client.post("/login", data=fields, headers={"Host": host}, base_url=address)
        (cookie,) = answer.headers.getlist("Set-Cookie")
        name, _, rest = cookie.partition("=")
        told = {part.strip().lower() for part in rest.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= told
        assert not any(part.startswith("domain") for part in told)
        assert ("secure" in told) == address.startswith("https")
        assert name.startswith("__Host-") == address.startswith("https")
        assert len(rest.split(";")[0]) >= 32
        assert PASSWORDS["admin"] not in cookie
    finally:
        own.store.close()


def test_a_login_makes_a_new_session_whatever_cookie_came_along(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("watchstack-session", "chosen-by-somebody-else")
    first = signed_in(client).get_cookie("watchstack-session")
    second = signed_in(client).get_cookie("watchstack-session")
    assert first is not None
    assert second is not None
    assert len({"chosen-by-somebody-else", first.value, second.value}) == 3
    other = app.test_client()
    other.set_cookie("watchstack-session", first.value)
    assert other.get("/inbox").status_code == 303  # the session before it has ended


# What a request can make the console ask


LINKS = (
    "http://evil.test/",
    "//evil.test/",
    "http://127.0.0.1:1/",
    "file:///etc/passwd",
    "@evil.test",
    "\r\nHost: evil.test",
)
NAMES = (
    "url", "uri", "target", "host", "peer", "prometheus", "loki", "alertmanager", "datasource", "ds", "proxy", "path",
    "query", "expr", "base", "address", "dest", "var-service", "q", "service", "match[]", "uid", "next", "from",
)  # fmt: skip


def test_only_the_parts_of_console_json_are_ever_asked(tmp_path: Path) -> None:
    """Every answer of the console with addresses for all its parameters, and with a stranger who would notice."""
    with standing_in(json_of(b"{}")) as stranger:
        answer = whole_stack("plain", stranger.url)
        with hostile_console(tmp_path, "plain", stranger.url, answer) as (own, parts):
            client = create_app(own).test_client()
            for path, _ in addresses(
                client.application, {**PATHS, "name": [stranger.url], "uid": ["hostile", stranger.url]}
            ):
                for links in ([stranger.url], [*LINKS, stranger.url]):
                    client.get(path, query_string=dict.fromkeys(NAMES, links), headers=bearer()).close()
            assert len(parts.asked) > 10
            assert not [target for _, target in parts.asked if not target.startswith("/") or target.startswith("//")]
            begins = ("/api/v1/", "/api/v2/", "/loki/api/v1/", "/prometheus/api/v1/", "/-/", "/ready")
            assert [target for _, target in parts.asked if not target.startswith(begins)] == []
        assert stranger.asked == []

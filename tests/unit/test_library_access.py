"""Access to the library's admin routes: roles, sessions, changes from other sites, limits of rate, the audit."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from library_kit import Ask, Hands, Reply, drive_asgi, drive_wsgi
from shop_kit import Shop, shops
from watchstack import Monitoring, SettingError, Settings
from watchstack.access import LOGIN, Access, Gate, Role
from watchstack.access.limits import MOST, Limit
from watchstack.access.sessions import COOKIE, LASTS, Sessions
from watchstack.access.tokens import Tokens
from watchstack.endpoints import LARGEST_BODY, Request, text
from watchstack.openapi import document
from watchstack.routes import ROUTES, UNLIMITED

__all__ = ["shops"]  # the fixture

ADMIN, VIEWER = "correct horse", "shy pony"
BOTH = {"MONITORING_ADMIN_TOKEN": ADMIN, "MONITORING_VIEWER_TOKEN": VIEWER}
FORM = ("content-type", "application/x-www-form-urlencoded")
BROWSER = ("accept", "text/html,application/xhtml+xml")
PAGE = "/admin/monitoring"
READ = ["/api/metrics/summary", "/api/metrics/performance", PAGE, f"{PAGE}/data", f"{PAGE}/grafana"]
CHANGE = [("GET", f"{PAGE}/export"), ("POST", "/api/health/database/run")]
EVERY = [*(("GET", path) for path in READ), *CHANGE]
Headers = tuple[tuple[str, str], ...]


def bearer(token: str) -> Headers:
    return (("authorization", f"Bearer {token}"),)


def cookie(value: str) -> Headers:
    return (("cookie", f"other=1; {COOKIE}={value}; more=2"),)


def sign_in(shop: Shop, token: str, *headers: tuple[str, str], **more: str) -> Reply:
    body = urlencode({"token": token, **more}).encode()
    return shop.get(LOGIN, method="POST", body=body, headers=(FORM, *headers))


def session(shop: Shop, token: str) -> str:
    """The cookie's value of a session that was begun with the token."""
    told: str = sign_in(shop, token).headers["set-cookie"]
    return told.partition(";")[0].partition("=")[2]


def csrf(shop: Shop, value: str) -> str:
    found = re.search(
        r'name="csrf-token" content="([0-9a-f]{64})"', shop.get(PAGE, headers=cookie(value)).body.decode()
    )
    assert found is not None
    return found.group(1)


def gate(hands: Hands | None = None, **settings: Any) -> Gate:
    tokens = {"monitoring_admin_token": ADMIN, "monitoring_viewer_token": VIEWER}
    return Gate(Settings(**{**tokens, **settings}), (hands or Hands()).clocks())


def request(method: str = "GET", path: str = PAGE, client: str = "192.0.2.1", **headers: str) -> Request:
    return Request(method, path, "", {k.replace("_", "-"): v for k, v in headers.items()}.get, client=client)


def status(found: Any) -> int | None:
    return None if found is None else found.status


# Roles.


def test_what_each_role_may(shops: Any) -> None:  # A-20 A-21 A-24 A-28 A-29 A-30 M-05 M-06
    shop = shops("framework", environ=BOTH)
    for method, path in EVERY:
        assert shop.get(path, method=method, headers=bearer(ADMIN)).status == "200", path
        expected = "200" if (method, path) not in CHANGE else "403"
        assert shop.get(path, method=method, headers=bearer(VIEWER)).status == expected, path
        for headers in ((), (("authorization", f"Basic {ADMIN}"),), cookie("x"), cookie(ADMIN)):
            assert shop.get(path, method=method, headers=headers).status == "401", (path, headers)


def test_every_guarded_route_refuses_wrong_tokens() -> None:  # M-05
    guarded = [route for route in ROUTES if route.access in (Access.VIEWER, Access.ADMIN)]
    assert {(route.method, route.path.replace("{check_name}", "database")) for route in guarded} == set(EVERY)
    for route in guarded:
        for given in ("", "wrong", ADMIN[:-1], f"{ADMIN}x", ADMIN.upper(), "\x00", "\xff"):
            asked = request(route.method, route.path, authorization=f"Bearer {given}")
            refused = gate().guarded(route.access, lambda asked: text("opened"))(asked)
            assert refused.status == 401, (route.path, given)


def test_nothing_opens_without_a_token(shops: Any) -> None:  # M-05
    for environment in ("production", "development", "test"):
        shop = shops("framework", environ={"ENVIRONMENT": environment})
        for method, path in EVERY:
            for headers in ((), (BROWSER,), bearer(""), cookie("admin.1.99999999999.x.")):
                reply = shop.get(path, method=method, headers=headers)
                assert reply.status == "403", path
                assert "set MONITORING_ADMIN_TOKEN or" in json.loads(reply.body)["error"]
        reply = shop.get(LOGIN)
        assert reply.status == "403"
        assert b"set MONITORING_ADMIN_TOKEN or" in reply.body
        assert b"<form" not in reply.body
        assert sign_in(shop, "").status == "403"


def test_the_viewers_token_alone_opens_what_a_viewer_may(shops: Any) -> None:  # M-06
    shop = shops("framework", environ={"MONITORING_VIEWER_TOKEN": VIEWER})
    assert shop.get(PAGE, headers=bearer(VIEWER)).status == "200"
    reply = shop.get(f"{PAGE}/export", headers=bearer(VIEWER))
    assert reply.status == "403"
    assert json.loads(reply.body)["error"].startswith(f"{PAGE}/export is closed as long as there is no token")
    assert shop.get(f"{PAGE}/export", headers=bearer("")).status == "403"


def test_every_preset_has_the_page_behind_the_same_gate(shops: Any) -> None:  # A-28 M-05
    for preset in ("flask", "api", "framework", "iot", "ai", None):
        shop = shops(preset, environ=BOTH)
        assert shop.get(PAGE).status == "401"
        assert shop.get(PAGE, headers=bearer(VIEWER)).headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("same", [True, False])
def test_tokens_that_cannot_be(tmp_path: Path, same: bool) -> None:
    file = tmp_path / "token"
    file.write_text(ADMIN if same else "")
    told = "another token than the admin's" if same else "a file that can be read and holds the token"
    settings = Settings(monitoring_admin_token=ADMIN, monitoring_viewer_token_file=str(file))
    with pytest.raises(SettingError, match=told) as raised:
        Monitoring(settings=settings)
    assert ADMIN not in str(raised.value)


def test_restricted_routes_know_the_roles_in_production() -> None:  # M-01 X-38
    own = gate(environment="production")
    for role, token in ((Role.ADMIN, ADMIN), (Role.VIEWER, VIEWER)):
        asked = request(authorization=f"Bearer {token}")
        assert own.refusal(Access.RESTRICTED, asked) is None
        assert status(own.refusal(Access.SENSITIVE, asked)) == (None if role is Role.ADMIN else 403)
    assert status(own.refusal(Access.RESTRICTED, request())) == 401
    assert gate(environment="staging").refusal(Access.SENSITIVE, request()) is None


# Sessions.


def test_a_session_of_each_role(shops: Any) -> None:  # M-05 M-06
    shop = shops("framework", environ=BOTH)
    for token, forbidden in ((ADMIN, "200"), (VIEWER, "403")):
        value = session(shop, token)
        for path in READ:
            assert shop.get(path, headers=cookie(value)).status == "200", path
        assert shop.get(f"{PAGE}/export", headers=cookie(value)).status == forbidden
        run = (*cookie(value), ("x-csrf-token", csrf(shop, value)))
        assert shop.get("/api/health/database/run", method="POST", headers=run).status == forbidden


def test_a_cookie_among_others_in_headers_of_their_own(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    mine = ("cookie", f"{COOKIE}={session(shop, ADMIN)}")
    for headers in ((("cookie", "a=1"), mine), (mine, ("cookie", "a=1"))):  # as HTTP/2 may have them
        assert drive_asgi(shop.asgi, Ask(path=PAGE, headers=headers)).status == "200"


def test_the_cookie_of_a_session(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    body = urlencode({"token": ADMIN}).encode()
    plain = sign_in(shop, ADMIN)
    assert (plain.status, plain.headers["location"]) == ("303", PAGE)
    name, *words = plain.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=admin.")
    assert words == ["Path=/", f"Max-Age={LASTS}", "HttpOnly", "SameSite=Strict"]
    assert ADMIN not in plain.headers["set-cookie"]
    told: list[dict[str, str]] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": LOGIN, "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": FORM[1],
        "wsgi.url_scheme": "https", "wsgi.input": __import__("io").BytesIO(body), "SCRIPT_NAME": "/below",
    }  # fmt: skip
    chunks = shop.flask.wsgi_app(environ, lambda status, headers: told.append(dict(headers)))
    assert list(chunks) == []
    chunks.close()
    assert told[0]["Set-Cookie"].endswith("SameSite=Strict; Secure")
    assert told[0]["Location"] == f"/below{PAGE}"


def test_a_browser_is_sent_to_sign_in_and_back(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    for path in (PAGE, f"{PAGE}/export"):
        reply = shop.get(path, headers=(BROWSER,))
        assert (reply.status, reply.headers["location"]) == ("303", f"{LOGIN}?next={path}")
        form = shop.get(LOGIN, query=f"next={path}")
        assert f'name="next" value="{path}"'.encode() in form.body
        assert sign_in(shop, ADMIN, next=path).headers["location"] == path
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "/shop", "\r\nX: y", f"{PAGE}?a"):
        assert sign_in(shop, ADMIN, next=elsewhere).headers["location"] == PAGE
        assert b"evil" not in shop.get(LOGIN, query=urlencode({"next": elsewhere})).body


def test_a_wrong_token_begins_no_session(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    for wrong in ("wrong", "pässwörd"):
        reply = sign_in(shop, wrong)
        assert reply.status == "401"
        assert "set-cookie" not in reply.headers
        assert b"neither the admin&#39;s nor the viewer&#39;s" in reply.body
        assert wrong.encode() not in reply.body


def test_a_token_of_other_letters_signs_in(shops: Any) -> None:
    shop = shops("framework", environ={"MONITORING_ADMIN_TOKEN": "pässwörd ☃"})
    assert sign_in(shop, "pässwörd ☃").status == "303"


def test_signing_out(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    value = session(shop, ADMIN)
    out = f"{PAGE}/logout"
    assert shop.get(out, method="POST", headers=cookie(value)).status == "403"  # sent by nobody knows whom
    body = urlencode({"csrf_token": csrf(shop, value)}).encode()
    reply = shop.get(out, method="POST", headers=(*cookie(value), FORM), body=body)
    assert (reply.status, reply.headers["location"]) == ("303", LOGIN)
    assert reply.headers["set-cookie"].startswith(f"{COOKIE}=; Path=/; Max-Age=0; ")
    assert shop.get(out, method="POST").status == "303"
    assert shop.get(out).status == "405"


@pytest.fixture
def hands() -> Hands:
    return Hands(1_800_000_000.0)


def sessions(hands: Hands, **tokens: Any) -> Sessions:
    given = {"monitoring_admin_token": ADMIN, "monitoring_viewer_token": VIEWER, **tokens}
    return Sessions(Tokens(Settings(**given)), hands.clocks())


def test_a_session_ends_after_eight_hours(hands: Hands) -> None:
    own = sessions(hands)
    value = own.begin(Role.VIEWER)
    found = own.read(value)
    assert found is not None
    assert found.role is Role.VIEWER
    hands.forward(LASTS - 1)
    assert own.read(value) is not None
    hands.forward(1)
    assert own.read(value) is None


def test_every_guarded_route_refuses_expired_and_forged_sessions(hands: Hands) -> None:  # M-05
    own = gate(hands)
    value = own.sessions.begin(Role.ADMIN)
    found = own.sessions.read(value)
    assert found is not None
    guarded = [route for route in ROUTES if route.access in (Access.VIEWER, Access.ADMIN)]

    def codes(given: str) -> set[int]:
        asked = [request(one.method, one.path, cookie=f"{COOKIE}={given}", x_csrf_token=found.csrf) for one in guarded]
        opened = [own.guarded(one.access, lambda asked: text("opened")) for one in guarded]
        return {handler(one).status for handler, one in zip(opened, asked, strict=True)}

    assert codes(value) == {200}
    assert codes(value[:-2] + "zz") == codes(value.replace("admin", "viewer")) == {401}
    hands.forward(LASTS)
    assert codes(value) == {401}


def test_a_session_holds_in_every_process_and_ends_with_its_token(hands: Hands) -> None:
    value = sessions(hands).begin(Role.ADMIN)
    assert sessions(hands).read(value) is not None  # another worker
    assert sessions(hands, monitoring_viewer_token="other").read(value) is not None
    assert sessions(hands, monitoring_admin_token="other").read(value) is None
    assert sessions(hands, monitoring_admin_token="").read(value) is None


def test_forged_sessions(hands: Hands) -> None:
    own = sessions(hands)
    value, viewers = own.begin(Role.ADMIN), own.begin(Role.VIEWER)
    role, issued, expires, nonce, signature = value.split(".")
    forged = [
        "", ".", "....", value[:-1], value + "0", value.upper(), f" {value}", f"{value}.x", "\x00", "é.1.2.3.4", "☃",
        f"admin{viewers.removeprefix('viewer')}",
        f"viewer{value.removeprefix('admin')}",
        f"{role}.{issued}.{int(expires) + 1}.{nonce}.{signature}",
        f"{role}.{issued}.{expires}.{nonce}.{'0' * 64}",
        f"{role}.{issued}.{expires}.{nonce}.",
        f"{role}.{issued}.{expires}.{nonce}.\xe9{signature[1:]}",
    ]  # fmt: skip
    assert [one for one in forged if own.read(one) is not None] == []
    nothing = sessions(hands, monitoring_admin_token="", monitoring_viewer_token=VIEWER)
    key_of_nothing = nothing.begin(Role.ADMIN)  # as one could sign it who knows that there is no token
    assert nothing.read(key_of_nothing) is None
    assert own.read(value) is not None


# Changes from other sites.


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "https://shown.example"}, True),  # a proxy changed the Host
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": "http://shop:8000", "host": "shop:8000"}, True),
        ({"origin": "http://evil.example", "host": "shop:8000"}, False),
        ({"origin": "http://shop:9000", "host": "shop:8000"}, False),
        ({"origin": "null", "host": "shop:8000"}, False),
    ],
)
def test_a_change_that_another_site_sends(hands: Hands, headers: dict[str, str], passes: bool) -> None:
    own = gate(hands)
    value = own.sessions.begin(Role.ADMIN)
    found = own.sessions.read(value)
    assert found is not None
    brought = {"cookie": f"{COOKIE}={value}", "x_csrf_token": found.csrf}
    refused = own.refusal(Access.ADMIN, request("POST", **brought, **headers))
    assert status(refused) == (None if passes else 403)
    assert own.refusal(Access.ADMIN, request("GET", **brought, **headers)) is None
    assert own.refusal(Access.ADMIN, request("POST", authorization=f"Bearer {ADMIN}", **headers)) is None


def test_a_change_needs_the_token_of_the_page(hands: Hands) -> None:
    own = gate(hands)
    value, other = own.sessions.begin(Role.ADMIN), own.sessions.read(own.sessions.begin(Role.ADMIN))
    assert other is not None
    for brought in ({}, {"x_csrf_token": ""}, {"x_csrf_token": other.csrf}, {"x_csrf_token": "é"}):
        refused = own.refusal(Access.ADMIN, request("POST", cookie=f"{COOKIE}={value}", **brought))
        assert status(refused) == 403, brought


def test_signing_in_from_another_site(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    assert sign_in(shop, ADMIN, ("sec-fetch-site", "cross-site")).status == "403"
    assert sign_in(shop, ADMIN, ("origin", "http://evil.example")).status == "403"


# Bodies.


def test_bodies_that_are_too_large_or_no_form(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    large = b"token=" + b"x" * LARGEST_BODY
    for one in (Ask("POST", LOGIN, (FORM,), large), Ask("POST", LOGIN, (FORM,), large, chunked=True)):
        assert {drive_wsgi(shop.flask, one).status, drive_asgi(shop.asgi, one).status} == {"413"}
    claimed = Ask("POST", LOGIN, (FORM,), b"", length=str(10**12))
    assert drive_wsgi(shop.flask, claimed).status == "413"
    for body in (b"\xff\xfe=\x00", b"token", b"&&&=", b"{}"):
        assert drive_asgi(shop.asgi, Ask("POST", LOGIN, (FORM,), body)).status == "401"
    good = urlencode({"token": ADMIN}).encode()
    other = shops("framework", environ=BOTH)
    assert other.get(LOGIN, method="POST", body=good, headers=(("content-type", "text/plain"),)).status == "401"


def test_a_chunked_form_signs_in(shops: Any) -> None:
    shop = shops("framework", environ=BOTH)
    one = Ask("POST", LOGIN, (FORM,), urlencode({"token": VIEWER}).encode(), chunked=True)
    assert (drive_wsgi(shop.flask, one).status, drive_asgi(shop.asgi, one).status) == ("303", "303")


# Limits of rate.


def test_brute_force_ends_in_429(shops: Any) -> None:  # M-07
    shop = shops("framework", environ=BOTH)
    replies = [drive_wsgi(shop.flask, Ask(path=PAGE, headers=bearer(f"guess {n}"))) for n in range(8)]
    assert [reply.status for reply in replies] == ["401"] * 5 + ["429"] * 3
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 12
    assert drive_wsgi(shop.flask, Ask(path=PAGE, headers=bearer(ADMIN))).status == "429"  # so no guess can be told
    form = drive_wsgi(shop.flask, Ask("POST", LOGIN, (FORM,), urlencode({"token": ADMIN}).encode()))
    assert (form.status, int(form.headers["retry-after"]) >= 1) == ("429", True)
    assert shop.get("/api/health").status == "200"


def test_guesses_in_the_form_are_counted_too(shops: Any) -> None:  # M-07
    shop = shops("framework", environ=BOTH)
    one = Ask("POST", LOGIN, (FORM,), b"token=guess")
    assert [drive_asgi(shop.asgi, one).status for _ in range(7)] == ["401"] * 5 + ["429"] * 2
    assert drive_asgi(shop.asgi, Ask(path=PAGE, headers=bearer(ADMIN))).status == "429"


def test_a_liveness_probe_is_never_refused(shops: Any) -> None:  # M-07
    shop = shops("framework", environ={**BOTH, "MONITORING_RATE_LIMIT": "1"})
    asked = {
        path: [drive_wsgi(shop.flask, Ask(path=path)).status for _ in range(12)]
        for path in ("/health/live", "/health/ready")
    }
    assert asked["/health/live"] == ["200"] * 12
    assert asked["/health/ready"] == ["200"] * 10 + ["429"] * 2


def test_a_session_goes_on_while_somebody_guesses() -> None:
    own = gate()
    value = own.sessions.begin(Role.ADMIN)
    for number in range(9):
        own.refusal(Access.ADMIN, request(authorization=f"Bearer {number}"))
    assert status(own.refusal(Access.ADMIN, request(authorization=f"Bearer {ADMIN}"))) == 429
    assert own.refusal(Access.ADMIN, request(cookie=f"{COOKIE}={value}")) is None
    assert own.refusal(Access.ADMIN, request(client="192.0.2.2", authorization=f"Bearer {ADMIN}")) is None


def test_a_stale_session_is_no_guess() -> None:
    own = gate()
    for _ in range(50):  # a page that was left open and asks on
        assert status(own.refusal(Access.VIEWER, request(cookie=f"{COOKIE}=admin.1.2.3.4"))) == 401
    assert own.refusal(Access.VIEWER, request(authorization=f"Bearer {ADMIN}")) is None


def test_an_address_may_ask_so_often(hands: Hands) -> None:  # M-07
    own = gate(hands, monitoring_rate_limit=60)
    handler = own.guarded(Access.VIEWER, lambda asked: text("fine"))
    one = request(authorization=f"Bearer {ADMIN}")
    codes = [handler(one).status for _ in range(62)]
    assert codes == [200] * 60 + [429] * 2
    assert dict(handler(one).headers)["Retry-After"] == "1"
    assert handler(request(client="192.0.2.9", authorization=f"Bearer {ADMIN}")).status == 200
    hands.forward(2)
    assert [handler(one).status for _ in range(3)] == [200, 200, 429]
    opened = own.guarded(Access.OPEN, lambda asked: text("fine"))
    assert [opened(one).status for _ in range(601)] == [200] * 600 + [429]


def test_scrapes_and_probes_at_a_usual_rate_are_never_refused(hands: Hands) -> None:  # M-07
    own = gate(hands)
    opened = own.guarded(Access.OPEN, lambda asked: text("fine"))
    for _ in range(2000):  # 20 probes and scrapes a second, all from one proxy
        hands.forward(0.05)
        assert opened(request()).status == 200
    never = own.guarded(Access.OPEN, lambda asked: text("fine"), limited=False)
    assert {never(request()).status for _ in range(20_000)} == {200}
    assert UNLIMITED == ("live",)


def test_no_limit(hands: Hands) -> None:
    own = gate(hands, monitoring_rate_limit=0)
    handler = own.guarded(Access.OPEN, lambda asked: text("fine"))
    assert {handler(request()).status for _ in range(20_000)} == {200}


def test_the_memory_of_a_limit_is_bounded(hands: Hands) -> None:
    limit = Limit(60, 1, hands.clocks())
    for number in range(MOST + 500):
        assert limit.wait(f"10.0.{number // 256}.{number % 256}") == 0
    assert len(limit._left) == MOST
    assert limit.wait("2001:db8::1") == 0
    assert limit.wait("2001:db8::ffff:2%eth0") == 1  # the same network of one host
    assert limit.wait("2001:db8:0:1::1") == 0
    assert limit.wait("no address: at all") == 0


# The audit.


@pytest.fixture
def audit(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "watchstack.audit")
    return caplog


QUOTED = r'("(?:[^"\\]|\\.)*")'
LINE = re.compile(
    rf"at=\d{{4}}-\d\d-\d\dT[\d:.]+Z who={QUOTED} what={QUOTED} status=(\d+) from={QUOTED}(?: why={QUOTED})?$"
)


def lines(audit: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    told = [record.getMessage() for record in audit.records if record.name == "watchstack.audit"]
    found = [LINE.match(line) for line in told]
    assert all(found), told
    audit.clear()
    return [tuple(str(json.loads(group)) for group in match.groups()[:4]) for match in found if match is not None]


def test_every_use_and_every_refusal_has_a_line(shops: Any, audit: pytest.LogCaptureFixture) -> None:  # M-11
    shop = shops("framework", environ=BOTH)
    for method, path in EVERY:
        for headers, who, code in (
            (bearer(ADMIN), "admin by token", "200"),
            (bearer(VIEWER), "viewer by token", "403" if (method, path) in CHANGE else "200"),
            ((), "nobody", "401"),
            ((BROWSER,), "nobody", "401"),
        ):
            drive_asgi(shop.asgi, Ask(method, path, headers))
            assert lines(audit) == [(who, f"{method} {path}", code, "127.0.0.1")]
    for path in ("/api/health", "/api/metrics", "/health/live", LOGIN, f"{PAGE}/admin.css"):
        drive_asgi(shop.asgi, Ask(path=path))
    assert lines(audit) == []


def test_sessions_in_the_audit(shops: Any, audit: pytest.LogCaptureFixture) -> None:  # M-11
    shop = shops("framework", environ=BOTH)
    body = urlencode({"token": ADMIN}).encode()
    drive_asgi(shop.asgi, Ask("POST", LOGIN, (FORM,), body))
    drive_asgi(shop.asgi, Ask("POST", LOGIN, (FORM,), b"token=guess"))
    assert lines(audit) == [
        ("admin by token", f"POST {LOGIN}", "303", "127.0.0.1"),
        ("nobody", f"POST {LOGIN}", "401", "127.0.0.1"),
    ]
    value = session(shop, ADMIN)
    page = csrf(shop, value)
    audit.clear()
    drive_asgi(shop.asgi, Ask("POST", f"{PAGE}/logout", (*cookie(value), FORM), b"csrf_token=" + page.encode()))
    assert lines(audit) == [("admin by session", f"POST {PAGE}/logout", "303", "127.0.0.1")]


def test_neither_token_nor_cookie_stands_in_the_audit(shops: Any, audit: pytest.LogCaptureFixture) -> None:  # M-11 M-16
    shop = shops("framework", environ=BOTH)
    value = session(shop, ADMIN)
    shop.get(PAGE, headers=cookie(value), query=f"token={ADMIN}")
    sign_in(shop, "my other password")
    shop.get(PAGE, headers=bearer("my other password"))
    told = audit.text
    for secret in (ADMIN, VIEWER, value, value.rpartition(".")[2], "my other password"):
        assert secret not in told


@pytest.mark.parametrize(
    "odd", ["\n", "\r\nat=2026 who=admin", "\x1b[2J", "\x00", "\x7f", "\u2028", "\u202e", '"', "☃"]
)
def test_a_path_writes_no_line_of_its_own(shops: Any, audit: pytest.LogCaptureFixture, odd: str) -> None:  # M-11
    shop = shops("framework", environ=BOTH)
    path = f"/api/health/{odd}/run"
    drive_asgi(shop.asgi, Ask("POST", path))
    drive_wsgi(shop.flask, Ask("POST", path))
    told = [record.getMessage() for record in audit.records]
    assert [line for line in told if not (line.isascii() and line.isprintable())] == []
    assert lines(audit) == [("nobody", f"POST {path}", "401", "127.0.0.1")] * 2


def test_floods_of_refusals_do_not_flood_the_audit(audit: pytest.LogCaptureFixture, hands: Hands) -> None:
    own = gate(hands, monitoring_rate_limit=60)
    handler = own.guarded(Access.VIEWER, lambda asked: text("fine"))
    one = request(authorization=f"Bearer {ADMIN}", path="/" + "x" * 5000)
    for _ in range(60 + 1500):
        handler(one)
    refused = [record.getMessage() for record in audit.records if record.levelname == "WARNING"]
    assert [re.findall(r"(\d+) refused", line) for line in refused] == [["1"], ["10"], ["100"], ["1000"]]
    assert max(map(len, refused)) < 500


def test_a_handler_that_fails_is_in_the_audit(audit: pytest.LogCaptureFixture) -> None:
    handler = gate().guarded(Access.VIEWER, lambda asked: text(str(1 / 0)))
    with pytest.raises(ZeroDivisionError):
        handler(request(authorization=f"Bearer {ADMIN}"))
    assert lines(audit) == [("admin by token", f"GET {PAGE}", "500", "192.0.2.1")]


# The description.


def test_the_description_says_who_may() -> None:
    found = document(ROUTES, "1")
    assert set(found["components"]["securitySchemes"]) == {"token", "session"}
    for route in ROUTES:
        operation = found["paths"][route.path][route.method.lower()]
        assert ("429" in operation["responses"]) == (route.name not in UNLIMITED)
        if route.access in (Access.VIEWER, Access.ADMIN):
            assert operation["security"] == [{"token": []}, {"session": []}]
    assert "requestBody" in found["paths"][LOGIN]["post"]

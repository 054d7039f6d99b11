"""Access to the library's admin routes: roles, sessions, changes from other sites, bodies, how it is described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from access_kit import (
    ADMIN,
    BOTH,
    BROWSER,
    CHANGE,
    EVERY,
    FORM,
    PAGE,
    READ,
    VIEWER,
    bearer,
    cookie,
    csrf,
    gate,
    hands,
    request,
    session,
    sign_in,
    status,
)
from library_kit import Ask, Hands, drive_asgi, drive_wsgi
from shop_kit import shops
from watchstack import Monitoring, SettingError, Settings
from watchstack.access import LOGIN, Access, Role
from watchstack.access.sessions import COOKIE, LASTS, Sessions
from watchstack.access.tokens import Tokens
from watchstack.endpoints import LARGEST_BODY, text
from watchstack.openapi import document
from watchstack.routes import ROUTES, UNLIMITED

__all__ = ["hands", "shops"]  # fixtures


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

"""The audit of the library's admin routes: every use and refusal in one line, no secret in any."""

from __future__ import annotations

import json
import logging
import re
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
    VIEWER,
    bearer,
    cookie,
    csrf,
    gate,
    hands,
    request,
    session,
    sign_in,
)
from library_kit import Ask, Hands, drive_asgi, drive_wsgi
from shop_kit import shops
from watchstack.access import LOGIN, Access
from watchstack.endpoints import text

__all__ = ["hands", "shops"]  # fixtures


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

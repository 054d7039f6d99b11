"""What the tests of access to the library's admin routes share: tokens, requests with them, sessions, a gate."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from library_kit import Hands, Reply
from shop_kit import Shop
from watchstack import Settings
from watchstack.access import LOGIN, Gate
from watchstack.access.sessions import COOKIE
from watchstack.endpoints import Request

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


@pytest.fixture
def hands() -> Hands:
    return Hands(1_800_000_000.0)


def status(found: Any) -> int | None:
    return None if found is None else found.status

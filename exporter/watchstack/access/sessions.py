"""Sessions of browsers without any state in the server: a signed cookie, so that every worker process knows them.

The key comes from the role's token: a changed token ends all sessions of that role. Signing out takes the cookie from
the browser; a copy of it would hold until it expires.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from watchstack.access.tokens import Role, Tokens
from watchstack.clocks import Clocks

COOKIE = "watchstack_session"
LASTS = 8 * 3600  # seconds


@dataclass(frozen=True)
class Session:
    """csrf: what a form or script of the page must send along with a change."""

    role: Role
    csrf: str


class Sessions:
    """Begins sessions, and reads them back from the cookie's value."""

    def __init__(self, tokens: Tokens, clocks: Clocks) -> None:
        self._tokens = tokens
        self._clocks = clocks

    def begin(self, role: Role) -> str:
        """The cookie's value for a new session."""
        now = int(self._clocks.wall())
        told = f"{role}.{now}.{now + LASTS}.{secrets.token_hex(8)}"
        return f"{told}.{_signed(self._key(role), 'session', told)}"

    def read(self, value: str) -> Session | None:
        """None for one that is forged, has expired, or was begun with another token. Takes the same time for all."""
        told, _, signature = value.rpartition(".")
        name, _, rest = told.partition(".")
        role = Role.VIEWER if name == Role.VIEWER else Role.ADMIN
        key = self._key(role)
        genuine = hmac.compare_digest(_signed(key, "session", told), _ascii(signature))
        if not genuine or not self._tokens.of(role):
            return None
        issued, expires, _ = rest.split(".")  # ours, as the signature says
        if not int(issued) - 60 <= self._clocks.wall() < int(expires):
            return None
        return Session(role, _signed(key, "csrf", told))

    def _key(self, role: Role) -> bytes:
        return hmac.digest(self._tokens.of(role).encode(), f"watchstack session {role}".encode(), "sha256")


def set_cookie(value: str, *, secure: bool) -> tuple[str, str]:
    """The header that gives a browser its session; an empty value takes it away."""
    words = [f"{COOKIE}={value}", "Path=/", f"Max-Age={LASTS if value else 0}", "HttpOnly", "SameSite=Strict"]
    return "Set-Cookie", "; ".join([*words, "Secure"] if secure else words)


def cookie_of(header: str | None) -> str:
    """The session's value in a Cookie header, "" for none."""
    for part in (header or "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _signed(key: bytes, purpose: str, told: str) -> str:
    return hmac.new(key, f"{purpose} {told}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _ascii(text: str) -> str:
    """compare_digest takes strings of ASCII alone."""
    return text if text.isascii() else ""

"""Who may ask for what of the library's own endpoints: one token, and which routes want it (M-01, M-05, M-22, X-38).

Sessions, roles, limits of rate and an audit are not here; what decides is `Gate.refusal` alone, so they have one place.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from pathlib import Path

from watchstack.endpoints import Answer, Handler, Request, json_answer
from watchstack.settings import SettingError, Settings

_HOW = "set MONITORING_ADMIN_TOKEN or MONITORING_ADMIN_TOKEN_FILE, and send its token as `Authorization: Bearer …`"


class Access(StrEnum):
    """open: anyone. restricted: in production with the token, where one is set. sensitive: in production with the token
    alone. admin: with the token alone, everywhere.
    """

    OPEN = "open"
    RESTRICTED = "restricted"
    SENSITIVE = "sensitive"
    ADMIN = "admin"


class Gate:
    """Asks for `Authorization: Bearer TOKEN`. The token file is read at every question: a new token needs no restart.

    Raises SettingError for a token file that cannot be read or holds nothing, and when token and file are both set.
    """

    def __init__(self, settings: Settings) -> None:
        self._token = settings.monitoring_admin_token
        self._file = settings.monitoring_admin_token_file
        self._production = settings.environment.lower() in ("production", "prod")
        if self._file and self._token:
            raise SettingError("MONITORING_ADMIN_TOKEN_FILE", self._file, "set either the token or its file, not both")
        if self._file and not self._expected():
            raise SettingError("MONITORING_ADMIN_TOKEN_FILE", self._file, "a file that can be read and holds the token")

    def guarded(self, access: Access, handler: Handler) -> Handler:
        """`handler` behind the gate."""
        if access is Access.OPEN:
            return handler

        def guard(request: Request) -> Answer:
            return self.refusal(access, request) or handler(request)

        return guard

    def refusal(self, access: Access, request: Request) -> Answer | None:
        """None for a request that may pass; else 403 where no token is set, 401 where it is missing or wrong."""
        configured = bool(self._token or self._file)
        if not self._asked(access, configured):
            return None
        if not configured:
            return json_answer({"error": f"{request.path} is closed as long as there is no token: {_HOW}"}, 403)
        scheme, _, given = (request.header("authorization") or "").partition(" ")
        expected = self._expected()
        if scheme.lower() == "bearer" and expected and _same(given.strip(), expected):
            return None
        answer = json_answer({"error": f"{request.path} wants a token: send it as `Authorization: Bearer …`"}, 401)
        wrong = ', error="invalid_token"' if given else ""
        answer.headers.append(("WWW-Authenticate", f'Bearer realm="watchstack"{wrong}'))
        return answer

    def _asked(self, access: Access, configured: bool) -> bool:
        if access is Access.RESTRICTED:
            return self._production and configured
        if access is Access.SENSITIVE:
            return self._production
        return access is Access.ADMIN

    def _expected(self) -> str:
        if not self._file:
            return self._token
        try:
            return Path(self._file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""  # nobody gets in by a file that is gone


def _same(given: str, expected: str) -> bool:
    """In constant time. given: as servers hand headers on, each byte a character."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())

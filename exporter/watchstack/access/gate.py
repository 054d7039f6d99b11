"""The gate before the library's endpoints: who asks, whether that is enough, how often, and the line in the audit.

Which route wants which access stands in routes.py (M-01, M-05, M-06, M-22, X-38); the sign-in page in admin/signing.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from urllib.parse import quote

from watchstack.access.audit import note
from watchstack.access.limits import MOST, Limit
from watchstack.access.origin import brings, forged
from watchstack.access.sessions import Sessions, cookie_of
from watchstack.access.tokens import Role, Tokens
from watchstack.clocks import SYSTEM, Clocks
from watchstack.endpoints import Answer, Handler, Request, json_answer, redirect
from watchstack.settings import Settings

LOGIN = "/admin/monitoring/login"
FAILURES = 5  # wrong tokens that an address may send in a minute
OPEN_FACTOR = 10  # so many times more often than the others may open endpoints be asked
_NOBODY = "nobody"


class Access(StrEnum):
    """open: anyone. restricted: in production with a token of either role, where one is set. sensitive: in production
    as admin alone. viewer: with a token of either role, everywhere. admin: as admin alone, everywhere.
    """

    OPEN = "open"
    RESTRICTED = "restricted"
    SENSITIVE = "sensitive"
    VIEWER = "viewer"
    ADMIN = "admin"

    @property
    def role(self) -> Role:
        """What one must be at least."""
        return Role.ADMIN if self in (Access.SENSITIVE, Access.ADMIN) else Role.VIEWER


@dataclass(frozen=True)
class _Who:
    """csrf: of a session, what its changes must bring along; "" for a bearer of a token."""

    role: Role
    csrf: str = ""

    def __str__(self) -> str:
        return f"{self.role} by {'session' if self.csrf else 'token'}"


class Gate:
    """Lets requests pass to the handlers: `Authorization: Bearer TOKEN`, or the cookie of a session.

    Raises SettingError as Tokens does.
    """

    def __init__(self, settings: Settings, clocks: Clocks = SYSTEM) -> None:
        self.tokens = Tokens(settings)
        self.clocks = clocks
        self.sessions = Sessions(self.tokens, clocks)
        self.failures = Limit(FAILURES, FAILURES, clocks)
        often = settings.monitoring_rate_limit
        self._guarded = Limit(often, often, clocks)
        self._open = Limit(often * OPEN_FACTOR, often * OPEN_FACTOR, clocks)
        self._refused: dict[tuple[int, str], int] = {}
        self._production = settings.environment.lower() in ("production", "prod")

    def guarded(self, access: Access, handler: Handler, *, limited: bool = True) -> Handler:
        """`handler` behind the gate. limited: whether an address may not ask at any rate."""
        if access is Access.OPEN:
            return partial(self._open_guard, handler) if limited else handler
        return partial(self._guard, access, handler)

    def refusal(self, access: Access, request: Request) -> Answer | None:
        """None for a request that may pass; else 403 where no token is set, 401 where it is missing or wrong, …"""
        found = self._admitted(access, request)
        return found if isinstance(found, Answer) else None

    def too_often(self, limit: Limit, request: Request) -> Answer | None:
        """The 429 of an address that asked too often; not each of them is noted, lest the audit be flooded."""
        key = id(limit), request.client
        wait = limit.wait(request.client, take=limit is not self.failures)
        if not wait:
            self._refused.pop(key, None)
            return None
        if len(self._refused) > MOST:
            self._refused.clear()
        times = self._refused[key] = self._refused.get(key, 0) + 1
        if str(times).strip("0") == "1":  # the first, the tenth, the hundredth …
            note(self.clocks, request, _NOBODY, 429, f"too many requests, {times} refused")
        answer = json_answer({"error": f"too many requests: wait {wait} s"}, 429)
        answer.headers.append(("Retry-After", str(wait)))
        return answer

    def _open_guard(self, handler: Handler, request: Request) -> Answer:
        return self.too_often(self._open, request) or handler(request)

    def _guard(self, access: Access, handler: Handler, request: Request) -> Answer:
        found = self.too_often(self._guarded, request) or self._admitted(access, request)
        if isinstance(found, Answer):
            return found
        if found is None:
            return handler(request)
        status = 500
        try:
            answer = handler(replace(request, role=found.role, csrf=found.csrf))
            status = answer.status
            return answer
        finally:
            if access is not Access.RESTRICTED:  # which Prometheus scrapes
                note(self.clocks, request, str(found), status)

    def _admitted(self, access: Access, request: Request) -> Answer | _Who | None:
        """Who asks; None where nobody has to be anybody; the answer for those who may not."""
        if not self._asked(access):
            return None
        if not self.tokens.configured(access.role):
            return self._refuse(request, _NOBODY, 403, self._closed(access.role, request))
        found = self._who(request)
        if isinstance(found, _Who):
            why = self._short_of(access, found, request)
            return self._refuse(request, str(found), 403, why) if why else found
        return found or self._unauthorized(request)

    def _short_of(self, access: Access, who: _Who, request: Request) -> str:
        """Why one who is known may not do this, "" when all is well."""
        if access.role is Role.ADMIN and who.role is not Role.ADMIN:
            return f"{request.path} wants the admin's token"
        if who.csrf and request.method not in ("GET", "HEAD"):
            return forged(request) or ("" if brings(request, who.csrf) else "the token of the page is missing")
        return ""

    def _asked(self, access: Access) -> bool:
        if access is Access.RESTRICTED:
            return self._production and self.tokens.configured(Role.VIEWER)
        if access is Access.SENSITIVE:
            return self._production
        return access is not Access.OPEN

    def _who(self, request: Request) -> _Who | Answer | None:
        scheme, _, given = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            refused = self.too_often(self.failures, request)
            if refused is not None:
                return refused
            role = self.tokens.role_of(given.strip())
            if role is None:
                self.failures.wait(request.client)
            return None if role is None else _Who(role)
        session = self.sessions.read(cookie_of(request.header("cookie")))
        return None if session is None else _Who(session.role, session.csrf)

    def _refuse(self, request: Request, who: str, status: int, why: str) -> Answer:
        note(self.clocks, request, who, status, why)
        return json_answer({"error": why}, status)

    def _unauthorized(self, request: Request) -> Answer:
        if request.method in ("GET", "HEAD") and "text/html" in (request.header("accept") or ""):
            note(self.clocks, request, _NOBODY, 401, "not signed in")
            return redirect(f"{quote(request.root)}{LOGIN}?next={quote(request.path)}")
        why = f"{request.path} wants a token: send it as `Authorization: Bearer …`, or sign in at {LOGIN}"
        answer = self._refuse(request, _NOBODY, 401, why)
        wrong = ', error="invalid_token"' if request.header("authorization") else ""
        answer.headers.append(("WWW-Authenticate", f'Bearer realm="watchstack"{wrong}'))
        return answer

    def _closed(self, role: Role, request: Request) -> str:
        return f"{request.path} is closed as long as there is no token: {how_to_open(role)}"


def how_to_open(role: Role) -> str:
    """Which setting to make."""
    more = " (or the viewer's, MONITORING_VIEWER_TOKEN)" if role is Role.VIEWER else ""
    return (
        f"set MONITORING_ADMIN_TOKEN or MONITORING_ADMIN_TOKEN_FILE{more}, and send its token as "
        f"`Authorization: Bearer …`, or sign in with it at {LOGIN}"
    )

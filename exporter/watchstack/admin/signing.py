"""Signing in and out at /admin/monitoring/login: the token for a session's cookie. What a session is: access/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from watchstack.access import LOGIN, Gate, Role
from watchstack.access.audit import note
from watchstack.access.gate import how_to_open
from watchstack.access.origin import brings, forged
from watchstack.access.sessions import cookie_of, set_cookie
from watchstack.admin.html import BASE, html
from watchstack.endpoints import Answer, Handler, Request, json_answer, redirect


class Signing:
    """pages: the paths that a browser may be sent on to."""

    def __init__(self, gate: Gate, pages: Iterable[str]) -> None:
        self._gate = gate
        self._pages = frozenset(pages)

    def handlers(self) -> Mapping[str, Handler]:
        return {"login_form": self._form, "login": self._sign_in, "logout": self._sign_out}

    def _form(self, request: Request) -> Answer:
        return self._page(request, 200, "", request.parameter("next"))

    def _page(self, request: Request, status: int, trouble: str, wanted: str | None) -> Answer:
        closed = "" if self._gate.tokens.configured(Role.VIEWER) else how_to_open(Role.VIEWER)
        status = 403 if closed else status
        return html("login.html", request, status, trouble=trouble, closed=closed, wanted=self._next(wanted))

    def _next(self, wanted: str | None) -> str:
        return wanted if wanted in self._pages else BASE

    def _sign_in(self, request: Request) -> Answer:
        form = request.form()
        wanted = form.get("next")
        why = forged(request)
        if why:
            return self._refused(request, 403, why.capitalize() + ".", wanted)
        busy = self._gate.too_often(self._gate.failures, request)
        if busy is not None:
            wait = dict(busy.headers)["Retry-After"]
            answer = self._page(request, 429, f"Too many wrong tokens: wait {wait} seconds.", wanted)
            answer.headers.append(("Retry-After", wait))
            return answer
        given = form.get("token", "").strip()
        role = self._gate.tokens.role_of(given.encode().decode("latin-1"))
        if role is None:
            self._gate.failures.wait(request.client)
            return self._refused(request, 401, "This token is neither the admin's nor the viewer's.", wanted)
        note(self._gate.clocks, request, f"{role} by token", 303, "signed in")
        answer = redirect(quote(request.root) + self._next(wanted))
        answer.headers.append(set_cookie(self._gate.sessions.begin(role), secure=request.secure))
        return answer

    def _refused(self, request: Request, status: int, why: str, wanted: str | None) -> Answer:
        note(self._gate.clocks, request, "nobody", status, why)
        return self._page(request, status, why, wanted)

    def _sign_out(self, request: Request) -> Answer:
        session = self._gate.sessions.read(cookie_of(request.header("cookie")))
        if session is not None:
            why = forged(request) or ("" if brings(request, session.csrf) else "the token of the page is missing")
            if why:
                note(self._gate.clocks, request, f"{session.role} by session", 403, why)
                return json_answer({"error": why}, 403)
            note(self._gate.clocks, request, f"{session.role} by session", 303, "signed out")
        answer = redirect(quote(request.root) + LOGIN)
        answer.headers.append(set_cookie("", secure=request.secure))
        return answer

"""How often the library's routes may be asked, and a token guessed: what is refused, and what never is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from access_kit import ADMIN, BOTH, FORM, PAGE, bearer, gate, hands, request, status
from library_kit import Ask, Hands, drive_asgi, drive_wsgi
from shop_kit import shops
from watchstack.access import LOGIN, Access, Role
from watchstack.access.limits import MOST, Limit
from watchstack.access.sessions import COOKIE
from watchstack.endpoints import text
from watchstack.routes import UNLIMITED

__all__ = ["hands", "shops"]  # fixtures


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

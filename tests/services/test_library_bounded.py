"""100,000 requests that nobody foresaw, through real frameworks: the number of series stays what is stated here."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort
from library_kit import Ask, call_asgi, drive_wsgi
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from watchstack import Monitoring, Settings

pytestmark = pytest.mark.services

REQUESTS = 100_000
TEMPLATES, METHODS, STATUSES = (
    4,
    10,
    6,
)  # three routes and `unmatched`; nine methods and OTHER; what the paths below give
ENDPOINTS = TEMPLATES * METHODS
# A label set of the histograms is 17 lines of durations and 10 of each kind of size. Requests have a line for each
# status, requests in progress one for each method, exceptions one for each endpoint, and failures one.
MOST_SERIES = ENDPOINTS * (17 + 10 + 10) + ENDPOINTS * STATUSES + METHODS + ENDPOINTS + 1
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")
WORDS = string.ascii_letters + string.digits + "-._~%é✓"


def answer(number: int) -> tuple[str, int]:
    if number % 97 == 0:
        raise LookupError("on purpose")
    if number % 13 == 0:
        return "gone", 410
    return "fine", 200


def flask_app() -> Any:
    app = Flask("shop")

    @app.route("/items/<int:item>", methods=list(VERBS))
    def items(item: int) -> tuple[str, int]:
        return answer(item)

    @app.route("/users/<user>/orders/<order>", methods=list(VERBS))
    def orders(user: str, order: str) -> tuple[str, int]:
        return answer(len(user))

    @app.route("/locked/<name>")
    def locked(name: str) -> str:
        abort(403)

    return app


def starlette_app() -> Any:
    async def items(request: Any) -> PlainTextResponse:
        return PlainTextResponse(*answer(int(request.path_params["item"])))

    async def orders(request: Any) -> PlainTextResponse:
        return PlainTextResponse(*answer(len(request.path_params["user"])))

    async def locked(request: Any) -> PlainTextResponse:
        raise HTTPException(403)

    return Starlette(
        routes=[
            Route("/items/{item:int}", items, methods=VERBS),
            Route("/users/{user}/orders/{order}", orders, methods=VERBS),
            Route("/locked/{name}", locked),
        ]
    )


def asks() -> Iterator[Ask]:
    """Random methods, paths, hosts, queries and headers; every second one hits a route."""
    dice = random.Random(4)

    def word() -> str:
        return "".join(dice.choices(WORDS, k=dice.randint(1, 12)))

    for _ in range(REQUESTS):
        kind = dice.randrange(6)
        path = (
            f"/items/{dice.randrange(10**9)}", f"/users/{word()}/orders/{word()}", f"/locked/{word()}",
            f"/{word()}", f"/{word()}/{word()}", f"/items/{word()}",
        )[kind]  # fmt: skip
        method = dice.choice(VERBS) if dice.random() < 0.9 else word().upper()
        headers = (("host", f"{word()}.test"), ("user-agent", word()), ("x-forwarded-host", word()))
        yield Ask(method, path, tuple((n, v.encode().decode("latin-1")) for n, v in headers), query=word())


def series(monitoring: Monitoring) -> tuple[int, int]:
    """How many series HTTP requests have made, and how many requests they counted."""
    found = [
        sample
        for metric in monitoring.registry.collect()
        for sample in metric.samples
        if sample.name.startswith(("http_", "watchstack_"))
    ]
    return len(found), int(sum(sample.value for sample in found if sample.name == "http_requests_total"))


async def _send_all(app: Any) -> None:
    for ask in asks():
        await call_asgi(app, ask)


@pytest.mark.parametrize("kind", ["flask", "starlette"])
def test_a_hundred_thousand_random_requests_add_no_more_than_a_fixed_number_of_series(kind: str) -> None:
    settings = Settings(metrics_collection_interval=3600, health_check_interval=3600)
    if kind == "flask":
        app = flask_app()
        app.logger.disabled = True
        monitoring = Monitoring(app, settings=settings)
        for ask in asks():
            drive_wsgi(app, ask)
    else:
        monitoring = Monitoring(settings=settings)
        asyncio.run(_send_all(monitoring.init_asgi(starlette_app())))
    monitoring.stop()
    found, counted = series(monitoring)
    print(f"{kind}: {REQUESTS} random requests made {found} series; no more than {MOST_SERIES} are possible")
    assert counted == REQUESTS
    assert found <= MOST_SERIES
    assert found > 100  # the requests above do reach the routes
    assert len(monitoring.recorder.by_key) <= ENDPOINTS * STATUSES

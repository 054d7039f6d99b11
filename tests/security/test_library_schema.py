"""schemathesis over the description of the library's own endpoints, in process: no 500, no answer that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response
from schema_kit import Examination, asgi_schema, operations, wsgi_schema
from schemathesis.core.failures import FailureGroup
from shop_kit import DOWN, FINE, Shop, shops
from watchstack import Monitoring, Settings
from watchstack.routes import OPENAPI_PATH

__all__ = ["shops"]  # the fixture

TOKEN = "correct horse"
PRESETS = ["flask", "api", "framework", "iot", "ai", None]
CHECKS = {"check_name": ["database", "redis", "system", "nobody"]}


def bearer(token: str | None) -> dict[str, Any]:
    return {} if token is None else {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.mark.parametrize("preset", PRESETS)
def test_no_request_breaks_an_endpoint_of_the_library(shops: Any, preset: str | None) -> None:
    shop: Shop = shops(preset, environ={"MONITORING_ADMIN_TOKEN": TOKEN})
    schema = wsgi_schema(OPENAPI_PATH, shop.flask)
    asked = Examination(bearer(TOKEN), examples=12 if preset is None else 6, known=CHECKS).run(schema)
    assert asked.keys() == {operation.label for operation in operations(schema)}


@pytest.mark.parametrize(("token", "down"), [(None, False), ("forged", False), (TOKEN, True)])
def test_nor_without_the_token_nor_with_a_wrong_one_nor_with_the_database_down(
    shops: Any, token: str | None, down: bool
) -> None:
    shop: Shop = shops(
        None,
        environ={"MONITORING_ADMIN_TOKEN": TOKEN, "ENVIRONMENT": "production"},
        database=DOWN if down else FINE["database"],
    )
    asked = Examination(bearer(token), 5, CHECKS).run(wsgi_schema(OPENAPI_PATH, shop.flask))
    assert len(asked) > 20


def test_the_same_through_asgi(shops: Any) -> None:
    shop: Shop = shops(None, environ={"MONITORING_ADMIN_TOKEN": TOKEN})
    asked = Examination(bearer(TOKEN), 5, CHECKS).run(asgi_schema(OPENAPI_PATH, shop.asgi))
    assert len(asked) > 20


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Response("boom", 500),
        lambda: Response('{"status": "well"}', 200, content_type="application/json"),
        lambda: Response("fine", 200, content_type="text/html"),
        lambda: Response("{}", 418, content_type="application/json"),
    ],
    ids=["a 500", "a body of another shape", "another type", "an unknown status"],
)
def test_a_broken_endpoint_is_found(broken: Callable[[], Response]) -> None:
    monitoring = Monitoring(settings=Settings())
    app = Flask("broken")
    monitoring.init_app(app)
    description = app.test_client().get(OPENAPI_PATH).get_json()
    monitoring.stop()
    wrong = Flask("wrong")
    wrong.add_url_rule(OPENAPI_PATH, "openapi", lambda: description)
    wrong.add_url_rule("/health/live", "live", broken)
    with pytest.raises((AssertionError, FailureGroup)):
        Examination({}, 1).run(wsgi_schema(OPENAPI_PATH, wrong), lambda one: one.path == "/health/live")

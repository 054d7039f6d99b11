"""The console's API against its OpenAPI description, with its parts up, down and talking nonsense: never a 500, every
answer JSON of the shape that is described.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from console_kit import PASSWORDS, TOKEN, bearer, signed_in
from flask import Flask
from flask.testing import FlaskClient
from hostile import mangled, whole_stack
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pages_kit import PARTS, addresses, hostile_console
from schema_kit import Examination, wsgi_schema
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection
from standin import Answer, json_of
from watchstack.console import Console, create_app
from watchstack.console.access import limits
from watchstack.console.openapi import ROUTES, document, undescribed

KNOWN = {"uid": ["hostile", "nobody"], "key": ["requests", "errors", "nothing"], "name": ["cpu", "memory", "nobody"],
         "fingerprint": ["00ff", "dead"], "where": ["plain/plain", "a"]}  # fmt: skip
NONSENSE: dict[str, Answer] = {
    "html": lambda _m, _t: (200, {"Content-Type": "text/html"}, b"<html>sign in</html>"),
    "null": json_of(b"null"),
    "a number": json_of(b"5"),
    "a list": json_of(b"[5]"),
    "no data": json_of(b'{"status": "success"}'),
    "null as data": json_of(b'{"status": "success", "data": null}'),
    "another type": json_of(b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "x"]}}'),
    "depth": json_of(b"[" * 100_000),
    "half a pair": json_of(rb'{"status": "success", "data": ["\ud800"]}'),
    "an error": json_of(b'{"status": "error", "error": "query timed out"}', 503),
    "a refusal": json_of(b'{"status": "error", "errorType": "bad_data", "error": "no"}', 422),
    "a redirect": lambda _m, _t: (302, {"Location": "http://127.0.0.1:1/"}, b""),
}


@contextmanager
def app_over(folder: Path, answer: Answer | None) -> Iterator[tuple[Flask, Console]]:
    """A console with something in it. answer: what its parts say, None where none of them runs."""
    with hostile_console(folder, "plain", "http://plain.test/", answer) as (own, _):
        if answer is None:
            object.__setattr__(own.config.current, "peers", dict.fromkeys(PARTS, "http://127.0.0.1:1"))
            own.peers.ask()
        yield create_app(own), own


@pytest.fixture(scope="module", autouse=True)
def _without_limits() -> Iterator[None]:
    """So many requests, and guesses of passwords among them, are refused by now; that is test_console_access's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SIGNED_IN", (1e9, 10**9))
        patch.setattr(limits, "STRANGER", (1e9, 10**9))
        patch.setattr(limits, "FREE", 10**9)
        patch.setattr(limits, "FREE_ACCOUNT", 10**9)
        yield


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Console]]:
    with app_over(tmp_path_factory.mktemp("up"), whole_stack("plain", "http://plain.test/")) as made:
        yield made


def test_every_route_of_the_api_is_described(up: tuple[Flask, Console]) -> None:
    assert undescribed(up[0]) == []
    app = Flask("more")
    app.add_url_rule("/api/new", "new", lambda: {})
    assert "GET /api/new" in undescribed(app)


def test_the_description_is_valid_and_served(up: tuple[Flask, Console]) -> None:
    answer = up[0].test_client().get("/api/openapi.json", headers=bearer("viewer"))
    assert answer.status_code == 200
    validate(answer.get_json())
    assert len(ROUTES) > 20
    assert up[0].test_client().get("/api/openapi.json").status_code == 401


HOOKS = ("/api/v1/inbox", "/api/v1/watchdog", "/api/v1/relay/{name}")


def examine(app: Flask, headers: dict[str, str], *, examples: int, inbox: bool = False) -> dict[str, int]:
    """All routes, or those that Alertmanager calls, which want another token."""
    schema = wsgi_schema("/described", _described(app))
    # A wrong cookie beside a good password is no wrong sign-in, which is what `ignored_auth` tries. What is wrong need
    # not be refused: a filter of blanks filters nothing, and of a notification only what is needed is looked at.
    excluded = (ignored_auth, negative_data_rejection)
    sent = {"headers": {**headers, "Accept-Encoding": "identity"}}
    return Examination(sent, examples, KNOWN, excluded=excluded).run(
        schema, lambda one: (one.method.upper() == "POST" and one.path in HOOKS) == inbox
    )


def _described(app: Flask) -> Any:
    """The application, which tells its description to anybody at one more address."""

    def serve(environ: dict[str, Any], start: Any) -> Any:
        if environ["PATH_INFO"] != "/described":
            return app(environ, start)
        start("200 OK", [("Content-Type", "application/json")])
        with app.app_context():
            return [json.dumps(document(app)).encode()]

    return serve


@pytest.mark.parametrize("role", ["admin", "viewer", None])
def test_no_request_breaks_the_api(up: tuple[Flask, Console], role: str | None) -> None:
    asked = examine(fresh(up), {} if role is None else bearer(role), examples=4)
    assert len(asked) > 20


def test_no_notification_breaks_the_api(up: tuple[Flask, Console]) -> None:
    asked = examine(fresh(up), {"Authorization": f"Bearer {TOKEN}"}, examples=8, inbox=True)
    assert len(asked) == 3


@pytest.mark.parametrize("state", ["down", "garbage"])
def test_no_request_breaks_the_api_while_its_parts_are_away(tmp_path: Path, state: str) -> None:
    answer = None if state == "down" else mangled(0, whole_stack("plain", "http://plain.test/"))
    with app_over(tmp_path, answer) as (app, _):
        assert len(examine(app, bearer(), examples=3)) > 20


def fresh(made: tuple[Flask, Console]) -> Flask:
    return create_app(made[1])


def broken(client: FlaskClient, description: dict[str, Any]) -> dict[str, str]:
    """Pages and answers of the console that fail or are not as described, with the reason."""
    found = {}
    values = {"number": ["1"], "uid": ["hostile"], "panel": ["1"], "name": ["cpu", "plain"], "key": ["requests"],
              "filename": ["style.css"], "where": ["plain/plain"], "fingerprint": ["00ff"]}  # fmt: skip
    for path, rule in addresses(client.application, values):
        if rule.rule.startswith(("/static", "/assets")):
            continue
        answer = client.get(path)
        if answer.status_code >= 500 and answer.status_code != 503:
            found[path] = f"{answer.status_code}"
        elif rule.rule.startswith("/api/"):
            named = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            responses = description["paths"].get(named, {"get": {"responses": {}}})["get"]["responses"]
            if str(answer.status_code) not in responses:
                found[path] = f"{answer.status_code} is not described"
                continue
            content = responses[str(answer.status_code)]["content"]
            if answer.mimetype not in content:
                found[path] = f"{answer.mimetype} is not described"
            if answer.mimetype != "application/json":
                continue
            schema = content["application/json"]["schema"]
            validator = Draft202012Validator({**schema, "components": description["components"]})
            wrong = next(iter(validator.iter_errors(answer.get_json())), None)
            if wrong is not None:
                found[path] = f"{list(wrong.absolute_path)}: {wrong.message[:200]}"
    return found


@pytest.mark.parametrize("said", [*NONSENSE, *range(6), "down", "up"])
def test_no_nonsense_of_a_part_breaks_a_page_or_an_answer(tmp_path: Path, said: str | int) -> None:
    good = whole_stack("plain", "http://plain.test/")
    answer = mangled(said, good) if isinstance(said, int) else {**NONSENSE, "up": good, "down": None}[said]
    with app_over(tmp_path, answer) as (app, _):
        assert broken(signed_in(app.test_client()), document(app)) == {}


def test_a_route_that_breaks_its_description_is_found(up: tuple[Flask, Console]) -> None:
    app = fresh(up)
    app.view_functions["targets.as_json"] = lambda: {"targets": 5}
    with pytest.raises((FailureGroup, AssertionError)):
        examine(app, bearer(), examples=1)
    assert "/api/targets" in broken(signed_in(app.test_client()), document(app))


def test_no_password_stands_in_the_description(up: tuple[Flask, Console]) -> None:
    text = str(document(up[0]))
    assert not [word for word in (*PASSWORDS.values(), TOKEN) if word in text]

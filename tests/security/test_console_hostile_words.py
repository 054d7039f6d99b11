"""Hostile words in everything that the console shows: labels, annotations, log lines, alert texts, runbooks, names of
services, comments of silences, notes, dashboards, parameters. In a page they are text, in a JSON answer a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from console_kit import signed_in
from flask.testing import FlaskClient
from hostile import EVIL, LINK
from pages_kit import Look, addresses, asked, good_link, hostile_console
from waiting import until
from watchstack.console import Console, create_app

# Pages that show data of a part or of a file: the words must be on them, else the test would show nothing
TELLING = ("/inbox", "/entries/1", "/silences", "/runbooks/hostile", "/logs", "/audit")
PLAIN = ("text/css", "text/javascript", "application/javascript", "image/svg+xml", "text/plain", "text/csv",
         "application/openmetrics-text")  # fmt: skip
PARAMETERS = ("q", "service", "job", "status", "matcher", "next", "from", "to", "start", "end", "level", "state",
              "name", "alertname", "before", "limit", "var-service", "user", "action", "group", "team")  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with hostile_console(tmp_path_factory.mktemp("hostile")) as (made, _):
        yield made


@pytest.fixture(scope="module")
def client(own: Console) -> FlaskClient:
    return signed_in(create_app(own).test_client())


def every(client: FlaskClient) -> list[str]:
    return [path for path, _ in addresses(client.application)]


def troubles(answer: Any) -> list[str]:
    """What in an answer is more than words; empty when all is well."""
    found = [] if answer.status_code < 500 or answer.status_code == 503 else [f"answered {answer.status_code}"]
    policy = answer.headers.get("Content-Security-Policy", "")
    if answer.headers.get("X-Content-Type-Options") != "nosniff" or "default-src 'none'" not in policy:
        found.append("headers are missing")
    if "unsafe" in policy or not good_link(answer.headers.get("Location", "/")):
        found.append(f"{policy} {answer.headers.get('Location')}")
    words = answer.get_data(as_text=True)
    if answer.mimetype == "text/html":
        return [*found, *Look(words).faults]
    if answer.mimetype == "application/json":
        json.loads(words, parse_constant=lambda name: found.append(f"{name} is no JSON"))
    elif answer.mimetype not in PLAIN:
        found.append(f"is {answer.mimetype}")
    return found


def words(client: FlaskClient, path: str) -> str:
    """What a person reads on the page."""
    return " ".join(Look(asked(client, path).get_data(as_text=True)).text)


def test_every_page_shows_hostile_words_as_words(client: FlaskClient) -> None:
    found = {path: troubles(asked(client, path)) for path in every(client)}
    assert {path: trouble for path, trouble in found.items() if trouble} == {}
    assert set(TELLING) <= found.keys()
    for path in TELLING:  # a part that answered too late for a page answers the next time
        until(lambda: EVIL in words(client, path), why=path)  # noqa: B023


def test_parameters_are_words_too(client: FlaskClient) -> None:
    found = {}
    for words in (EVIL, LINK):
        query = dict.fromkeys(PARAMETERS, words)
        found |= {(path, words): troubles(asked(client, path, query_string=query)) for path in every(client)}
    for name in PARAMETERS:
        for path in ("/", "/inbox", "/logs", "/silences/new", "/login", "/audit", "/alerts"):
            found[path, name] = troubles(asked(client, path, query_string={name: EVIL}))
    assert {asked: trouble for asked, trouble in found.items() if trouble} == {}


@pytest.mark.parametrize(
    "page",
    [
        "<img src=x>", "<p onclick=a>", "<a href='javascript:a'>", "<a href=' java\nscript:a'>",
        "<a href='//evil.test'>",
        "<script>a</script>", "<script src='//evil.test/a.js'></script>", "<p style='a'>", "<iframe src=/></iframe>",
        "<form action='data:text/html,a'>", "<meta http-equiv=refresh content='0;url=/'>", "<style>a</style>",
        "<svg><a xlink:href='javascript:a'></a></svg>", "<base href=/a>",
    ],
)  # fmt: skip
def test_the_look_sees_what_must_not_be(page: str) -> None:
    assert Look(f"<main>{page}</main>").faults


def test_the_look_passes_what_may_be() -> None:
    page = f'<a href="/inbox">{EVIL.replace("<", "&lt;")}</a><script src="/static/refresh.js"></script><a href="http://a.test">'
    look = Look(page)
    assert look.faults == []
    assert EVIL in "".join(look.text)


def test_forms_that_are_refused_give_hostile_words_back_as_words(client: FlaskClient, tmp_path: Path) -> None:
    for path, fields in {
        "/login": {"user": EVIL, "password": EVIL, "next": LINK},
        "/silences": {"name": [EVIL], "operator": [EVIL], "value": [EVIL], "who": EVIL, "why": EVIL, "duration": EVIL},
        f"/silences/{quote(EVIL, safe='')}/end": {},
        f"/{quote(EVIL, safe='')}": {},
    }.items():
        answer = client.post(path, data=fields)
        assert 400 <= answer.status_code < 500, path
        assert troubles(answer) == [], path

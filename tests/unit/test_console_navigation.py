"""The header of every page: which pages there are, where one is, and what only admins see."""

from __future__ import annotations

import re

import pytest
from console_kit import signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.navigation import FIRST, MORE


def header(client: FlaskClient, path: str) -> str:
    found = re.search(r"<header>.*</header>", client.get(path).get_data(as_text=True), re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("place", [*FIRST, *MORE], ids=lambda place: place.words)
def test_every_entry_leads_to_a_page_that_is_marked(client: FlaskClient, place: object) -> None:
    address, words = place.address, place.words  # type: ignore[attr-defined]
    assert client.get(address).status_code in (200, 503)  # 503: a part that the page lives on is not there
    marked = re.findall(r'<a href="([^"]*)" aria-current="page">([^<]*)</a>', header(client, address))
    assert marked == [(address, words)]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/alerts/history", "Alerts"),
        ("/entries/7", "Inbox"),
        ("/silences/new", "Silences"),
        ("/runbooks/none", "Runbooks"),
    ],
)
def test_pages_beneath_belong_to_their_entry(client: FlaskClient, path: str, words: str) -> None:
    assert re.findall(r'aria-current="page">([^<]*)</a>', header(client, path)) == [words]


def test_a_page_that_belongs_nowhere_marks_nothing(client: FlaskClient) -> None:
    assert "aria-current" not in header(client, "/nothing")


def test_the_audit_log_is_offered_to_admins_alone(own: Console, client: FlaskClient) -> None:
    viewer = signed_in(create_app(own).test_client(), "viewer")
    assert "/audit" in header(client, "/inbox")
    assert "/audit" not in header(viewer, "/inbox")
    assert "viewer" in header(viewer, "/inbox")

"""A console whose Alertmanager is away, its application and somebody who is not signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_kit import NOBODY, FakeClock, console
from flask import Flask
from flask.testing import FlaskClient
from watchstack.console import Console, create_app


@pytest.fixture
def own(tmp_path: Path, clock: FakeClock) -> Iterator[Console]:
    made = console(tmp_path, clock, alertmanager=NOBODY)
    yield made
    made.store.close()


@pytest.fixture
def app(own: Console) -> Flask:
    return create_app(own)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()

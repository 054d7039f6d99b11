"""What many tests of the console begin with: a clock to set by hand, a console alone in its folder, its admin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_kit import FakeClock, console, signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def own(tmp_path: Path, clock: FakeClock) -> Iterator[Console]:
    made = console(tmp_path, clock)
    yield made
    made.store.close()


@pytest.fixture
def client(own: Console) -> FlaskClient:
    return signed_in(create_app(own).test_client())

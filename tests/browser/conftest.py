"""Fixtures of the browser tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_browser import chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with chromium() as started:
        yield started

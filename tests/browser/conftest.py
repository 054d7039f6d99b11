"""Fixtures of the browser tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_browser import chromium
from playwright.sync_api import Browser
from watched import Opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens pages; fails at the end for what one of them did and may not, unless the test expects it."""
    found = Opened(browser)
    yield found
    found.end()

"""Fixtures of the browser tier: Debian's Chromium, and pages that note what must not happen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from support import unavailable

QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET += ("--disable-component-update", "--disable-sync", "--no-sandbox")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium that asks nothing of the outside."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("Chromium is not installed; Debian's package is chromium")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, headless=True, args=list(QUIET))
        yield started
        started.close()

"""What the browser tests share: Chromium, a console, the way in, a picture. What a page may not do: watched.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console_kit import PASSWORDS
from playwright.sync_api import Browser, Page, expect, sync_playwright
from support import ROOT, unavailable
from waiting import DEADLINE
from wire_kit import wired

QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET += ("--disable-component-update", "--disable-sync", "--no-sandbox")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless, that asks nothing of the outside."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("Chromium is not installed; Debian's package is chromium")
    with sync_playwright() as driver:
        expect.set_options(timeout=DEADLINE * 1000)
        started = driver.chromium.launch(
            executable_path=program, headless=True, args=list(QUIET), timeout=DEADLINE * 1000
        )
        yield started
        started.close()


@contextmanager
def console_process(folder: Path, before: str = "", **peers: str) -> Iterator[str]:
    """A console of its own under `folder`, with the shipped runbooks and dashboards; gives its address.

    before: as of `wired`. peers: URL of each part that it has.
    """
    shipped = (ROOT / "docs" / "runbooks", ROOT / "grafana" / "dashboards")
    with wired(folder, *shipped, before, environment="production", **peers) as wire:
        yield wire.home


def sign_in(page: Page, home: str, role: str = "admin", password: str = "") -> None:
    """Through the form, as a person does. home: the console's address; password: that of the tests unless given."""
    page.goto(f"{home}/login")
    page.get_by_label("Account").fill(role)
    page.get_by_label("Password").fill(password or PASSWORDS[role])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def keep(page: Page, name: str) -> None:
    """A picture for the eye, where a folder for it is named."""
    if folder := os.environ.get("SCREENSHOTS"):
        size = page.viewport_size or {"width": 0}
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.screenshot(path=f"{folder}/{name}-{size['width']}-{'dark' if dark else 'light'}.png", full_page=True)

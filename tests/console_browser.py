"""What the browser tests share: Chromium, a console process, and a visit that notes what must not happen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console_kit import PASSWORDS, settings
from native_support import until
from playwright.sync_api import Browser, Page, sync_playwright
from support import ROOT, answers, choose_ports, unavailable

QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET += ("--disable-component-update", "--disable-sync", "--no-sandbox")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless, that asks nothing of the outside."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("Chromium is not installed; Debian's package is chromium")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, headless=True, args=list(QUIET))
        yield started
        started.close()


@contextmanager
def console_process(folder: Path, **peers: str) -> Iterator[str]:
    """A console of its own under `folder`; gives its address. peers: URL of each part that it has."""
    (port,) = choose_ports(1)
    address = f"http://127.0.0.1:{port}"
    settings(folder, environment="production", address=address, **peers)
    (folder / "data").mkdir()
    variables = {
        "CONSOLE_LISTEN": f"127.0.0.1:{port}",
        "CONSOLE_DATA": str(folder / "data"),
        "CONSOLE_CONFIG": str(folder / "config"),
        "CONSOLE_SECRETS": str(folder / "secrets"),
        "CONSOLE_RUNBOOKS": str(ROOT / "docs" / "runbooks"),
        "CONSOLE_DASHBOARDS": str(ROOT / "grafana" / "dashboards"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "watchstack.console"],
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT / "exporter")},
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(f"{address}/health/ready"), 20, "the console answers")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def sign_in(page: Page, home: str, role: str = "admin", password: str = "") -> None:
    """Through the form, as a person does. home: the console's address; password: that of the tests unless given."""
    page.goto(f"{home}/login")
    page.get_by_label("Account").fill(role)
    page.get_by_label("Password").fill(password or PASSWORDS[role])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def visit(page: Page, url: str) -> None:
    """Opens a page and fails on a console error, a request elsewhere, a dialog or content wider than the window.

    Whoever is not signed in yet signs in as admin first.
    """
    if not page.context.cookies(url):
        sign_in(page, "/".join(url.split("/", 3)[:3]))
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
    home = "/".join(url.split("/", 3)[:3])
    page.on("request", lambda request: troubles.append(request.url) if not request.url.startswith(home) else None)
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200
    page.wait_for_load_state("networkidle")
    assert troubles == []
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], f"{url} is {width[0]} px wide in a window of {width[1]} px"


def keep(page: Page, name: str) -> None:
    """A picture for the eye, where a folder for it is named."""
    if folder := os.environ.get("SCREENSHOTS"):
        size = page.viewport_size or {"width": 0}
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.screenshot(path=f"{folder}/{name}-{size['width']}-{'dark' if dark else 'light'}.png", full_page=True)

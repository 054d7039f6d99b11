"""Hostile words in real Chromium, on every page of the console: nothing of them is run, nothing is asked elsewhere, and
the browser's own policy has nothing to refuse.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from console_browser import sign_in
from console_kit import TOKEN
from hostile import EVIL, LINK, whole_stack
from pages_kit import PARTS, addresses, hostile_console, lay, notification
from playwright.sync_api import Browser, Page
from standin import standing_in
from watchstack.console import create_app
from wire_kit import wired

pytestmark = pytest.mark.browser
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@dataclass
class Watch:
    """Notes what a page must not do."""

    page: Page
    home: str
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.add_init_script(NOTE_VIOLATIONS)
        page.on("pageerror", lambda error: self.troubles.append(f"error {error}"))
        page.on("dialog", lambda dialog: (self.troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda other: self.troubles.append(f"window {other.url}"))
        page.on("request", lambda asked: self._asked(asked.url))
        page.on("console", lambda told: self._told(told.type, told.text))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.home, "data:")):
            self.troubles.append(f"asks {url}")

    def _told(self, kind: str, text: str) -> None:
        """A page that says 404 or 503 is one of the console's own."""
        if kind == "error" and "Failed to load resource" not in text:
            self.troubles.append(f"{kind} {text}")

    def visit(self, path: str) -> list[str]:
        """What went wrong on the page."""
        self.troubles.clear()
        self.page.goto(self.home + path)
        self.page.wait_for_load_state("networkidle")
        found = [*self.troubles, *self.page.evaluate("window.violations")]
        if self.page.title() == "XSS":
            found.append("the title was changed")
        found += self.page.evaluate(
            "[...document.querySelectorAll('main *')].flatMap(one => [...one.attributes])"
            ".filter(one => one.name.startsWith('on') || /^\\s*javascript:/i.test(one.value) && one.name !== 'value')"
            ".map(one => `${one.ownerElement.tagName} ${one.name}=${one.value}`)"
        )
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    lay(folder, EVIL, LINK)
    with ExitStack() as opened:
        parts = opened.enter_context(standing_in(whole_stack(now=time.time())))
        told = dict.fromkeys(PARTS, parts.url)
        console = opened.enter_context(wired(folder, environment=EVIL[:60], **told))
        home = f"http://127.0.0.1:{console.port}"
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        sent = json.dumps(notification(EVIL, LINK)).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{home}/api/v1/inbox", sent, headers), timeout=10
        ) as answer:
            assert answer.status == 200
        yield home


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every page for people."""
    with hostile_console(tmp_path_factory.mktemp("paths")) as (own, _):
        left = ("/api/", "/static/", "/assets/", "/health", "/metrics")
        return [path for path, _ in addresses(create_app(own)) if not path.startswith(left)]


def signed_in(browser: Browser, home: str) -> Page:
    page = browser.new_context().new_page()
    sign_in(page, home)
    return page


def test_nothing_hostile_runs_on_any_page(browser: Browser, home: str, paths: list[str]) -> None:
    page = signed_in(browser, home)
    watch = Watch(page, home)
    found = {path: trouble for path in paths if (trouble := watch.visit(path))}
    assert found == {}
    assert len(paths) > 15
    watch.visit("/inbox")
    assert EVIL in page.inner_text("main")
    page.context.close()


def test_a_parameter_does_not_run_either(browser: Browser, home: str) -> None:
    page = signed_in(browser, home)
    watch = Watch(page, home)
    pages = (
        "/logs?q=",
        "/alerts?q=",
        "/inbox?alertname=",
        "/silences/new?matcher=",
        "/login?next=",
        "/rules?text=",
        "/%s?a=",
    )
    asked = "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D%27XSS%27%22%3E"
    found = {start: trouble for start in pages if (trouble := watch.visit(start + asked))}
    assert found == {}
    page.context.close()


def test_the_watch_sees_what_runs(browser: Browser, home: str, tmp_path: Path) -> None:
    """Without the policy and the escaping: an address of its own that does what is looked for above."""
    bad = b"<title>a</title><main><img src='http://127.0.0.1:1/x' onerror=\"document.title='XSS'\"></main>"
    with standing_in(lambda _m, _t: (200, {"Content-Type": "text/html"}, bad)) as other:
        page = browser.new_page()
        found = Watch(page, other.url).visit("/")
        page.close()
    assert "the title was changed" in found
    assert any(trouble.startswith("asks http://127.0.0.1:1/") for trouble in found)
    assert any(trouble.startswith("IMG onerror") for trouble in found)

"""Hostile words in real Chromium, on every page of the console: nothing of them is run, nothing is asked elsewhere, and
the browser's own policy has nothing to refuse.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import pytest
from console_kit import TOKEN
from hostile import EVIL, LINK, whole_stack
from pages_kit import PARTS, addresses, hostile_console, lay, notification
from playwright.sync_api import Browser, Page
from standin import standing_in
from waiting import DEADLINE
from watched import Opened
from watchstack.console import create_app
from wire_kit import wired

pytestmark = pytest.mark.browser
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def watched(opened: Opened, home: str, role: str = "") -> Page:
    """A page that notes what its policy refuses. One that says 404 or 503 is one of the console's own."""
    opened.expects("^Failed to load resource")
    page = opened(home, role=role)
    page.add_init_script(NOTE_VIOLATIONS)
    return page


def faults(opened: Opened, pages: list[Page], urls: Iterable[str]) -> dict[str, list[str]]:
    """What goes wrong on the pages of these addresses, by address. pages: of which each rests while others open."""
    found, left = {}, list(urls)
    while left:
        before, asked = len(opened.troubles), dict(zip(left, pages, strict=False))
        for url, page in asked.items():
            page.goto(url)
        found |= {url: [*wrong(page), *opened.troubles[before:]] for url, page in asked.items()}
        left = left[len(asked) :]
    return {url: wrong for url, wrong in found.items() if wrong}


def wrong(page: Page) -> list[str]:
    """What hostile words have done to a page that has come to rest."""
    page.wait_for_load_state("networkidle")
    found = list(page.evaluate("window.violations"))
    if page.title() == "XSS":
        found.append("the title was changed")
    found += page.evaluate(
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
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        sent = json.dumps(notification(EVIL, LINK)).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{console.home}/api/v1/inbox", sent, headers), timeout=DEADLINE
        ) as answer:
            assert answer.status == 200
        yield console.home


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every page for people."""
    with hostile_console(tmp_path_factory.mktemp("paths")) as (own, _):
        left = ("/api/", "/static/", "/assets/", "/health", "/metrics")
        return [path for path, _ in addresses(create_app(own)) if not path.startswith(left)]


def test_nothing_hostile_runs_on_any_page(opened: Opened, home: str, paths: list[str]) -> None:
    pages = [watched(opened, home, "admin") for _ in range(4)]
    assert faults(opened, pages, [home + path for path in paths]) == {}
    assert len(paths) > 15
    assert faults(opened, pages, [f"{home}/inbox"]) == {}
    assert EVIL in pages[0].inner_text("main")


def test_a_parameter_does_not_run_either(opened: Opened, home: str) -> None:
    pages = [watched(opened, home, "admin") for _ in range(4)]
    starts = (
        "/logs?q=",
        "/alerts?q=",
        "/inbox?alertname=",
        "/silences/new?matcher=",
        "/login?next=",
        "/rules?text=",
        "/%s?a=",
    )
    asked = "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D%27XSS%27%22%3E"
    assert faults(opened, pages, [home + start + asked for start in starts]) == {}


def test_the_watch_sees_what_runs(browser: Browser) -> None:
    """Without the policy and the escaping: an address of its own that does what is looked for above."""
    bad = b"<title>a</title><main><img src='http://127.0.0.1:1/x' onerror=\"document.title='XSS'\"></main>"
    opened = Opened(browser)
    with standing_in(lambda _m, _t: (200, {"Content-Type": "text/html"}, bad)) as other:
        [found] = faults(opened, [watched(opened, other.url)], [f"{other.url}/"]).values()
        opened.close()
    assert "the title was changed" in found
    assert any(trouble.startswith("asks http://127.0.0.1:1/") for trouble in found)
    assert any(trouble.startswith("IMG onerror") for trouble in found)

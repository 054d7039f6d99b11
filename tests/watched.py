"""Pages that are watched from their opening to their end: what none of them may do, and what a test expects of one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from console_browser import keep
from console_kit import PASSWORDS
from playwright.sync_api import Browser, BrowserContext, Page
from waiting import DEADLINE

HIDE = "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
SHOW = "delete document.hidden"
OF_COLOURS = ("color-contrast", "link-in-text-block")  # the rules of axe that look at colours
# Every chart of a page of the console is drawn, or says why it is not
SETTLED = """[...document.querySelectorAll("canvas[data-chart]")].every((one) => globalThis.Chart?.getChart(one) ||
    one.closest(".ws-chart")?.querySelector(".ws-said:not([hidden])"))"""


class Opened:
    """Opens pages, each in a browser context of its own, and notes what none of them may do: an error, a dialog,
    another window, a request that goes elsewhere.

    troubles: what was noted and nobody expected, with the address that it is about.
    """

    def __init__(self, browser: Browser) -> None:
        self.troubles: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._expected: list[re.Pattern[str]] = []

    def __call__(
        self, home: str, width: int = 1440, scheme: str = "light", *, role: str = "", warned: bool = True, **more: Any
    ) -> Page:
        """An empty page that may ask `home` alone. role: of whoever is signed in to the console there already.

        warned: whether a mere warning of the browser may be. more: of the browser's context.
        """
        bad = ("error",) if warned else ("error", "warning")
        size = {"width": width, "height": 900}
        context = self._browser.new_context(viewport=size, color_scheme=scheme, **more)  # type: ignore[arg-type]
        self._contexts.append(context)
        context.set_default_timeout(DEADLINE * 1000)
        if role:
            _enter(context, home, role)
        page = context.new_page()
        page.on("console", lambda said: self._note(f"{said.text} {said.location['url']}", said.type in bad))
        page.on("pageerror", lambda error: self._note(f"error {error}"))
        page.on("popup", lambda other: self._note(f"window {other.url}"))
        page.on("dialog", lambda dialog: (self._note(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: self._note(f"asks {asked.url}", not asked.url.startswith(f"{home}/")))
        return page

    def expects(self, words: str) -> None:
        """From now on a trouble in which the pattern `words` is found is none.

        It is said before what causes the trouble: the browser tells of an error when it likes, also long after the
        page has shown that it came.
        """
        self._expected.append(re.compile(words))

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def end(self) -> None:
        """Closes the pages, and fails when one of them did what it may not."""
        self.close()
        assert not self.troubles, self.troubles

    def _note(self, words: str, bad: bool = True) -> None:
        if bad and not any(one.search(words) for one in self._expected):
            self.troubles.append(words)


def _enter(context: BrowserContext, home: str, role: str) -> None:
    """Signs in without a page; how a person does it: `console_browser.sign_in`."""
    form: dict[str, Any] = {"user": role, "password": PASSWORDS[role]}
    answer = context.request.post(f"{home}/login", form=form, max_redirects=0)
    assert answer.status == 303, answer.text()


def stopped(page: Page) -> Page:
    """The same page, whose clock moves only when the test says so. For one that nothing was opened in yet."""
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(hours=1))
    return page


def soon(page: Page, what: Callable[[], object], why: str, seconds: float = DEADLINE) -> None:
    """Waits for `what` while the page's events come in; fails after `seconds`."""
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, f"not within {seconds:.0f} s: {why}"
        page.wait_for_timeout(50)


def visit(page: Page, url: str) -> None:
    """Opens a page of the console, which must be there, draw its charts and fit into the window."""
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200, f"{url}: {answer.status}"
    soon(page, lambda: page.evaluate(SETTLED), f"the charts of {url} are drawn")
    fits(page)


def fits(page: Page) -> None:
    """Nothing is wider than the window; charts follow it in a moment."""
    ends = time.monotonic() + DEADLINE
    while (sizes := page.evaluate("[document.documentElement.scrollWidth, innerWidth]"))[0] > sizes[1]:
        assert time.monotonic() < ends, f"{page.url} is {sizes[0]} px wide in a window of {sizes[1]} px"
        page.wait_for_timeout(50)


def accessible(page: Page, *rules: str) -> None:
    """No finding of axe that is serious or critical. Its script comes past the page's policy, as a debugger's.

    Meanwhile the page is a hidden tab, which leaves itself as it is. rules: those that are looked at, by default all.
    """
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    page.wait_for_load_state()
    page.evaluate(HIDE)
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("async (options) => (await axe.run(options)).violations", options)
    page.evaluate(SHOW)
    serious = [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious, f"{page.url}: {serious}"


def holds(page: Page, name: str, axe: bool = True) -> None:
    """In light and in dark it fits and axe finds nothing; a picture of each as `keep` makes it.

    It begins with what the page has now and leaves it with the other, in which the next page is opened. The second
    differs in its colours alone.
    """
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for scheme, rules in zip(("dark", "light") if dark else ("light", "dark"), ((), OF_COLOURS), strict=True):
        page.emulate_media(color_scheme=scheme)
        fits(page)
        keep(page, name)
        if axe:
            accessible(page, *rules)

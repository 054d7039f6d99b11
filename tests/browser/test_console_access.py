"""Signing in, out and being refused in Chromium, as a person does it: by keyboard, on a phone, without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_browser import console_process, sign_in
from console_kit import PASSWORDS
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One console for all: the tests change nothing but sessions."""
    with console_process(tmp_path_factory.mktemp("access")) as address:
        yield address


def looks_right(page: Page, name: str) -> None:
    """No finding of axe that is serious, nothing wider than the window; a picture where a folder for it is named."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"]) for one in found if one["impact"] in ("serious", "critical")] == []
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]
    if folder := os.environ.get("SCREENSHOTS"):
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.screenshot(path=f"{folder}/{name}-{width[1]}-{'dark' if dark else 'light'}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_way_in_and_what_a_viewer_may_not(browser: Browser, console: str, width: int, scheme: str) -> None:
    with browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True  # type: ignore[arg-type]
    ) as context:  # fmt: skip
        page = context.new_page()
        page.goto(f"{console}/audit?user=viewer")
        assert page.url == f"{console}/login?next=/audit?user%3Dviewer"
        looks_right(page, "login")
        page.keyboard.type("viewer")  # the first field has the focus
        page.keyboard.press("Tab")
        page.keyboard.type("not the password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("do not belong together")
        expect(page.get_by_label("Password")).to_be_focused()  # the name stays
        looks_right(page, "login-wrong")
        page.keyboard.type(PASSWORDS["viewer"])
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("needs the role admin")
        looks_right(page, "refused")
        page.goto(f"{console}/silences/new")
        expect(page.get_by_role("button", name="Silence", exact=True)).to_have_count(0)
        page.get_by_role("link", name="Sign in as admin").click()
        page.get_by_label("Account").fill("admin")
        page.get_by_label("Password").fill(PASSWORDS["admin"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Silence", exact=True)).to_be_visible()
        assert page.url.startswith(f"{console}/silences/new")
        page.goto(f"{console}/audit?user=viewer")
        rows = page.get_by_role("row")
        expect(rows.filter(has_text="refused").first).to_contain_text("/audit")
        assert page.evaluate("document.cookie") == ""
        looks_right(page, "audit")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{console}/login")
        page.go_back()
        page.reload()
        assert "/login?next=" in page.url


def test_without_javascript(browser: Browser, console: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, console)
        page.goto(f"{console}/audit")
        page.get_by_label("What").select_option("login")
        page.get_by_role("button", name="Show").click()
        assert page.url.endswith("action=login")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{console}/login")


def test_a_session_of_one_window_is_not_that_of_another_browser(browser: Browser, console: str) -> None:
    with browser.new_context() as one, browser.new_context() as other:
        sign_in(one.new_page(), console)
        page = other.new_page()
        page.goto(f"{console}/inbox")
        assert "/login" in page.url
        [cookie] = one.cookies(console)
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")

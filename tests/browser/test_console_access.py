"""Signing in, out and being refused in Chromium, as a person does it: by keyboard, on a phone, without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_browser import console_process, sign_in
from console_kit import PASSWORDS
from playwright.sync_api import expect
from watched import Opened, holds

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One console for all: the tests change nothing but sessions."""
    with console_process(tmp_path_factory.mktemp("access")) as address:
        yield address


@pytest.mark.parametrize("width", [390, 1440])
def test_the_way_in_and_what_a_viewer_may_not(opened: Opened, console: str, width: int) -> None:
    opened.expects(rf"status of 401 \(UNAUTHORIZED\) {console}/login")  # the wrong password
    opened.expects(rf"status of 403 \(FORBIDDEN\) {console}/audit")
    page = opened(console, width)
    page.goto(f"{console}/audit?user=viewer")
    assert page.url == f"{console}/login?next=/audit?user%3Dviewer"
    holds(page, "login")
    expect(page.get_by_label("Account")).to_be_focused()
    page.keyboard.type("viewer")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("Password")).to_be_focused()  # the name stays
    holds(page, "login-wrong")
    page.keyboard.type(PASSWORDS["viewer"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("needs the role admin")
    holds(page, "refused")
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
    holds(page, "audit")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{console}/login")
    page.go_back()
    page.reload()
    assert "/login?next=" in page.url


def test_without_javascript(opened: Opened, console: str) -> None:
    page = opened(console, java_script_enabled=False)
    sign_in(page, console)
    page.goto(f"{console}/audit")
    page.get_by_label("What").select_option("login")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**action=login")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{console}/login")


def test_a_session_of_one_window_is_not_that_of_another_browser(opened: Opened, console: str) -> None:
    one, other = opened(console), opened(console)
    sign_in(one, console)
    other.goto(f"{console}/inbox")
    assert "/login" in other.url
    [cookie] = one.context.cookies(console)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")

"""The admin page of an application in Chromium: signed in, live, drawn, downloaded, at both widths, light and dark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from examples_kit import Example, running
from native_support import until
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support import ROOT, answers, choose_ports

ADMIN, VIEWER = "for the admin's eyes", "for the viewer's eyes"
PAGE = "/admin/monitoring"
WIDTHS = (390, 1440)
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SHOP = f"""
import os
from waitress import serve
from watchstack import Monitoring
from watchstack.health.check import Result, Status

def app(environ, start_response):
    environ["watchstack.route"] = "/" + {EVIL!r}
    start_response("500 Broken", [("Content-Type", "text/plain")])
    return [b"no"]

monitoring = Monitoring()
monitoring.health.register("evil", {EVIL!r}, lambda: Result(Status.CRITICAL, {EVIL!r}, {{}}))
monitoring.health.register("queue", "Jobs", lambda: Result(Status.DEGRADED, "1200 jobs wait", {{}}), critical=False)
serve(monitoring.init_wsgi(app), listen=os.environ["LISTEN"], threads=4)
"""
TOKENS = {"MONITORING_ADMIN_TOKEN": ADMIN, "MONITORING_VIEWER_TOKEN": VIEWER, "METRICS_COLLECTION_INTERVAL": "0.5"}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The framework's example, which is ASGI."""
    folder = tmp_path_factory.mktemp("notebook")
    own = {"DATABASE_PATH": str(folder / "notebook.db"), "HEALTH_CHECK_INTERVAL": "0.3", **TOKENS}
    with running(Example("framework", "app.py", port=8000, folder=folder, **own), "/api/health") as one:
        one.drive()
        yield one


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A WSGI application that is not well, without a preset; what others wrote into it is markup."""
    script = tmp_path_factory.mktemp("shop") / "shop.py"
    script.write_text(SHOP)
    with served(script) as home:
        yield home


@contextmanager
def served(script: Path) -> Iterator[str]:
    (port,) = choose_ports(1)
    home = f"http://127.0.0.1:{port}"
    variables = {"LISTEN": f"127.0.0.1:{port}", "PYTHONPATH": str(ROOT / "exporter"), **TOKENS}
    process = subprocess.Popen([sys.executable, str(script)], env={**os.environ, **variables})
    try:
        until(lambda: answers(f"{home}/health/live"), 20, "the shop answers")
        yield home
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages that fail the test for an error, a dialog or a request elsewhere."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(home: str, width: int = 1440, scheme: Any = "light", clock: bool = False) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        if clock:
            page.clock.install()
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
        page.on("request", lambda asked: troubles.append(asked.url) if not asked.url.startswith(home) else None)
        page.goto(home + PAGE)
        return page

    make.troubles = troubles  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def sign_in(page: Page, token: str = ADMIN) -> Page:
    """With the keyboard alone."""
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    expect(page.locator(".chart svg")).to_have_count(4)
    return page


def fits(page: Page) -> None:
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]


def requests(page: Page) -> int:
    return int(page.locator("#requests").inner_text().replace(",", ""))


def test_signing_in_and_a_page_that_is_live(notebook: Example, opened: Callable[..., Page]) -> None:  # A-28 J-01 J-02
    page = opened(notebook.url, clock=True)
    assert page.url == f"{notebook.url}{PAGE}/login?next={PAGE}"
    sign_in(page)
    assert page.url == notebook.url + PAGE
    expect(page.locator("#status")).to_have_text("healthy")
    before = requests(page)
    notebook.drive()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url.removeprefix(notebook.url).partition("?")[0]))
    page.clock.run_for(10_000)
    expect(page.locator("#requests")).not_to_have_text(str(before))
    assert requests(page) >= before + 24
    assert sorted(asked) == [f"{PAGE}/data", "/api/health", "/api/metrics/summary"]  # J-08, and no reload


def test_every_part_of_the_page(notebook: Example, opened: Callable[..., Page]) -> None:  # J-03 J-05 J-06
    page = sign_in(opened(notebook.url))
    cards = page.locator("#checks .card")
    expect(cards.filter(has_text="database")).to_contain_text("healthy")
    assert cards.count() >= 8
    assert page.locator("#checks .card.good").count() == cards.count()
    for chart in page.locator(".chart svg").all():
        assert chart.locator("path.path, circle.dot").count() >= 1
        assert "now" in (chart.get_attribute("aria-label") or "")
    for name in ("CPU", "Memory", "Disk"):
        expect(page.locator(".resource").filter(has_text=name)).to_contain_text("%")
    expect(page.locator("#endpoints")).to_contain_text("GET /notes/{key}")
    page.select_option("#range", "15")
    expect(page.locator(".chart svg")).to_have_count(4)


def test_what_is_wrong_is_told_with_its_severity(shop: str, opened: Callable[..., Page]) -> None:  # J-03 J-04
    page = sign_in(opened(shop))
    expect(page.locator("#status")).to_have_text("critical")
    expect(page.locator("#status")).to_have_class("status bad")
    alert = page.locator("#alerts .card.bad").filter(has_text="evil")
    expect(alert.locator(".badge")).to_have_text("critical")
    expect(page.locator("#alerts .card.warning").filter(has_text="queue")).to_contain_text("1200 jobs wait")
    shown = "one => document.querySelectorAll(`#alerts .card.${one}`).length"
    found = page.evaluate(f"[document.querySelector('#alert-words').textContent, ...['bad', 'warning'].map({shown})]")
    assert found[0] in (f"{found[1]} critical, {found[2]} warning", f"{found[2]} warning, {found[1]} critical")
    tones = page.evaluate("[...document.querySelectorAll('#checks .badge')].map((one) => getComputedStyle(one).color)")
    assert len(set(tones)) == 3  # healthy, degraded, critical


def test_what_others_wrote_stays_text(shop: str, opened: Callable[..., Page]) -> None:  # M-16
    answers(f"{shop}/anything")
    page = sign_in(opened(shop))
    expect(page.locator("#checks")).to_contain_text(EVIL)
    expect(page.locator("#alerts")).to_contain_text(EVIL)
    expect(page.locator("#endpoints")).to_contain_text("onerror")
    assert page.locator("main img, main script").count() == 0


def test_a_check_is_run_from_the_page(notebook: Example, opened: Callable[..., Page]) -> None:  # A-24 M-06
    page = sign_in(opened(notebook.url))
    page.get_by_role("button", name="Run the check custom_service now").click()
    expect(page.locator("#ran")).to_contain_text("custom_service was run just now: healthy")


def test_downloads(notebook: Example, opened: Callable[..., Page], tmp_path: Path) -> None:  # A-29 A-30 J-09 J-10 L-44
    page = sign_in(opened(notebook.url))
    kept = {}
    for name in ("Export all", "Grafana dashboard"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        kept[download.value.suggested_filename] = json.loads(download.value.path().read_text())
    assert kept["monitoring-export.json"]["metrics"]
    assert kept["py-framework-dashboard.json"]["panels"]


def test_a_viewer_finds_nothing_to_change(notebook: Example, opened: Callable[..., Page]) -> None:  # M-06
    page = sign_in(opened(notebook.url), VIEWER)
    expect(page.get_by_role("link", name="Grafana dashboard")).to_be_visible()
    assert page.get_by_role("link", name="Export all").count() == 0
    assert page.locator("#checks button").count() == 0


def test_a_session_that_ends(notebook: Example, opened: Callable[..., Page]) -> None:
    page = sign_in(opened(notebook.url, clock=True))
    page.context.clear_cookies()
    page.clock.run_for(10_000)
    expect(page.locator("#trouble")).to_contain_text("The session has ended")
    troubles: list[str] = opened.troubles  # type: ignore[attr-defined]
    assert all("401" in one for one in troubles)  # the browser's own words on that
    troubles.clear()
    page.get_by_role("link", name="sign in again").click()
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"**{PAGE}/login")
    page.goto(notebook.url + PAGE)
    assert "/login" in page.url


def test_a_wrong_token_says_so(notebook: Example, opened: Callable[..., Page]) -> None:
    page = opened(notebook.url)
    page.get_by_label("Token").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This token is neither the admin's nor the viewer's.")
    opened.troubles.clear()  # type: ignore[attr-defined]


def test_a_hidden_tab_asks_nothing(notebook: Example, opened: Callable[..., Page]) -> None:
    page = sign_in(opened(notebook.url, clock=True))
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.clock.run_for(60_000)
    page.wait_for_timeout(500)  # what is asked is told a little later
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".chart svg")).to_have_count(4)
    page.wait_for_load_state("networkidle")
    assert len(asked) == 3


def test_an_application_that_is_away(browser: Browser, opened: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with served(tmp_path / "shop.py") as home:
        page = sign_in(opened(home, clock=True))
        shown = page.locator("#requests").inner_text()
    page.clock.run_for(10_000)
    expect(page.locator("#trouble")).to_contain_text("The application does not answer")
    expect(page.locator("#requests")).to_have_text(shown)
    opened.troubles.clear()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_both_pages_fit_and_are_accessible(
    notebook: Example, shop: str, opened: Callable[..., Page], width: int, scheme: str
) -> None:
    for home in (notebook.url, shop):
        page = opened(home, width, scheme)
        accessible(page)
        fits(page)
        sign_in(page)
        page.wait_for_load_state("networkidle")
        fits(page)
        accessible(page)
        if "ADMIN_SHOTS" in os.environ:
            page.screenshot(path=f"{os.environ['ADMIN_SHOTS']}/{home[-5:]}-{width}-{scheme}.png", full_page=True)


def accessible(page: Page) -> None:
    """No finding of axe that is serious or critical. Its script comes past the page's policy, as a debugger's."""
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ] == []


def test_the_printed_page(notebook: Example, opened: Callable[..., Page]) -> None:
    page = sign_in(opened(notebook.url))
    page.emulate_media(media="print")
    for name in ("Print", "Sign out", "Run the check database now"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.locator("#refreshed")).to_be_visible()  # when this was
    assert len(page.pdf(format="A4")) > 20_000

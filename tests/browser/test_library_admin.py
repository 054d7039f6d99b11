"""The admin page of an application in Chromium: signed in, live, drawn, downloaded, at both widths, light and dark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from examples_kit import QUIET, Example, running
from playwright.sync_api import Page, expect
from support import ROOT, answers, choose_ports
from waiting import until
from watched import HIDE, SHOW, Opened, holds, soon, stopped

ADMIN, VIEWER = "for the admin's eyes", "for the viewer's eyes"
PAGE = "/admin/monitoring"
LIVE = [f"{PAGE}/data", "/api/health", "/api/metrics/summary"]  # what the page asks each time
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
    variables = {"LISTEN": f"127.0.0.1:{port}", "PYTHONPATH": str(ROOT / "exporter"), **QUIET, **TOKENS}
    process = subprocess.Popen([sys.executable, str(script)], env={**os.environ, **variables})
    try:
        until(lambda: answers(f"{home}/health/live"), 60, "the shop answers")
        yield home
    finally:
        process.terminate()
        process.wait(60)


def login(opened: Opened, home: str, width: int = 1440, *, clock: bool = False) -> Page:
    """What a stranger gets who wants the page. clock: that of the page moves only when the test says so."""
    page = opened(home, width)
    if clock:
        stopped(page)
    page.goto(home + PAGE)
    return page


def sign_in(page: Page, token: str = ADMIN) -> Page:
    """With the keyboard alone."""
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    expect(page.locator(".chart svg")).to_have_count(4)
    return page


def asks(page: Page, home: str) -> list[str]:
    """The paths that the page asks for from now on, as it goes on asking."""
    found: list[str] = []
    page.on("request", lambda one: found.append(one.url.removeprefix(home).partition("?")[0]))
    return found


def requests(page: Page) -> int:
    return int(page.locator("#requests").inner_text().replace(",", ""))


def total(notebook: Example) -> int:
    """Requests, as the application itself tells."""
    told = notebook.ask("/api/metrics/summary", authorization=f"Bearer {ADMIN}").json()
    return int(told["requests"]["total"])


def test_signing_in_and_a_page_that_is_live(notebook: Example, opened: Opened) -> None:  # A-28 J-01 J-02
    page = login(opened, notebook.url, clock=True)
    assert page.url == f"{notebook.url}{PAGE}/login?next={PAGE}"
    sign_in(page)
    assert page.url == notebook.url + PAGE
    before, counted = requests(page), total(notebook)
    notebook.drive()
    until(lambda: total(notebook) >= counted + 24, 60, "the last answer is counted")
    asked = asks(page, notebook.url)
    page.clock.run_for(10_000)
    soon(page, lambda: requests(page) >= before + 24, "the page has asked anew")
    assert sorted(asked) == LIVE  # J-08, and no reload


def test_every_part_of_the_page(notebook: Example, opened: Opened) -> None:  # J-03 J-05 J-06
    page = sign_in(login(opened, notebook.url))
    expect(page.locator("#status")).to_have_text("healthy")
    cards = page.locator("#checks .card")
    expect(cards.filter(has_text="database")).to_contain_text("healthy")
    assert cards.count() >= 8
    expect(page.locator("#checks .card:not(.good)")).to_have_count(0)
    for chart in page.locator(".chart svg").all():
        assert chart.locator("path.path, circle.dot").count() >= 1
        assert "now" in (chart.get_attribute("aria-label") or "")
    for name in ("CPU", "Memory", "Disk"):
        expect(page.locator(".resource").filter(has_text=name)).to_contain_text("%")
    expect(page.locator("#endpoints")).to_contain_text("GET /notes/{key}")
    page.select_option("#range", "15")
    expect(page.locator(".chart svg")).to_have_count(4)


def test_what_is_wrong_is_told_with_its_severity(shop: str, opened: Opened) -> None:  # J-03 J-04
    page = sign_in(login(opened, shop))
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


def test_what_others_wrote_stays_text(shop: str, opened: Opened) -> None:  # M-16
    answers(f"{shop}/anything")
    page = sign_in(login(opened, shop))
    expect(page.locator("#checks")).to_contain_text(EVIL)
    expect(page.locator("#alerts")).to_contain_text(EVIL)
    expect(page.locator("#endpoints")).to_contain_text("onerror")
    assert page.locator("main img, main script").count() == 0


def test_a_check_is_run_from_the_page(notebook: Example, opened: Opened) -> None:  # A-24 M-06
    page = sign_in(login(opened, notebook.url))
    page.get_by_role("button", name="Run the check custom_service now").click()
    expect(page.locator("#ran")).to_contain_text("custom_service was run just now: healthy")


def test_downloads(notebook: Example, opened: Opened, tmp_path: Path) -> None:  # A-29 A-30 J-09 J-10 L-44
    page = sign_in(login(opened, notebook.url))
    kept = {}
    for name in ("Export all", "Grafana dashboard"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        kept[download.value.suggested_filename] = json.loads(download.value.path().read_text())
    assert kept["monitoring-export.json"]["metrics"]
    assert kept["py-framework-dashboard.json"]["panels"]


def test_a_viewer_finds_nothing_to_change(notebook: Example, opened: Opened) -> None:  # M-06
    page = sign_in(login(opened, notebook.url), VIEWER)
    expect(page.get_by_role("link", name="Grafana dashboard")).to_be_visible()
    assert page.get_by_role("link", name="Export all").count() == 0
    assert page.locator("#checks button").count() == 0


def test_a_session_that_ends(notebook: Example, opened: Opened) -> None:
    page = sign_in(login(opened, notebook.url, clock=True))
    opened.expects(rf"status of 401 \(Unauthorized\) {notebook.url}({'|'.join(LIVE)})")  # each question is refused
    page.context.clear_cookies()
    page.clock.run_for(10_000)
    expect(page.locator("#trouble")).to_contain_text("The session has ended")
    page.get_by_role("link", name="sign in again").click()
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"**{PAGE}/login")
    page.goto(notebook.url + PAGE)
    assert "/login" in page.url


def test_a_wrong_token_says_so(notebook: Example, opened: Opened) -> None:
    page = login(opened, notebook.url)
    opened.expects(rf"status of 401 \(Unauthorized\) {notebook.url}{PAGE}/login")
    page.get_by_label("Token").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This token is neither the admin's nor the viewer's.")


def test_a_hidden_tab_asks_nothing(notebook: Example, opened: Opened) -> None:
    page = sign_in(login(opened, notebook.url, clock=True))
    asked = asks(page, notebook.url)
    page.evaluate(HIDE)
    page.clock.run_for(60_000)
    page.evaluate("fetch('?mark')")
    soon(page, lambda: asked, "the mark is heard of")
    assert asked == [PAGE]  # what the page itself had asked would have come before it
    asked.clear()
    page.evaluate(f"{SHOW}; document.dispatchEvent(new Event('visibilitychange'))")
    soon(page, lambda: len(asked) >= 3, "it asks anew")
    expect(page.locator(".chart svg")).to_have_count(4)
    assert sorted(asked) == LIVE


def test_an_application_that_is_away(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with served(tmp_path / "shop.py") as home:
        page = sign_in(login(opened, home, clock=True))
        shown = page.locator("#requests").inner_text()
    opened.expects(rf"net::ERR_\w+ {home}/")
    page.clock.run_for(10_000)
    expect(page.locator("#trouble")).to_contain_text("The application does not answer")
    expect(page.locator("#requests")).to_have_text(shown)


@pytest.mark.parametrize("width", WIDTHS)
def test_both_pages_fit_and_are_accessible(notebook: Example, shop: str, opened: Opened, width: int) -> None:
    for name, home in (("notebook", notebook.url), ("shop", shop)):
        page = login(opened, home, width)
        holds(page, f"admin-login-{name}")
        sign_in(page)
        holds(page, f"admin-{name}")


def test_the_printed_page(notebook: Example, opened: Opened) -> None:
    page = sign_in(login(opened, notebook.url))
    page.emulate_media(media="print")
    for name in ("Print", "Sign out", "Run the check database now"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.locator("#refreshed")).to_be_visible()  # when this was
    assert len(page.pdf(format="A4")) > 20_000

"""The whole running stack with its five examples in Chromium: each page, each dashboard, the way of an alert.

What each page does is tested in tests/browser; here all meets real data at once. SCREENSHOTS=folder keeps pictures.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from console_browser import chromium, keep, sign_in
from grafana_support import SAMPLES, checked_live
from playwright.sync_api import Page, expect
from running import RunningStack
from stackgen.render.dashboards import DASHBOARDS
from waiting import until
from watchstack.console.navigation import FIRST, MORE

pytestmark = pytest.mark.grafana

PAGES = [place.address for place in (*FIRST, *MORE)] + [
    "/alerts/history", "/alerts/statistics", "/report", "/runbooks/application-cpu", "/rules?text=HostHighCPUUsage",
]  # fmt: skip
FITS = "document.documentElement.scrollWidth <= innerWidth"
PATIENCE = 60_000  # milliseconds for whatever a page does: two cores carry the stack, the browser and two other lanes
ALERT = {
    "labels": {"alertname": "TillIsOpen", "severity": "critical", "service": "till", "team": "shop"},
    "annotations": {"summary": "The till is open", "description": "for 3 minutes, longer than 1"},
}


@pytest.fixture(scope="module")
def page(stack: RunningStack) -> Iterator[Page]:
    """Signed in as admin; at the end nothing has complained, risen or asked elsewhere."""
    home = stack.url("console")
    troubles: list[str] = []
    expect.set_options(timeout=PATIENCE)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)

        def trouble(words: object) -> None:
            troubles.append(f"{page.url}: {words}")

        page.on("console", lambda said: trouble(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", trouble)
        page.on("request", lambda asked: None if asked.url.startswith(home) else trouble(asked.url))
        sign_in(page, home, "admin", stack.password("admin"))
        yield page
    assert troubles == []


def fits(page: Page, name: str) -> None:
    """Nothing is wider than the window, on a screen and on a phone."""
    for width, height in ((390, 844), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        until(lambda: page.evaluate(FITS), why=f"{page.url} fits {width} px")  # charts follow in a moment
        keep(page, name)


@pytest.mark.parametrize("address", PAGES)
def test_each_page(page: Page, stack: RunningStack, address: str) -> None:  # J-03, J-14
    def whole() -> bool:
        answer = page.goto(stack.url("console") + address)
        assert answer is not None
        assert answer.status == 200
        expect(page.get_by_role("heading", level=1).first).to_be_visible()  # the inbox has a second over what fires
        return page.locator(".problem").count() == 0

    until(whole, why=lambda: f"every part answers: {page.locator('.problem').all_inner_texts()}")
    fits(page, address.strip("/").replace("/", "-") or "overview")


def test_each_dashboard_is_drawn_and_shows_something(page: Page, stack: RunningStack) -> None:  # J-05, J-06, J-12
    checked_live(stack)
    charts = 0
    for file in sorted((stack.root / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(file.read_text())
        address = f"{stack.url('console')}/dashboards/{board['uid']}?from=now-15m&to=now"
        draw(page, address)
        assert page.locator(".panel").count() == len(board["panels"])
        charts += page.locator(".panel canvas").count()
        fits(page, board["uid"])
    assert charts > 4 * len(DASHBOARDS)


def draw(page: Page, address: str) -> None:
    """Opens a dashboard until every panel shows something or says that nothing is fine."""

    def silent() -> list[str]:
        found = page.locator(".panel:has(.panel-body > .said)").all_inner_texts()
        return [words for words in found if "that is fine" not in words]

    def whole() -> bool:
        page.goto(address)
        page.wait_for_selector("#dashboard[data-drawn]:not([aria-busy])")
        if not silent():
            return True
        page.wait_for_timeout(3000)  # new samples come every 15 seconds
        return False

    until(whole, SAMPLES, lambda: f"{address} shows something: {silent()}")


def test_an_alert_comes_without_reload_is_acknowledged_and_noted(page: Page, stack: RunningStack) -> None:  # J-04, M-11
    home = stack.url("console")
    page.goto(home + "/alerts")
    page.evaluate("window.unreloaded = true")
    lasts = {"endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    request = urllib.request.Request(
        stack.url("alertmanager") + "/api/v2/alerts",
        json.dumps([{**ALERT, **lasts}]).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
    card = page.locator("article", has_text="The till is open")
    expect(card.first).to_be_visible()
    assert page.evaluate("window.unreloaded")
    until(lambda: "TillIsOpen" in stack.read("console", "/api/v1/inbox").decode(), 120, "the message is in the inbox")
    page.goto(home + "/alerts")
    card.first.locator("summary", has_text="Acknowledge").click()
    card.first.get_by_label("Note").fill("closing it")
    card.first.get_by_role("button", name="I am on it").click()
    expect(page.get_by_text("Acknowledged by").first).to_be_visible()
    fits(page, "alerts-acknowledged")
    noted = stack.get("console", "/api/audit", role="admin")
    assert "acknowledge" in json.dumps(noted)
    page.goto(home + "/silences")
    expect(page.get_by_text("closing it").first).to_be_visible()


def test_logs_are_found_and_everything_is_exported(page: Page, stack: RunningStack) -> None:  # J-10
    home = stack.url("console")
    lines = page.locator("main li", has_text="ERROR")
    until(lambda: page.goto(f"{home}/logs?q=ERROR&service=example-flask") and lines.count(), why="a line with ERROR")
    assert page.get_by_text("/health/live").count() == 0  # lines without the word
    fits(page, "logs-found")
    page.goto(home + "/exports")
    with page.expect_download() as kept:
        page.get_by_role("link", name="JSON, 24 h").click()
    everything = json.loads(Path(kept.value.path()).read_text())
    assert {"alerts", "rules", "services", "targets"} <= set(everything)
    assert "TillIsOpen" in json.dumps(everything["alerts"])

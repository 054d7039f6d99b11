"""The console's pages of knowledge in Chromium, over a real Prometheus and Loki, as people use them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_browser import console_process, keep, sign_in, visit
from console_parts import post_json, run_alertmanager, run_loki, stream
from knowledge_kit import lay_sources, run_town
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PAGES = {
    "rules": "/rules",
    "rule": "/rules/host/HostHighMemoryUsage",
    "rule-nasty": "/rules/broken/Nasty",
    "targets": "/targets",
    "services": "/services",
    "resources": "/resources?period=1h",
    "insights": "/insights?period=1h",
    "exports": "/exports",
    "report": "/report?period=1h",
    "logs": "/logs?service=shop",
    "patterns": "/logs?service=shop&view=patterns",
}
LINES = (
    *(f'level=info msg="paid" user={n} card=4111{n:04d} from=10.0.0.{n}' for n in range(40)),
    'level=error msg="payment refused" order=1138 <script>alert(1)</script>',
    "unbroken" * 60,
    "Traceback (most recent call last):\n  File shop.py, line 7, in pay\nValueError: no such card",
)


@pytest.fixture(scope="module")
def console(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("knowledge")
    with (
        run_town(program, folder / "prometheus") as prometheus,
        run_alertmanager(program, folder / "alertmanager") as alertmanager,
        run_loki(program, folder / "loki") as loki,
        console_process(folder, prometheus=prometheus, alertmanager=alertmanager, loki=loki) as address,
    ):
        lay_sources(folder)
        error, info = ({"job": "watchstack", "compose_service": "shop", "level": one} for one in ("error", "info"))
        streams = [stream(info, *LINES[:40]), stream(error, *LINES[40:])]
        post_json(f"{loki}/loki/api/v1/push", {"streams": streams})
        time.sleep(float(os.environ.get("SETTLE", "8")))  # until the recording rules have figures
        yield address


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (390, "light"), (1440, "light"), (1440, "dark")])
def test_the_pages_hold_and_can_be_read_by_all(browser: Browser, console: str, width: int, scheme: str) -> None:
    """No overflow, no error, nothing from outside (visit); no serious finding of axe."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(10_000)
    sign_in(page, console)
    for name, path in PAGES.items():
        visit(page, console + path)
        keep(page, name)
        found = [
            f"{name}: {one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in Axe().run(page).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert found == []
    page.close()


def test_rules_are_searched_with_the_keyboard(browser: Browser, console: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(10_000)
    visit(page, console + "/rules")
    page.get_by_placeholder("Name, expression").focus()
    page.keyboard.type("TwoAtOnce")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=TwoAtOnce**")
    assert page.locator(".row").count() == 1
    page.locator(".row-name").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rules/broken/TwoAtOnce")
    assert "No source of this stack has this rule" in page.inner_text("main")
    page.close()


def test_charts_of_resources_are_drawn(browser: Browser, console: str) -> None:  # J-06
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(10_000)
    visit(page, console + "/resources")
    page.wait_for_timeout(500)
    drawn = page.evaluate(
        """[...document.querySelectorAll("canvas[data-chart]")].map(canvas => {
            const content = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(content).size;
        })"""
    )
    assert len(drawn) == 8
    assert min(drawn) > 3, drawn  # colours, so something is drawn on each
    page.close()


def test_logs_from_a_bar_to_a_pattern_and_around_a_line(browser: Browser, console: str) -> None:  # N-24
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(10_000)
    visit(page, console + "/logs?service=shop")
    assert page.locator(".volume svg a").count() >= 60
    page.get_by_role("textbox", name="Text").fill("REFUSED")
    page.get_by_label("Looked for as").select_option("anycase")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**mode=anycase**")
    assert page.locator(".lines li").count() == 1
    assert "<script>alert(1)</script>" in page.inner_text(".lines")
    page.locator(".lines .meta a").first.click()
    page.wait_for_url("**/logs/context**")
    assert "payment refused" in page.inner_text(".lines .chosen")
    keep(page, "context")
    visit(page, console + "/logs?service=shop")
    page.get_by_role("link", name="Patterns").click()
    page.wait_for_url("**view=patterns**")
    assert page.locator(".shapes .shape").first.inner_text() == 'level=info msg="paid" user=<n> card=<n> from=<address>'
    assert page.locator(".shape-count").first.inner_text() == "40"
    page.close()


def test_the_report_prints_on_paper(browser: Browser, console: str, tmp_path: Path) -> None:  # J-11
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page.set_default_timeout(10_000)
    visit(page, console + "/report?period=1h")
    path = Path(os.environ.get("SCREENSHOTS", tmp_path)) / "report.pdf"
    content = page.pdf(path=path, format="A4")
    assert content.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("header").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    keep(page, "report-print")
    page.close()

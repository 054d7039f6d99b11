"""The console's pages of knowledge in Chromium, over a real Prometheus and Loki, as people use them."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_browser import console_process, keep
from console_parts import post_json, run_alertmanager, run_loki, stream
from knowledge_kit import lay_sources, run_town
from playwright.sync_api import expect
from waiting import DEADLINE, until
from watched import Opened, holds, soon, visit

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

COLOURS = """[...document.querySelectorAll("canvas[data-chart]")].map(canvas => {
    const content = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(content).size;
})"""
RECORDED = ("service:http_requests:rate5m", "service:http_request_duration_seconds:statistic5m")


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
        until(lambda: all(figures(prometheus, name) >= 3 for name in RECORDED), why="the recording rules have figures")
        yield address


def figures(prometheus: str, name: str) -> int:
    """How many samples the series of this name have by now."""
    query = urllib.parse.urlencode({"query": f"min(count_over_time({name}{{service='shop'}}[5m]))"})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=DEADLINE) as answer:
        found = json.load(answer)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_the_pages_hold_and_can_be_read_by_all(opened: Opened, console: str, width: int, scheme: str) -> None:
    """No overflow, no error, nothing from outside; no serious finding of axe."""
    page = opened(console, width, scheme, role="admin")
    for name, path in PAGES.items():
        visit(page, console + path)
        holds(page, name)


def test_rules_are_searched_with_the_keyboard(opened: Opened, console: str) -> None:
    page = opened(console, role="admin")
    visit(page, console + "/rules")
    page.get_by_placeholder("Name, expression").focus()
    page.keyboard.type("TwoAtOnce")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=TwoAtOnce**")
    expect(page.locator(".row")).to_have_count(1)
    page.locator(".row-name").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rules/broken/TwoAtOnce")
    expect(page.locator("main")).to_contain_text("No source of this stack has this rule")


def test_charts_of_resources_are_drawn(opened: Opened, console: str) -> None:  # J-06
    page = opened(console, role="admin")
    visit(page, console + "/resources")
    soon(page, lambda: (found := page.evaluate(COLOURS)) and len(found) == 8 and min(found) > 3, "something is drawn")


def test_logs_from_a_bar_to_a_pattern_and_around_a_line(opened: Opened, console: str) -> None:  # N-24
    page = opened(console, role="admin")
    visit(page, console + "/logs?service=shop")
    assert page.locator(".volume svg a").count() >= 60
    page.get_by_role("textbox", name="Text").fill("REFUSED")
    page.get_by_label("Looked for as").select_option("anycase")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**mode=anycase**")
    expect(page.locator(".lines li")).to_have_count(1)
    expect(page.locator(".lines")).to_contain_text("<script>alert(1)</script>")
    page.locator(".lines .meta a").first.click()
    page.wait_for_url("**/logs/context**")
    expect(page.locator(".lines .chosen")).to_contain_text("payment refused")
    keep(page, "context")
    visit(page, console + "/logs?service=shop")
    page.get_by_role("link", name="Patterns").click()
    page.wait_for_url("**view=patterns**")
    shape = 'level=info msg="paid" user=<n> card=<n> from=<address>'
    expect(page.locator(".shapes .shape").first).to_have_text(shape)
    expect(page.locator(".shape-count").first).to_have_text("40")


def test_the_report_prints_on_paper(opened: Opened, console: str, tmp_path: Path) -> None:  # J-11
    page = opened(console, scheme="dark", role="admin")
    visit(page, console + "/report?period=1h")
    path = Path(os.environ.get("SCREENSHOTS", tmp_path)) / "report.pdf"
    content = page.pdf(path=path, format="A4")
    assert content.startswith(b"%PDF")
    page.emulate_media(media="print")
    expect(page.locator("header")).to_be_hidden()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    keep(page, "report-print")

"""The silence form and the log page in Chromium, over the real Alertmanager and Loki, as a person uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_browser import console_process
from console_parts import post_json, run_alertmanager, run_loki, stream
from playwright.sync_api import expect
from watched import Opened, holds, visit

pytestmark = pytest.mark.browser

NEW = "/silences/new?matcher=alertname%3DHighErrorRate&matcher=service%3Dshop&matcher=instance%3Dshop-7.internal:8000"
LINES = (
    'level=error msg="payment refused" order=1138 <script>alert(1)</script>',
    "unbroken" * 60,
    "Traceback (most recent call last):\n  File shop.py, line 7, in pay\nValueError: no such card",
    "GET /items/7 200",
)


@pytest.fixture(scope="module")
def console(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("links")
    with (
        run_alertmanager(program, folder / "alertmanager") as alertmanager,
        run_loki(program, folder / "loki") as loki,
        console_process(folder, alertmanager=alertmanager, loki=loki) as address,
    ):
        labels = {"job": "watchstack", "compose_service": "shop", "level": "error"}
        post_json(f"{loki}/loki/api/v1/push", {"streams": [stream(labels, *LINES)]})
        yield address


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_a_silence_from_the_link_to_its_end(opened: Opened, console: str, width: int, scheme: str) -> None:
    page, who = opened(console, width, scheme, role="admin"), f"Ada {width}"
    visit(page, console + NEW)
    holds(page, "new", axe=False)
    page.get_by_role("button", name="Silence").click()
    assert page.url.endswith(NEW)  # who and why are missing: the browser itself asks for them
    page.get_by_label("Who you are").fill(who)
    page.get_by_label("Why").fill("deploying release 7, back by four")
    page.get_by_label("4 hours").check()
    page.get_by_label("Value 3").fill("shop-7((")
    page.get_by_label("Comparison 3").select_option("=~")
    opened.expects(rf"status of 400 \(\w+( \w+)?\) {console}/silences")
    page.get_by_role("button", name="Silence").click()
    expect(page.locator(".problem")).to_contain_text("Alertmanager answered 400")
    holds(page, "refused", axe=False)
    expect(page.get_by_label("4 hours")).to_be_checked()
    page.get_by_label("Value 3").fill("shop-7.*")
    page.get_by_role("button", name="Silence").click()
    page.wait_for_url("**/silences/*-*")
    expect(page.locator("main")).to_contain_text(f"Silence by {who}")
    expect(page.locator("main")).to_contain_text('instance=~"shop-7.*"')
    expect(page.locator("main")).to_contain_text("in 3 h")
    visit(page, page.url)
    holds(page, "silence", axe=False)
    visit(page, console + "/silences")
    holds(page, "silences", axe=False)
    assert "back by four" in page.inner_text("main")
    page.get_by_role("link", name=who).click()
    page.get_by_role("button", name="End it now").click()
    expect(page.locator(".head")).to_contain_text("expired")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_the_log_page_holds(opened: Opened, console: str, width: int, scheme: str) -> None:
    page = opened(console, width, scheme, role="admin")
    visit(page, console + "/logs?service=shop")
    holds(page, "logs", axe=False)
    text = page.inner_text(".lines")
    assert text.index("GET /items/7 200") < text.index("payment refused")  # newest first
    assert "<script>alert(1)</script>" in text
    page.get_by_label("Text").fill("Traceback")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".lines li")).to_have_count(1)

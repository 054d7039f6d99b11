"""The silence form and the log page in Chromium, over the real Alertmanager and Loki, as a person uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_browser import console_process, keep, visit
from console_parts import post_json, run_alertmanager, run_loki, stream
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

NEW = "/silences/new?matcher=alertname%3DHighErrorRate&matcher=service%3Dshop&matcher=instance%3Dshop-7.internal:8000"
LINES = (
    'level=error msg="payment refused" order=1138 <script>alert(1)</script>',
    "unbroken" * 60,
    "Traceback (most recent call last):\n  File shop.py, line 7, in pay\nValueError: no such card",
    "GET /items/7 200",
)


@pytest.fixture
def console(program: Callable[..., Path], tmp_path: Path) -> Iterator[str]:
    with (
        run_alertmanager(program, tmp_path / "alertmanager") as alertmanager,
        run_loki(program, tmp_path / "loki") as loki,
        console_process(tmp_path, alertmanager=alertmanager, loki=loki) as address,
    ):
        labels = {"job": "watchstack", "compose_service": "shop", "level": "error"}
        post_json(f"{loki}/loki/api/v1/push", {"streams": [stream(labels, *LINES)]})
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_silence_from_the_link_to_its_end(browser: Browser, console: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(10_000)
    visit(page, console + NEW)
    keep(page, "new")
    page.get_by_role("button", name="Silence").click()
    assert page.url.endswith(NEW)  # who and why are missing: the browser itself asks for them
    page.get_by_label("Who you are").fill("Ada")
    page.get_by_label("Why").fill("deploying release 7, back by four")
    page.get_by_label("4 hours").check()
    page.get_by_label("Value 3").fill("shop-7((")
    page.get_by_label("Comparison 3").select_option("=~")
    page.get_by_role("button", name="Silence").click()
    assert "Alertmanager answered 400" in page.inner_text(".problem")
    keep(page, "refused")
    assert page.get_by_label("4 hours").is_checked()
    page.get_by_label("Value 3").fill("shop-7.*")
    page.get_by_role("button", name="Silence").click()
    page.wait_for_url("**/silences/*-*")
    text = page.inner_text("main")
    assert "Silence by Ada" in text
    assert 'instance=~"shop-7.*"' in text
    assert "in 3 h" in text
    visit(page, page.url)
    keep(page, "silence")
    visit(page, console + "/silences")
    keep(page, "silences")
    assert "back by four" in page.inner_text("main")
    page.get_by_role("link", name="Ada").click()
    page.get_by_role("button", name="End it now").click()
    page.wait_for_load_state()
    assert "expired" in page.inner_text(".head")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_log_page_holds(browser: Browser, console: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(10_000)
    visit(page, console + "/logs?service=shop")
    keep(page, "logs")
    text = page.inner_text(".lines")
    assert text.index("GET /items/7 200") < text.index("payment refused")  # newest first
    assert "<script>alert(1)</script>" in text
    page.get_by_label("Text").fill("Traceback")
    page.get_by_role("button", name="Show").click()
    page.wait_for_load_state()
    assert page.locator(".lines li").count() == 1
    page.close()

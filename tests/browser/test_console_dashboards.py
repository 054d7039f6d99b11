"""The dashboards in Chromium over a real Prometheus and Loki: every committed one is drawn, and used as people do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from console_browser import console_process, keep
from console_parts import post_json, run_loki
from dashboard_parts import DASHBOARDS, asked, numbers, run_prometheus, series_of
from playwright.sync_api import Page, expect
from watched import HIDE, SHOW, Opened, fits, holds, soon, stopped

pytestmark = pytest.mark.browser

SERVICE = "/dashboards/watchstack-service"
HOSTILE = "<img src=x onerror=alert(1)>\"'`"
FORMATTED = [
    ("percent", 12.345, None, "12.3 %"), ("percentunit", 0.5, None, "50 %"), ("bytes", 1536, None, "1.5 KiB"),
    ("bytes", 0, None, "0 B"), ("Bps", 1500, None, "1.5 kB/s"), ("s", 0.0123, None, "12.3 ms"),
    ("s", 90, None, "1.5 min"),
    ("s", 0, None, "0 s"), ("s", -90, None, "-1.5 min"), ("s", 172800, None, "2 d"),
    ("reqps", 1234, None, "1.23 K req/s"),
    ("short", 1e6, None, "1 M"), ("short", 0.00123, None, "0.00123"), ("currencyUSD", -2.5, 2, "-$2.50"),
    ("short", 7, 1, "7.0"),
    ("suffix: x", 3, None, "3  x"), ("furlong", 3, None, "3 furlong"), ("short", None, None, "–"),
    ("bool_yes_no", 1, None, "Yes"),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console over a Prometheus with an hour of numbers and a Loki with some lines."""
    folder = tmp_path_factory.mktemp("boards")
    now = time.time()
    # What is asked for is the newest number: they go on for a quarter of an hour, so that none is too old for any test.
    extra = [("up", {"service": HOSTILE, "job": "a", "instance": HOSTILE, "preset": ""})]
    extra += [
        ("service:http_requests:rate5m", {"service": HOSTILE, "preset": "", "team": "web", "environment": "test"})
    ]
    with (
        run_prometheus(program, folder / "prometheus", numbers([*series_of(asked()), *extra], now + 900)) as prometheus,
        run_loki(program, folder / "loki") as loki,
    ):
        post_json(f"{loki}/loki/api/v1/push", {"streams": [
            {"stream": {"environment": "test", "part": part, "compose_service": "shop", "level": level},
             "values": [[str(int((now - age) * 1e9)), f"level={level} {HOSTILE} {age}"] for age in range(600, 20, -20)]}
            for part, level in (("exporter", "error"), ("console", "info"))
        ]})  # fmt: skip
        (folder / "console").mkdir()
        with console_process(folder / "console", prometheus=prometheus, loki=loki) as address:
            yield address


@pytest.fixture
def page(opened: Opened, home: str) -> Page:
    """A signed-in page, on which the browser has not even a warning to give."""
    return opened(home, role="viewer", warned=False)


def drawn(page: Page, address: str = "") -> None:
    """Opens an address, where one is given, and waits until all panels have been drawn."""
    if address:
        page.goto(address)
    page.wait_for_selector("#dashboard[data-drawn]:not([aria-busy])")


def test_every_committed_dashboard_is_drawn_at_both_widths(
    page: Page, home: str
) -> None:  # J-05, J-06, J-12, J-14, P-03
    charts = panels = empty = 0
    for file in sorted(DASHBOARDS.glob("*.json")):
        board = json.loads(file.read_text())
        page.set_viewport_size({"width": 1440, "height": 900})
        drawn(page, f"{home}/dashboards/{board['uid']}?from=now-1h&to=now")
        broken = page.locator(".panel.broken .said").all_inner_texts()
        assert broken == [], board["title"]
        assert page.locator(".panel").count() == len(board["panels"])
        panels += len(board["panels"])
        empty += page.locator(".panel-body > .said").count()
        charts += page.locator(".panel canvas").count()
        fits(page)
        keep(page, board["uid"])
        page.set_viewport_size({"width": 390, "height": 844})
        fits(page)
        keep(page, board["uid"])
    assert charts > 100
    assert empty < panels * 0.1, "the backfilled numbers are for what the dashboards ask"


def test_time_service_and_address_go_together(page: Page, home: str) -> None:  # J-13
    drawn(page, f"{home}{SERVICE}")
    page.get_by_label("1 h", exact=True).check()
    page.wait_for_url("**from=now-1h&to=now*")
    drawn(page)
    page.locator("details.variable[data-variable=service] summary").click()
    page.get_by_label("shop", exact=True).check()
    page.wait_for_url("**var-service=shop*")
    drawn(page)
    expect(page.locator("details.variable[data-variable=service] .now")).to_contain_text("shop")
    address = page.get_by_role("link", name="Logs of these services").get_attribute("href")
    assert address is not None
    assert "service=shop" in address
    assert "start=20" in address
    page.keyboard.press("Escape")
    page.get_by_text("All dashboards ▾").or_(page.locator("summary", has_text="All dashboards")).first.click()
    way = page.locator(".ways-on .options a", has_text="Host").first
    assert "from=now-1h" in str(way.get_attribute("href"))
    page.go_back()
    page.wait_for_url(lambda url: "var-service" not in url)
    drawn(page)
    page.locator("details.absolute summary").click()
    page.locator("#range-from").fill("2026-01-01T10:00:00")
    page.locator("#range-to").fill("2026-01-01T11:00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**from=17672*&to=17672*")
    drawn(page)
    assert "no data" in page.inner_text("#grid")


def test_a_chart_is_read_with_the_keyboard_and_zoomed_with_the_mouse(page: Page, home: str) -> None:
    drawn(page, f"{home}{SERVICE}?from=now-1h&to=now")
    chart = page.locator(".panel.timeseries canvas").first
    assert "arrow keys" in str(chart.get_attribute("aria-label"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    tip = page.locator(".ws-tip:visible")
    expect(tip).to_have_count(1)
    soon(page, lambda: len(tip.inner_text()) > 10, "the tip says what was there")
    soon(page, lambda: page.locator(".ws-cross:visible").count() > 1, "all charts point at the same moment")
    keep(page, "tip")
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    legend = page.locator(".panel.timeseries .series").first
    legend.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".series[aria-pressed=true]")).to_have_count(1)
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=17*&to=17*")
    drawn(page)
    start, end = (int(page.evaluate(f"new URLSearchParams(location.search).get('{name}')")) for name in ("from", "to"))
    assert 1_000_000 < end - start < 3_000_000


def test_labels_and_log_lines_are_only_ever_text(page: Page, home: str) -> None:
    drawn(page, f"{home}{SERVICE}?from=now-1h&to=now")
    assert page.locator("#grid img").count() == 0
    page.locator("details.variable[data-variable=service] summary").click()
    page.get_by_label(HOSTILE, exact=True).check()
    drawn(page)
    page.wait_for_url("**var-service=%3Cimg*")
    assert page.locator(".panel.broken").count() == 0
    drawn(page, f"{home}/dashboards/watchstack-logs?from=now-1h&to=now&var-search=onerror")
    expect(page.locator(".panel.logs .lines").last).to_contain_text(HOSTILE)
    assert page.locator("#grid img").count() == 0
    page.locator("[data-variable=search]").fill("nothing(")
    page.keyboard.press("Enter")
    page.wait_for_url("**var-search=nothing*")
    drawn(page)
    assert "Loki answered 400" in page.inner_text("#grid")  # a regular expression that is none


def test_one_panel_of_a_message_stands_large_above_the_others(page: Page, home: str) -> None:
    drawn(page, f"{home}/dashboards/watchstack-overview/memory?from=now-1h&to=now")
    sizes = page.evaluate(
        "['.panel.shown', '.panel:not(.shown)'].map(s => document.querySelector(s).getBoundingClientRect())"
    )
    assert sizes[0]["width"] > 1200
    assert sizes[0]["top"] < 500
    page.locator(".panel.shown .help summary").click()
    assert page.locator(".panel.shown .help p").is_visible()
    keep(page, "shown-1440")


def test_colours_follow_the_system(page: Page, home: str) -> None:
    drawn(page, f"{home}/dashboards/watchstack-host?from=now-1h&to=now")
    colour = "document.querySelector('.ws-swatch').style.background"
    light = page.evaluate(colour)
    keep(page, "host-light")
    page.emulate_media(color_scheme="dark")
    soon(page, lambda: page.evaluate(colour) != light, "the colour is another")
    keep(page, "host-dark")


def test_a_hidden_tab_asks_nothing(page: Page, home: str) -> None:
    """The clock of the page is moved on: shown it asks anew, hidden it waits."""
    stopped(page)
    drawn(page, f"{home}/dashboards/watchstack-overview")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url.removeprefix(home)))
    page.evaluate(HIDE)
    page.clock.run_for(120_000)
    page.evaluate("fetch('/health/live')")
    soon(page, lambda: asked, "the mark is heard of")
    assert asked == ["/health/live"]  # what the page itself had asked would have come before it
    page.evaluate(SHOW)
    page.clock.run_for(2000)
    expect(page.locator("#dashboard")).to_have_attribute("data-drawn", "2")
    assert len([one for one in asked if "/data?" in one]) > 1


def test_over_a_line_that_broke_a_dashboard_asks_anew(page: Page, home: str) -> None:
    """Requests that never end hold nothing up for good."""
    stopped(page)
    drawn(page, f"{home}/dashboards/watchstack-overview")
    page.route("**/api/dashboards/**", lambda _: None)
    page.clock.run_for(60_000)
    expect(page.locator("#dashboard")).to_have_attribute("aria-busy", "true")
    page.unroute("**/api/dashboards/**")
    page.clock.run_for(121_000)
    expect(page.locator("#dashboard")).to_have_attribute("data-drawn", "3")


def test_axe_finds_nothing_serious(page: Page, home: str) -> None:
    for name in ("", "watchstack-overview", "watchstack-slo", "watchstack-logs"):
        page.goto(f"{home}/dashboards/{name}{'?from=now-1h&to=now' if name else ''}")
        if name:
            drawn(page)
        holds(page, f"axe-{name or 'dashboards'}")


def test_numbers_are_written_with_their_units(page: Page, home: str) -> None:
    page.goto(f"{home}/dashboards/")
    found = page.evaluate(
        "async (cases) => { const {format} = await import('/static/charts/units.js');"
        " return cases.map(([unit, value, decimals]) => format(unit, value, decimals)); }",
        [[unit, value, decimals] for unit, value, decimals, _ in FORMATTED],
    )
    assert found == [words for *_, words in FORMATTED]


def test_without_its_parts_the_page_works_and_says_so(opened: Opened, tmp_path: Path) -> None:
    with console_process(tmp_path, prometheus="http://127.0.0.1:1", loki="http://127.0.0.1:1") as home:
        page = opened(home, 390, role="viewer")
        drawn(page, f"{home}/dashboards/watchstack-overview")
        said: list[Any] = page.locator(".panel .said.bad").all_inner_texts()
        assert len(said) > 15
        assert all("is not reached" in words for words in said)
        fits(page)
        keep(page, "away-390")

"""The console's front in Chromium, over the real Prometheus and Alertmanager: an alert from its coming to its end."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_browser import keep, sign_in, visit
from console_kit import bearer
from front_kit import Front, front
from native_support import until
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

RULES = """
groups:
  - name: front
    rules:
      - alert: HighErrorRate
        expr: broken > 0
        annotations:
          summary: '{{ $labels.service }} answers with errors'
          description: '{{ $value }} % of the requests fail where 5 % is the limit.'
          runbook_url: http://127.0.0.1:9099/runbooks/part-down
      - alert: HighErrorRate
        expr: broken > 0
        labels: {escalated: '1'}
      - alert: DiskFills
        expr: filling > 0
        for: 1h
        labels: {severity: warning}
"""
HOSTILE = "<script>alert(1)</script>" + "unbroken" * 40 + "\u202egpj.exe"
NUMBERS = [
    *(f'up{{service="{name}",job="{name}"}} {up}' for name, up in (("shop", 1), ("search", 1), ("billing", 0))),
    *(f'service:http_requests:rate5m{{service="{name}"}} {rate}' for name, rate in (("shop", 12.5), ("search", 140))),
    'service:http_errors:rate5m{service="shop"} 0.25',
    'service:http_errors:percent5m{service="shop"} 2',
    'service:http_request_duration_seconds:statistic5m{service="shop",statistic="p95"} 0.18',
    'system_cpu_usage_percent{job="exporter",instance="host"} 37',
    'system_memory_usage_percent{job="exporter",instance="host"} 84',
    'system_disk_usage_percent{job="exporter",mount_point="/"} 61',
    'slo:error_budget_remaining:ratio{service="shop",slo="availability"} 0.83',
    'slo:error_budget_remaining:ratio{service="billing",slo="latency"} -0.12',
    'filling{instance="db-1"} 1',
]
DRAWN = """[...document.querySelectorAll('.course canvas')].map((canvas) =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean))"""
PAGES = ("/", "/alerts", "/alerts?group=severity", "/alerts/history", "/alerts/statistics", "/inbox", "/entries/1")


def broken(service: str, severity: str = "critical", **more: str) -> str:
    labels = {"service": service, "severity": severity, "instance": f"{service}-1:8000", "team": "web", **more}
    return "broken{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "} 12.5"


@pytest.fixture(scope="module")
def stack(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(program, tmp_path_factory.mktemp("front"), RULES) as found:
        found.lines = list(NUMBERS)
        yield found


def api(stack: Front, path: str, body: object = None, method: str = "GET") -> Any:
    content = None if body is None else json.dumps(body).encode()
    headers = {**bearer(), "Content-Type": "application/json"}
    request = urllib.request.Request(stack.console + path, content, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def states(stack: Front) -> dict[str, str]:
    """Of each alert that is active, by service."""
    return {one["service"]: one["state"] for one in api(stack, "/api/alerts")["alerts"]}


def told(stack: Front) -> list[str]:
    """What Alertmanager itself says of each alert, the escalated one among them."""
    with urllib.request.urlopen(stack.alertmanager + "/api/v2/alerts", timeout=10) as answer:
        return [one["status"]["state"] for one in json.load(answer)]


def opened(browser: Browser, stack: Front, width: int = 1440, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(10_000)
    sign_in(page, stack.console)
    return page


def test_an_alert_from_its_coming_to_its_end(browser: Browser, stack: Front) -> None:  # J-04
    stack.lines = list(NUMBERS)
    until(lambda: api(stack, "/api/overview")["numbers"][-1]["value"], 20, "the first scrape")
    page = opened(browser, stack)
    visit(page, stack.console + "/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Something is wrong")  # billing is down
    typed = page.get_by_role("link", name="Memory")
    typed.focus()
    page.evaluate("window.unreloaded = true; document.querySelectorAll('canvas')[0].dataset.same = 'yes'")
    stack.lines.append(broken("shop"))
    card = page.locator("article", has_text="shop answers with errors").first
    expect(card).to_be_visible(timeout=25_000)
    expect(page.locator("#announce")).to_contain_text("critical: shop answers with errors")
    assert page.evaluate("window.unreloaded && document.querySelectorAll('canvas')[0].dataset.same") == "yes"
    assert page.evaluate("document.activeElement.textContent") == "Memory"  # the focus has stayed
    until(lambda: states(stack) == {"shop": "firing", "": "pending"} and told(stack) == ["active"] * 2, 20, "escalated")
    assert next(one for one in api(stack, "/api/alerts")["alerts"] if one["service"])["escalated"] == "1"

    page.goto(stack.console + "/inbox")
    item = page.locator("article.card").filter(has_text="answers with errors")
    expect(item).to_have_count(1)
    page.keyboard.press("j")
    while "answers with errors" not in page.evaluate("document.activeElement.textContent"):
        page.keyboard.press("j")
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.name") == "note"
    page.keyboard.type("rolling back release 7")
    item.get_by_label("Who you are").fill("Ada")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    expect(page.get_by_text("Acknowledged by Ada").first).to_be_visible()
    assert "rolling back release 7" in page.inner_text("main")
    assert states(stack) == {"shop": "acknowledged", "": "pending"}
    assert told(stack) == ["suppressed"] * 2  # the escalation as well

    item.get_by_role("button", name="Undo acknowledgement").click()
    page.wait_for_load_state()
    until(lambda: told(stack) == ["active"] * 2, 10, "it tells people again")
    item.get_by_role("link", name="Silence").click()
    page.get_by_label("Who you are").fill("Bob")
    page.get_by_label("Why").fill("deploying")
    page.get_by_role("button", name="Silence").click()
    page.wait_for_url("**/silences/*-*")
    until(lambda: told(stack) == ["suppressed"] * 2, 10, "both are silenced")
    assert states(stack) == {"shop": "silenced", "": "pending"}

    page.goto(stack.console + "/inbox")
    expect(page.locator("article.card")).to_have_count(2)
    page.wait_for_timeout(16_000)  # the console looks every 15 s what is muted
    stack.lines = list(NUMBERS)
    expect(page.get_by_text("No longer fires: ")).to_have_count(1, timeout=120_000)  # nobody but the console says so
    assert [one["status"] for one in api(stack, "/api/alerts/history?service=shop")["history"]] == ["resolved"]
    assert api(stack, "/api/alerts/stats")["resolve"]["count"] == 1
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_hold_and_are_for_everybody(browser: Browser, stack: Front, width: int, scheme: str) -> None:
    stack.lines = [
        *NUMBERS, broken("search", "warning"), broken("billing"), broken("gate", "info"), broken(HOSTILE, "error")
    ]  # fmt: skip
    until(lambda: len(states(stack)) >= 5, 30, "all of them fire")
    taken = next(one for one in api(stack, "/api/alerts")["alerts"] if one["service"] == "search")
    if taken["state"] == "firing":
        api(stack, f"/api/alerts/{taken['fingerprint']}/acknowledgement", {"note": "on it", "who": "Ada"}, "POST")
    page = opened(browser, stack, width, scheme)
    for path in (*PAGES, f"/acknowledge/{taken['fingerprint']}"):
        visit(page, stack.console + path)
        page.wait_for_timeout(300)
        if path == "/":  # J-05
            assert page.evaluate(DRAWN) == [True] * 6
        keep(page, path.strip("/").replace("/", "-").split("?")[0] or "overview")
        serious = [
            (found["id"], [node["html"][:200] for node in found["nodes"]][:3])
            for found in Axe().run(page).response["violations"]
            if found["impact"] in ("serious", "critical")
        ]
        assert serious == [], path
    page.close()


def test_the_keyboard_reaches_everything(browser: Browser, stack: Front) -> None:
    page = opened(browser, stack, 390)
    page.goto(stack.console + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "live"
    menu = page.locator("header details")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("link", name="Silences")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.menu ul') !== null")
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Silences")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.goto(stack.console + "/inbox")
    page.keyboard.press("/")
    page.keyboard.type("jak")  # letters in a field are letters
    assert page.locator("[data-search]").input_value() == "jak"
    page.close()


def test_what_is_typed_and_opened_outlives_a_refresh(browser: Browser, stack: Front) -> None:
    stack.lines = [*NUMBERS, broken("search", "warning")]
    until(lambda: states(stack).get("search") in ("firing", "acknowledged"), 30, "it fires")
    page = opened(browser, stack)
    page.goto(stack.console + "/inbox")
    stack.lines.append(broken("late", "critical"))
    page.locator("[data-search]").fill("half a wo")
    page.locator("[data-search]").focus()
    expect(page.locator("article", has_text="late answers with errors").first).to_be_visible(timeout=30_000)
    assert page.locator("[data-search]").input_value() == "half a wo"
    assert page.evaluate("document.activeElement.hasAttribute('data-search')")
    page.close()


def test_on_paper_stand_the_alerts_and_no_controls(browser: Browser, stack: Front) -> None:
    stack.lines = [*NUMBERS, broken("search", "warning")]
    until(lambda: states(stack).get("search") in ("firing", "acknowledged"), 30, "it fires")
    page = opened(browser, stack, 1440, "dark")
    page.goto(stack.console + "/alerts")
    page.emulate_media(media="print")
    expect(page.get_by_text("search answers with errors")).to_be_visible()
    for control in ("header nav", ".who", "form.filters", ".card .ways"):
        expect(page.locator(control).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()

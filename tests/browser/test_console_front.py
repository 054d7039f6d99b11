"""The console's front in Chromium, over the real Prometheus and Alertmanager: an alert from its coming to its end."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from console_kit import bearer
from front_kit import Front, front
from playwright.sync_api import Page, expect
from waiting import DEADLINE, until
from watched import Opened, holds, soon, visit

pytestmark = pytest.mark.browser

RULES = """
groups:
  - name: front
    rules:
      - alert: HighErrorRate
        expr: broken > 0
        keep_firing_for: &long 6s  # longer than a scrape or two that come too late
        annotations:
          summary: '{{ $labels.service }} answers with errors'
          description: '{{ $value }} % of the requests fail where 5 % is the limit.'
          runbook_url: http://127.0.0.1:9099/runbooks/part-down
      - alert: HighErrorRate
        expr: broken > 0
        keep_firing_for: *long
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
PAGES = ("/", "/alerts", "/alerts?group=severity", "/alerts/history", "/alerts/statistics", "/inbox")
TAKEN = ("firing", "acknowledged")
# What is said to those who do not see the page, all of it: the next word takes the place of the one before
ANNOUNCED = """window.announced = [];
    new MutationObserver(() => window.announced.push(document.getElementById("announce").textContent))
        .observe(document.getElementById("announce"), {childList: true, characterData: true, subtree: true})"""


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
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return json.load(answer)


def active(stack: Front) -> list[Any]:
    return list(api(stack, "/api/alerts")["alerts"])


def states(stack: Front) -> dict[str, str]:
    """Of each alert that is active, by service."""
    return {one["service"]: one["state"] for one in active(stack)}


def told(stack: Front) -> list[str]:
    """What Alertmanager itself says of each alert, the escalated one among them."""
    with urllib.request.urlopen(stack.alertmanager + "/api/v2/alerts", timeout=DEADLINE) as answer:
        return [one["status"]["state"] for one in json.load(answer)]


def stands(stack: Front, known: dict[str, str], said: list[str], why: str) -> None:
    """Waits until the console knows of these states, and Alertmanager of these."""
    until(lambda: (states(stack), told(stack)) == (known, said), why=lambda: (why, states(stack), told(stack)))


def fires(stack: Front, *services: str) -> None:
    """Waits until each of them has one alert that fires or was taken up, which has gone on to its second step."""

    def there() -> bool:
        found = [one["service"] for one in active(stack) if one["escalated"] and one["state"] in TAKEN]
        return set(services) <= set(found)

    until(there, why=lambda: active(stack))


def to_the_item(page: Page) -> None:
    """With the keyboard, past the items before it."""
    for _ in range(page.locator("[data-item]").count()):
        page.keyboard.press("j")
        if "answers with errors" in page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError("j does not come to the item")


def test_an_alert_from_its_coming_to_its_end(opened: Opened, stack: Front) -> None:  # J-04
    stack.lines = list(NUMBERS)
    until(lambda: api(stack, "/api/overview")["numbers"][-1]["value"], why="the first scrape")
    page = opened(stack.console, role="admin")
    visit(page, stack.console + "/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Something is wrong")  # billing is down
    typed = page.get_by_role("link", name="Memory")
    typed.focus()
    page.evaluate("window.unreloaded = true; document.querySelectorAll('canvas')[0].dataset.same = 'yes'")
    page.evaluate(ANNOUNCED)
    stack.lines.append(broken("shop"))
    card = page.locator("article", has_text="shop answers with errors").first
    expect(card).to_be_visible()
    assert "critical: shop answers with errors" in page.evaluate("window.announced.join()")
    assert page.evaluate("window.unreloaded && document.querySelectorAll('canvas')[0].dataset.same") == "yes"
    assert page.evaluate("document.activeElement.textContent") == "Memory"  # the focus has stayed
    stands(stack, {"shop": "firing", "": "pending"}, ["active"] * 2, "escalated")
    until(lambda: [one["escalated"] for one in active(stack) if one["service"]] == ["1"])

    page.goto(stack.console + "/inbox")
    item = page.locator("article.card").filter(has_text="answers with errors")
    expect(item).to_have_count(1)
    to_the_item(page)
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.name") == "note"
    page.keyboard.type("rolling back release 7")
    item.get_by_label("Who you are").fill("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Acknowledged by Ada").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("rolling back release 7")
    stands(stack, {"shop": "acknowledged", "": "pending"}, ["suppressed"] * 2, "acknowledged, the escalation as well")

    item.get_by_role("button", name="Undo acknowledgement").click()
    expect(page.get_by_text("Acknowledged by Ada")).to_have_count(0)
    stands(stack, {"shop": "firing", "": "pending"}, ["active"] * 2, "it tells people again")
    item.get_by_role("link", name="Silence").click()
    page.get_by_label("Who you are").fill("Bob")
    page.get_by_label("Why").fill("deploying")
    page.get_by_role("button", name="Silence").click()
    page.wait_for_url("**/silences/*-*")
    stands(stack, {"shop": "silenced", "": "pending"}, ["suppressed"] * 2, "both are silenced")

    page.goto(stack.console + "/inbox")
    expect(page.locator("article.card")).to_have_count(2)
    until(lambda: stack.known_as_muted() == [True] * 2, why="the console has looked what is muted")
    stack.lines = list(NUMBERS)
    gone = page.get_by_text("No longer fires: ")  # nobody but the console says so
    expect(gone).to_have_count(1, timeout=180_000)
    history = until(lambda: api(stack, "/api/alerts/history?service=shop")["history"])
    assert [one["status"] for one in history] == ["resolved"]
    assert api(stack, "/api/alerts/stats")["resolve"]["count"] == 1


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_pages_hold_and_are_for_everybody(opened: Opened, stack: Front, width: int, scheme: str) -> None:
    stack.lines = [
        *NUMBERS, broken("search", "warning"), broken("billing"), broken("gate", "info"), broken(HOSTILE, "error")
    ]  # fmt: skip
    fires(stack, "search", "billing", "gate", HOSTILE)
    taken = next(one for one in active(stack) if one["service"] == "search")
    if taken["state"] == "firing":
        api(stack, f"/api/alerts/{taken['fingerprint']}/acknowledgement", {"note": "on it", "who": "Ada"}, "POST")
    entry = until(lambda: next(one for one in active(stack) if one["service"] == "search")["entry"])
    page = opened(stack.console, width, scheme, role="admin")
    for path in (*PAGES, f"/entries/{entry}", f"/acknowledge/{taken['fingerprint']}"):
        visit(page, stack.console + path)
        if path == "/":  # J-05
            soon(page, lambda: page.evaluate(DRAWN) == [True] * 6, "six charts are drawn")
        holds(page, path.strip("/").replace("/", "-").split("?")[0] or "overview")


def test_the_keyboard_reaches_everything(opened: Opened, stack: Front) -> None:
    page = opened(stack.console, 390, role="admin")
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


def test_what_is_typed_and_opened_outlives_a_refresh(opened: Opened, stack: Front) -> None:
    stack.lines = [*NUMBERS, broken("search", "warning")]
    fires(stack, "search")
    page = opened(stack.console, role="admin")
    page.goto(stack.console + "/inbox")
    stack.lines.append(broken("late", "critical"))
    page.locator("[data-search]").fill("half a wo")
    page.locator("[data-search]").focus()
    expect(page.locator("article", has_text="late answers with errors").first).to_be_visible()
    assert page.locator("[data-search]").input_value() == "half a wo"
    assert page.evaluate("document.activeElement.hasAttribute('data-search')")


def test_on_paper_stand_the_alerts_and_no_controls(opened: Opened, stack: Front) -> None:
    stack.lines = [*NUMBERS, broken("search", "warning")]
    fires(stack, "search")
    page = opened(stack.console, scheme="dark", role="admin")
    page.goto(stack.console + "/alerts")
    page.emulate_media(media="print")
    expect(page.get_by_text("search answers with errors").first).to_be_visible()
    for control in ("header nav", ".who", "form.filters", ".card .ways"):
        expect(page.locator(control).first).to_be_hidden()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")

"""The console's pages in Chromium: phone and desk, light and dark; nothing cut off, no error, no request elsewhere."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_browser import console_process
from console_kit import TOKEN, bearer
from waiting import DEADLINE
from watched import Opened, holds, visit

pytestmark = pytest.mark.browser

HOSTILE = '<script>alert("x")</script> ' + "unbroken" * 40 + " 🚨\nsecond line"


def alert(name: str, severity: str, status: str = "firing", **labels: str) -> dict[str, object]:
    return {
        "status": status,
        "labels": {"alertname": name, "severity": severity, "service": "shop", "instance": "shop:8000", **labels},
        "annotations": {
            "summary": f"{name} on shop:8000",
            "description": "Memory in use is 93 % where 90 % is the limit, for 2 minutes or longer.",
            "runbook_url": "http://127.0.0.1:9099/runbooks/part-down",
        },
        "startsAt": "2026-01-05T10:00:00Z",
        "endsAt": "2026-01-05T10:20:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": f"{abs(hash((name, tuple(labels.items())))):016x}"[:16],
    }


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console with a filled inbox; gives its address."""
    with console_process(tmp_path_factory.mktemp("pages")) as address:
        post(
            address,
            alert("CriticalMemoryUsage", "critical"),
            alert("PartDown", "error", instance="exporter:9101"),
            alert("HighCPUUsage", "warning", instance="shop:8001"),
            alert("HighRequestRate", "info", "resolved", instance="shop:8002"),
            alert("Hostile", "warning", note=HOSTILE),
        )
        yield address


def post(console: str, *alerts: dict[str, object]) -> None:
    """What Alertmanager posts."""
    content = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "inbox", "alerts": list(alerts)}
    content |= {"groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "truncatedAlerts": 0}
    content |= {"externalURL": "http://127.0.0.1:9093"}
    request = urllib.request.Request(
        f"{console}/api/v1/inbox",
        data=json.dumps(content).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        assert answer.status in (200, 204)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_pages_hold_on_phone_and_desk(opened: Opened, console: str, width: int, scheme: str) -> None:
    page = opened(console, width, scheme, role="admin")
    visit(page, console + "/inbox")
    text = page.inner_text("body")
    assert "CriticalMemoryUsage" in text
    assert text.index("CriticalMemoryUsage") < text.index("HighCPUUsage")  # worst first
    holds(page, "inbox-filled", axe=False)
    visit(page, console + "/runbooks/part-down")
    assert page.locator("h1").count() >= 1
    holds(page, "runbook", axe=False)
    asked = urllib.request.Request(f"{console}/api/v1/inbox?alertname=Hostile", headers=bearer("viewer"))
    entry = json.loads(urllib.request.urlopen(asked, timeout=DEADLINE).read())
    number = (entry["entries"] if isinstance(entry, dict) else entry)[0]["id"]
    visit(page, f"{console}/entries/{number}")
    assert "<script>alert" in page.inner_text("body")
    holds(page, "entry", axe=False)


def test_the_empty_inbox_says_what_to_do(opened: Opened, tmp_path: Path) -> None:
    with console_process(tmp_path) as console:
        page = opened(console, role="admin")
        visit(page, console + "/inbox")
        assert page.locator("h1").count() >= 1
        assert len(page.inner_text("main")) > 40

"""How long a person waits for a dashboard: 24 panels of 1,000 points, from the click until the last one is drawn.

    PYTHONPATH=scripts:exporter:tests .venv/bin/python benchmarks/console_page.py [--series 1] [--rounds 5]

A real Prometheus over backfilled blocks, the console as its own process, Debian's Chromium without a window, all on one
machine. Each round is a page load with Chromium's cache warm; `cold` is the first with nothing cached anywhere. Between
rounds the console forgets what it was told (it is asked for another time range), so that Prometheus works each time.
Prints milliseconds from the navigation's begin to the mark that the page sets when every panel is drawn and painted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console_browser import sign_in
from console_kit import settings
from dashboard_parts import Sample, run_prometheus
from playwright.sync_api import Page, sync_playwright
from stackgen.parts.resolve import pinned_program
from support import ROOT, answers, choose_ports

PANELS, POINTS, STEP = 24, 1000, 15
LENGTH = (POINTS - 1) * STEP  # seconds
DRAWN = """async () => {
  await new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(told)));
  const painted = performance.now();
  const [mark] = performance.getEntriesByName("dashboard-drawn");
  const data = performance.getEntriesByType("resource").filter((one) => one.name.includes("/data?"));
  const points = [...document.querySelectorAll("canvas")].length;
  return {drawn: mark.startTime, painted, requests: data.length,
          bytes: data.reduce((sum, one) => sum + one.transferSize, 0),
          answered: Math.max(...data.map((one) => one.responseEnd)), points};
}"""


def samples(series: int, now: float) -> Iterator[Sample]:
    """Waves with noise; one metric a panel."""
    for panel in range(PANELS):
        for moment in range(int(now) - LENGTH - 4000, int(now), STEP):
            for number in range(series):
                value = 50 + 40 * math.sin(moment / 700 + panel + number) + (moment * 7919 + panel * 31) % 17
                yield f"bench_{panel:02d}", {"instance": f"host-{number}"}, moment, value


def board() -> dict[str, Any]:
    """24 panels over time, three beside each other."""
    source = {"type": "prometheus", "uid": "prometheus"}
    config = {"defaults": {"unit": "percent", "custom": {"fillOpacity": 10, "lineWidth": 1}}, "overrides": []}
    panels = [
        {
            "id": number + 1, "type": "timeseries", "title": f"Panel {number + 1}", "description": "A wave.",
            "gridPos": {"x": 8 * (number % 3), "y": 8 * (number // 3), "w": 8, "h": 8}, "fieldConfig": config,
            "targets": [{"refId": "A", "expr": f"bench_{number:02d}", "legendFormat": "{{instance}}", "range": True,
                         "datasource": source}],
        }
        for number in range(PANELS)
    ]  # fmt: skip
    return {"uid": "bench", "title": "24 panels", "panels": panels, "time": {"from": "now-3h", "to": "now"}}


def start_console(folder: Path, prometheus: str) -> tuple[subprocess.Popen[bytes], str]:
    (port,) = choose_ports(1)
    address = f"http://127.0.0.1:{port}"
    settings(folder, environment="production", address=address, prometheus=prometheus)
    for name in ("data", "dashboards"):
        (folder / name).mkdir()
    (folder / "dashboards" / "bench.json").write_text(json.dumps(board()))
    variables = {f"CONSOLE_{name.upper()}": str(folder / name) for name in ("data", "config", "secrets", "dashboards")}
    environment = {
        **os.environ,
        **variables,
        "CONSOLE_LISTEN": f"127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT / "exporter"),
    }
    process = subprocess.Popen([sys.executable, "-m", "watchstack.console"], env=environment, stdout=subprocess.DEVNULL)
    while not answers(f"{address}/health/ready"):
        time.sleep(0.05)
    return process, address


def load(page: Page, address: str, end: float) -> dict[str, float]:
    """One page load over the thousand points before `end`."""
    page.goto("about:blank")
    page.goto(f"{address}/dashboards/bench?from={int((end - LENGTH) * 1000)}&to={int(end * 1000)}", wait_until="commit")
    page.wait_for_selector("#dashboard[data-drawn]:not([aria-busy])", state="attached")
    found: dict[str, float] = page.evaluate(DRAWN)
    assert found["points"] == PANELS
    return found


def measured(series: int, rounds: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="watchstack-page-"))
    now = time.time()
    try:
        with run_prometheus(pinned_program, folder / "prometheus", samples(series, now)) as prometheus:
            (folder / "console").mkdir()
            process, address = start_console(folder / "console", prometheus)
            try:
                with sync_playwright() as driver:
                    flags = ["--disable-gpu", "--no-sandbox", "--disable-background-networking"]
                    browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    sign_in(page, address, "viewer")
                    found = [load(page, address, now - 60 - STEP * number) for number in range(rounds + 1)]
                    again = load(page, address, now - 60 - STEP * rounds)
                    browser.close()
            finally:
                process.terminate()
                process.wait(20)
    finally:
        shutil.rmtree(folder)
    report(series, found, again)


def report(series: int, found: list[dict[str, float]], again: dict[str, float]) -> None:
    cold, warm = found[0], found[1:]
    painted = [one["painted"] for one in warm]
    answered = statistics.median(one["answered"] for one in warm)
    print(
        f"{PANELS} panels x {series} series x {POINTS} points: all drawn in {statistics.median(painted):.0f} ms"
        f" (median of {len(warm)}, worst {max(painted):.0f} ms; data there after {answered:.0f} ms); the first load"
        f" {cold['painted']:.0f} ms; the same again, answers kept by the console {again['painted']:.0f} ms;"
        f" {warm[0]['requests']:.0f} requests, {warm[0]['bytes'] / 1000:.0f} kB; load of the machine"
        f" {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    for many in told.series:
        measured(many, told.rounds)

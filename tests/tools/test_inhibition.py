"""Which alert mutes which, asked of a running Alertmanager with the generated configuration."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, choose_ports
from trees import put, tree

pytestmark = pytest.mark.tools

DEADLINE = 20.0  # seconds


def asked(address: str, path: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def alertmanager(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Alertmanager of its own. Its receivers lead nowhere: only states are asked for."""
    folder = put(tmp_path_factory.mktemp("alertmanager"), tree("rich", "native"))
    shutil.copytree(ROOT / "alertmanager" / "templates", folder / "alertmanager" / "templates")
    address = f"127.0.0.1:{choose_ports(1)[0]}"
    command: list[str | Path] = [
        program("alertmanager"),
        f"--config.file={folder / 'alertmanager/alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            end = time.monotonic() + DEADLINE
            while True:
                try:
                    asked(f"http://{address}", "/api/v2/status")
                    break
                except (urllib.error.URLError, ConnectionError):
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < end, "Alertmanager does not answer"
                    time.sleep(0.05)
            yield f"http://{address}"
        finally:
            process.terminate()


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, **labels}, "annotations": {"summary": name}}


def muted(address: str, run: str, *alerts: dict[str, Any]) -> set[str]:
    """Sends the alerts, each marked with the run, and says which of them are muted."""
    for one in alerts:
        one["labels"]["run"] = run
    asked(address, "/api/v2/alerts", list(alerts))
    end = time.monotonic() + DEADLINE
    while True:
        found = [one for one in asked(address, "/api/v2/alerts") if one["labels"].get("run") == run]
        if len(found) == len(alerts):
            time.sleep(0.2)  # the inhibitor takes in what it has been told in a loop of its own
            found = [one for one in asked(address, "/api/v2/alerts") if one["labels"].get("run") == run]
            return {one["labels"]["alertname"] for one in found if one["status"]["inhibitedBy"]}
        assert time.monotonic() < end, "the alerts did not arrive"
        time.sleep(0.05)


def test_the_graver_mutes_the_lesser_about_the_same_subject(alertmanager: str) -> None:
    host = {"service": "watchstack", "instance": "tiers:1"}
    assert muted(
        alertmanager,
        "tiers",
        alert("Critical", severity="critical", subject="memory", **host),
        alert("Error", severity="error", subject="memory", **host),
        alert("Warning", severity="warning", subject="memory", **host),
        alert("Info", severity="info", subject="memory", **host),
        alert("OtherSubject", severity="warning", subject="disk /", **host),
        alert("OtherHost", severity="warning", subject="memory", service="watchstack", instance="tiers:2"),
    ) == {"Error", "Warning", "Info"}


def test_alerts_from_elsewhere_neither_mute_nor_are_muted(alertmanager: str) -> None:
    """Labels missing on both sides are equal to Alertmanager: without the matchers these would mute each other."""
    assert (
        muted(
            alertmanager,
            "foreign",
            alert("ForeignCritical", severity="critical"),
            alert("ForeignWarning", severity="warning"),
            alert("Ours", severity="warning", subject="memory", service="a", instance="b"),
            alert("Watchdog", severity="info"),
        )
        == set()
    )


def test_what_is_down_mutes_what_hangs_on_it_and_not_itself(alertmanager: str) -> None:
    down = {"service": "shop", "instance": "down:1"}
    assert muted(
        alertmanager,
        "down",
        alert("ServiceDown", severity="error", subject="instance", inhibits="instance", **down),
        alert("SlowAnswers", severity="critical", subject="latency", **down),
        alert("OtherInstance", severity="warning", subject="latency", service="shop", instance="down:2"),
        alert("OtherService", severity="warning", subject="latency", service="search", instance="down:1"),
        alert("NoInstance", severity="warning", subject="latency", service="shop"),
    ) == {"SlowAnswers"}


def test_the_watchdog_goes_to_its_receiver_alone(alertmanager: str) -> None:
    muted(alertmanager, "receivers", alert("Watchdog", severity="info"), alert("Other", severity="warning"))
    found = {
        one["labels"]["alertname"]: {receiver["name"] for receiver in one["receivers"]}
        for one in asked(alertmanager, "/api/v2/alerts")
        if one["labels"].get("run") == "receivers"
    }
    assert found == {"Watchdog": {"watchdog"}, "Other": {"inbox", "mail-data", "discord-data"}}

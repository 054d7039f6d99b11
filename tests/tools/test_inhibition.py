"""Which alert mutes which, asked of a running Alertmanager with the generated configuration."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alertmanager_kit import Alertmanager, running
from support import ROOT
from trees import put, tree
from waiting import until

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def alertmanager(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """One with the rich stack's configuration. Its receivers lead nowhere: only states are asked for."""
    folder = put(tmp_path_factory.mktemp("alertmanager"), tree("rich", "native"))
    shutil.copytree(ROOT / "alertmanager" / "templates", folder / "alertmanager" / "templates")
    with running(program("alertmanager"), folder / "alertmanager" / "alertmanager.yml") as found:
        yield found


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, **labels}, "annotations": {"summary": name}}


def told(alertmanager: Alertmanager, run: str, *alerts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Sends the alerts, each marked with the run; what Alertmanager tells of each, by name.

    Its inhibitor takes them in one after the other, in a loop of its own: two more come last, of which one mutes the
    other, and when that is seen everything before them is known too.
    """
    for one in alerts:
        one["labels"]["run"] = run
    last = {"service": run, "instance": "last", "subject": "last", "run": run}
    last_two = (alert("LastMuted", severity="warning", **last), alert("Last", severity="critical", **last))
    alertmanager.send(*alerts, *last_two)

    def all_of_them() -> dict[str, dict[str, Any]]:
        found = {one["labels"]["alertname"]: one for one in alertmanager.alerts() if one["labels"].get("run") == run}
        known = len(found) == len(alerts) + 2 and found["LastMuted"]["status"]["inhibitedBy"]
        return found if known else {}

    found = until(all_of_them, why="the alerts have arrived, and one mutes another")
    return {name: one for name, one in found.items() if not name.startswith("Last")}


def muted(alertmanager: Alertmanager, run: str, *alerts: dict[str, Any]) -> set[str]:
    """Which of the alerts are muted."""
    return {name for name, one in told(alertmanager, run, *alerts).items() if one["status"]["inhibitedBy"]}


def test_the_graver_mutes_the_lesser_about_the_same_subject(alertmanager: Alertmanager) -> None:
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


def test_alerts_from_elsewhere_neither_mute_nor_are_muted(alertmanager: Alertmanager) -> None:
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


def test_what_is_down_mutes_what_hangs_on_it_and_not_itself(alertmanager: Alertmanager) -> None:
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


def test_the_watchdog_goes_to_its_receiver_alone(alertmanager: Alertmanager) -> None:
    found = told(alertmanager, "receivers", alert("Watchdog", severity="info"), alert("Other", severity="warning"))
    receivers = {name: {receiver["name"] for receiver in one["receivers"]} for name, one in found.items()}
    assert receivers == {"Watchdog": {"watchdog"}, "Other": {"inbox", "mail-data", "discord-data"}}

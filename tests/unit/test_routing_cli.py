"""`./stack route` and `./stack check` on the rich stack: what they say and how they exit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Run, caller
from stackgen.cli import codes
from trees import RICH

WINTER = "2026-11-23T10:00"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on a copy of the rich stack: exit code, standard output, standard error."""
    shutil.copytree(RICH, tmp_path / "rich")
    return caller(tmp_path / "rich", monkeypatch, capsys)


def test_where_an_alert_goes(told: Any) -> None:
    code, out, _ = told("route", "severity=critical", "team=web", "service=shop", "--at", WINTER)
    assert code == codes.FINE
    labels = 'service=shop, preset=iot, team=web, environment=staging "blue", tier=front, cost_centre=$12 & more'
    matchers = 'service="shop", team="web", severity="critical"; again every 1h'
    assert out.splitlines() == [
        f"an alert with {labels}, severity=critical",
        "on Mon 2026-11-23 10:00 UTC",
        "  inbox      is told  (every alert; again every 1h)",
        f"  slack-web  is told  ({matchers})",
        f"  pager      is told  ({matchers})",
        f"  phone      is not told now: office is open  ({matchers})",
        'it mutes severity=~"error|warning|info", subject=~".+" with the same subject, service, instance',
        'it is muted by inhibits="instance" with the same service, instance',
    ]


def test_the_time_may_have_a_zone(told: Any) -> None:
    """18:30 in Berlin is after the office, 18:30 UTC less two hours of summer time is not."""
    for at, receivers in (("2026-07-06T18:30+02:00", ["phone"]), ("2026-07-06T17:30+02:00", [])):
        out = told("route", "severity=critical", "team=web", "--at", at, "--json")[1]
        found = [one["receiver"] for one in json.loads(out)["receivers"] if one["told"]]
        assert found == ["inbox", "slack-web", "pager", *receivers]


def test_what_is_known_of_an_alert_is_filled_in(told: Any) -> None:
    out = told("route", "alertname=TooMany", "service=search", "--at", WINTER, "--json")[1]
    answer = json.loads(out)
    assert answer["labels"]["severity"] == "error"  # as overrides: says
    assert answer["labels"]["team"] == "web"
    assert answer["labels"]["environment"] == "testing"
    assert [one["receiver"] for one in answer["receivers"]] == ["inbox", "discord-data"]
    assert answer["at"] == "2026-11-23T10:00:00+00:00"


@pytest.mark.parametrize("words", [["route"], ["check"]])
def test_the_tree(told: Any, words: list[str]) -> None:
    code, out, _ = told(*words)
    assert code == codes.FINE
    assert "team data (and what belongs to no team)\n" in out
    assert "  environment=testing, severity=~critical|error  discord-data during office\n" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["route", "critical"], "'critical' is no label: write LABEL=VALUE"),
        (["route", "a=b", "--at", "noon"], "'noon' is no time; write 2026-11-21T18:30"),
        (["notify-test"], "name a receiver, or write --all"),
        (["notify-test", "--all", "pager"], "name a receiver, or write --all"),
        (["notify-test", "pagre"], "stack.yml has no receiver 'pagre'; did you mean 'pager'?"),
    ],
)
def test_wrong_words(told: Any, words: list[str], message: str) -> None:
    code, _, err = told(*words)
    assert (code, message in err) == (codes.USAGE, True), err


def test_nothing_can_be_sent_while_nothing_runs(told: Any) -> None:
    code, _, err = told("notify-test", "pager")
    assert code == codes.TOOL
    assert "the stack does not run, so that nothing can be sent" in err
